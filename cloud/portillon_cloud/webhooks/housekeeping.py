"""Once an hour: what is old goes, and a queue that grew too long gives up its oldest."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, delete, exists, func, select, update

from portillon_cloud.clock import Clock, business_now_ms
from portillon_cloud.database import Database
from portillon_cloud.webhooks.tables import (
    TO_SEND,
    DeliveryState,
    EndpointState,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
)

EVERY_MS = 3_600_000
KEPT_MS = 30 * 24 * 3_600_000
WAITING_MOST = 50_000  # per endpoint: about a day of everything that happens at a large chain of gyms
GOES_AT_ONCE = 5_000  # events per transaction


@dataclass(kw_only=True)
class Housekeeping:
    """A drain of the worker that does something once an hour."""

    db: Database
    clock: Clock
    _next_real_ms: int = 0

    def __call__(self) -> int:
        """How many things were done."""
        real_ms = self.clock.real_ms()
        if real_ms < self._next_real_ms:
            return 0
        self._next_real_ms = real_ms + EVERY_MS
        with self.db.read() as conn:
            organisations = conn.execute(select(webhook_event.c.organisation_id).distinct()).scalars().all()
        return sum(self._tidy(one, real_ms) for one in organisations)

    def _tidy(self, organisation_id: int, real_ms: int) -> int:
        done = 0
        steps: tuple[Callable[[Connection], int], ...] = (
            lambda conn: forget(conn, organisation_id, now_ms=business_now_ms(conn, organisation_id, real_ms)),
            lambda conn: shorten(conn, organisation_id),
        )
        for step in steps:
            with self.db.write() as conn:
                done += step(conn)
        return done


def forget(conn: Connection, organisation_id: int, *, now_ms: int) -> int:
    """Delete events older than KEPT_MS, but for those still to be sent to an endpoint that is on; how many."""
    event, delivery = webhook_event.c, webhook_delivery.c
    still_to_send = exists().where(
        delivery.event_id == event.id,
        TO_SEND,
        delivery.endpoint_id == webhook_endpoint.c.id,
        webhook_endpoint.c.state == EndpointState.ACTIVE,
    )
    old = conn.execute(
        select(event.id)
        .where(event.organisation_id == organisation_id, event.at_ms < now_ms - KEPT_MS, ~still_to_send)
        .order_by(event.at_ms)
        .limit(GOES_AT_ONCE)
    ).scalars()
    ids = list(old)
    if ids:
        conn.execute(delete(webhook_delivery).where(delivery.event_id.in_(ids)))
        conn.execute(delete(webhook_event).where(event.id.in_(ids)))
    return len(ids)


def shorten(conn: Connection, organisation_id: int, *, most: int = WAITING_MOST) -> int:
    """Give up the oldest of each queue that is longer than `most`; they can be sent again by hand. How many."""
    delivery = webhook_delivery.c
    queues = conn.execute(
        select(delivery.endpoint_id, func.count().label("waiting"))
        .where(delivery.organisation_id == organisation_id, TO_SEND)
        .group_by(delivery.endpoint_id)
        .having(func.count() > most)
    ).all()
    for queue in queues:
        oldest = (
            select(delivery.id)
            .where(delivery.endpoint_id == queue.endpoint_id, TO_SEND)
            .order_by(delivery.id)
            .limit(queue.waiting - most)
        )
        conn.execute(
            update(webhook_delivery)
            .where(delivery.id.in_(oldest))
            .values(state=DeliveryState.GIVEN_UP, error=f"more than {most} events were waiting")
        )
    return sum(queue.waiting - most for queue in queues)
