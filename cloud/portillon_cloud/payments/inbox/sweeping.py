"""Webhooks that never came: every hour the provider's own list of events is read from where all before is known.

It goes by machine time and not by an organisation's clock: it is the provider who forgets, and a turned clock would ask
it thousands of times for one afternoon.
"""

import logging

from sqlalchemy import Connection, delete, select, update

from portillon_cloud.clock import Clock
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_missing
from portillon_cloud.errors import TransientError
from portillon_cloud.payments.inbox.news import NewsOf
from portillon_cloud.payments.inbox.receiving import keep
from portillon_cloud.payments.inbox.tables import EventState, inbox_event, inbox_source

SWEEP_EVERY_MS = 3_600_000
SWEEP_CLAIM_MS = 600_000  # a long list after days away; another worker begins no second one meanwhile
OVERLAP_S = 3_600  # an event is listed some time after it is dated
KNOWN_FOR_S = 30 * 24 * 3_600  # how long providers list events (https://docs.stripe.com/api/events)
KEPT_FOR_MS = 90 * 24 * 3_600_000

log = logging.getLogger(__name__)


def watch(conn: Connection, *, organisation_id: int, provider: str, from_s: int) -> None:
    """Have the organisation's events there listed from now on; does nothing if they are. `from_s`: its clock."""
    insert_missing(
        conn,
        inbox_source,
        ("organisation_id", "provider", "heard_until_s", "sweep_at_real_ms"),
        [(organisation_id, provider, from_s, 0)],
        unique=("organisation_id", "provider"),
    )


def sweep(db: Database, news_of: NewsOf, clock: Clock) -> int:
    """List the events of one source whose hour has come, if there is one; how many sources that was."""
    real_ms = clock.real_ms()
    column = inbox_source.c
    due = select(column.id).where(column.sweep_at_real_ms <= real_ms).order_by(column.sweep_at_real_ms).limit(1)
    with db.read() as conn:
        if conn.scalar(due) is None:
            return 0
    with db.write() as conn:
        source = conn.execute(
            update(inbox_source)
            .where(column.id == due.with_for_update(skip_locked=True).scalar_subquery())
            .values(sweep_at_real_ms=real_ms + SWEEP_CLAIM_MS)
            .returning(*column)
        ).one_or_none()
    if source is None:
        return 0
    values: dict[str, object]
    try:
        news = news_of(source.organisation_id, source.provider)
        events = [] if news is None else news.events_since(max(0, source.heard_until_s - OVERLAP_S))
    except Exception as error:  # one provider that is away or answers nonsense holds up no other source
        if not isinstance(error, TransientError):
            log.exception("the events of organisation %s at %s", source.organisation_id, source.provider)
        values, events = {"error": f"{type(error).__name__}: {error}"[:2000]}, []
    else:
        newest_s = max((one.created_s for one in events), default=source.heard_until_s)
        values = {"error": None, "heard_until_s": max(newest_s, source.heard_until_s)}
    with db.write() as conn:
        keep(conn, events, organisation_id=source.organisation_id, provider=source.provider, real_ms=clock.real_ms())
        conn.execute(
            update(inbox_source)
            .where(column.id == source.id)
            .values(sweep_at_real_ms=clock.real_ms() + SWEEP_EVERY_MS, **values)
        )
        _forget(conn, source.organisation_id, clock.real_ms())
    return 1


def _forget(conn: Connection, organisation_id: int, real_ms: int) -> None:
    """Let go of what was acted on so long ago that no provider would list it again."""
    column = inbox_event.c
    conn.execute(
        delete(inbox_event).where(
            column.organisation_id == organisation_id,
            column.created_s < (real_ms - KEPT_FOR_MS) // 1000,
            column.received_at_real_ms < real_ms - KEPT_FOR_MS,
            column.state.in_((EventState.DONE, EventState.IGNORED)),
        )
    )
