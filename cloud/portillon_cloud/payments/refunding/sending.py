"""One refund: commit the try, ask the provider with no transaction open, commit what it said. As charges are made.

    succeeded, pending   it has left: the payout is paid
    waiting              it goes into a file for the bank: who makes that says when it has left
    refused              it cannot go back that way: a person pays it by hand
    provider down        the same again after 5 minutes, doubling, 8 times; then by hand
    unknown              the same key while the provider remembers it; then in doubt: a person looks there

A refund that fails later comes back: the payout is due again, by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud import timers
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.payments import backoff
from portillon_cloud.payments.provider import (
    PaymentProvider,
    RefundAnswer,
    RefundingProvider,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.refunding import store
from portillon_cloud.payments.refunding.tables import LIVE_REFUND, PaidBy, RefundState, refund_attempt
from portillon_cloud.payments.refunding.way_back import way_back
from portillon_cloud.payments.tables import AttemptState, payout

REFUND = "refund"
"""Kind of the timers that bring a payout one step further; the subject is the payout."""


def plan_sending(conn: Connection, *, organisation_id: int, payout_id: int, at_ms: int, purpose: str = "first") -> None:
    """Have the payout go back by the way it came, if it can; once per purpose."""
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=REFUND,
        subject_id=payout_id,
        due_at_ms=at_ms,
        key=f"refund:payout-{payout_id}:{purpose}",
    )


@dataclass(frozen=True, slots=True)
class _Begun:
    """A committed try that is to be sent, for the first time or again."""

    attempt_id: int
    order: RefundOrder


def send(
    db: Database,
    provider: PaymentProvider,
    payout_id: int,
    *,
    now_ms: int,
    hold: Callable[[Connection], None] = lambda _conn: None,
) -> RefundState | None:
    """Bring the payout one step further; None: nothing of it goes by a provider. Safe at any time and again.

    `hold` raises before anything is sent if another worker took the timer over meanwhile.
    """
    if not isinstance(provider, RefundingProvider):
        return None
    with db.write() as conn:
        begun = _begin(conn, provider, payout_id, now_ms)
        hold(conn)
    if not isinstance(begun, _Begun):
        return begun
    answer = provider.refund(begun.order)
    with db.write() as conn:
        row = _locked(conn, begun.attempt_id)
        return _settle(conn, row, answer, provider.key_life_ms, now_ms)


def refund_timer(provider: PaymentProvider) -> timers.Handler:
    """The handler of REFUND timers."""

    def handle(work: timers.Work, claimed: timers.Timer) -> None:
        send(
            work.db,
            provider,
            claimed.subject_id,
            now_ms=work.now_ms,
            hold=lambda conn: timers.hold(conn, claimed, real_ms=work.clock.real_ms()),
        )

    return handle


def hear_refund(conn: Connection, organisation_id: int, key: str, answer: RefundAnswer, *, now_ms: int) -> None:
    """What the provider tells of a refund by itself, perhaps long after it was made."""
    found = conn.scalar(
        select(refund_attempt.c.id).where(
            refund_attempt.c.key == key, refund_attempt.c.organisation_id == organisation_id
        )
    )
    if found is None:
        return
    row = _locked(conn, found)
    state = RefundState(row.state)
    left = answer.outcome in (RefundOutcome.SUCCEEDED, RefundOutcome.PENDING)
    if state is RefundState.PAID:
        if answer.outcome is RefundOutcome.REFUSED:
            store.came_back(conn, row, code=answer.code or "failed", now_ms=now_ms)
    elif state is RefundState.OVER:
        if left:  # it was given up, and has gone after all
            _paid(conn, row, answer, now_ms)
    elif state is not RefundState.CAME_BACK and (left or answer.outcome is RefundOutcome.REFUSED):
        _settle(conn, row, answer, 0, now_ms)


def _begin(conn: Connection, provider: PaymentProvider, payout_id: int, now_ms: int) -> _Begun | RefundState | None:
    row = store.lock_payout(conn, payout_id)
    if store.paid_row(conn, payout_id) is not None:
        return RefundState.PAID
    live = conn.execute(
        select(refund_attempt).where(refund_attempt.c.payout_id == payout_id, LIVE_REFUND)
    ).one_or_none()
    if live is not None:
        return _again(conn, provider, live, now_ms)
    last = conn.execute(select(func.max(refund_attempt.c.number)).where(refund_attempt.c.payout_id == payout_id))
    if last.scalar_one() is not None:
        return RefundState.OVER  # it did not go back that way once: a person pays it
    way = way_back(conn, row)
    if way is None:
        return None
    key = f"refund-{payout_id}:1"
    attempt_id = insert_one(
        conn,
        refund_attempt,
        organisation_id=row.organisation_id,
        payout_id=payout_id,
        payment_id=way.payment_id,
        number=1,
        key=key,
        provider=way.provider,
        charge=way.charge,
        amount_minor=row.amount_minor,
        currency=row.currency,
        state=RefundState.SENT,
        tries=1,
        first_sent_at_ms=now_ms,
    )
    return _Begun(attempt_id, _order(_attempt(conn, attempt_id), now_ms))


def _again(conn: Connection, provider: PaymentProvider, live: Row[Any], now_ms: int) -> _Begun | RefundState:
    if live.state in (RefundState.DOUBT, RefundState.WAITING):
        return RefundState(live.state)
    if live.state != RefundState.PROVIDER_DOWN and now_ms - live.first_sent_at_ms >= provider.key_life_ms:
        _move(conn, live.id, state=RefundState.DOUBT)
        return RefundState.DOUBT
    # SENT: the sender died before it wrote down what came back. PROVIDER_DOWN: known to have taken nothing in.
    state = RefundState.SENT if live.state == RefundState.PROVIDER_DOWN else RefundState.UNKNOWN
    since_ms = now_ms if live.state == RefundState.PROVIDER_DOWN else live.first_sent_at_ms
    _move(conn, live.id, state=state, tries=live.tries + 1, first_sent_at_ms=since_ms)
    return _Begun(live.id, _order(live, now_ms))


def _order(row: Row[Any], now_ms: int) -> RefundOrder:
    return RefundOrder(
        organisation_id=row.organisation_id,
        provider=row.provider,
        key=row.key,
        charge=row.charge,
        amount_minor=row.amount_minor,
        currency=row.currency,
        now_ms=now_ms,
    )


def _settle(conn: Connection, row: Row[Any], answer: RefundAnswer, key_life_ms: int, now_ms: int) -> RefundState:
    if row.state in (RefundState.PAID, RefundState.OVER, RefundState.CAME_BACK):
        return RefundState(row.state)  # somebody else was told first
    if answer.outcome in (RefundOutcome.SUCCEEDED, RefundOutcome.PENDING):
        return _paid(conn, row, answer, now_ms)
    if answer.outcome is RefundOutcome.REFUSED:
        return _move(conn, row.id, state=RefundState.OVER, code=answer.code or "refused")
    if answer.outcome is RefundOutcome.WAITING:
        return _move(conn, row.id, state=RefundState.WAITING)
    down = answer.outcome is RefundOutcome.PROVIDER_DOWN and row.state == RefundState.SENT
    waits_as = AttemptState.PROVIDER_DOWN if down else AttemptState.UNKNOWN
    wait_ms = backoff.wait_ms(waits_as, row.tries)
    if down and wait_ms is None:
        return _move(conn, row.id, state=RefundState.OVER, code="provider_down")
    if wait_ms is None or (not down and now_ms + wait_ms - row.first_sent_at_ms >= key_life_ms):
        return _move(conn, row.id, state=RefundState.DOUBT)
    plan_sending(
        conn,
        organisation_id=row.organisation_id,
        payout_id=row.payout_id,
        at_ms=now_ms + wait_ms,
        purpose=f"{row.number}.{row.tries}",
    )
    return _move(conn, row.id, state=RefundState.PROVIDER_DOWN if down else RefundState.UNKNOWN)


def _paid(conn: Connection, row: Row[Any], answer: RefundAnswer, now_ms: int) -> RefundState:
    store.paid(
        conn,
        store.lock_payout(conn, row.payout_id),
        means=PaidBy.PROVIDER,
        paid_by=row.provider,
        request_key=row.key,
        now_ms=now_ms,
        refund_attempt_id=row.id,
    )
    return _move(conn, row.id, state=RefundState.PAID, code=None, provider_reference=answer.reference)


def _locked(conn: Connection, attempt_id: int) -> Row[Any]:
    account_id = conn.execute(
        select(payout.c.account_id)
        .join(refund_attempt, refund_attempt.c.payout_id == payout.c.id)
        .where(refund_attempt.c.id == attempt_id)
    ).scalar_one()
    lock_account(conn, account_id)
    return _attempt(conn, attempt_id)


def _attempt(conn: Connection, attempt_id: int) -> Row[Any]:
    return conn.execute(select(refund_attempt).where(refund_attempt.c.id == attempt_id)).one()


def _move(conn: Connection, attempt_id: int, *, state: RefundState, **values: object) -> RefundState:
    conn.execute(update(refund_attempt).where(refund_attempt.c.id == attempt_id).values(state=state, **values))
    return state
