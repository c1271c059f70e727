"""Accounting periods: closed months take no posting; who closed or reopened one, when and why, stays on record."""

import calendar
import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.errors import PeriodError
from portillon_cloud.ledger.tables import accounting_close, ledger_account


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """One legal entity's book in its currency."""

    organisation_id: int
    legal_entity_id: int
    currency: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """One act: the book is closed up to and with `through_on` (None: nothing is), as `by` said for `reason`."""

    through_on: datetime.date | None
    at_ms: int
    by: str
    reason: str


def closed_through(conn: Connection, legal_entity_id: int) -> datetime.date | None:
    """The last closed day of the book; None: no month is closed."""
    column = accounting_close.c
    found: datetime.date | None = conn.scalar(
        select(column.through_on).where(column.legal_entity_id == legal_entity_id).order_by(column.id.desc()).limit(1)
    )
    return found


def closes(conn: Connection, organisation_id: int, legal_entity_id: int) -> Sequence[Close]:
    """Every closing and reopening of the book, the newest first."""
    column = accounting_close.c
    rows = conn.execute(
        select(accounting_close)
        .where(column.organisation_id == organisation_id, column.legal_entity_id == legal_entity_id)
        .order_by(column.id.desc())
    )
    return [
        Close(through_on=row.through_on, at_ms=row.closed_at_ms, by=row.closed_by, reason=row.reason) for row in rows
    ]


def close(conn: Connection, book: Book, act: Close) -> None:
    """Close all months up to and with that of `through_on`, its last day. Raises PeriodError."""
    day = act.through_on
    if day is None or day.day != calendar.monthrange(day.year, day.month)[1]:
        raise PeriodError(f"{day} is not the last day of a month: whole months are closed")
    _lock(conn, book)
    before = closed_through(conn, book.legal_entity_id)
    if before is not None and day <= before:
        raise PeriodError(f"the book is closed up to {before} already; to open a month again, reopen it")
    _write(conn, book, act)


def reopen(conn: Connection, book: Book, act: Close) -> None:
    """Open all months after `through_on` again (None: every month). Raises PeriodError."""
    _lock(conn, book)
    before, day = closed_through(conn, book.legal_entity_id), act.through_on
    if before is None or (day is not None and day >= before):
        raise PeriodError(f"the book is closed up to {before or 'no day'}: there is nothing after {day} to reopen")
    if day is not None and day.day != calendar.monthrange(day.year, day.month)[1]:
        raise PeriodError(f"{day} is not the last day of a month: whole months are reopened")
    _write(conn, book, act)


def _lock(conn: Connection, book: Book) -> None:
    """Wait for whoever is posting, and have whoever posts next wait: a posting's foreign keys share these rows."""
    column = ledger_account.c
    conn.execute(
        select(column.id)
        .where(column.legal_entity_id == book.legal_entity_id, column.currency == book.currency)
        .order_by(column.id)
        .with_for_update()
    ).all()


def _write(conn: Connection, book: Book, act: Close) -> None:
    insert_one(
        conn,
        accounting_close,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        currency=book.currency,
        through_on=act.through_on,
        closed_at_ms=act.at_ms,
        closed_by=act.by,
        reason=act.reason,
    )
