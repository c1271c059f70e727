"""What is owed, derived from invoices and allocations. A live intent marks an invoice unpaid; the rows say how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, bindparam, func, or_, select

from portillon_cloud.billing.tables import invoice
from portillon_cloud.payments.return_tables import allocation_undone
from portillon_cloud.payments.tables import LIVE_INTENT, IntentState, allocation, payment_intent


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpaidInvoice:
    """An invoice of which something is owed, or an instalment of it with its own due day.

    `parked`: its charge is in doubt and waits for a person.
    """

    invoice_id: int
    account_id: int
    intent_id: int
    series: str
    number: int
    due_on: date
    currency: str
    total_minor: int
    owed_minor: int
    parked: bool


def settled_minor() -> ColumnElement[int]:
    """In a query of invoices: what of each is allocated, and was not taken back."""
    allocated, undone = (
        select(func.coalesce(func.sum(table.c.amount_minor), 0))
        .where(table.c.invoice_id == invoice.c.id)
        .correlate(invoice)
        .scalar_subquery()
        for table in (allocation, allocation_undone)
    )
    return allocated - undone


# Built once, not for each account of a night: of such a statement most of the time is its building.
_OWED = select(invoice.c.total_minor - settled_minor()).where(invoice.c.id == bindparam("invoice_id"))
_DUE = (
    select(func.coalesce(func.sum(payment_intent.c.amount_minor), 0))
    .where(
        payment_intent.c.invoice_id == invoice.c.id,
        LIVE_INTENT,
        or_(payment_intent.c.due_on.is_(None), payment_intent.c.due_on <= bindparam("on")),
    )
    .correlate(invoice)
    .scalar_subquery()
)
_OVERDUE = _OWED.add_columns(_DUE)
_DUE_DAY = func.coalesce(payment_intent.c.due_on, invoice.c.due_on)
_UNPAID_SINCE = (
    select(func.min(_DUE_DAY))
    .join_from(payment_intent, invoice, invoice.c.id == payment_intent.c.invoice_id)
    .where(payment_intent.c.invoice_id == bindparam("invoice_id"), LIVE_INTENT)
)
_UNPAID = (
    select(
        invoice.c.id,
        invoice.c.account_id,
        invoice.c.series,
        invoice.c.number,
        _DUE_DAY.label("due_on"),
        invoice.c.currency,
        invoice.c.total_minor,
        settled_minor().label("paid_minor"),
        payment_intent.c.id.label("intent_id"),
        payment_intent.c.state,
        payment_intent.c.amount_minor,
    )
    .join_from(payment_intent, invoice, invoice.c.id == payment_intent.c.invoice_id)
    .where(payment_intent.c.account_id.in_(bindparam("account_ids", expanding=True)), LIVE_INTENT)
    .order_by(_DUE_DAY, invoice.c.id, payment_intent.c.position)
)


def owed_minor(conn: Connection, invoice_id: int) -> int:
    """What is still owed of one invoice."""
    return int(conn.execute(_OWED, {"invoice_id": invoice_id}).scalar_one())


def overdue_minor(conn: Connection, invoice_id: int, on: date) -> int:
    """What of one invoice was to be paid up to and with the day `on` and is not: instalments to come are left out."""
    owed, due = conn.execute(_OVERDUE, {"invoice_id": invoice_id, "on": on}).one()
    return min(int(due), int(owed))


def unpaid_since(conn: Connection, invoice_id: int) -> date | None:
    """The day on which the first unpaid part of one invoice is or was due; None: all is paid."""
    found: date | None = conn.scalar(_UNPAID_SINCE, {"invoice_id": invoice_id})
    return found


def unpaid_invoices(conn: Connection, account_id: int) -> list[UnpaidInvoice]:
    """The account's unpaid invoices, the one due first first."""
    return unpaid_of_accounts(conn, [account_id])


def unpaid_of_accounts(conn: Connection, account_ids: Sequence[int]) -> list[UnpaidInvoice]:
    """The unpaid invoices of many accounts."""
    return [
        UnpaidInvoice(
            invoice_id=row.id,
            account_id=row.account_id,
            intent_id=row.intent_id,
            series=row.series,
            number=row.number,
            due_on=row.due_on,
            currency=row.currency,
            total_minor=row.total_minor,
            owed_minor=min(row.amount_minor, int(row.total_minor) - int(row.paid_minor)),
            parked=row.state == IntentState.PARKED,
        )
        for row in conn.execute(_UNPAID, {"account_ids": account_ids})
    ]
