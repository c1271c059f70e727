"""Pay open credit back: it leaves the member's credit at once and waits as payouts, each tied to what it came from.

Here it is only owed (`refunds_due`); `refunding` pays it. Credit of a payment that a bank disputes stays where it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments.errors import OverpaymentError, RequestKeyReusedError, UnknownAccountError
from portillon_cloud.payments.refunding.sending import plan_sending
from portillon_cloud.payments.refunding.way_back import is_disputed
from portillon_cloud.payments.tables import open_credit, payout


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Who asks to pay how much of an account's credit back, and why. `amount_minor` None: all of it."""

    organisation_id: int
    account_id: int
    by: str
    reason: str
    request_key: str
    amount_minor: int | None = None


def refund_credit(conn: Connection, asked: Refund, *, now_ms: int) -> Sequence[int]:
    """Turn credit into payouts, the oldest credit first; their ids.

    Raises OverpaymentError, RequestKeyReusedError, UnknownAccountError, PeriodClosedError.
    """
    lock_account(conn, asked.account_id)
    before = _asked_before(conn, asked)
    if before:
        return before
    legal_entity_id: int | None = conn.scalar(
        select(account.c.legal_entity_id).where(
            account.c.id == asked.account_id, account.c.organisation_id == asked.organisation_id
        )
    )
    if legal_entity_id is None:
        raise UnknownAccountError(f"organisation {asked.organisation_id} has no account {asked.account_id}")
    column = open_credit.c
    rows = conn.execute(select(open_credit).where(column.account_id == asked.account_id).order_by(column.id)).all()
    sources = [row for row in rows if row.payment_id is None or not is_disputed(conn, row.payment_id)]
    there = sum(source.left_minor for source in sources)
    left_to_find = there if asked.amount_minor is None else asked.amount_minor
    if not 0 < left_to_find <= there:
        raise OverpaymentError(
            f"account {asked.account_id} has {there} of credit that no bank disputes: pay back between 1 and that"
        )
    occurred_on = local_date(now_ms, time_zone_of(conn, asked.organisation_id))
    made: list[int] = []
    for source in sources:
        share_minor = min(source.left_minor, left_to_find)
        if share_minor == 0:
            break
        left_to_find -= share_minor
        if share_minor == source.left_minor:
            conn.execute(delete(open_credit).where(column.id == source.id))
        else:
            conn.execute(
                update(open_credit).where(column.id == source.id).values(left_minor=source.left_minor - share_minor)
            )
        payout_id = insert_one(
            conn,
            payout,
            organisation_id=asked.organisation_id,
            legal_entity_id=legal_entity_id,
            account_id=asked.account_id,
            payment_id=source.payment_id,
            credit_note_id=source.credit_note_id,
            amount_minor=share_minor,
            currency=source.currency,
            asked_at_ms=now_ms,
            asked_by=asked.by,
            reason=asked.reason,
            request_key=asked.request_key,
            position=len(made) + 1,
        )
        made.append(payout_id)
        plan_sending(conn, organisation_id=asked.organisation_id, payout_id=payout_id, at_ms=now_ms)
        post(
            conn,
            Entry(
                kind="payout",
                source=str(payout_id),
                occurred_on=occurred_on,
                postings=(Posting(LedgerCode.MEMBER_CREDIT, LedgerCode.REFUNDS_DUE, share_minor),),
            ),
            organisation_id=asked.organisation_id,
            legal_entity_id=legal_entity_id,
            currency=source.currency,
            recorded_at_ms=now_ms,
        )
    return made


def _asked_before(conn: Connection, asked: Refund) -> Sequence[int]:
    column = payout.c
    rows = conn.execute(
        select(payout)
        .where(column.organisation_id == asked.organisation_id, column.request_key == asked.request_key)
        .order_by(column.position)
    ).all()
    if not rows:
        return ()
    total = sum(row.amount_minor for row in rows)
    if rows[0].account_id != asked.account_id or asked.amount_minor not in (None, total):
        raise RequestKeyReusedError(f"request key {asked.request_key!r} was used for another payout; use a new key")
    return [row.id for row in rows]
