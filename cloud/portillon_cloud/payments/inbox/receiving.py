"""Store what a provider tells, once for each event, before anybody acts on it; our answer says no more than that."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.database.rows import insert_missing
from portillon_cloud.payments.inbox.news import Event, ProviderNews, Topic, topic_of
from portillon_cloud.payments.inbox.tables import EventState, inbox_event

_COLUMNS = (
    "organisation_id", "provider", "event_id", "kind", "topic", "object_id", "created_s", "received_at_real_ms",
    "state", "tries", "retry_at_real_ms",
)  # fmt: skip


def receive(
    db: Database,
    news: ProviderNews,
    headers: Mapping[str, str],
    body: bytes,
    *,
    organisation_id: int,
    provider: str,
    real_ms: int,
) -> Event:
    """Check who sent it, and keep it. Raises NewsForgedError."""
    event = news.verify(headers, body)
    with db.write() as conn:
        keep(conn, [event], organisation_id=organisation_id, provider=provider, real_ms=real_ms)
    return event


def keep(conn: Connection, events: Iterable[Event], *, organisation_id: int, provider: str, real_ms: int) -> None:
    """Keep those that are not here yet; the worker hears of them once the transaction has committed."""
    rows = []
    for event in events:
        topic = topic_of(event.kind)
        state = EventState.IGNORED if topic is Topic.OTHER else EventState.WAITING
        rows.append(
            (
                organisation_id, provider, event.id, event.kind, topic.value, event.object_id, event.created_s, real_ms,
                state.value, 0, 0,
            )
        )  # fmt: skip
    insert_missing(conn, inbox_event, _COLUMNS, rows, unique=("organisation_id", "provider", "event_id"))
    wake_after_commit(conn)
