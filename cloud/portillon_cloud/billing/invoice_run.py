"""The invoice run: all that fell due, in batches of one transaction each. Run again after a crash it does the rest.

In each batch: read what is due and lock it, compute in memory, take the numbers, write. The counter's lock is held for
the writing only. A period billed twice is refused by the database (unique recurring line), whatever the code does.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, select, tuple_, update

from portillon_cloud.billing import invoice_store
from portillon_cloud.billing.calendar import period_on
from portillon_cloud.billing.catalogue import Price, prices_of_entity
from portillon_cloud.billing.errors import RunConflictError
from portillon_cloud.billing.invoice import Buyer, Charge, Draft, draft_invoice
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.tax import rates_on
from portillon_cloud.clock.local import local_date
from portillon_cloud.database import Database
from portillon_cloud.members.tables import account, member

BATCH = 500
Due = Row[Any]
_Place = tuple[datetime.date, int]  # due day and account of the last invoice written: where the next batch begins


@dataclass(frozen=True, slots=True)
class _Batch:
    issued: Sequence[int]
    reached: _Place | None  # None: nothing was due


def run_invoices(
    db: Database,
    legal_entity_id: int,
    *,
    on: datetime.date,
    now_ms: int,
    batch: int = BATCH,
    hold: Callable[[Connection], None] = lambda _conn: None,
) -> list[int]:
    """Bill all that is due up to and with the day `on`; the ids of the invoices issued now, none if it was done before.

    One invoice per account and due day. `now_ms` is business time; its local date is the date of issue.
    `hold` is called in each batch's transaction: it raises if another worker took the run over.
    """
    issued: list[int] = []
    reached: _Place | None = None
    while True:
        with db.write() as conn:
            hold(conn)
            done = bill_batch(conn, legal_entity_id, on=on, now_ms=now_ms, limit=batch, after=reached)
        issued.extend(done.issued)
        if done.reached is None:
            return issued
        reached = done.reached


def bill_batch(
    conn: Connection,
    legal_entity_id: int,
    *,
    on: datetime.date,
    now_ms: int,
    limit: int = BATCH,
    after: _Place | None = None,
) -> _Batch:
    """Bill the next `limit` or so due subscriptions in the caller's transaction."""
    due = _due(conn, legal_entity_id, on=on, limit=limit, after=after)
    if not due:
        return _Batch((), None)
    seller = invoice_store.seller(conn, legal_entity_id)
    prices = prices_of_entity(conn, legal_entity_id)
    issued_on = local_date(now_ms, seller.time_zone)
    drafts = [
        _draft(list(rows), prices, seller, issued_on)
        for _, rows in groupby(due, key=lambda row: (_place(row), prices[row.price_id].tax_inclusive))
    ]
    _move_on(conn, due, prices)
    issued = invoice_store.issue(conn, seller, drafts, issued_on=issued_on, now_ms=now_ms)
    return _Batch(issued, _place(due[-1]))


def _due(
    conn: Connection, legal_entity_id: int, *, on: datetime.date, limit: int, after: _Place | None
) -> Sequence[Due]:
    """Whole invoices' worth of due subscriptions, locked, in the order of due day and account."""
    column = subscription.c
    conditions = [column.legal_entity_id == legal_entity_id, column.next_invoice_on <= on]
    if after is not None:
        # Skips what this run has billed; what it moved on lies further down the same order.
        conditions.append(tuple_(column.next_invoice_on, column.account_id) > after)
    query = (
        select(
            column.id,
            column.account_id,
            column.price_id,
            column.component,
            column.anchor_on,
            column.next_invoice_on,
            column.ends_on,
            account.c.name,
            account.c.email,
            account.c.language,
            member.c.first_name,
            member.c.last_name,
        )
        .join(account, account.c.id == column.account_id)
        .join(member, member.c.id == column.member_id)
        .where(*conditions)
        .order_by(column.next_invoice_on, column.account_id, column.id)
    )
    while True:
        rows: Sequence[Due] = conn.execute(query.limit(limit + 1).with_for_update(of=subscription)).all()  # type: ignore[assignment]
        if len(rows) <= limit:
            return rows
        whole = [row for row in rows if _place(row) != _place(rows[-1])]
        if whole:
            return whole
        limit *= 2  # one account with more subscriptions than a batch has


def _place(row: Due) -> _Place:
    return (row.next_invoice_on, row.account_id)


def _draft(rows: Sequence[Due], prices: dict[int, Price], seller: Seller, issued_on: datetime.date) -> Draft:
    first = rows[0]
    return draft_invoice(
        Buyer(account_id=first.account_id, name=first.name, email=first.email, language=first.language),
        [_charge(row, prices[row.price_id]) for row in rows],
        issued_on=issued_on,
        payment_days=seller.payment_days,
        inclusive=prices[first.price_id].tax_inclusive,
        rates=rates_on(seller.tax_regime, issued_on),
    )


def _charge(row: Due, price: Price) -> Charge:
    return Charge(
        subscription_id=row.id,
        component=row.component,
        plan_name=price.plan_name,
        member_name=f"{row.first_name} {row.last_name}",
        period=period_on(row.anchor_on, price.interval, row.next_invoice_on),
        unit_minor=price.amount_minor,
        taxable=price.taxable,
    )


def _move_on(conn: Connection, due: Sequence[Due], prices: dict[int, Price]) -> None:
    """Set each subscription to its next period; one statement per new date, of which a run has few."""
    column = subscription.c
    moves: dict[datetime.date | None, list[int]] = {}
    for row in due:
        end = period_on(row.anchor_on, prices[row.price_id].interval, row.next_invoice_on).end
        over = row.ends_on is not None and end >= row.ends_on
        moves.setdefault(None if over else end, []).append(row.id)
    for next_on, ids in moves.items():
        moved = conn.execute(update(subscription).where(column.id.in_(ids)).values(next_invoice_on=next_on))
        if moved.rowcount != len(ids):
            raise RunConflictError(f"{len(ids) - moved.rowcount} subscriptions vanished during the run; run it again")
