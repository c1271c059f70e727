"""What a person does for a payout: pay it at the desk or by transfer, or say what became of a refund in doubt."""

from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.refunding import store
from portillon_cloud.payments.refunding.errors import NotInDoubtError, PayoutPaidError, RefundUnderWayError
from portillon_cloud.payments.refunding.tables import LIVE_REFUND, PaidBy, RefundState, payout_paid, refund_attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidOut:
    """Who paid which payout by which means. `request_key`: the same key is the same act."""

    organisation_id: int
    payout_id: int
    means: PaidBy
    by: str
    request_key: str


def pay_out(conn: Connection, said: PaidOut, *, now_ms: int) -> int:
    """Write that it was paid by hand; the row's id.

    Raises UnknownPayoutError, PayoutPaidError, RefundUnderWayError, RequestKeyReusedError.
    """
    owed = store.lock_payout(conn, said.payout_id, said.organisation_id)
    before = conn.execute(
        select(payout_paid).where(
            payout_paid.c.organisation_id == said.organisation_id, payout_paid.c.request_key == said.request_key
        )
    ).one_or_none()
    if before is not None:
        if (before.payout_id, before.means) != (said.payout_id, said.means):
            raise RequestKeyReusedError(f"request key {said.request_key!r} was used for another payout; use a new key")
        return int(before.id)
    known = store.paid_row(conn, said.payout_id)
    if known is not None:
        raise PayoutPaidError(f"payout {said.payout_id} was paid by {known.means}, by {known.paid_by}")
    if said.means is PaidBy.PROVIDER:
        raise NotInDoubtError("what a provider has paid is known from the provider, or said of a refund in doubt")
    if _live_attempt(conn, said.payout_id) is not None:
        raise RefundUnderWayError(f"a refund of payout {said.payout_id} is at the provider: wait for its answer")
    return store.paid(conn, owed, means=said.means, paid_by=said.by, request_key=said.request_key, now_ms=now_ms)


def settle_doubt(
    conn: Connection, organisation_id: int, payout_id: int, *, was_paid: bool, by: str, now_ms: int
) -> None:
    """A person looked at the provider: the refund is there, or it is not and the payout is due by hand.

    Raises UnknownPayoutError, NotInDoubtError.
    """
    owed = store.lock_payout(conn, payout_id, organisation_id)
    attempt = _live_attempt(conn, payout_id)
    if attempt is None or attempt[1] != RefundState.DOUBT:
        raise NotInDoubtError(f"no refund of payout {payout_id} is in doubt: nothing is to be said of it")
    attempt_id, _, key = attempt
    state = RefundState.PAID if was_paid else RefundState.OVER
    if was_paid:
        store.paid(
            conn,
            owed,
            means=PaidBy.PROVIDER,
            paid_by=by,
            request_key=key,
            now_ms=now_ms,
            refund_attempt_id=attempt_id,
        )
    conn.execute(
        update(refund_attempt)
        .where(refund_attempt.c.id == attempt_id)
        .values(state=state, code=None if was_paid else "not_there")
    )


def _live_attempt(conn: Connection, payout_id: int) -> tuple[int, str, str] | None:
    column = refund_attempt.c
    row = conn.execute(
        select(column.id, column.state, column.key).where(column.payout_id == payout_id, LIVE_REFUND)
    ).one_or_none()
    return None if row is None else (row.id, row.state, row.key)
