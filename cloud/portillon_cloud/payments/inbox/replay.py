"""Act once more on what was told: on one event, or on all since an instant. Safe at any time: all is asked for anew."""

from sqlalchemy import ColumnElement, Connection, select, update

from portillon_cloud.database import wake_after_commit
from portillon_cloud.errors import NotFoundError
from portillon_cloud.payments.inbox.news import Topic
from portillon_cloud.payments.inbox.tables import EventState, inbox_event, inbox_source


class UnknownEventError(NotFoundError):
    """No such event was told to this organisation."""


def replay_one(conn: Connection, organisation_id: int, event_id: str) -> None:
    """Have one event acted on again. Raises UnknownEventError."""
    if not _again(conn, organisation_id, inbox_event.c.event_id == event_id):
        raise UnknownEventError(
            f"organisation {organisation_id} was told of no event {event_id!r} that anything follows from"
        )


def replay_since(conn: Connection, organisation_id: int, since_s: int) -> int:
    """Have all since then acted on again, and the provider's list read from there; how many are here already."""
    count = _again(conn, organisation_id, inbox_event.c.created_s >= since_s)
    column = inbox_source.c
    conn.execute(
        update(inbox_source)
        .where(column.organisation_id == organisation_id)
        .values(sweep_at_real_ms=0, heard_until_s=since_s)
    )
    wake_after_commit(conn)
    return count


def parked(conn: Connection, organisation_id: int) -> list[tuple[str, str, str]]:
    """What could not be acted on: (event, kind, why), the oldest first."""
    column = inbox_event.c
    rows = conn.execute(
        select(column.event_id, column.kind, column.error)
        .where(column.organisation_id == organisation_id, column.state == EventState.PARKED)
        .order_by(column.id)
        .limit(200)
    )
    return [(row.event_id, row.kind, row.error or "") for row in rows]


def _again(conn: Connection, organisation_id: int, which: ColumnElement[bool]) -> int:
    column = inbox_event.c
    changed = conn.execute(
        update(inbox_event)
        .where(column.organisation_id == organisation_id, which, column.topic != Topic.OTHER)
        .values(state=EventState.WAITING, tries=0, retry_at_real_ms=0, error=None)
    )
    wake_after_commit(conn)
    return changed.rowcount
