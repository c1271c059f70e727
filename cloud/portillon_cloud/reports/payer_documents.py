"""An account's papers: invoices and what settled them, credit notes, credit, what is owed back, letters."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import credit_note, invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.messages.tables import MessageState, message
from portillon_cloud.money import Money
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.inbox.news import DisputeState
from portillon_cloud.payments.refunding.tables import payout_came_back, payout_paid
from portillon_cloud.payments.return_tables import ReturnKind, allocation_undone, payment_return
from portillon_cloud.payments.tables import Means, allocation, open_credit, payment, payout, write_off
from portillon_cloud.reports.invoice_view import InvoiceLine, invoices_of

DOCUMENTS_SHOWN = 24
LETTERS_SHOWN = 24
_HAS_A_KEY = frozenset({"contract"})  # the letter holds a link that opens what is the reader's alone


class Settling(StrEnum):
    """What took a part of an invoice off what is owed; or brought it back."""

    PAYMENT = "payment"
    CREDIT_NOTE = "credit_note"
    WRITE_OFF = "write_off"
    TAKEN_BACK = "taken_back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A part of an invoice that is owed no more; below nothing: owed again. `name`: a credit note's number, or why."""

    what: Settling
    on: date
    amount: Money
    means: Means | None = None
    kind: ReturnKind | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceSettled:
    summary: InvoiceLine
    settled: tuple[Settled, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditNoteLine:
    number: str
    issued_on: date
    total: Money
    invoice_id: int
    of_number: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditLeft:
    """What no invoice has used yet; of a credit note if `number` is there, else of a payment."""

    left: Money
    on: date
    number: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundOwed:
    """Credit that is paid back. `paid_on` None: it waits to be, or what was paid came back."""

    amount: Money
    asked_on: date
    asked_by: str
    reason: str
    paid_on: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DisputedPayment:
    """A payment that the payer's bank took back, or asks about. `cleared`: lost, and somebody has looked since."""

    id: int
    amount: Money
    opened_on: date
    state: DisputeState
    cleared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterLine:
    """A letter to the account. `body` None: it has a link in it that is for the addressee's eyes."""

    id: int
    subject: str
    language: str
    body: str | None
    written_at_ms: int
    state: MessageState


def invoices_settled(conn: Connection, organisation_id: int, account_id: int, zone: str) -> tuple[InvoiceSettled, ...]:
    """The newest invoices, each with what settled it in the order in which that came."""
    invoices = invoices_of(conn, organisation_id=organisation_id, account_id=account_id, limit=DOCUMENTS_SHOWN)
    currencies = {one.id: one.total.currency for one in invoices}
    settled: defaultdict[int, list[Settled]] = defaultdict(list)
    for row in conn.execute(
        select(
            allocation.c.invoice_id,
            allocation.c.amount_minor,
            payment.c.means,
            payment.c.received_at_ms,
            credit_note.c.series,
            credit_note.c.number,
            credit_note.c.issued_on,
            write_off.c.written_off_at_ms,
            write_off.c.reason,
        )
        .join(payment, payment.c.id == allocation.c.payment_id, isouter=True)
        .join(credit_note, credit_note.c.id == allocation.c.credit_note_id, isouter=True)
        .join(write_off, write_off.c.id == allocation.c.write_off_id, isouter=True)
        .where(allocation.c.organisation_id == organisation_id, allocation.c.invoice_id.in_(currencies))
        .order_by(allocation.c.id)
    ):
        settled[row.invoice_id].append(_settled(row, Money(row.amount_minor, currencies[row.invoice_id]), zone))
    for gone in conn.execute(
        select(
            allocation_undone.c.invoice_id,
            allocation_undone.c.amount_minor,
            payment_return.c.kind,
            payment_return.c.code,
            payment_return.c.returned_at_ms,
        )
        .join(payment_return, payment_return.c.id == allocation_undone.c.payment_return_id)
        .where(allocation_undone.c.organisation_id == organisation_id, allocation_undone.c.invoice_id.in_(currencies))
        .order_by(allocation_undone.c.id)
    ):
        back = Settled(
            what=Settling.TAKEN_BACK,
            on=local_date(gone.returned_at_ms, zone),
            amount=Money(-gone.amount_minor, currencies[gone.invoice_id]),
            kind=ReturnKind(gone.kind),
            name=gone.code,
        )
        settled[gone.invoice_id].append(back)
    return tuple(
        InvoiceSettled(summary=one, settled=tuple(sorted(settled[one.id], key=lambda part: part.on)))
        for one in invoices
    )


def _settled(row: Row[*tuple[Any, ...]], amount: Money, zone: str) -> Settled:
    if row.means is not None:
        on = local_date(row.received_at_ms, zone)
        return Settled(what=Settling.PAYMENT, on=on, amount=amount, means=Means(row.means))
    if row.series is not None:
        number = printed(row.series, row.number, row.issued_on)
        return Settled(what=Settling.CREDIT_NOTE, on=row.issued_on, amount=amount, name=number)
    on = local_date(row.written_off_at_ms, zone)
    return Settled(what=Settling.WRITE_OFF, on=on, amount=amount, name=row.reason)


def credit_notes_of(conn: Connection, organisation_id: int, account_id: int) -> tuple[CreditNoteLine, ...]:
    """The newest credit notes."""
    rows = conn.execute(
        select(
            credit_note,
            invoice.c.series.label("of_series"),
            invoice.c.number.label("of_number"),
            invoice.c.issued_on.label("of_issued_on"),
        )
        .join(invoice, invoice.c.id == credit_note.c.invoice_id)
        .where(credit_note.c.organisation_id == organisation_id, credit_note.c.account_id == account_id)
        .order_by(credit_note.c.id.desc())
        .limit(DOCUMENTS_SHOWN)
    )
    return tuple(
        CreditNoteLine(
            number=printed(row.series, row.number, row.issued_on),
            issued_on=row.issued_on,
            total=Money(row.total_minor, row.currency),
            invoice_id=row.invoice_id,
            of_number=printed(row.of_series, row.of_number, row.of_issued_on),
        )
        for row in rows
    )


def credit_of(conn: Connection, organisation_id: int, account_id: int, zone: str) -> tuple[CreditLeft, ...]:
    """What the account has, the oldest first: in this order it is used."""
    rows = conn.execute(
        select(
            open_credit.c.left_minor,
            open_credit.c.currency,
            payment.c.received_at_ms,
            credit_note.c.series,
            credit_note.c.number,
            credit_note.c.issued_on,
        )
        .join(payment, payment.c.id == open_credit.c.payment_id, isouter=True)
        .join(credit_note, credit_note.c.id == open_credit.c.credit_note_id, isouter=True)
        .where(open_credit.c.organisation_id == organisation_id, open_credit.c.account_id == account_id)
        .order_by(open_credit.c.id)
    )
    return tuple(
        CreditLeft(
            left=Money(row.left_minor, row.currency),
            on=row.issued_on if row.received_at_ms is None else local_date(row.received_at_ms, zone),
            number=None if row.series is None else printed(row.series, row.number, row.issued_on),
        )
        for row in rows
    )


def refunds_of(conn: Connection, organisation_id: int, account_id: int, zone: str) -> tuple[RefundOwed, ...]:
    """What was asked to be paid back, the newest first."""
    of_account = payout.c.organisation_id == organisation_id, payout.c.account_id == account_id
    rows = conn.execute(select(payout).where(*of_account).order_by(payout.c.id.desc()).limit(DOCUMENTS_SHOWN)).all()
    paid = payout_paid.c
    paid_at_ms = {
        row.payout_id: row.paid_at_ms
        for row in conn.execute(
            select(paid.payout_id, paid.paid_at_ms)
            .join(payout_came_back, payout_came_back.c.payout_paid_id == paid.id, isouter=True)
            .where(
                paid.organisation_id == organisation_id,
                paid.payout_id.in_([row.id for row in rows]),
                payout_came_back.c.id.is_(None),
            )
        )
    }
    return tuple(
        RefundOwed(
            amount=Money(row.amount_minor, row.currency),
            asked_on=local_date(row.asked_at_ms, zone),
            asked_by=row.asked_by,
            reason=row.reason,
            paid_on=local_date(paid_at_ms[row.id], zone) if row.id in paid_at_ms else None,
        )
        for row in rows
    )


def disputes_of(conn: Connection, organisation_id: int, account_id: int, zone: str) -> tuple[DisputedPayment, ...]:
    """What the payer's bank took back or asks about, the newest first."""
    rows = conn.execute(
        select(dispute)
        .where(dispute.c.organisation_id == organisation_id, dispute.c.account_id == account_id)
        .order_by(dispute.c.id.desc())
        .limit(DOCUMENTS_SHOWN)
    )
    return tuple(
        DisputedPayment(
            id=row.id,
            amount=Money(row.amount_minor, row.currency),
            opened_on=local_date(row.opened_at_ms, zone),
            state=DisputeState(row.state),
            cleared=row.cleared_at_ms is not None,
        )
        for row in rows
    )


def letters_to(conn: Connection, organisation_id: int, account_id: int) -> tuple[LetterLine, ...]:
    """The newest letters and notices."""
    rows = conn.execute(
        select(message)
        .where(message.c.organisation_id == organisation_id, message.c.account_id == account_id)
        .order_by(message.c.id.desc())
        .limit(LETTERS_SHOWN)
    )
    return tuple(
        LetterLine(
            id=row.id,
            subject=row.subject,
            language=row.language,
            body=None if row.kind in _HAS_A_KEY else row.body,
            written_at_ms=row.written_at_ms,
            state=MessageState(row.state),
        )
        for row in rows
    )
