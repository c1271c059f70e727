"""One charge: commit attempt n, call the provider with no transaction open, commit what it said.

A crash in between leaves the attempt live; whoever comes next sends the same key again while the provider remembers it,
and later asks for our own reference. Attempt n+1 is only made once n is over. So whatever crashes or races, an intent
is paid at most once. Next step of each answer:

    succeeded        the invoice is paid, dunning ends, the door opens
    refused          the attempt is over; dunning begins, and its retries are new attempts
    action required  the payer is told; asked again later; no retries of ours until they act
    pending          counts as paid until its policy date; asked again later
    provider down    the same again after 5 minutes, doubling, 8 times; then over, and dunning begins
    unknown          the same key after 5 minutes, an hour, then 5 days; then parked for a person
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from portillon_cloud import timers
from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.operations import switched_off_now
from portillon_cloud.database import Database
from portillon_cloud.dunning import caps
from portillon_cloud.dunning.holding import retry_waits
from portillon_cloud.payments import settling, store
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOrder, ChargeOutcome, PaymentProvider
from portillon_cloud.payments.questions.holding import holds
from portillon_cloud.payments.settling import ChargeResult
from portillon_cloud.payments.tables import AttemptState, IntentState

HELD_DAY_MS = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class _Begun:
    """A committed attempt that may be sent, or must only be asked after."""

    attempt: store.Attempt
    order: ChargeOrder
    ask_only: bool


def charge(
    db: Database,
    provider: PaymentProvider,
    intent_id: int,
    *,
    now_ms: int,
    claimed: timers.Timer | None = None,
    hold: Callable[[Connection], None] = lambda _conn: None,
) -> ChargeResult:
    """Bring the intent one step further. Safe to call at any time, again, and at once from two places.

    `claimed`, the timer that asked for it, is done in the transaction of the effect: a refusal is not tried twice.
    `hold` raises before anything is sent if another worker took that timer over meanwhile.
    """
    with db.write() as conn:
        begun = _begin(conn, provider, intent_id, now_ms, claimed)
        # After the account is locked: a worker that was thought dead may have done it while this one waited.
        hold(conn)
        if isinstance(begun, ChargeResult):
            _done(conn, claimed)
            return begun
        if claimed is None:
            settling.outlive(conn, begun.order.organisation_id, begun.attempt, now_ms)
    answer = provider.look_up(begun.order) if begun.ask_only else provider.charge(begun.order)
    with db.write() as conn:
        result = _settle(conn, begun.attempt, answer, now_ms)
        if claimed is None:
            settling.outlived(conn, begun.order.organisation_id, begun.attempt)
        _done(conn, claimed)
        return result


def cancel_charge(db: Database, provider: PaymentProvider, intent_id: int, *, now_ms: int) -> ChargeResult:
    """End what is under way or parked for the intent, so that the member can pay otherwise.

    The result says how it ended: REFUSED (cancelled), SUCCEEDED (too late), WAITING (a debit cannot be called back).
    """
    with db.write() as conn:
        intent = store.lock_current_intent(conn, intent_id)
        live = None if intent is None else store.live_attempt(conn, intent.id)
        if intent is None or live is None:
            return ChargeResult.NOTHING_OWED
        order = _order(intent, live, now_ms)
    answer = provider.cancel(order)
    with db.write() as conn:
        return _settle(conn, live, answer, now_ms)


def hear(conn: Connection, attempt_id: int, answer: ChargeAnswer, *, now_ms: int) -> ChargeResult:
    """Write what the provider tells of an attempt by itself, however old the attempt is by now."""
    return _settle(conn, store.attempt(conn, attempt_id), answer, now_ms)


def _done(conn: Connection, claimed: timers.Timer | None) -> None:
    # What the provider said is so, whoever has the timer by now: a stalled worker must not forget a charge it made.
    # And whoever took the timer over meanwhile must not try the card once more for it.
    if claimed is not None:
        timers.conclude(conn, claimed)


def _begin(
    conn: Connection, provider: PaymentProvider, intent_id: int, now_ms: int, claimed: timers.Timer | None
) -> _Begun | ChargeResult:
    intent = store.lock_current_intent(conn, intent_id)
    if intent is None or intent.state is not IntentState.OPEN:
        return ChargeResult.PARKED if intent and intent.state is IntentState.PARKED else ChargeResult.NOTHING_OWED
    live = store.live_attempt(conn, intent.id)
    asked_until_ms = holds(conn, [intent.invoice_id]).get(intent.invoice_id, 0)
    held = asked_until_ms > now_ms or Switch.COLLECTION in switched_off_now(conn, intent.account_id, now_ms)
    if live is not None:
        # Only the worker's own questions count: a payer who presses again and again must not use them up.
        asked = replace(live, tries=live.tries + (claimed is not None))
        return _again(conn, provider, intent, asked, now_ms, held=held)
    if claimed is not None and settling.asks_after(claimed):
        return ChargeResult.HEARD  # by a webhook, or by another worker: dunning says when the card is tried again
    if claimed is not None and retry_waits(conn, claimed, intent.account_id, now_ms, blocked=held):
        return ChargeResult.COLLECTION_HELD
    if held:
        at_ms = max(now_ms + HELD_DAY_MS, asked_until_ms)
        # Of all that waits for one instant one charge is left.
        settling.schedule_charge(conn, intent, at_ms=at_ms, purpose=f"held-until-{at_ms}")
        return ChargeResult.COLLECTION_HELD
    method = store.method_to_charge(conn, intent.account_id)
    if method is None:
        settling.charge_failed(conn, intent, code="no_payment_method", now_ms=now_ms)
        return ChargeResult.NO_METHOD
    refused_ms = store.refused_ms(conn, method.id, now_ms - caps.WINDOW_LONGEST_MS)
    allowed_ms = caps.allowed_from_ms(refused_ms, now_ms, method.scheme)
    if allowed_ms > now_ms:
        settling.schedule_charge(conn, intent, at_ms=allowed_ms, purpose=f"capped-{allowed_ms}")
        return ChargeResult.CAPPED
    attempt = store.insert_attempt(conn, intent, method, now_ms)
    return _Begun(attempt, _order(intent, attempt, now_ms), ask_only=False)


def _again(
    conn: Connection, provider: PaymentProvider, intent: store.Intent, live: store.Attempt, now_ms: int, *, held: bool
) -> _Begun:
    """Take up an attempt that is not over; while collection is held it is asked after and not sent."""
    # SENT: the sender died before it wrote down what came back. PROVIDER_DOWN: known to have taken nothing in.
    state = {AttemptState.SENT: AttemptState.UNKNOWN, AttemptState.PROVIDER_DOWN: AttemptState.SENT}.get(
        live.state, live.state
    )
    attempt = store.update_attempt(conn, live, state=state, tries=live.tries)
    submitted = state in (AttemptState.PENDING, AttemptState.ACTION_REQUIRED)
    forgotten = now_ms - attempt.first_sent_at_ms >= provider.key_life_ms
    return _Begun(attempt, _order(intent, attempt, now_ms), ask_only=submitted or forgotten or held)


def _order(intent: store.Intent, attempt: store.Attempt, now_ms: int) -> ChargeOrder:
    return ChargeOrder(
        organisation_id=intent.organisation_id,
        provider=attempt.provider,
        key=attempt.key,
        token=attempt.token,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        now_ms=now_ms,
    )


def _settle(conn: Connection, sent: store.Attempt, answer: ChargeAnswer | None, now_ms: int) -> ChargeResult:
    intent = store.lock_intent(conn, sent.intent_id)
    attempt = store.attempt(conn, sent.id)
    if attempt.state is AttemptState.OVER:
        # Somebody else sent the same key, or cancelled it, and was told first.
        if intent.state is IntentState.SUCCEEDED:
            return ChargeResult.SUCCEEDED
        if answer is not None and answer.outcome is ChargeOutcome.SUCCEEDED:
            return settling.succeeded_after_all(conn, intent, attempt, now_ms)
        return ChargeResult.REFUSED
    return settling.settle(conn, intent, attempt, answer, now_ms)
