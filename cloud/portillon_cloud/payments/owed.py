"""What is owed, derived from invoices and allocations. A live intent marks an invoice unpaid; the rows say how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, Select, func, or_, select

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


def owed_minor(conn: Connection, invoice_id: int) -> int:
    """What is still owed of one invoice."""
    owed = select(invoice.c.total_minor - settled_minor()).where(invoice.c.id == invoice_id)
    return int(conn.execute(owed).scalar_one())


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


def overdue_minor(conn: Connection, invoice_id: int, on: date) -> int:
    """What of one invoice was to be paid up to and with the day `on` and is not: instalments to come are left out."""
    due = select(func.coalesce(func.sum(payment_intent.c.amount_minor), 0)).where(
        payment_intent.c.invoice_id == invoice_id,
        LIVE_INTENT,
        or_(payment_intent.c.due_on.is_(None), payment_intent.c.due_on <= on),
    )
    return min(int(conn.execute(due).scalar_one()), owed_minor(conn, invoice_id))


def unpaid_since(conn: Connection, invoice_id: int) -> date | None:
    """The day on which the first unpaid part of one invoice is or was due; None: all is paid."""
    found: date | None = conn.scalar(
        select(func.min(func.coalesce(payment_intent.c.due_on, invoice.c.due_on)))
        .join_from(payment_intent, invoice, invoice.c.id == payment_intent.c.invoice_id)
        .where(payment_intent.c.invoice_id == invoice_id, LIVE_INTENT)
    )
    return found


def unpaid_invoices(conn: Connection, account_id: int) -> list[UnpaidInvoice]:
    """The account's unpaid invoices, the one due first first."""
    return _read(conn, _unpaid().where(payment_intent.c.account_id == account_id))


def unpaid_of_accounts(conn: Connection, account_ids: Sequence[int]) -> list[UnpaidInvoice]:
    """The unpaid invoices of many accounts."""
    return _read(conn, _unpaid().where(payment_intent.c.account_id.in_(account_ids)))


def _unpaid() -> Select[tuple[object, ...]]:
    return (
        select(
            invoice.c.id,
            invoice.c.account_id,
            invoice.c.series,
            invoice.c.number,
            func.coalesce(payment_intent.c.due_on, invoice.c.due_on).label("due_on"),
            invoice.c.currency,
            invoice.c.total_minor,
            settled_minor().label("paid_minor"),
            payment_intent.c.id.label("intent_id"),
            payment_intent.c.state,
            payment_intent.c.amount_minor,
        )
        .join_from(payment_intent, invoice, invoice.c.id == payment_intent.c.invoice_id)
        .where(LIVE_INTENT)
        .order_by(func.coalesce(payment_intent.c.due_on, invoice.c.due_on), invoice.c.id, payment_intent.c.position)
    )


def _read(conn: Connection, query: Select[tuple[object, ...]]) -> list[UnpaidInvoice]:
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
        for row in conn.execute(query)
    ]
