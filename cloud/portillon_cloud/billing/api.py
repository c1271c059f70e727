"""Plans, invoices and contracts over HTTP. Amounts are integers in minor units, beside their currency."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select, true

from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.parking import DoubtCode, open_doubts, unpark
from portillon_cloud.billing.tables import invoice, plan, price
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX, After, Limit, Page, PathId, page_of
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.owed import UnpaidInvoice, unpaid_invoices
from portillon_cloud.reports.invoice_view import InvoiceLine, InvoiceView, invoice_view, invoices_after

router = APIRouter(tags=["billing"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Seller = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]


class PriceOut(BaseModel):
    id: int
    plan_id: int
    plan_code: str
    plan_name: str
    amount_minor: int
    currency: str
    interval_unit: str
    interval_count: int
    term_months: int | None
    times: int | None = Field(description="Sold for so many intervals; null: as its term says")
    joining_minor: int
    trial_days: int
    instalments: int
    audience: str | None = Field(description="Only for them, upon proof")
    plan_kind: str = Field(description="membership, or addon: only beside one")


class InvoiceOut(BaseModel):
    """`owed_minor`: what is still to collect; 0: paid."""

    id: int
    number: str
    issued_on: date
    due_on: date
    currency: str
    total_minor: int
    owed_minor: int


class LineOut(BaseModel):
    description: str
    period_start: date | None
    period_end: date | None
    quantity: int
    net_minor: int


class TaxOut(BaseModel):
    tax: str
    rate_ppm: int
    base_minor: int
    amount_minor: int


class UnpaidPartOut(BaseModel):
    """What is still to be paid of it on one day; of an invoice that is paid in instalments there are several."""

    due_on: date
    owed_minor: int


class WholeInvoiceOut(InvoiceOut):
    account_id: int
    net_minor: int
    lines: list[LineOut]
    taxes: list[TaxOut]
    unpaid: list[UnpaidPartOut]


class DoubtOut(BaseModel):
    """`detail` says what is wrong; put that right first, or the account is parked again by the next run."""

    id: int
    account_id: int
    subscription_id: int
    code: DoubtCode
    detail: str
    raised_at_ms: int


class Looked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=500, description="What was found, and done about it; kept")


@router.get("/prices")
def list_prices(services: ServicesDep, reader: Reader, limit: Limit = 50, after: After = 0) -> Page[PriceOut]:
    """What is sold now, by id."""
    with services.db.read() as conn:
        rows = conn.execute(
            select(
                price, plan.c.code.label("plan_code"), plan.c.name.label("plan_name"), plan.c.kind.label("plan_kind")
            )
            .join(plan, plan.c.id == price.c.plan_id)
            .where(price.c.organisation_id == reader.organisation_id, price.c.active, price.c.id > after)
            .order_by(price.c.id)
            .limit(limit + 1)
        ).all()
    return page_of([PriceOut.model_validate(dict(row._mapping)) for row in rows], [row.id for row in rows], limit)


@router.get("/invoices")
def list_invoices(
    services: ServicesDep,
    reader: Reader,
    account_id: Annotated[int | None, Query(ge=1, le=ID_MAX, description="Only this account's")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> Page[InvoiceOut]:
    """Invoices, by id."""
    with services.db.read() as conn:
        found = invoices_after(
            conn,
            organisation_id=reader.organisation_id,
            where=true() if account_id is None else invoice.c.account_id == account_id,
            after=after,
            limit=limit + 1,
        )
    return page_of([_brief(one) for one in found], [one.id for one in found], limit)


@router.get("/invoices/{invoice_id}")
def get_invoice(invoice_id: PathId, services: ServicesDep, reader: Reader) -> WholeInvoiceOut:
    """One invoice with its lines and taxes."""
    with services.db.read() as conn:
        found = invoice_view(conn, organisation_id=reader.organisation_id, invoice_id=invoice_id)
        if found is None:
            raise not_found("invoice")
        unpaid = [one for one in unpaid_invoices(conn, found.account_id) if one.invoice_id == invoice_id]
    return _whole(found, unpaid)


@router.get("/doubts")
def list_doubts(services: ServicesDep, reader: Reader) -> list[DoubtOut]:
    """Accounts that are parked because the engine would not bill them, with the reason; oldest first."""
    with services.db.read() as conn:
        found = open_doubts(conn, reader.organisation_id)
    return [
        DoubtOut(
            id=one.id,
            account_id=one.account_id,
            subscription_id=one.subscription_id,
            code=one.code,
            detail=one.detail,
            raised_at_ms=one.raised_at_ms,
        )
        for one in found
    ]


@router.post("/doubts/{doubt_id}/unpark", status_code=204)
def unpark_account(doubt_id: PathId, looked: Looked, services: ServicesDep, author: Seller) -> None:
    """Somebody has looked: the account is billed again, with what waited."""
    with services.db.write() as conn:
        at_ms = business_now_ms(conn, author.organisation_id, services.clock.real_ms())
        unpark(
            conn,
            author.organisation_id,
            doubt_id,
            author=Author(name=author.name, at_ms=at_ms, reason=looked.note),
        )


def _brief(found: InvoiceLine) -> InvoiceOut:
    return InvoiceOut(
        id=found.id,
        number=found.number,
        issued_on=found.issued_on,
        due_on=found.due_on,
        currency=found.total.currency,
        total_minor=found.total.amount_minor,
        owed_minor=found.owed.amount_minor,
    )


def _whole(found: InvoiceView, unpaid: Sequence[UnpaidInvoice]) -> WholeInvoiceOut:
    return WholeInvoiceOut(
        **_brief(found.summary).model_dump(),
        account_id=found.account_id,
        net_minor=found.net.amount_minor,
        lines=[
            LineOut(
                description=line.description,
                period_start=line.period_start,
                period_end=line.period_end,
                quantity=line.quantity,
                net_minor=line.net.amount_minor,
            )
            for line in found.lines
        ],
        taxes=[
            TaxOut(
                tax=one.tax,
                rate_ppm=one.rate_ppm,
                base_minor=one.base.amount_minor,
                amount_minor=one.amount.amount_minor,
            )
            for one in found.taxes
        ],
        unpaid=[UnpaidPartOut(due_on=one.due_on, owed_minor=one.owed_minor) for one in unpaid],
    )
