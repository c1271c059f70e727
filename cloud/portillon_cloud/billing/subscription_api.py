"""Subscriptions over HTTP: where one is in its life, what a change would cost, and the change itself."""

import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.billing import changes, event_store, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.life import Condition, life_on
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["billing"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Seller = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
_FIRST, _LAST = datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)
Day = Annotated[datetime.date, Field(ge=_FIRST, le=_LAST)]


class SubscriptionOut(BaseModel):
    """`ends_on`: the first day without it; null: no end is known. `cancellable_on`: if it were cancelled today."""

    id: int
    member_id: int
    price_id: int
    condition: Condition
    starts_on: datetime.date
    ends_on: datetime.date | None
    next_invoice_on: datetime.date | None
    cancellable_on: datetime.date | None


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(
        default=None, max_length=200, description="Why; kept with the change, on credit notes too"
    )


class FreezeChange(_Change):
    """Nothing recurs and nobody passes from `on` up to and without `until_on`."""

    change: Literal["freeze"]
    on: Day
    until_on: Day
    proof: bool = Field(default=False, description="Whether a medical or other paper was seen")


class ResumeChange(_Change):
    """End the freeze on `on`; one that has not begun by then is withdrawn."""

    change: Literal["resume"]
    on: Day


class PlanChange(_Change):
    """Another price. `on` null: at the next renewal, so that no part of a period is charged or credited."""

    change: Literal["plan"]
    price_id: Id
    on: Day | None = None


class CancelChange(_Change):
    """`on`: the first day without it; null: the first day that term and notice allow."""

    change: Literal["cancel"]
    on: Day | None = None
    by_law: bool = Field(default=False, description="The consumer's right to cancel, which knows no term or notice")


class KeepChange(_Change):
    """Withdraw an end that has not come."""

    change: Literal["keep"]


class RenewChange(_Change):
    """Move the end of a fixed term by whole months."""

    change: Literal["renew"]
    months: int = Field(ge=1, le=60)


Change = Annotated[
    FreezeChange | ResumeChange | PlanChange | CancelChange | KeepChange | RenewChange, Field(discriminator="change")
]


class DocumentOut(BaseModel):
    """An invoice (or credit note) that the change leads to; amounts in minor units."""

    lines: list[str]
    net_minor: int
    tax_minor: int
    total_minor: int


class OutcomeOut(BaseModel):
    """`owed_more_minor`: what the payer owes more than before, taxes included; negative: what comes back."""

    invoices: list[DocumentOut]
    credit_notes: list[DocumentOut]
    owed_more_minor: int
    next_invoice_on: datetime.date | None
    ends_on: datetime.date | None


@router.get("/subscriptions/{subscription_id}")
def get_subscription(subscription_id: PathId, services: ServicesDep, reader: Reader) -> SubscriptionOut:
    """Where it is in its life today."""
    with services.db.read() as conn:
        row = conn.execute(
            select(subscription_row).where(
                subscription_row.c.id == subscription_id,
                subscription_row.c.organisation_id == reader.organisation_id,
            )
        ).one_or_none()
        if row is None:
            raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, seller(conn, row.legal_entity_id).time_zone)
        recorded = event_store.recorded(conn, [subscription_id])[subscription_id]
        life = life_on(recorded, today)
        ended = life.condition is Condition.ENDED
        agreement = agreement_of(conn, row.contract_id)
    return SubscriptionOut(
        id=row.id,
        member_id=row.member_id,
        price_id=life.tariff.price_id,
        condition=life.condition,
        starts_on=life.starts_on,
        ends_on=life.ends_on,
        next_invoice_on=row.next_invoice_on,
        cancellable_on=None if ended else subscription.cancellable_on(recorded, agreement, today),
    )


@router.post("/subscriptions/{subscription_id}/changes")
def change_subscription(
    subscription_id: PathId,
    new: Change,
    services: ServicesDep,
    author: Seller,
    preview: Annotated[bool, Query(description="Only say what it would lead to; nothing is written")] = False,
) -> OutcomeOut:
    """Freeze, resume, change the plan, cancel, keep or renew; 409 says why not, and from which day it is possible."""
    if preview:
        with services.db.read() as conn:
            outcome = changes.preview(
                conn,
                organisation_id=author.organisation_id,
                subscription_id=subscription_id,
                ask=_ask(conn, author.organisation_id, subscription_id, new),
                now_ms=business_now_ms(conn, author.organisation_id, services.clock.real_ms()),
            )
    else:
        with services.db.write() as conn:
            at_ms = business_now_ms(conn, author.organisation_id, services.clock.real_ms())
            outcome = changes.change(
                conn,
                organisation_id=author.organisation_id,
                subscription_id=subscription_id,
                ask=_ask(conn, author.organisation_id, subscription_id, new),
                author=Author(name=author.name, at_ms=at_ms, reason=new.reason),
            )
    return _out(outcome)


def _ask(conn: Connection, organisation_id: int, subscription_id: int, new: Change) -> changes.Ask:
    """What the machine is asked. Raises UnknownPlanError, UnknownSubscriptionError."""
    contract_id = conn.scalar(
        select(subscription_row.c.contract_id).where(
            subscription_row.c.id == subscription_id, subscription_row.c.organisation_id == organisation_id
        )
    )
    if contract_id is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    agreed = agreement_of(conn, contract_id)
    match new:
        case FreezeChange(on=freeze_on, until_on=until_on, proof=proof):
            return lambda recorded, today: subscription.freeze(
                recorded, agreed, on=freeze_on, until_on=until_on, today=today, proof=proof
            )
        case ResumeChange(on=resume_on):
            return lambda recorded, _today: subscription.resume(recorded, on=resume_on)
        case PlanChange(price_id=price_id, on=on):
            tariff = changes.price_tariff(price_by_id(conn, organisation_id, price_id))
            return lambda recorded, today: subscription.change_tariff(
                recorded, agreed, tariff, on=on or subscription.at_renewal(recorded, today), today=today
            )
        case CancelChange(on=on, by_law=by_law):
            return lambda recorded, today: subscription.cancel(
                recorded,
                agreed,
                on=on or (today if by_law else subscription.cancellable_on(recorded, agreed, today)),
                today=today,
                by_law=by_law,
            )
        case KeepChange():
            return lambda recorded, today: subscription.keep(recorded, today=today)
        case RenewChange(months=months):
            return lambda recorded, today: subscription.renew(recorded, months=months, today=today)


def _out(outcome: changes.Outcome) -> OutcomeOut:
    return OutcomeOut(
        invoices=[
            DocumentOut(
                lines=[line.description for line in draft.lines],
                net_minor=draft.net_minor,
                tax_minor=draft.tax_minor,
                total_minor=draft.total_minor,
            )
            for draft in outcome.invoices
        ],
        credit_notes=[
            DocumentOut(
                lines=list(draft.descriptions),
                net_minor=draft.taxed.net_minor,
                tax_minor=draft.taxed.tax_minor,
                total_minor=draft.taxed.total_minor,
            )
            for draft in outcome.credit_notes
        ],
        owed_more_minor=outcome.owed_more_minor,
        next_invoice_on=outcome.next_invoice_on,
        ends_on=outcome.ends_on,
    )
