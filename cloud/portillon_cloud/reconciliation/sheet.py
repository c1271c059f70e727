"""The bank's lines of some days, each with what it was found to be."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.ledger.periods import Book
from portillon_cloud.reconciliation.matching import STANDS
from portillon_cloud.reconciliation.tables import bank_line, bank_match

ROWS_MAX = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRow:
    """One line, or one part of it that was explained; `rule` None: nothing explains it yet."""

    line_id: int
    booked_on: datetime.date
    line_minor: int
    explained_minor: int | None
    rule: str | None
    subject: str | None
    by: str | None
    reason: str | None
    counterparty: str
    text: str


def line_rows(conn: Connection, book: Book, *, from_on: datetime.date, through_on: datetime.date) -> Sequence[LineRow]:
    """In the order of the account."""
    rows = conn.execute(
        select(bank_line, bank_match.c.rule, bank_match.c.subject, bank_match.c.matched_by, bank_match.c.reason)
        .add_columns(bank_match.c.amount_minor.label("explained_minor"))
        .select_from(bank_line)
        .outerjoin(bank_match, (bank_match.c.bank_line_id == bank_line.c.id) & STANDS)
        .where(
            bank_line.c.organisation_id == book.organisation_id,
            bank_line.c.legal_entity_id == book.legal_entity_id,
            bank_line.c.booked_on.between(from_on, through_on),
        )
        .order_by(bank_line.c.booked_on, bank_line.c.id, bank_match.c.id)
        .limit(ROWS_MAX)
    )
    return [
        LineRow(
            line_id=row.id,
            booked_on=row.booked_on,
            line_minor=row.amount_minor,
            explained_minor=row.explained_minor,
            rule=row.rule,
            subject=row.subject,
            by=row.matched_by,
            reason=row.reason,
            counterparty=row.counterparty,
            text=row.text,
        )
        for row in rows
    ]
