"""What is owed back to members and not paid yet, and what to do about each."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, and_, exists, func, select

from portillon_cloud.members.tables import account
from portillon_cloud.payments.refunding.tables import (
    RefundState,
    payout_came_back,
    payout_paid,
    refund_attempt,
)
from portillon_cloud.payments.tables import payout
from portillon_cloud.timers.tables import timer

MOST = 200


class PayoutToDo(StrEnum):
    """The one thing to do about a payout."""

    WAIT = "wait"  # the provider pays it
    PAY = "pay"  # by hand
    LOOK = "look"  # at the provider: nobody knows whether it was paid


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutLine:
    """One payout that is due. `code`: why it did not go by the way it came."""

    id: int
    account_id: int
    who: str
    amount_minor: int
    currency: str
    reason: str
    asked_at_ms: int
    to_do: PayoutToDo
    code: str | None


def due_payouts(conn: Connection, organisation_id: int, *, account_id: int | None = None) -> list[PayoutLine]:
    """Those that are not paid, the oldest first; of one account, or of all. At most MOST."""
    stands = (
        select(payout_paid.c.id)
        .outerjoin(payout_came_back, payout_came_back.c.payout_paid_id == payout_paid.c.id)
        .where(payout_paid.c.payout_id == payout.c.id, payout_came_back.c.id.is_(None))
    )
    last = (
        select(refund_attempt.c.payout_id, func.max(refund_attempt.c.id).label("id"))
        .group_by(refund_attempt.c.payout_id)
        .subquery()
    )
    # Nothing was tried yet, and the timer that tries it has not rung.
    to_come = exists().where(
        timer.c.organisation_id == payout.c.organisation_id,
        timer.c.kind == "refund",
        timer.c.subject_id == payout.c.id,
        timer.c.state.in_(("ready", "running")),
    )
    query = (
        select(payout, account.c.name, refund_attempt.c.state, refund_attempt.c.code, to_come.label("to_come"))
        .join(account, account.c.id == payout.c.account_id)
        .outerjoin(last, last.c.payout_id == payout.c.id)
        .outerjoin(refund_attempt, refund_attempt.c.id == last.c.id)
        .where(payout.c.organisation_id == organisation_id, ~stands.exists())
        .order_by(payout.c.id)
        .limit(MOST)
    )
    if account_id is not None:
        query = query.where(and_(payout.c.account_id == account_id))
    return [
        PayoutLine(
            id=row.id,
            account_id=row.account_id,
            who=row.name,
            amount_minor=row.amount_minor,
            currency=row.currency,
            reason=row.reason,
            asked_at_ms=row.asked_at_ms,
            to_do=_to_do(row.state, to_come=bool(row.to_come)),
            code=row.code,
        )
        for row in conn.execute(query)
    ]


def _to_do(state: str | None, *, to_come: bool) -> PayoutToDo:
    if state == RefundState.DOUBT:
        return PayoutToDo.LOOK
    on_its_way = (RefundState.SENT, RefundState.PROVIDER_DOWN, RefundState.UNKNOWN, RefundState.WAITING)
    if state in on_its_way or (state is None and to_come):
        return PayoutToDo.WAIT
    return PayoutToDo.PAY
