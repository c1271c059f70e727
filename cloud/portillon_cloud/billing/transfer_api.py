"""Hand a subscription on to another member, over HTTP: what it costs both, and the act itself."""

import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.billing.changes import Outcome
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.transfer import Transfer, preview, transfer
from portillon_cloud.billing.transfer_tables import Consent
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["billing"])
Seller = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
FEE_MOST_MINOR = 1_000_000_00
_LAST_DAY = datetime.date(2999, 12, 31)


class TransferBody(BaseModel):
    """`on` null: today. Both must have agreed; how each did is kept."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    to_member_id: Id
    giver_agreed: Consent
    taker_agreed: Consent
    on: datetime.date | None = Field(default=None, le=_LAST_DAY)
    fee_minor: int = Field(default=0, ge=0, le=FEE_MOST_MINOR, description="Of the taker, before tax if prices are")
    reason: str | None = Field(default=None, max_length=200)


class SideOut(BaseModel):
    """One side's bills. `owed_more_minor`: with taxes; negative: what comes back."""

    account_id: int
    lines: list[str]
    owed_more_minor: int
    next_invoice_on: datetime.date | None
    ends_on: datetime.date | None


class TransferredOut(BaseModel):
    """`subscription_id` and `contract_id` are the taker's; null in a preview."""

    subscription_id: int | None
    contract_id: int | None
    holds_from_on: datetime.date
    giver: SideOut
    taker: SideOut
    visits_left: int | None


@router.post("/subscriptions/{subscription_id}/transfer")
def transfer_subscription(
    subscription_id: PathId,
    new: TransferBody,
    services: ServicesDep,
    seller: Seller,
    preview_only: Annotated[
        bool, Query(alias="preview", description="Only say what it would lead to; nothing is written")
    ] = False,
) -> TransferredOut:
    """The same terms and the days that are left go to another member; 409 says why not."""
    asked = Transfer(
        to_member_id=new.to_member_id,
        giver_agreed=new.giver_agreed,
        taker_agreed=new.taker_agreed,
        on=new.on,
        fee_minor=new.fee_minor,
    )
    with services.db.write() as conn:
        at_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
        done = (preview if preview_only else transfer)(
            conn,
            organisation_id=seller.organisation_id,
            subscription_id=subscription_id,
            asked=asked,
            author=Author(name=seller.name, at_ms=at_ms, reason=new.reason or "handed on to another member"),
        )
    return TransferredOut(
        subscription_id=None if preview_only else done.subscription_id,
        contract_id=None if preview_only else done.contract_id,
        holds_from_on=done.holds_from_on,
        giver=_side(done.giver),
        taker=_side(done.taker),
        visits_left=done.visits_left,
    )


def _side(outcome: Outcome) -> SideOut:
    invoiced = [line.description for draft in outcome.invoices for line in draft.lines]
    credited = [text for draft in outcome.credit_notes for text in draft.descriptions]
    return SideOut(
        account_id=outcome.account_id,
        lines=[*invoiced, *credited],
        owed_more_minor=outcome.owed_more_minor,
        next_invoice_on=outcome.next_invoice_on,
        ends_on=outcome.ends_on,
    )
