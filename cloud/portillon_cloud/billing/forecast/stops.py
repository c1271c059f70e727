"""Runs that stopped themselves: kept with their figures, shown to the owner, let go on by a person with a reason."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.billing.errors import RunStoppedError, UnknownStopError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.forecast.figures import Bounds, Figures, Leaving
from portillon_cloud.billing.forecast.tables import forecast_policy, run_resumed, run_stop
from portillon_cloud.billing.planning import plan_invoice_run
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import legal_entity


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStop:
    """A run that stands still until somebody confirms it, or until what is due is within its forecast again."""

    id: int
    legal_entity_id: int
    legal_entity: str
    currency: str
    stopped_on: datetime.date
    raised_at_ms: int
    leavings: tuple[Leaving, ...]
    figures: Figures


@dataclass(frozen=True, slots=True, kw_only=True)
class PastStop:
    """A stop that is over: somebody confirmed it, or (`confirmed` False) a later run was within its forecast."""

    stop: OpenStop
    confirmed: bool
    by: str
    reason: str | None
    at_ms: int


def bounds_of(conn: Connection, organisation_id: int) -> Bounds:
    """The organisation's bounds."""
    body = conn.scalar(select(forecast_policy.c.body).where(forecast_policy.c.organisation_id == organisation_id))
    return Bounds() if body is None else Bounds.from_body(body)


def set_bounds(conn: Connection, organisation_id: int, bounds: Bounds) -> None:
    """Choose other bounds for the runs to come."""
    writing = (postgresql if conn.dialect.name == "postgresql" else sqlite).insert(forecast_policy)
    conn.execute(
        writing.values(organisation_id=organisation_id, body=bounds.to_body()).on_conflict_do_update(
            index_elements=["organisation_id"], set_={"body": writing.excluded.body}
        )
    )


def bounds_today(conn: Connection, organisation_id: int, legal_entity_id: int, today: datetime.date) -> Bounds:
    """The bounds of this day's runs: the organisation's, widened to what somebody confirmed today."""
    bounds = bounds_of(conn, organisation_id)
    confirmed = conn.execute(
        select(run_stop.c.figures)
        .join(run_resumed, run_resumed.c.stop_id == run_stop.c.id)
        .where(
            run_stop.c.organisation_id == organisation_id,
            run_stop.c.legal_entity_id == legal_entity_id,
            run_resumed.c.confirmed,
            run_resumed.c.resumed_on == today,
        )
    )
    for row in confirmed:
        bounds = bounds.widened_to(Figures(**row.figures))
    return bounds


def write_down(
    conn: Connection,
    organisation_id: int,
    legal_entity_id: int,
    stopped: RunStoppedError,
    *,
    on: datetime.date,
    now_ms: int,
) -> None:
    """Keep that a run stopped; one that waits already keeps its first figures."""
    if any(one.legal_entity_id == legal_entity_id for one in open_stops(conn, organisation_id)):
        return
    insert_one(
        conn,
        run_stop,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        stopped_on=on,
        raised_at_ms=now_ms,
        leavings=[str(one) for one in stopped.leavings],
        figures=stopped.figures,
    )


def open_stops(conn: Connection, organisation_id: int) -> Sequence[OpenStop]:
    """Every run that stands still, the oldest first."""
    rows = conn.execute(
        select(run_stop, legal_entity.c.name, legal_entity.c.currency)
        .join(legal_entity, legal_entity.c.id == run_stop.c.legal_entity_id)
        .join(run_resumed, run_resumed.c.stop_id == run_stop.c.id, isouter=True)
        .where(run_stop.c.organisation_id == organisation_id, run_resumed.c.stop_id.is_(None))
        .order_by(run_stop.c.id)
    )
    return [_open(row) for row in rows]


def past_stops(conn: Connection, organisation_id: int, *, limit: int) -> Sequence[PastStop]:
    """Runs that had stopped and went on, the newest first."""
    rows = conn.execute(
        select(run_stop, legal_entity.c.name, legal_entity.c.currency, *(run_resumed.c[name] for name in _RESUMED))
        .join(legal_entity, legal_entity.c.id == run_stop.c.legal_entity_id)
        .join(run_resumed, run_resumed.c.stop_id == run_stop.c.id)
        .where(run_stop.c.organisation_id == organisation_id)
        .order_by(run_stop.c.id.desc())
        .limit(limit)
    )
    return [
        PastStop(stop=_open(row), confirmed=row.confirmed, by=row.by, reason=row.reason, at_ms=row.at_ms)
        for row in rows
    ]


_RESUMED = ("confirmed", "by", "reason", "at_ms")


def count_stops(conn: Connection, organisation_id: int) -> int:
    """How many runs stand still: what every page of an owner warns of."""
    found = conn.scalar(
        select(func.count())
        .select_from(run_stop.outerjoin(run_resumed, run_resumed.c.stop_id == run_stop.c.id))
        .where(run_stop.c.organisation_id == organisation_id, run_resumed.c.stop_id.is_(None))
    )
    return int(found or 0)


def confirm(conn: Connection, organisation_id: int, stop_id: int, *, author: Author) -> None:
    """Somebody has looked and says that it is right: it runs today, within a quarter of those figures.

    Raises UnknownStopError.
    """
    found = next((one for one in open_stops(conn, organisation_id) if one.id == stop_id), None)
    if found is None:
        raise UnknownStopError(f"your organisation has no stopped run {stop_id}: it never was, or it went on")
    zone = time_zone_of(conn, organisation_id)
    today = local_date(author.at_ms, zone)
    _resume(
        conn, organisation_id, found.id, by=author.name, reason=author.reason, at=(author.at_ms, today), confirmed=True
    )
    plan_invoice_run(
        conn,
        organisation_id=organisation_id,
        legal_entity_id=found.legal_entity_id,
        due_on=today,
        time_zone=zone,
        because=f"s{stop_id}",
    )


def went_through(
    conn: Connection, organisation_id: int, legal_entity_id: int, *, on: datetime.date, now_ms: int
) -> None:
    """A run was within its forecast: what stood still of the legal entity stands no more."""
    for one in open_stops(conn, organisation_id):
        if one.legal_entity_id == legal_entity_id:
            _resume(conn, organisation_id, one.id, by="invoice run", reason=None, at=(now_ms, on), confirmed=False)


def _resume(
    conn: Connection,
    organisation_id: int,
    stop_id: int,
    *,
    by: str,
    reason: str | None,
    at: tuple[int, datetime.date],
    confirmed: bool,
) -> None:
    conn.execute(
        insert(run_resumed).values(
            stop_id=stop_id,
            organisation_id=organisation_id,
            at_ms=at[0],
            by=by,
            reason=reason,
            confirmed=confirmed,
            resumed_on=at[1],
        )
    )


def _open(row: Row[tuple[object, ...]]) -> OpenStop:
    return OpenStop(
        id=row.id,
        legal_entity_id=row.legal_entity_id,
        legal_entity=row.name,
        currency=row.currency,
        stopped_on=row.stopped_on,
        raised_at_ms=row.raised_at_ms,
        leavings=tuple(Leaving(one) for one in row.leavings),
        figures=Figures(**row.figures),
    )
