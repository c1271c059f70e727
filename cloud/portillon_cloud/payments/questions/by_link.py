"""What a payer may ask about by the link to their own page, and what became of what they asked. Only reads.

A link may fall into other hands: it shows what is unpaid and what was asked by such links lately, and no other history.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.money import Money
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.questions.tables import AskedBy, invoice_question, question_answer

PAPERS_SHOWN = 12
ASKED_SHOWN_MS = 30 * 24 * 3_600_000  # longer than a link lasts: an answer takes its time


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnQuestion:
    """What the payer asked, and the answer as they may read it. `answer` None: it waits for a person."""

    text: str
    asked_at_ms: int
    holds_until_ms: int
    answer: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """An invoice. `unpaid`: it may be asked about; `asked`: the newest question of the payer's own, of late."""

    invoice_id: int
    number: str
    issued_on: date
    total: Money
    unpaid: bool
    asked: OwnQuestion | None


def papers_of(conn: Connection, organisation_id: int, account_id: int, *, now_ms: int) -> Sequence[Paper]:
    """The account's newest invoices that are unpaid, or were asked about lately."""
    unpaid = {one.invoice_id for one in unpaid_invoices(conn, account_id)}
    asked = _asked(conn, organisation_id, account_id, now_ms - ASKED_SHOWN_MS)
    column = invoice.c
    rows = conn.execute(
        select(column.id, column.series, column.number, column.issued_on, column.total_minor, column.currency)
        .where(
            column.organisation_id == organisation_id,
            column.account_id == account_id,
            column.id.in_(unpaid | asked.keys()),
        )
        .order_by(column.issued_on.desc(), column.id.desc())
        .limit(PAPERS_SHOWN)
    ).all()
    return [
        Paper(
            invoice_id=row.id,
            number=printed(row.series, row.number, row.issued_on),
            issued_on=row.issued_on,
            total=Money(row.total_minor, row.currency),
            unpaid=row.id in unpaid,
            asked=asked.get(row.id),
        )
        for row in rows
    ]


def _asked(conn: Connection, organisation_id: int, account_id: int, since_ms: int) -> dict[int, OwnQuestion]:
    """By invoice, the newest that they wrote themselves: what the desk noted was not written for their eyes."""
    column, said = invoice_question.c, question_answer.c
    rows = conn.execute(
        select(column.invoice_id, column.text, column.asked_at_ms, column.holds_until_ms, said.text.label("answer"))
        .outerjoin_from(invoice_question, question_answer, said.question_id == column.id)
        .where(
            column.organisation_id == organisation_id,
            column.account_id == account_id,
            column.asked_as == AskedBy.PAYER,
            column.asked_at_ms > since_ms,
        )
        .order_by(column.id)
    )
    return {
        row.invoice_id: OwnQuestion(
            text=row.text, asked_at_ms=row.asked_at_ms, holds_until_ms=row.holds_until_ms, answer=row.answer
        )
        for row in rows
    }
