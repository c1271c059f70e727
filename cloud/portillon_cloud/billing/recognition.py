"""Revenue is earned day by day over the period it pays for, and recognised by one entry per month."""

import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, select

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.tables import credit_note, credit_note_line, invoice, invoice_line
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post, trial_balance
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.money import divide_half_away

RECOGNITION = "recognition"
"""Kind of the ledger's entries made here."""


def earned_minor(net_minor: int, period: Period, until_on: datetime.date) -> int:
    """What of `net_minor` is earned before the day `until_on` begins; all of it once the period is over."""
    days = max((period.end - period.start).days, 1)  # less than a day is earned with that day
    passed = min(max((until_on - period.start).days, 0), days)
    return divide_half_away(net_minor * passed, days)


def recognise_until(conn: Connection, seller: Seller, *, until_on: datetime.date, now_ms: int) -> int:
    """Post what was earned before `until_on` and not yet recognised; what stays deferred, in minor units.

    Computed from all lines against the ledger, so that a late invoice corrects itself with the next month. A month that
    was recognised, or lies before one that was, is left as it is: running it again posts nothing.
    """
    groups = [row for query in _nets_by_period(seller) for row in conn.execute(query)]
    earned = sum(earned_minor(int(row.net_minor), Period(row.period_start, row.period_end), until_on) for row in groups)
    book = {
        balance.code: balance
        for balance in trial_balance(conn, legal_entity_id=seller.legal_entity_id, currency=seller.currency)
    }
    deferred, revenue = book[LedgerCode.DEFERRED_REVENUE], book[LedgerCode.REVENUE]
    recognised = revenue.credit_minor - revenue.debit_minor
    last_day = until_on - datetime.timedelta(days=1)
    if is_recognised(conn, seller, until_on=until_on):
        return deferred.credit_minor - deferred.debit_minor
    step = earned - recognised
    forward = Posting(LedgerCode.DEFERRED_REVENUE, LedgerCode.REVENUE, step)
    back = Posting(LedgerCode.REVENUE, LedgerCode.DEFERRED_REVENUE, -step)
    post(
        conn,
        Entry(
            kind=RECOGNITION,
            source=f"{seller.legal_entity_id}:{until_on}",
            occurred_on=last_day,
            # A month that earned nothing has its entry too, or an invoice that comes late would earn in it.
            postings=(forward,) if step > 0 else (back,) if step < 0 else (),
        ),
        organisation_id=seller.organisation_id,
        legal_entity_id=seller.legal_entity_id,
        currency=seller.currency,
        recorded_at_ms=now_ms,
    )
    return deferred.credit_minor - deferred.debit_minor - step


def is_recognised(conn: Connection, seller: Seller, *, until_on: datetime.date) -> bool:
    """Whether the month before `until_on`, or one after it, has its entry."""
    over = _last_recognised_on(conn, seller)
    return over is not None and until_on <= over + datetime.timedelta(days=1)


def _nets_by_period(seller: Seller) -> tuple[Select[Any], Select[Any]]:
    """What was billed for each period, and what was taken back of each as a negative amount."""
    line, taken = invoice_line.c, credit_note_line.c
    return (
        select(line.period_start, line.period_end, func.sum(line.net_minor).label("net_minor"))
        .join(invoice, invoice.c.id == line.invoice_id)
        .where(invoice.c.legal_entity_id == seller.legal_entity_id, line.period_start.is_not(None))
        .group_by(line.period_start, line.period_end),
        select(taken.period_start, taken.period_end, (-func.sum(taken.net_minor)).label("net_minor"))
        .join(credit_note, credit_note.c.id == taken.credit_note_id)
        .where(credit_note.c.legal_entity_id == seller.legal_entity_id, taken.period_start.is_not(None))
        .group_by(taken.period_start, taken.period_end),
    )


def _last_recognised_on(conn: Connection, seller: Seller) -> datetime.date | None:
    """The last day of the newest month that has its entry; None: nothing was recognised yet."""
    entry = ledger_entry.c
    found: datetime.date | None = conn.scalar(
        select(func.max(entry.occurred_on)).where(
            entry.organisation_id == seller.organisation_id,
            entry.legal_entity_id == seller.legal_entity_id,
            entry.kind == RECOGNITION,
        )
    )
    return found
