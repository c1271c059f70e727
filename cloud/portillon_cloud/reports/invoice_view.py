"""One invoice as it was issued, and what has become of it since."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.sale_draft import SALE
from portillon_cloud.billing.tables import invoice, invoice_line, invoice_tax
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import settled_minor
from portillon_cloud.payments.tables import IntentState, Means, allocation, payment, payment_intent


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """One row of an account's list. `paid`: nothing is left to collect."""

    id: int
    number: str
    issued_on: date
    due_on: date
    total: Money
    owed: Money

    @property
    def paid(self) -> bool:
        """Whether nothing is owed on it any more."""
        return self.owed.amount_minor == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeLine:
    description: str
    period_start: date | None
    period_end: date | None
    quantity: int
    net: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxLine:
    tax: str
    rate_ppm: int
    base: Money
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentLine:
    """A payment; on an invoice's page `amount` is the part allocated to it."""

    id: int
    received_at_ms: int
    means: Means
    amount: Money
    taken_by: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LadderStep:
    """A step that was taken, or one to come; of one that waits for what nobody can date the day is not known."""

    kind: StepKind
    letter: LetterKind | None
    planned_on: date | None
    done: bool
    waits_for: WaitsFor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceView:
    summary: InvoiceLine
    account_id: int
    seller: dict[str, object]
    buyer: dict[str, object]
    lines: tuple[ChargeLine, ...]
    taxes: tuple[TaxLine, ...]
    net: Money
    payments: tuple[PaymentLine, ...]
    intent_state: IntentState | None
    of_sale: bool  # of goods or services, which can be brought back
    ladder: tuple[LadderStep, ...] = ()  # as `ladder_of` reads it


def invoice_view(conn: Connection, *, organisation_id: int, invoice_id: int) -> InvoiceView | None:
    """The invoice, or None if this organisation has no such one."""
    row = conn.execute(
        _summaries().where(invoice.c.organisation_id == organisation_id, invoice.c.id == invoice_id)
    ).one_or_none()
    if row is None:
        return None
    currency = row.currency
    lines = conn.execute(
        select(invoice_line).where(invoice_line.c.invoice_id == invoice_id).order_by(invoice_line.c.position)
    ).all()
    taxes = conn.execute(select(invoice_tax).where(invoice_tax.c.invoice_id == invoice_id).order_by(invoice_tax.c.tax))
    return InvoiceView(
        summary=_summary(row),
        account_id=row.account_id,
        seller=row.seller,
        buyer=row.buyer,
        lines=tuple(
            ChargeLine(
                description=line.description,
                period_start=line.period_start,
                period_end=line.period_end,
                quantity=line.quantity,
                net=Money(line.net_minor, currency),
            )
            for line in lines
        ),
        taxes=tuple(
            TaxLine(
                tax=tax.tax,
                rate_ppm=tax.rate_ppm,
                base=Money(tax.base_minor, currency),
                amount=Money(tax.amount_minor, currency),
            )
            for tax in taxes
        ),
        net=Money(row.net_minor, currency),
        payments=_payments_of_invoice(conn, invoice_id),
        intent_state=_intent_state(conn, invoice_id),
        of_sale=any(line.component == SALE for line in lines),
    )


def invoices_of(conn: Connection, *, organisation_id: int, account_id: int, limit: int) -> list[InvoiceLine]:
    """An account's invoices, newest first."""
    rows = conn.execute(
        _summaries()
        .where(invoice.c.organisation_id == organisation_id, invoice.c.account_id == account_id)
        .order_by(invoice.c.issued_on.desc(), invoice.c.id.desc())
        .limit(limit)
    )
    return [_summary(row) for row in rows]


def invoices_after(
    conn: Connection, *, organisation_id: int, where: ColumnElement[bool], after: int, limit: int
) -> list[InvoiceLine]:
    """Invoices by id, from the first above `after` on."""
    rows = conn.execute(
        _summaries()
        .where(invoice.c.organisation_id == organisation_id, invoice.c.id > after, where)
        .order_by(invoice.c.id)
        .limit(limit)
    )
    return [_summary(row) for row in rows]


def payments_of(conn: Connection, *, organisation_id: int, account_id: int, limit: int) -> list[PaymentLine]:
    """An account's payments, newest first."""
    rows = conn.execute(
        select(payment)
        .where(payment.c.organisation_id == organisation_id, payment.c.account_id == account_id)
        .order_by(payment.c.received_at_ms.desc(), payment.c.id.desc())
        .limit(limit)
    )
    return [_payment(row, row.amount_minor) for row in rows]


def _summaries() -> Select[Any]:
    return select(invoice, settled_minor().label("settled_minor"))


def _summary(row: Row[Any]) -> InvoiceLine:
    return InvoiceLine(
        id=row.id,
        number=printed(row.series, row.number, row.issued_on),
        issued_on=row.issued_on,
        due_on=row.due_on,
        total=Money(row.total_minor, row.currency),
        owed=Money(row.total_minor - int(row.settled_minor), row.currency),
    )


def _payments_of_invoice(conn: Connection, invoice_id: int) -> tuple[PaymentLine, ...]:
    rows = conn.execute(
        select(payment, allocation.c.amount_minor.label("allocated_minor"))
        .join(allocation, allocation.c.payment_id == payment.c.id)
        .where(allocation.c.invoice_id == invoice_id)
        .order_by(payment.c.received_at_ms, payment.c.id)
    )
    return tuple(_payment(row, row.allocated_minor) for row in rows)


def _payment(row: Row[Any], amount_minor: int) -> PaymentLine:
    return PaymentLine(
        id=row.id,
        received_at_ms=row.received_at_ms,
        means=Means(row.means),
        amount=Money(amount_minor, row.currency),
        taken_by=row.taken_by,
    )


def ladder_of(conn: Connection, organisation_id: int, invoice_id: int, *, now_ms: int) -> tuple[LadderStep, ...]:
    """What was done about an invoice that is not paid, and what comes."""
    rows = conn.execute(
        select(dunning_step)
        .join(dunning_case, and_(dunning_case.c.id == dunning_step.c.case_id, dunning_case.c.closed_at_ms.is_(None)))
        .where(dunning_case.c.invoice_id == invoice_id, dunning_step.c.done_at_ms.is_not(None))
        .order_by(dunning_step.c.planned_on, dunning_step.c.number)
    )
    taken = [
        LadderStep(
            kind=StepKind(row.kind),
            letter=None if row.letter is None else LetterKind(row.letter),
            planned_on=row.planned_on,
            done=True,
        )
        for row in rows
    ]
    to_come = next_steps(conn, organisation_id, [invoice_id], now_ms).get(invoice_id, ())
    return (
        *taken,
        *(
            LadderStep(kind=one.kind, letter=one.letter, planned_on=one.on, done=False, waits_for=one.waits_for)
            for one in to_come
        ),
    )


def _intent_state(conn: Connection, invoice_id: int) -> IntentState | None:
    state = conn.execute(
        select(payment_intent.c.state)
        .where(payment_intent.c.invoice_id == invoice_id)
        .order_by(  # of instalments the one in doubt, then one to come
            (payment_intent.c.state == IntentState.PARKED).desc(),
            (payment_intent.c.state == IntentState.OPEN).desc(),
            payment_intent.c.id.desc(),
        )
        .limit(1)
    ).scalar_one_or_none()
    return None if state is None else IntentState(state)
