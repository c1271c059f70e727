"""The one call by which a feature says that something happened: in the transaction of the change, or not at all.

An event is only written if an endpoint wants its kind; an organisation without endpoints pays one look-up by index.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Select, bindparam, select

from portillon_cloud.database import wake_after_commit
from portillon_cloud.database.rows import insert_many, reserve_ids
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.tables import (
    DeliveryState,
    EndpointState,
    webhook_delivery,
    webhook_endpoint,
    webhook_event,
)

_EVENT = ("id", "organisation_id", "kind", "subject_id", "at_ms")
_DELIVERY = ("organisation_id", "endpoint_id", "event_id", "state", "attempts", "retry_at_real_ms")

_ENDPOINTS = select(webhook_endpoint.c.id, webhook_endpoint.c.kinds).where(
    webhook_endpoint.c.organisation_id == bindparam("organisation_id"),
    webhook_endpoint.c.state != EndpointState.REMOVED,
)


def tell(
    conn: Connection,
    kind: EventKind,
    organisation_id: int,
    subjects: Sequence[int] | Select[Any],
    *,
    at_ms: int,
    only_to: int | None = None,
) -> None:
    """Write that `kind` happened to each of `subjects`, for every endpoint that wants to know.

    `subjects` may be a query of ids: it is asked only if somebody wants to know. `only_to`: one endpoint, whatever it
    wants. `at_ms`: business time.
    """
    endpoints = [only_to] if only_to is not None else _wanting(conn, kind, organisation_id)
    if not endpoints:
        return
    ids = conn.execute(subjects).scalars().all() if isinstance(subjects, Select) else subjects
    if not ids:
        return
    events = reserve_ids(conn, webhook_event, len(ids))
    insert_many(
        conn,
        webhook_event,
        _EVENT,
        [(event, organisation_id, kind.value, subject, at_ms) for event, subject in zip(events, ids, strict=True)],
    )
    waiting = DeliveryState.WAITING.value
    insert_many(
        conn,
        webhook_delivery,
        _DELIVERY,
        [(organisation_id, endpoint, event, waiting, 0, 0) for event in events for endpoint in endpoints],
    )
    wake_after_commit(conn)


def _wanting(conn: Connection, kind: EventKind, organisation_id: int) -> list[int]:
    rows = conn.execute(_ENDPOINTS, {"organisation_id": organisation_id})
    return [row.id for row in rows if not row.kinds or kind.value in row.kinds]
