"""The SQL of intents and attempts. Plain functions over a connection; the caller owns the transaction."""

from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, func, insert, select, update

from portillon_cloud.access.account_lock import lock_account, locking, take_lock
from portillon_cloud.billing.tables import invoice
from portillon_cloud.database.rows import insert_one
from portillon_cloud.payments.owed import owed_minor
from portillon_cloud.payments.tables import (
    LIVE_INTENT,
    AttemptState,
    FinalOutcome,
    IntentState,
    MethodState,
    attempt_outcome,
    payment,
    payment_attempt,
    payment_intent,
    payment_method,
)

# Built once, not for each of a night's charges: of such a small statement most of the time is its building.
_asked = payment_intent.alias()
_LOCK_ACCOUNT_OF = locking(
    select(payment_intent.c.account_id).where(payment_intent.c.id == bindparam("intent_id")).scalar_subquery()
)
_INTENT = select(payment_intent).where(payment_intent.c.id == bindparam("intent_id"))
_CURRENT_INTENT = (
    select(payment_intent)
    .join(
        _asked,
        and_(_asked.c.invoice_id == payment_intent.c.invoice_id, _asked.c.position == payment_intent.c.position),
    )
    .where(_asked.c.id == bindparam("intent_id"), LIVE_INTENT)
)
_MOVE_INTENT = (
    update(payment_intent)
    .where(payment_intent.c.id == bindparam("intent_id"), LIVE_INTENT)
    .values(state=bindparam("becomes"))
)
_METHOD_TO_CHARGE = (
    select(payment_method.c.id, payment_method.c.provider, payment_method.c.token, payment_method.c.scheme)
    .where(payment_method.c.account_id == bindparam("account_id"), payment_method.c.state == MethodState.ACTIVE)
    .order_by(payment_method.c.id.desc())
    .limit(1)
)
_REFUSED = (
    select(attempt_outcome.c.at_ms)
    .join(payment_attempt, payment_attempt.c.id == attempt_outcome.c.attempt_id)
    .where(
        payment_attempt.c.payment_method_id == bindparam("method_id"),
        attempt_outcome.c.outcome == FinalOutcome.REFUSED,
        attempt_outcome.c.at_ms > bindparam("since_ms"),
    )
    .order_by(attempt_outcome.c.at_ms)
)
_ATTEMPTS: Select[tuple[object, ...]] = select(
    *payment_attempt.c, payment_method.c.provider, payment_method.c.token
).join(payment_method, payment_method.c.id == payment_attempt.c.payment_method_id)
_ATTEMPT = _ATTEMPTS.where(payment_attempt.c.id == bindparam("attempt_id"))
_LIVE_ATTEMPT = _ATTEMPTS.where(
    payment_attempt.c.intent_id == bindparam("intent_id"), payment_attempt.c.state != AttemptState.OVER
)
_LAST_NUMBER = select(func.max(payment_attempt.c.number)).where(payment_attempt.c.intent_id == bindparam("intent_id"))
_MOVE_ATTEMPT = (
    update(payment_attempt)
    .where(payment_attempt.c.id == bindparam("attempt_id"))
    .values(state=bindparam("becomes"), tries=bindparam("tried"))
)
_END_ATTEMPT = (
    update(payment_attempt)
    .where(payment_attempt.c.id == bindparam("attempt_id"))
    .values(state=AttemptState.OVER, held_until_ms=None)
)
_OUTCOME = insert(attempt_outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What is to be collected for one invoice, or for one instalment of it; `due_on` None: when the invoice is."""

    id: int
    organisation_id: int
    legal_entity_id: int
    account_id: int
    invoice_id: int
    amount_minor: int
    currency: str
    state: IntentState
    position: int = 1
    due_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try of an intent; `token` is the provider's name for the method charged."""

    id: int
    intent_id: int
    method_id: int
    provider: str
    token: str
    number: int
    key: str
    state: AttemptState
    tries: int
    first_sent_at_ms: int


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method that may be charged. `scheme`: of a card, its network; None: not known."""

    id: int
    provider: str
    token: str
    scheme: str | None = None


def lock_intent(conn: Connection, intent_id: int) -> Intent:
    """The intent, held with its account against other writers until the transaction ends."""
    take_lock(conn, _LOCK_ACCOUNT_OF, intent_id=intent_id)
    return _intent(conn.execute(_INTENT, {"intent_id": intent_id}).one())


def lock_current_intent(conn: Connection, intent_id: int) -> Intent | None:
    """The live intent of the same instalment, so held: another one, if a part was paid since. None: nothing is owed."""
    take_lock(conn, _LOCK_ACCOUNT_OF, intent_id=intent_id)
    row = conn.execute(_CURRENT_INTENT, {"intent_id": intent_id}).one_or_none()
    return None if row is None else _intent(row)


def lock_live_intents(conn: Connection, account_id: int) -> list[Intent]:
    """The account's live intents, the one due first first, held with the account."""
    lock_account(conn, account_id)
    rows = conn.execute(
        select(payment_intent)
        .join(invoice, invoice.c.id == payment_intent.c.invoice_id)
        .where(payment_intent.c.account_id == account_id, LIVE_INTENT)
        .order_by(due_day(), invoice.c.id, payment_intent.c.position)
    )
    return [_intent(row) for row in rows]


def due_day() -> ColumnElement[date]:
    """When an intent is to be paid: its own day, or its invoice's."""
    return func.coalesce(payment_intent.c.due_on, invoice.c.due_on)


def owed_of(conn: Connection, intent: Intent) -> int:
    """What is still owed of what a live intent is to collect."""
    return min(intent.amount_minor, owed_minor(conn, intent.invoice_id))


def insert_intent(conn: Connection, intent: Intent, now_ms: int) -> Intent:
    """Open a new intent like `intent`; its id is chosen here."""
    made = insert_one(
        conn,
        payment_intent,
        organisation_id=intent.organisation_id,
        legal_entity_id=intent.legal_entity_id,
        account_id=intent.account_id,
        invoice_id=intent.invoice_id,
        amount_minor=intent.amount_minor,
        currency=intent.currency,
        state=IntentState.OPEN,
        position=intent.position,
        due_on=intent.due_on,
        opened_at_ms=now_ms,
    )
    return replace(intent, id=made, state=IntentState.OPEN)


def set_intent_state(conn: Connection, intent_id: int, state: IntentState) -> None:
    """Move a live intent on; a final one never changes (no row is found then)."""
    conn.execute(_MOVE_INTENT, {"intent_id": intent_id, "becomes": state})


def method_to_charge(conn: Connection, account_id: int) -> Method | None:
    """The account's newest usable method; None: there is none."""
    row = conn.execute(_METHOD_TO_CHARGE, {"account_id": account_id}).one_or_none()
    return None if row is None else Method(row.id, row.provider, row.token, row.scheme)


def set_method_state(conn: Connection, method_id: int, state: MethodState) -> None:
    """Whether the method may be charged from now on."""
    conn.execute(update(payment_method).where(payment_method.c.id == method_id).values(state=state))


def refused_ms(conn: Connection, method_id: int, since_ms: int) -> list[int]:
    """When the method was refused from then on, in order."""
    return list(conn.execute(_REFUSED, {"method_id": method_id, "since_ms": since_ms}).scalars())


def live_attempt(conn: Connection, intent_id: int) -> Attempt | None:
    """The attempt that is not over; the database allows one."""
    row = conn.execute(_LIVE_ATTEMPT, {"intent_id": intent_id}).one_or_none()
    return None if row is None else _attempt(row)


def attempt(conn: Connection, attempt_id: int) -> Attempt:
    """One attempt as it is now."""
    return _attempt(conn.execute(_ATTEMPT, {"attempt_id": attempt_id}).one())


def payment_of_attempt(conn: Connection, attempt_id: int) -> int | None:
    """The payment that this attempt brought; None: none."""
    found: int | None = conn.scalar(select(payment.c.id).where(payment.c.attempt_id == attempt_id))
    return found


def insert_attempt(conn: Connection, intent: Intent, method: Method, now_ms: int) -> Attempt:
    """The next attempt of an intent that has no live one (a second live one breaks a unique index)."""
    number = (conn.scalar(_LAST_NUMBER, {"intent_id": intent.id}) or 0) + 1
    key = f"intent-{intent.id}:{number}"
    made = insert_one(
        conn,
        payment_attempt,
        organisation_id=intent.organisation_id,
        intent_id=intent.id,
        payment_method_id=method.id,
        number=number,
        key=key,
        state=AttemptState.SENT,
        tries=1,
        first_sent_at_ms=now_ms,
    )
    return Attempt(
        id=made,
        intent_id=intent.id,
        method_id=method.id,
        provider=method.provider,
        token=method.token,
        number=number,
        key=key,
        state=AttemptState.SENT,
        tries=1,
        first_sent_at_ms=now_ms,
    )


def update_attempt(conn: Connection, live: Attempt, *, state: AttemptState, tries: int) -> Attempt:
    """Write where a live attempt is."""
    conn.execute(_MOVE_ATTEMPT, {"attempt_id": live.id, "becomes": state, "tried": tries})
    return replace(live, state=state, tries=tries)


def hold_until(conn: Connection, attempt_id: int, until_ms: int) -> None:
    """The submitted debit counts as paid until then; the first promise stands."""
    conn.execute(
        update(payment_attempt)
        .where(payment_attempt.c.id == attempt_id, payment_attempt.c.held_until_ms.is_(None))
        .values(held_until_ms=until_ms)
    )


def end_attempt(
    conn: Connection,
    intent: Intent,
    ended: Attempt,
    outcome: FinalOutcome,
    *,
    now_ms: int,
    code: str | None = None,
    reference: str | None = None,
) -> None:
    """Write the attempt's final outcome: a row that never changes."""
    final = {
        "attempt_id": ended.id,
        "organisation_id": intent.organisation_id,
        "intent_id": intent.id,
        "outcome": outcome,
        "code": code,
        "provider_reference": reference,
        "at_ms": now_ms,
    }
    conn.execute(_OUTCOME, final)
    conn.execute(_END_ATTEMPT, {"attempt_id": ended.id})


def _intent(row: Row[tuple[object, ...]]) -> Intent:
    return Intent(
        id=row.id,
        organisation_id=row.organisation_id,
        legal_entity_id=row.legal_entity_id,
        account_id=row.account_id,
        invoice_id=row.invoice_id,
        amount_minor=row.amount_minor,
        currency=row.currency,
        state=IntentState(row.state),
        position=row.position,
        due_on=row.due_on,
    )


def _attempt(row: Row[tuple[object, ...]]) -> Attempt:
    return Attempt(
        id=row.id,
        intent_id=row.intent_id,
        method_id=row.payment_method_id,
        provider=row.provider,
        token=row.token,
        number=row.number,
        key=row.key,
        state=AttemptState(row.state),
        tries=row.tries,
        first_sent_at_ms=row.first_sent_at_ms,
    )
