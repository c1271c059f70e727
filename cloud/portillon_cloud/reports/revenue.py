"""What was billed, what was earned, and what is billed and still to be earned; month by month, before tax."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.recognition import RECOGNITION, earned_minor
from portillon_cloud.billing.tables import credit_note, credit_note_line, invoice, invoice_line
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.tables import ledger_account, ledger_entry, posting
from portillon_cloud.reports.book import Book
from portillon_cloud.reports.months import by_month, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class RevenueMonth:
    """`net_minor` = billed - credited, by the day of issue. `earned_minor`: the ledger's revenue of that month."""

    month: datetime.date
    billed_minor: int
    credited_minor: int
    net_minor: int
    earned_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DeferredMonth:
    """What of the billed periods is earned in a month to come; `month` None: after the last one shown."""

    month: datetime.date | None
    earned_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """`balance_minor` of the ledger = `behind_minor` + the months. Behind: earned, and recognised with the next entry.

    If no month waits for its entry and no invoice came late, nothing is behind: ledger and lines agree.
    """

    balance_minor: int
    behind_minor: int
    months: tuple[DeferredMonth, ...]


def revenue(conn: Connection, book: Book, months: Sequence[Period]) -> tuple[RevenueMonth, ...]:
    """One row per month; sums of whole lives tie: net = earned + deferred."""
    span = whole(months)
    billed, credited = (
        by_month((row.issued_on, row.net_minor) for row in conn.execute(_issued(document, book, span)))
        for document in (invoice, credit_note)
    )
    earned = by_month((row.occurred_on, row.amount_minor) for row in conn.execute(_earned(book, span)))
    return tuple(
        RevenueMonth(
            month=month.start,
            billed_minor=billed.get(month.start, 0),
            credited_minor=credited.get(month.start, 0),
            net_minor=billed.get(month.start, 0) - credited.get(month.start, 0),
            earned_minor=earned.get(month.start, 0),
        )
        for month in months
    )


def deferred(conn: Connection, book: Book, months: Sequence[Period]) -> Deferred:
    """What is billed and not yet earned, over the `months` to come; the first is the one that runs."""
    start = months[0].start
    nets = [
        (int(row.net_minor), Period(row.period_start, row.period_end))
        for query in _nets_ending_after(book, start)
        for row in conn.execute(query)
    ]
    to_come = earned_by_month(nets, months)
    balance_minor = _balance(conn, book, LedgerCode.DEFERRED_REVENUE)
    return Deferred(
        balance_minor=balance_minor,
        behind_minor=balance_minor - sum(one.earned_minor for one in to_come),
        months=to_come,
    )


def earned_by_month(nets: Iterable[tuple[int, Period]], months: Sequence[Period]) -> tuple[DeferredMonth, ...]:
    """Of each net over its period: earned by the month's end less earned by its start; the last row is the rest. Pure.

    Differences of what is earned from the period's own start: rounded so, the months come to the net exactly.
    """
    billed = tuple(nets)
    bounds = [months[0].start, *(month.end for month in months)]
    until = [sum(earned_minor(net, period, bound) for net, period in billed) for bound in bounds]
    rest_minor = sum(net for net, _ in billed) - until[-1]
    shown = [
        DeferredMonth(month=month.start, earned_minor=after - before)
        for month, before, after in zip(months, until, until[1:], strict=False)
    ]
    return (*shown, DeferredMonth(month=None, earned_minor=rest_minor))


def _issued(document: Any, book: Book, span: Period) -> Select[Any]:
    column = document.c
    return (
        select(column.issued_on, func.sum(column.net_minor).label("net_minor"))
        .where(
            column.legal_entity_id == book.legal_entity_id,
            column.issued_on >= span.start,
            column.issued_on < span.end,
        )
        .group_by(column.issued_on)
    )


def _earned(book: Book, span: Period) -> Select[Any]:
    """Credits less debits of the revenue account: one entry a month, found by its kind."""
    entry, account, signed = ledger_entry.c, ledger_account.c, posting.c.amount_minor
    sides = ((posting.c.credit_account_id, signed), (posting.c.debit_account_id, -signed))
    one, other = (
        select(entry.occurred_on, func.sum(amount).label("amount_minor"))
        .join(posting, posting.c.entry_id == entry.id)
        .join(ledger_account, account.id == side)
        .where(
            entry.organisation_id == book.organisation_id,
            entry.kind == RECOGNITION,
            entry.legal_entity_id == book.legal_entity_id,
            entry.occurred_on >= span.start,
            entry.occurred_on < span.end,
            account.code == LedgerCode.REVENUE.value,
        )
        .group_by(entry.occurred_on)
        for side, amount in sides
    )
    both = one.union_all(other).subquery("both_sides")
    return select(both.c.occurred_on, both.c.amount_minor)


def _balance(conn: Connection, book: Book, code: LedgerCode) -> int:
    """Credits less debits of one account, of all time."""
    account = ledger_account.c
    account_id = conn.execute(
        select(account.id).where(
            account.legal_entity_id == book.legal_entity_id,
            account.currency == book.currency,
            account.code == code.value,
        )
    ).scalar_one_or_none()
    credited, debited = (
        conn.scalar(select(func.coalesce(func.sum(posting.c.amount_minor), 0)).where(side == account_id))
        for side in (posting.c.credit_account_id, posting.c.debit_account_id)
    )
    return int(credited or 0) - int(debited or 0)


def _nets_ending_after(book: Book, day: datetime.date) -> tuple[Select[Any], ...]:
    """Nets by period, what was taken back as a negative amount; a period over by `day` has nothing to come."""
    line, taken = invoice_line.c, credit_note_line.c
    return (
        select(line.period_start, line.period_end, func.sum(line.net_minor).label("net_minor"))
        .join(invoice, invoice.c.id == line.invoice_id)
        .where(invoice.c.legal_entity_id == book.legal_entity_id, line.period_end > day)
        .group_by(line.period_start, line.period_end),
        select(taken.period_start, taken.period_end, (-func.sum(taken.net_minor)).label("net_minor"))
        .join(credit_note, credit_note.c.id == taken.credit_note_id)
        .where(credit_note.c.legal_entity_id == book.legal_entity_id, taken.period_end > day)
        .group_by(taken.period_start, taken.period_end),
    )
