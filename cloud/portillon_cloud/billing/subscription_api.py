"""Subscriptions over HTTP: where one is in its life, what a change would cost, and the change itself."""

import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field
from sqlalchemy import select

from portillon_cloud.billing import agreed_change, event_store, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.change_request import Change
from portillon_cloud.billing.changes import Outcome
from portillon_cloud.billing.errors import UnknownSubscriptionError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.life import Condition, life_on
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["billing"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Seller = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]


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


class DocumentOut(BaseModel):
    """An invoice (or credit note) that the change leads to; amounts in minor units."""

    lines: list[str]
    net_minor: int
    tax_minor: int
    total_minor: int


class LegalOut(BaseModel):
    """What the law gives whoever leaves so, whatever the contract says. Amounts in minor units, with tax.

    `refund_due_on`: by when what was paid beyond `kept_at_most_minor` must be back; null: at once. `law_credit_minor`:
    what comes back for that beside `credit_notes`, on the day it ends.
    """

    clause: str
    kept_at_most_minor: int
    refund_due_on: datetime.date | None
    law_credit_minor: int


class AddOnOut(BaseModel):
    """What its end leads to for an add-on beside it."""

    invoices: list[DocumentOut]
    credit_notes: list[DocumentOut]
    owed_more_minor: int


class OutcomeOut(BaseModel):
    """`owed_more_minor`: what the payer owes more than before, taxes included; negative: what comes back."""

    invoices: list[DocumentOut]
    credit_notes: list[DocumentOut]
    owed_more_minor: int
    next_invoice_on: datetime.date | None
    ends_on: datetime.date | None
    add_ons: list[AddOnOut] = Field(description="Add-ons whose bills change because it ends, or goes on, with them")
    legal: LegalOut | None = Field(default=None, description="Of a cancellation; null: the contract says what holds")


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
    """Freeze, resume, another plan, a discount, cancel, keep or renew; 409 says why not, and from when it would be.

    A cancellation carries what the law gives, and is confirmed to the payer in writing, as a freeze is.
    """
    which = {"organisation_id": author.organisation_id, "subscription_id": subscription_id}
    if preview:
        with services.db.read() as conn:
            at_ms = business_now_ms(conn, author.organisation_id, services.clock.real_ms())
            return _out(agreed_change.show(conn, **which, new=new, now_ms=at_ms))
    with services.db.write() as conn:
        at_ms = business_now_ms(conn, author.organisation_id, services.clock.real_ms())
        by = Author(name=author.name, at_ms=at_ms, reason=new.reason)
        return _out(agreed_change.carry_out(conn, **which, new=new, author=by))


def _out(agreed: agreed_change.Agreed) -> OutcomeOut:
    outcome, legal = agreed.outcome, agreed.way_out
    return OutcomeOut(
        invoices=_invoices(outcome),
        credit_notes=_credit_notes(outcome),
        owed_more_minor=outcome.owed_more_minor,
        next_invoice_on=outcome.next_invoice_on,
        ends_on=outcome.ends_on,
        add_ons=[
            AddOnOut(invoices=_invoices(one), credit_notes=_credit_notes(one), owed_more_minor=one.owed_more_minor)
            for one in agreed.beside
        ],
        legal=None
        if legal is None
        else LegalOut(
            clause=legal.clause,
            kept_at_most_minor=legal.kept_at_most_minor,
            refund_due_on=legal.refund_due_on,
            law_credit_minor=agreed.law_credit_minor,
        ),
    )


def _invoices(outcome: Outcome) -> list[DocumentOut]:
    return [
        DocumentOut(
            lines=[line.description for line in draft.lines],
            net_minor=draft.net_minor,
            tax_minor=draft.tax_minor,
            total_minor=draft.total_minor,
        )
        for draft in outcome.invoices
    ]


def _credit_notes(outcome: Outcome) -> list[DocumentOut]:
    return [
        DocumentOut(
            lines=list(draft.descriptions),
            net_minor=draft.taxed.net_minor,
            tax_minor=draft.taxed.tax_minor,
            total_minor=draft.taxed.total_minor,
        )
        for draft in outcome.credit_notes
    ]
