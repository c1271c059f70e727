"""How endpoints do, and what each was told: for the page and the API."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.errors import NoSuchEndpointError
from portillon_cloud.webhooks.tables import (
    DeliveryState,
    EndpointState,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """One endpoint and how it does. Instants are machine time; counts are of the events that are still kept."""

    id: int
    url: str
    description: str
    kinds: tuple[EventKind, ...]
    state: EndpointState
    waiting: int
    delivered: int
    given_up: int
    answered_at_real_ms: int | None
    failing_since_real_ms: int | None
    failures: int
    last_error: str | None
    old_secret_until_real_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One event and how far an endpoint was told of it. `at_ms` is business time, `tried_at_real_ms` machine time."""

    event_id: int
    kind: EventKind
    subject_id: int
    at_ms: int
    state: DeliveryState
    attempts: int
    tried_at_real_ms: int | None
    status: int | None
    error: str | None


def endpoints_of(conn: Connection, organisation_id: int) -> list[Health]:
    """Every endpoint that was not removed, in the order they were added."""
    endpoint, delivery = webhook_endpoint.c, webhook_delivery.c
    counts: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for row in conn.execute(
        select(delivery.endpoint_id, delivery.state, func.count().label("n"))
        .where(delivery.organisation_id == organisation_id)
        .group_by(delivery.endpoint_id, delivery.state)
    ):
        counts[row.endpoint_id][row.state] = row.n
    rows = conn.execute(
        select(webhook_endpoint)
        .where(endpoint.organisation_id == organisation_id, endpoint.state != EndpointState.REMOVED)
        .order_by(endpoint.id)
    )
    return [
        Health(
            id=row.id,
            url=row.url,
            description=row.description,
            kinds=tuple(EventKind(one) for one in row.kinds),
            state=EndpointState(row.state),
            waiting=counts[row.id].get(DeliveryState.WAITING, 0) + counts[row.id].get(DeliveryState.SENDING, 0),
            delivered=counts[row.id].get(DeliveryState.DELIVERED, 0),
            given_up=counts[row.id].get(DeliveryState.GIVEN_UP, 0),
            answered_at_real_ms=row.answered_at_real_ms,
            failing_since_real_ms=row.failing_since_real_ms,
            failures=row.failures,
            last_error=row.last_error,
            old_secret_until_real_ms=row.old_secret_until_real_ms,
        )
        for row in rows
    ]


def endpoint_of(conn: Connection, organisation_id: int, endpoint_id: int) -> Health:
    """One of them. Raises NoSuchEndpointError."""
    found = next((one for one in endpoints_of(conn, organisation_id) if one.id == endpoint_id), None)
    if found is None:
        raise NoSuchEndpointError(f"There is no endpoint {endpoint_id} in your organisation.")
    return found


def sent_to(
    conn: Connection,
    organisation_id: int,
    endpoint_id: int,
    *,
    state: DeliveryState | None = None,
    before: int | None = None,
    limit: int,
) -> list[Sent]:
    """What it was told or is to be told, newest event first. `before`: only events with smaller ids."""
    event, delivery = webhook_event.c, webhook_delivery.c
    query = (
        select(webhook_event, delivery.state, delivery.attempts, delivery.tried_at_real_ms, delivery.status)
        .add_columns(delivery.error)
        .join(webhook_delivery, delivery.event_id == event.id)
        .where(delivery.organisation_id == organisation_id, delivery.endpoint_id == endpoint_id)
        .order_by(event.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(delivery.state == state)
    if before is not None:
        query = query.where(event.id < before)
    return [
        Sent(
            event_id=row.id,
            kind=EventKind(row.kind),
            subject_id=row.subject_id,
            at_ms=row.at_ms,
            state=DeliveryState(row.state),
            attempts=row.attempts,
            tried_at_real_ms=row.tried_at_real_ms,
            status=row.status,
            error=row.error,
        )
        for row in conn.execute(query)
    ]
