"""Ask the journals: how many came and why others did not, and when one member did.

The live page's badges and hours are made in `reports`, from the same rows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from portillon_wire.messages import EventKind
from sqlalchemy import Connection, func, select

from portillon_cloud.attendance.tables import CAME_IN, journal_event


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What happened at the doors in a span of business time.

    `passages` are of people who came in, with a badge or without: who goes out by the same lane was counted already.
    """

    granted: int
    denied: int
    passages: int
    not_used: int
    denied_by_reason: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One event of a member at a door. `at_ms` is business time; None: nobody can tell when it was."""

    id: int
    at_ms: int | None
    site_id: int
    door: str | None
    kind: str
    reason: str | None


def counts(conn: Connection, *, organisation_id: int, site_id: int, from_ms: int, until_ms: int) -> Counts:
    """What is known by now of the half-open span; journals that come later may add to it."""
    event = journal_event.c
    rows = conn.execute(
        select(event.kind, event.reason, func.count().label("number"))
        .where(
            event.organisation_id == organisation_id,
            event.site_id == site_id,
            event.at_ms >= from_ms,
            event.at_ms < until_ms,
            CAME_IN,
        )
        .group_by(event.kind, event.reason)
    ).all()
    by_kind: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for row in rows:
        by_kind[row.kind] = by_kind.get(row.kind, 0) + row.number
        if row.kind == EventKind.DENIED:
            by_reason[row.reason or ""] = by_reason.get(row.reason or "", 0) + row.number
    return Counts(
        granted=by_kind.get(EventKind.GRANTED, 0),
        denied=by_kind.get(EventKind.DENIED, 0),
        passages=by_kind.get(EventKind.PASSAGE, 0),
        not_used=by_kind.get(EventKind.GRANT_NOT_USED, 0),
        denied_by_reason=by_reason,
    )


def visits(conn: Connection, *, organisation_id: int, member_id: int, limit: int) -> Sequence[Visit]:
    """The member's latest passages and refusals, newest first; those that nobody can date come last."""
    event = journal_event.c
    rows = conn.execute(
        select(event.id, event.at_ms, event.site_id, event.door, event.kind, event.reason)
        .where(
            event.organisation_id == organisation_id,
            event.member == str(member_id),
            event.kind.in_([EventKind.PASSAGE.value, EventKind.DENIED.value]),
            CAME_IN,
        )
        .order_by(event.at_ms.desc().nulls_last(), event.id.desc())
        .limit(limit)
    )
    return [
        Visit(id=row.id, at_ms=row.at_ms, site_id=row.site_id, door=row.door, kind=row.kind, reason=row.reason)
        for row in rows
    ]
