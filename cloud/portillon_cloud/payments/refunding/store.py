"""The SQL of payouts: that one was paid, that it came back, what waits. Each with its posting; the caller owns the
transaction."""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from portillon_cloud import webhooks
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments.refunding.errors import UnknownPayoutError
from portillon_cloud.payments.refunding.tables import (
    PaidBy,
    RefundState,
    payout_came_back,
    payout_paid,
    refund_attempt,
)
from portillon_cloud.payments.tables import payout

LEFT_FROM = {
    PaidBy.PROVIDER: LedgerCode.PROVIDER_CLEARING,
    PaidBy.CASH: LedgerCode.CASH,
    PaidBy.CHEQUE: LedgerCode.BANK,
    PaidBy.TRANSFER: LedgerCode.BANK,
}
"""Where the money lay that a payout of each means takes."""


def lock_payout(conn: Connection, payout_id: int, organisation_id: int | None = None) -> Row[Any]:
    """The payout, its account held until the transaction ends. Raises UnknownPayoutError."""
    found = select(payout).where(payout.c.id == payout_id)
    if organisation_id is not None:
        found = found.where(payout.c.organisation_id == organisation_id)
    row = conn.execute(found).one_or_none()
    if row is None:
        raise UnknownPayoutError(f"organisation {organisation_id} has no payout {payout_id}")
    lock_account(conn, row.account_id)
    return row


def paid_row(conn: Connection, payout_id: int) -> Row[Any] | None:
    """How it was paid, unless that came back; None: it is due."""
    return conn.execute(
        select(payout_paid)
        .outerjoin(payout_came_back, payout_came_back.c.payout_paid_id == payout_paid.c.id)
        .where(payout_paid.c.payout_id == payout_id, payout_came_back.c.id.is_(None))
        .order_by(payout_paid.c.id)
        .limit(1)
    ).one_or_none()


def paid(
    conn: Connection,
    owed: Row[Any],
    *,
    means: PaidBy,
    paid_by: str,
    request_key: str,
    now_ms: int,
    refund_attempt_id: int | None = None,
) -> int:
    """Write that it has left, and from where; the row's id."""
    paid_id = insert_one(
        conn,
        payout_paid,
        organisation_id=owed.organisation_id,
        legal_entity_id=owed.legal_entity_id,
        account_id=owed.account_id,
        payout_id=owed.id,
        means=means,
        refund_attempt_id=refund_attempt_id,
        amount_minor=owed.amount_minor,
        currency=owed.currency,
        paid_by=paid_by,
        paid_at_ms=now_ms,
        request_key=request_key,
    )
    _post(
        conn, owed, "payout_paid", paid_id, Posting(LedgerCode.REFUNDS_DUE, LEFT_FROM[means], owed.amount_minor), now_ms
    )
    webhooks.tell(conn, webhooks.EventKind.REFUND_PAID, owed.organisation_id, [paid_id], at_ms=now_ms)
    return paid_id


def came_back(conn: Connection, attempt: Row[Any], *, code: str, now_ms: int) -> None:
    """The payer's bank did not take it: it is due again, and lies where it came from."""
    owed = lock_payout(conn, attempt.payout_id)
    paid_id = conn.execute(select(payout_paid.c.id).where(payout_paid.c.refund_attempt_id == attempt.id)).scalar_one()
    back_id = insert_one(
        conn,
        payout_came_back,
        organisation_id=owed.organisation_id,
        legal_entity_id=owed.legal_entity_id,
        account_id=owed.account_id,
        payout_paid_id=paid_id,
        amount_minor=owed.amount_minor,
        currency=owed.currency,
        code=code,
        came_back_at_ms=now_ms,
    )
    back = Posting(LedgerCode.PROVIDER_CLEARING, LedgerCode.REFUNDS_DUE, owed.amount_minor)
    _post(conn, owed, "payout_came_back", back_id, back, now_ms)
    conn.execute(
        update(refund_attempt).where(refund_attempt.c.id == attempt.id).values(state=RefundState.CAME_BACK, code=code)
    )


def _post(conn: Connection, owed: Row[Any], kind: str, source: int, line: Posting, now_ms: int) -> None:
    zone = time_zone_of(conn, owed.organisation_id)
    post(
        conn,
        Entry(kind=kind, source=str(source), occurred_on=local_date(now_ms, zone), postings=(line,)),
        organisation_id=owed.organisation_id,
        legal_entity_id=owed.legal_entity_id,
        currency=owed.currency,
        recorded_at_ms=now_ms,
    )
