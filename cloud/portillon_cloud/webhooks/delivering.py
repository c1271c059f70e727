"""Send what waits: claim, read what the things are like now, send with no transaction open, write down what came of it.

1. At least once: a crash after the endpoint answered sends the event again, under the same `webhook-id`.
2. No order: each event is tried at its own times, and carries the state of its own moment.
3. Nobody waits for a slow endpoint but its own organisation: threads of their own send, so many for all and so few for
   each organisation, and each try has one bound.
4. An endpoint that has answered nothing but failure for FAILING_MS is turned off, and the owners are told.
"""

import datetime
import json
import logging
import threading
from collections import Counter
from concurrent.futures import Executor
from dataclasses import dataclass, field

from sqlalchemy import Connection, exists, func, select, update

from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.clock.reading import read_clock
from portillon_cloud.database import Database
from portillon_cloud.secrets import Keyring
from portillon_cloud.webhooks.backoff import wait_ms
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.present_state import present_state
from portillon_cloud.webhooks.sending import Answer, Request, Sender
from portillon_cloud.webhooks.signing import signed, unseal
from portillon_cloud.webhooks.tables import (
    TO_SEND,
    DeliveryState,
    EndpointState,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
)
from portillon_cloud.webhooks.telling import tell

THREADS = 16
PER_ORGANISATION = 4  # of them
CLAIM_MS = 60_000  # longer than a look-up of the name and a try together
FAILING_MS = 5 * 24 * 3_600_000
FAILURES_LEAST = 10  # before that: one event that failed last week says little
GONE = 410  # the standard: the endpoint wants nothing more
ERROR_LENGTH = 500

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One event on its way to one endpoint; `attempt` is the fence."""

    id: int
    organisation_id: int
    endpoint_id: int
    event_id: int
    attempt: int


@dataclass(kw_only=True)
class WebhookPost:
    """A drain of the worker. With `pool` None each event is sent before the call returns."""

    db: Database
    clock: Clock
    keyring: Keyring
    sender: Sender
    pool: Executor | None = None
    _under_way: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _last_endpoint: int = 0

    def __call__(self) -> int:
        """Begin to send what is due, as far as there are threads; how many were begun."""
        begun = 0
        for endpoint_id, organisation_id in self._due():
            room = self._room(organisation_id)
            if room <= 0:
                continue
            with self.db.write() as conn:
                claimed = _claim(conn, endpoint_id, limit=room, real_ms=self.clock.real_ms())
            for one in claimed:
                self._begin(one)
            begun += len(claimed)
            self._last_endpoint = endpoint_id
        return begun

    def _due(self) -> list[tuple[int, int]]:
        """Endpoints with something due, those first whose turn is longest ago."""
        endpoint, delivery = webhook_endpoint.c, webhook_delivery.c
        waits = exists().where(
            delivery.endpoint_id == endpoint.id, TO_SEND, delivery.retry_at_real_ms <= self.clock.real_ms()
        )
        with self.db.read() as conn:
            rows = conn.execute(
                select(endpoint.id, endpoint.organisation_id)
                .where(endpoint.state == EndpointState.ACTIVE, waits)
                .order_by(endpoint.id)
            ).all()
        due = [(row.id, row.organisation_id) for row in rows]
        return [one for one in due if one[0] > self._last_endpoint] + [
            one for one in due if one[0] <= self._last_endpoint
        ]

    def _room(self, organisation_id: int) -> int:
        with self._lock:
            return min(THREADS - self._under_way.total(), PER_ORGANISATION - self._under_way[organisation_id])

    def _begin(self, claimed: Claimed) -> None:
        if self.pool is None:
            self._deliver(claimed)
            return
        with self._lock:
            self._under_way[claimed.organisation_id] += 1
        self.pool.submit(self._deliver_aside, claimed)

    def _deliver_aside(self, claimed: Claimed) -> None:
        try:
            self._deliver(claimed)
        except Exception:  # a thread of the pool has nobody else to tell; the claim runs out and it is tried again
            log.exception("webhook delivery %s failed at attempt %s", claimed.id, claimed.attempt)
        finally:
            with self._lock:
                self._under_way[claimed.organisation_id] -= 1
            self.db.wake.set()

    def _deliver(self, claimed: Claimed) -> None:
        with self.db.read() as conn:
            request = _request(conn, self.keyring, claimed, real_ms=self.clock.real_ms())
        answer = None if request is None else self.sender.send(request)
        with self.db.write() as conn:
            _conclude(conn, claimed, answer, real_ms=self.clock.real_ms())


def message_id(event_id: int, at_ms: int) -> str:
    """The event's name for receivers: the same at each try and each replay, never another event's."""
    return f"evt_{event_id}_{at_ms:x}"


def _claim(conn: Connection, endpoint_id: int, *, limit: int, real_ms: int) -> list[Claimed]:
    delivery = webhook_delivery.c
    chosen = (
        select(delivery.id)
        .where(delivery.endpoint_id == endpoint_id, TO_SEND, delivery.retry_at_real_ms <= real_ms)
        .order_by(delivery.retry_at_real_ms, delivery.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    rows = conn.execute(
        update(webhook_delivery)
        .where(delivery.id.in_(chosen))
        .values(state=DeliveryState.SENDING, attempts=delivery.attempts + 1, retry_at_real_ms=real_ms + CLAIM_MS)
        .returning(delivery.id, delivery.organisation_id, delivery.event_id, delivery.attempts)
    ).all()
    return [
        Claimed(
            id=row.id,
            organisation_id=row.organisation_id,
            endpoint_id=endpoint_id,
            event_id=row.event_id,
            attempt=row.attempts,
        )
        for row in sorted(rows, key=lambda row: row.id)
    ]


def _request(conn: Connection, keyring: Keyring, claimed: Claimed, *, real_ms: int) -> Request | None:
    """What to send now; None: the event's thing is no more."""
    organisation_id = claimed.organisation_id
    event = conn.execute(select(webhook_event).where(webhook_event.c.id == claimed.event_id)).one()
    endpoint = conn.execute(select(webhook_endpoint).where(webhook_endpoint.c.id == claimed.endpoint_id)).one()
    clock = read_clock(conn, organisation_id, real_ms)
    kind = EventKind(event.kind)
    state = present_state(conn, kind, organisation_id, event.subject_id, now_ms=clock.business_ms)
    if state is None:
        return None
    body = {
        "type": kind.value,
        "timestamp": _iso(event.at_ms),
        "organisation_id": organisation_id,
        "mode": clock.mode,
        "read_at": _iso(clock.business_ms),
        "data": state.model_dump(mode="json"),
    }
    written = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    sealed = [endpoint.secret_sealed]
    if endpoint.old_secret_sealed is not None and endpoint.old_secret_until_real_ms > real_ms:
        sealed.append(endpoint.old_secret_sealed)
    in_force = [unseal(keyring, one, organisation_id=organisation_id) for one in sealed]
    return Request(
        url=endpoint.url,
        headers=signed(message_id(event.id, event.at_ms), written, in_force, real_ms=real_ms),
        body=written,
        test=clock.mode == "test",
    )


def _iso(at_ms: int) -> str:
    at = datetime.datetime.fromtimestamp(at_ms / 1000, datetime.UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _conclude(conn: Connection, claimed: Claimed, answer: Answer | None, *, real_ms: int) -> None:
    delivery = webhook_delivery.c
    taken = answer is not None and answer.taken
    wait = None if taken or answer is None else wait_ms(claimed.attempt, claimed.id)
    values: dict[str, object]
    if taken:
        values = {"state": DeliveryState.DELIVERED}
    elif wait is None:
        values = {"state": DeliveryState.GIVEN_UP}
    else:
        values = {"state": DeliveryState.WAITING, "retry_at_real_ms": real_ms + wait}
    said = None if taken else _why(answer)
    # Fenced by the attempt: if our claim ran out, whoever took it over writes what became of it.
    moved = conn.execute(
        update(webhook_delivery)
        .where(delivery.id == claimed.id, delivery.state == DeliveryState.SENDING, delivery.attempts == claimed.attempt)
        .values(**values, tried_at_real_ms=real_ms, status=answer.status if answer else None, error=said)
    )
    if moved.rowcount and answer is not None:
        _note_health(conn, claimed, answer, real_ms=real_ms)


def _why(answer: Answer | None) -> str:
    if answer is None:
        return "what it was about is no more"
    return (answer.error or f"answered {answer.status}")[:ERROR_LENGTH]


def _note_health(conn: Connection, claimed: Claimed, answer: Answer, *, real_ms: int) -> None:
    endpoint = webhook_endpoint.c
    own = endpoint.id == claimed.endpoint_id
    if answer.taken:
        conn.execute(
            update(webhook_endpoint)
            .where(own)
            .values(answered_at_real_ms=real_ms, failing_since_real_ms=None, failures=0, last_error=None)
        )
        return
    row = conn.execute(
        update(webhook_endpoint)
        .where(own)
        .values(
            failing_since_real_ms=func.coalesce(endpoint.failing_since_real_ms, real_ms),
            failures=endpoint.failures + 1,
            last_error=_why(answer),
        )
        .returning(endpoint.state, endpoint.failing_since_real_ms, endpoint.failures)
    ).one()
    long = row.failing_since_real_ms <= real_ms - FAILING_MS and row.failures >= FAILURES_LEAST
    if row.state != EndpointState.ACTIVE or not (long or answer.status == GONE):
        return
    off = EndpointState.GONE if answer.status == GONE else EndpointState.FAILING
    conn.execute(
        update(webhook_endpoint).where(own).values(state=off, off_at_real_ms=real_ms, tell_owners_at_real_ms=real_ms)
    )
    now_ms = business_now_ms(conn, claimed.organisation_id, real_ms)
    tell(conn, EventKind.ENDPOINT_FAILING, claimed.organisation_id, [claimed.endpoint_id], at_ms=now_ms)
