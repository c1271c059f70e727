"""Who leaves by law has their money back: the law's credit on the day it ends, and a payout that waits to be paid.

A contract's own policy may keep more than the law lets it (whole periods only; a joining fee within the first tenth).
What is over is credited; what is then open of this subscription's credit is put down to be paid back. Once, ever.
"""

import datetime
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing import credit_store, invoice_store
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.law import WayOut
from portillon_cloud.billing.law.tables import lawful_end
from portillon_cloud.billing.tables import credit_note, credit_note_line, invoice_line, subscription
from portillon_cloud.billing.withdrawal_credit import excess, standing
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.database.rows import insert_one
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.tables import open_credit
from portillon_cloud.timers import Timer, Work, finish, schedule

SETTLE = "settle_lawful_end"
"""Kind of the timers that settle what a law gives; the subject is the lawful_end row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftByLaw:
    """A contract that was left; `since_on`: the first day of the term that it was left in."""

    organisation_id: int
    subscription_id: int
    told_on: datetime.date
    ends_on: datetime.date
    since_on: datetime.date
    way_out: WayOut
    time_zone: str


def record_lawful_end(conn: Connection, left: LeftByLaw, author: Author) -> int | None:
    """Write down that it was left, and settle it if it is over; what waits to be paid back, None: it is settled later.

    One that ends later is settled on that day, or when the law wants the money back, if that is before.
    """
    end_id = insert_one(
        conn,
        lawful_end,
        organisation_id=left.organisation_id,
        subscription_id=left.subscription_id,
        told_on=left.told_on,
        since_on=left.since_on,
        ends_on=left.ends_on,
        clause=left.way_out.clause,
        kept_at_most_minor=left.way_out.kept_at_most_minor,
        refund_due_on=left.way_out.refund_due_on,
        withdrawal=left.way_out.withdrawal,
        recorded_at_ms=author.at_ms,
        recorded_by=author.name,
    )
    settled_on = min(left.ends_on, left.way_out.refund_due_on or left.ends_on)
    if settled_on <= left.told_on:
        return settle(conn, end_id, now_ms=author.at_ms)
    schedule(
        conn,
        organisation_id=left.organisation_id,
        kind=SETTLE,
        subject_id=end_id,
        due_at_ms=start_of_day_ms(settled_on, left.time_zone),
        key=f"{SETTLE}:{end_id}",
    )
    return None


def is_settled(conn: Connection, subscription_id: int) -> bool:
    """Whether somebody who left by law was given what the law gives: they cannot have the subscription as well."""
    column = lawful_end.c
    settled = select(column.id).where(column.subscription_id == subscription_id, column.back_minor.is_not(None))
    ends = select(subscription.c.ends_on).where(subscription.c.id == subscription_id).scalar_subquery()
    return conn.scalar(settled.where(column.ends_on == ends).limit(1)) is not None


def settle_when_due(work: Work, timer: Timer) -> None:
    """Timer settle_lawful_end."""
    with work.db.write() as conn:
        settle(conn, timer.subject_id, now_ms=work.now_ms)
        finish(conn, timer)


def settle(conn: Connection, lawful_end_id: int, *, now_ms: int) -> int:
    """Credit what is over the law's most, and put what is open of it down to be paid back: how much. Twice is once."""
    end = conn.execute(select(lawful_end).where(lawful_end.c.id == lawful_end_id)).one()
    held = conn.execute(select(subscription).where(subscription.c.id == end.subscription_id).with_for_update()).one()
    lock_account(conn, held.account_id)
    settled = conn.scalar(select(lawful_end.c.settled_at_ms).where(lawful_end.c.id == lawful_end_id))
    if settled is not None:
        return 0
    back_minor = 0
    if held.ends_on == end.ends_on:  # else they stayed after all, or left on another day, which has a row of its own
        _credit_excess(conn, held, end, now_ms)
        back_minor = _pay_back(conn, end, now_ms)
    conn.execute(
        update(lawful_end).where(lawful_end.c.id == lawful_end_id).values(settled_at_ms=now_ms, back_minor=back_minor)
    )
    return back_minor


def _credit_excess(conn: Connection, held: Row[Any], end: Row[Any], now_ms: int) -> None:
    seller = invoice_store.seller(conn, held.legal_entity_id)
    stands = standing(conn, held.id, since_on=end.since_on, on=end.ends_on)
    credit_store.issue_credit_notes(
        conn,
        seller,
        excess(stands, kept_at_most_minor=end.kept_at_most_minor, clause=end.clause),
        reason=end.clause,
        issued_on=local_date(now_ms, seller.time_zone),
        now_ms=now_ms,
    )


def _pay_back(conn: Connection, end: Row[Any], now_ms: int) -> int:
    """What is open of the credit notes on this subscription since it was left, by whose it is."""
    ours = (
        select(credit_note_line.c.credit_note_id)
        .join(invoice_line, invoice_line.c.id == credit_note_line.c.invoice_line_id)
        .join(credit_note, credit_note.c.id == credit_note_line.c.credit_note_id)
        .where(invoice_line.c.subscription_id == end.subscription_id, credit_note.c.issued_at_ms >= end.recorded_at_ms)
    )
    column = open_credit.c
    rows = conn.execute(
        select(column.account_id, func.sum(column.left_minor).label("minor"))
        .where(column.organisation_id == end.organisation_id, column.credit_note_id.in_(ours))
        .group_by(column.account_id)
        .order_by(column.account_id)
    ).all()
    for row in rows:
        refund_credit(
            conn,
            Refund(
                organisation_id=end.organisation_id,
                account_id=row.account_id,
                by=end.recorded_by,
                reason=end.clause,
                request_key=f"lawful-end:{end.id}:{row.account_id}",
                amount_minor=int(row.minor),
            ),
            now_ms=now_ms,
        )
    return sum(int(row.minor) for row in rows)
