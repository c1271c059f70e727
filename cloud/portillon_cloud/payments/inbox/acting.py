"""Act on what was told: ask the provider what the object is now, then write that, and that it was done, together.

1. Nothing is asked inside a transaction, and no event is believed: of five events of one charge, one question is asked.
2. Whoever dies between question and answer leaves the event as it was: it is taken again when its claim is over.
3. If another worker has acted on the same object meanwhile, what was heard may be older than what that one wrote: the
   question is asked again.
4. What fails is tried again, later each time, for some two days; then it is parked, and the night's audit tells of it.
5. Of a charge that has succeeded here nothing is asked: nothing that it could be now would change anything. After a
   night's charges that is nearly all there is, and every question would take the place of a charge.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, func, select, text, update

from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.database import Database
from portillon_cloud.errors import TransientError
from portillon_cloud.payments.inbox import effects
from portillon_cloud.payments.inbox.news import NewsOf, ProviderNews, Topic
from portillon_cloud.payments.inbox.tables import EventState, inbox_event
from portillon_cloud.payments.tables import FinalOutcome, attempt_outcome, payment_attempt, payment_method

EVENTS_PER_STEP = 50
CLAIM_MS = 120_000  # longer than a provider's answer may take: an event that is being acted on is not taken again
RETRY_FIRST_MS = 60_000
RETRY_LONGEST_MS = 6 * 3_600_000
TRIES_MAX = 15

_IS_WAITING = text("inbox_event.state = 'waiting'")  # the condition of the partial index, in words it recognises

log = logging.getLogger(__name__)

Write = Callable[[Connection, int], None]
"""What is to be written for an object as it was heard of; the number is business time."""


@dataclass(frozen=True, slots=True)
class _Object:
    """What several events are about, and what was done about it when they were claimed."""

    organisation_id: int
    provider: str
    topic: Topic
    reference: str


def act(db: Database, news_of: NewsOf, clock: Clock) -> int:
    """Act on up to EVENTS_PER_STEP waiting events; how many were tried."""
    real_ms = clock.real_ms()
    with db.read() as conn:
        if conn.scalar(_waiting(real_ms).limit(1)) is None:
            return 0
    with db.write() as conn:
        claimed = _claim(conn, real_ms)
        known = _succeeded(conn, claimed)
        _leave(conn, [row for one in known for row in claimed[one]], state=EventState.DONE, error=None)
        done_before = {one: _done(conn, one) for one in claimed if one not in known}
    for one, done in done_before.items():
        _act_on(db, news_of, clock, one, claimed[one], done)
    return sum(map(len, claimed.values()))


def _waiting(real_ms: int) -> Any:
    column = inbox_event.c
    return (
        select(column.id)
        .where(_IS_WAITING, column.retry_at_real_ms <= real_ms)
        .order_by(column.retry_at_real_ms, column.id)
    )


def _claim(conn: Connection, real_ms: int) -> dict[_Object, list[Row[Any]]]:
    column = inbox_event.c
    chosen = _waiting(real_ms).limit(EVENTS_PER_STEP).with_for_update(skip_locked=True)
    rows = conn.execute(
        update(inbox_event)
        .where(column.id.in_(chosen))
        .values(tries=column.tries + 1, retry_at_real_ms=real_ms + CLAIM_MS)
        .returning(*column)
    )
    found: defaultdict[_Object, list[Row[Any]]] = defaultdict(list)
    for row in sorted(rows, key=lambda one: one.id):
        found[_Object(row.organisation_id, row.provider, Topic(row.topic), row.object_id)].append(row)
    return found


def _succeeded(conn: Connection, claimed: Collection[_Object]) -> set[_Object]:
    """The charges among them that are known to have succeeded."""
    charges = {one for one in claimed if one.topic is Topic.CHARGE}
    if not charges:
        return set()
    rows = conn.execute(
        select(attempt_outcome.c.organisation_id, payment_method.c.provider, attempt_outcome.c.provider_reference)
        .join_from(attempt_outcome, payment_attempt, payment_attempt.c.id == attempt_outcome.c.attempt_id)
        .join(payment_method, payment_method.c.id == payment_attempt.c.payment_method_id)
        .where(
            attempt_outcome.c.organisation_id.in_({one.organisation_id for one in charges}),
            attempt_outcome.c.provider_reference.in_({one.reference for one in charges}),
            attempt_outcome.c.outcome == FinalOutcome.SUCCEEDED,
        )
    )
    return charges & {_Object(row.organisation_id, row.provider, Topic.CHARGE, row.provider_reference) for row in rows}


def _act_on(
    db: Database, news_of: NewsOf, clock: Clock, one: _Object, rows: Sequence[Row[Any]], done_before: int
) -> None:
    try:
        news = news_of(one.organisation_id, one.provider)
        if news is None:
            raise LookupError(f"organisation {one.organisation_id} has no account at {one.provider} to ask")
        write = _asked(news, one)
        with db.write() as conn:
            now_ms = business_now_ms(conn, one.organisation_id, clock.real_ms())
            _hold(conn, one)
            if _done(conn, one) != done_before:
                _leave(conn, rows, state=EventState.WAITING, retry_at_real_ms=0)
                return
            write(conn, now_ms)
            _leave(conn, rows, state=EventState.DONE, error=None)
    except Exception as error:  # one event that cannot be acted on holds up no other, and says why
        if not isinstance(error, TransientError):
            log.exception("%s %s of %s could not be acted on", one.topic, one.reference, one.provider)
        with db.write() as conn:
            _fail(conn, rows, error, clock.real_ms())


def _asked(news: ProviderNews, one: _Object) -> Write:
    """What follows from what the object is now."""
    if one.topic is Topic.CHARGE:
        charge = news.fetch_charge(one.reference)
        return lambda conn, now_ms: effects.charge_seen(conn, one.organisation_id, charge, now_ms=now_ms)
    if one.topic is Topic.REFUND:
        refund = news.fetch_refund(one.reference)
        return lambda conn, now_ms: effects.refund_seen(conn, one.organisation_id, refund, now_ms=now_ms)
    if one.topic is Topic.DISPUTE:
        dispute = news.fetch_dispute(one.reference)
        return lambda conn, now_ms: effects.dispute_seen(
            conn, one.organisation_id, one.provider, dispute, now_ms=now_ms
        )
    method = news.fetch_method(one.reference)
    return lambda conn, _: effects.method_seen(conn, one.organisation_id, one.provider, method)


def _hold(conn: Connection, one: _Object) -> None:
    """Two workers write what they heard of one object one after the other; the lock is its first event."""
    conn.execute(select(inbox_event.c.id).where(*_of(one)).order_by(inbox_event.c.id).limit(1).with_for_update())


def _done(conn: Connection, one: _Object) -> int:
    """How many events of the object were acted on so far."""
    counted = conn.scalar(select(func.count()).where(*_of(one), inbox_event.c.state == EventState.DONE))
    return int(counted or 0)


def _of(one: _Object) -> tuple[ColumnElement[bool], ...]:
    column = inbox_event.c
    return (
        column.organisation_id == one.organisation_id,
        column.provider == one.provider,
        column.object_id == one.reference,
    )


def _fail(conn: Connection, rows: Sequence[Row[Any]], error: Exception, real_ms: int) -> None:
    for row in rows:
        over = row.tries >= TRIES_MAX
        wait_ms = min(RETRY_FIRST_MS << (row.tries - 1), RETRY_LONGEST_MS)
        _leave(
            conn,
            [row],
            state=EventState.PARKED if over else EventState.WAITING,
            retry_at_real_ms=real_ms + wait_ms,
            error=f"{type(error).__name__}: {error}"[:2000],
        )


def _leave(conn: Connection, rows: Sequence[Row[Any]], **values: Any) -> None:
    column = inbox_event.c
    # Fenced by the try: if our claim ran out, whoever took the event over writes what became of it.
    ours = update(inbox_event).where(
        column.id == bindparam("event"), column.state == EventState.WAITING, column.tries == bindparam("try")
    )
    if rows:
        conn.execute(ours.values(**values), [{"event": row.id, "try": row.tries} for row in rows])
