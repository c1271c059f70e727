"""What each answer of a provider changes. One transaction, the intent locked by the caller."""

from enum import StrEnum

from sqlalchemy import Connection

from portillon_cloud import outbox, timers, webhooks
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.payments import backoff, store
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOutcome, is_hard
from portillon_cloud.payments.receipts import Receipt, Share, receive
from portillon_cloud.payments.tables import AttemptState, FinalOutcome, IntentState, Means, MethodState

CHARGE = "charge"
"""Kind of the timers that bring an intent one step further; the subject is the intent."""


_ATTEMPT = "attempt-"  # how the purpose begins of a timer that asks what became of one


class ChargeResult(StrEnum):
    """What came of asking for a charge."""

    NOTHING_OWED = "nothing_owed"
    PARKED = "parked"  # in doubt for too long: a person must look
    COLLECTION_HELD = "collection_held"  # a block holds collection off; asked again the next day
    CAPPED = "capped"  # the card networks let this card be tried no more for now; asked again when they do
    NO_METHOD = "no_method"  # nothing to charge: dunning reminds
    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    WAITING = "waiting"  # not decided; a timer asks again
    HEARD = "heard"  # what was to be asked after was decided meanwhile
    NEVER_REACHED = "never_reached"  # the provider never saw it; a timer makes the next attempt


def settle(
    conn: Connection, intent: store.Intent, live: store.Attempt, answer: ChargeAnswer | None, now_ms: int
) -> ChargeResult:
    """Write what the answer means for a live attempt; None: the provider never saw it."""
    if answer is None:
        store.end_attempt(conn, intent, live, FinalOutcome.ABANDONED, now_ms=now_ms)
        store.set_intent_state(conn, intent.id, IntentState.OPEN)
        schedule_charge(conn, intent, at_ms=now_ms, purpose=f"after-{live.number}")
        return ChargeResult.NEVER_REACHED
    if answer.outcome is ChargeOutcome.SUCCEEDED:
        _succeeded(conn, intent, live, answer, now_ms)
        return ChargeResult.SUCCEEDED
    if answer.outcome is ChargeOutcome.REFUSED:
        _refused(conn, intent, live, answer, now_ms)
        return ChargeResult.REFUSED
    return _undecided(conn, intent, live, answer, now_ms)


def succeeded_after_all(conn: Connection, intent: store.Intent, over: store.Attempt, now_ms: int) -> ChargeResult:
    """An attempt that was given up has succeeded at the provider: the money is booked, and a person must look.

    It happens if a look-up overtakes a charge that is still under way. What was written about the attempt stays; the
    money is the member's credit, and nothing more is charged for the invoice meanwhile.
    """
    if not store.payment_of_attempt(conn, over.id):
        receive(conn, _receipt(intent, over), [], now_ms=now_ms)
        current = store.lock_current_intent(conn, intent.id)
        if current is not None:
            store.set_intent_state(conn, current.id, IntentState.PARKED)
    return ChargeResult.PARKED


def charge_failed(conn: Connection, intent: store.Intent, *, code: str, now_ms: int) -> None:
    """Dunning takes over until the next attempt."""
    dunning.charge_failed(conn, _failure(intent, code), retries=not is_hard(code), now_ms=now_ms)


def schedule_charge(conn: Connection, intent: store.Intent, *, at_ms: int, purpose: str) -> None:
    """Come back to the intent then; once per purpose."""
    timers.schedule(
        conn,
        organisation_id=intent.organisation_id,
        kind=CHARGE,
        subject_id=intent.id,
        due_at_ms=at_ms,
        key=f"charge:intent-{intent.id}:{purpose}",
    )


def outlive(conn: Connection, organisation_id: int, sent: store.Attempt, now_ms: int) -> None:
    """No timer asked for this charge: should the page that does die of it, the worker asks what became of it."""
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=CHARGE,
        subject_id=sent.intent_id,
        due_at_ms=now_ms + backoff.DOWN_FIRST_MS,
        key=_of_page(sent),
    )


def outlived(conn: Connection, organisation_id: int, sent: store.Attempt) -> None:
    """The page has had its answer, and written it."""
    timers.cancel(conn, organisation_id=organisation_id, key=_of_page(sent))


def _of_page(sent: store.Attempt) -> str:
    return f"charge:intent-{sent.intent_id}:{_ATTEMPT}{sent.number}.{sent.tries}:page"


def asks_after(claimed: timers.Timer) -> bool:
    """Whether the timer only asks what became of an attempt."""
    return f":{_ATTEMPT}" in claimed.key


def _succeeded(conn: Connection, intent: store.Intent, live: store.Attempt, answer: ChargeAnswer, now_ms: int) -> None:
    store.end_attempt(conn, intent, live, FinalOutcome.SUCCEEDED, now_ms=now_ms, reference=answer.reference)
    store.set_intent_state(conn, intent.id, IntentState.SUCCEEDED)
    share = Share(intent.invoice_id, store.owed_of(conn, intent), intent.position)
    receive(conn, _receipt(intent, live), [share], now_ms=now_ms)
    dunning.paid(conn, organisation_id=intent.organisation_id, account_id=intent.account_id, now_ms=now_ms)
    outbox.account_changed(conn, intent.organisation_id, intent.account_id)


def _refused(conn: Connection, intent: store.Intent, live: store.Attempt, answer: ChargeAnswer, now_ms: int) -> None:
    code = answer.code or "refused"
    store.end_attempt(conn, intent, live, FinalOutcome.REFUSED, now_ms=now_ms, code=code, reference=answer.reference)
    if is_hard(code):
        store.set_method_state(conn, live.method_id, MethodState.UNUSABLE)
    store.set_intent_state(conn, intent.id, IntentState.OPEN)  # also if it was parked: now it is known
    charge_failed(conn, intent, code=code, now_ms=now_ms)
    webhooks.tell(conn, webhooks.EventKind.PAYMENT_FAILED, intent.organisation_id, [live.id], at_ms=now_ms)


_STATE_OF = {
    ChargeOutcome.ACTION_REQUIRED: AttemptState.ACTION_REQUIRED,
    ChargeOutcome.PENDING: AttemptState.PENDING,
    ChargeOutcome.PROVIDER_DOWN: AttemptState.PROVIDER_DOWN,
    ChargeOutcome.UNKNOWN: AttemptState.UNKNOWN,
}


def _undecided(
    conn: Connection, intent: store.Intent, live: store.Attempt, answer: ChargeAnswer, now_ms: int
) -> ChargeResult:
    state = _STATE_OF[answer.outcome]
    no_news = answer.outcome in (ChargeOutcome.PROVIDER_DOWN, ChargeOutcome.UNKNOWN)
    if no_news and live.state is not AttemptState.SENT:
        state = live.state  # not hearing now proves nothing about what was sent before
    attempt = store.update_attempt(conn, live, state=state, tries=live.tries)
    begins = state is not live.state
    if begins and state is AttemptState.PENDING:
        store.hold_until(conn, attempt.id, max(now_ms, answer.collects_at_ms or 0) + backoff.DEBIT_HELD_MS)
        dunning.review_if_shut(
            conn, organisation_id=intent.organisation_id, account_id=intent.account_id, now_ms=now_ms
        )
        dunning.watch_account(conn, organisation_id=intent.organisation_id, account_id=intent.account_id)
        outbox.account_changed(conn, intent.organisation_id, intent.account_id)
    if begins and state is AttemptState.ACTION_REQUIRED:
        dunning.action_required(conn, _failure(intent, "authentication_required"), now_ms=now_ms)
        asked = webhooks.EventKind.PAYMENT_ACTION_REQUIRED
        webhooks.tell(conn, asked, intent.organisation_id, [live.id], at_ms=now_ms)
    wait_ms = backoff.wait_ms(state, attempt.tries)
    if wait_ms is not None:
        purpose = f"{_ATTEMPT}{attempt.number}.{attempt.tries}"
        schedule_charge(conn, intent, at_ms=now_ms + wait_ms, purpose=purpose)
        return ChargeResult.WAITING
    if state is AttemptState.PROVIDER_DOWN:
        store.end_attempt(conn, intent, attempt, FinalOutcome.ABANDONED, now_ms=now_ms, code="provider_down")
        charge_failed(conn, intent, code="provider_down", now_ms=now_ms)
        return ChargeResult.REFUSED
    store.set_intent_state(conn, intent.id, IntentState.PARKED)
    dunning.watch_account(conn, organisation_id=intent.organisation_id, account_id=intent.account_id)
    return ChargeResult.PARKED


def _receipt(intent: store.Intent, attempt: store.Attempt) -> Receipt:
    return Receipt(
        organisation_id=intent.organisation_id,
        legal_entity_id=intent.legal_entity_id,
        account_id=intent.account_id,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        means=Means.PROVIDER,
        attempt_id=attempt.id,
    )


def _failure(intent: store.Intent, code: str) -> dunning.Failure:
    return dunning.Failure(
        organisation_id=intent.organisation_id,
        account_id=intent.account_id,
        invoice_id=intent.invoice_id,
        intent_id=intent.id,
        code=code,
    )
