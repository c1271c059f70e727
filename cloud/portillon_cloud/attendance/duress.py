"""Silent alarms: somebody was made to open with their duress code. For staff's eyes; nothing at a lane tells of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Select, func, select
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.attendance.tables import IS_DURESS, alarm_seen, journal_event
from portillon_cloud.errors import NotFoundError
from portillon_cloud.members.tables import member, site

ID_DIGITS_MAX = 18  # what surely fits into 64 bits


class UnknownAlarmError(NotFoundError):
    """No such alarm in this organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DuressAlarm:
    """One alarm. `at_ms`: business time, None if nobody can tell; `seen_by` None: nobody has seen it yet."""

    id: int
    at_ms: int | None
    site_id: int
    site: str
    time_zone: str
    door: str | None
    member_id: int | None
    who: str | None
    seen_by: str | None


def duress_alarms(conn: Connection, organisation_id: int, *, limit: int) -> Sequence[DuressAlarm]:
    """The organisation's latest silent alarms, newest first."""
    event = journal_event.c
    rows = conn.execute(
        select(event.id, event.at_ms, event.door, event.member, event.site_id, site.c.name, site.c.time_zone)
        .add_columns(alarm_seen.c.seen_by)
        .join_from(journal_event, site, site.c.id == event.site_id)
        .outerjoin(alarm_seen, alarm_seen.c.journal_event_id == event.id)
        .where(event.organisation_id == organisation_id, IS_DURESS)
        .order_by(event.id.desc())
        .limit(limit)
    ).all()
    names = _names(conn, organisation_id, [_member_id(row.member) for row in rows])
    found = []
    for row in rows:
        member_id = _member_id(row.member)
        found.append(
            DuressAlarm(
                id=row.id,
                at_ms=row.at_ms,
                site_id=row.site_id,
                site=row.name,
                time_zone=row.time_zone,
                door=row.door,
                member_id=member_id if member_id in names else None,
                who=names.get(member_id),
                seen_by=row.seen_by,
            )
        )
    return found


def unseen_alarms(conn: Connection, organisation_id: int) -> int:
    """How many silent alarms nobody has seen."""
    event = journal_event.c
    unseen = (
        select(func.count())
        .select_from(journal_event)
        .outerjoin(alarm_seen, alarm_seen.c.journal_event_id == event.id)
        .where(event.organisation_id == organisation_id, IS_DURESS, alarm_seen.c.id.is_(None))
    )
    return conn.execute(unseen).scalar_one()


def mark_seen(conn: Connection, *, organisation_id: int, alarm_id: int, real_ms: int, by: str) -> None:
    """Write down who saw it; the first one counts. Raises UnknownAlarmError."""
    event = journal_event.c
    known: Select[tuple[int]] = select(event.id).where(
        event.organisation_id == organisation_id, event.id == alarm_id, IS_DURESS
    )
    if conn.execute(known).one_or_none() is None:
        raise UnknownAlarmError(f"alarm {alarm_id} does not exist in organisation {organisation_id}")
    insert_new = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    conn.execute(
        insert_new(alarm_seen)
        .values(organisation_id=organisation_id, journal_event_id=alarm_id, at_real_ms=real_ms, seen_by=by)
        .on_conflict_do_nothing()
    )


def _member_id(opaque: str | None) -> int:
    """The member of a feed row's opaque id; 0, who is nobody: a gateway may report anything."""
    return int(opaque) if opaque is not None and opaque.isdecimal() and len(opaque) <= ID_DIGITS_MAX else 0


def _names(conn: Connection, organisation_id: int, member_ids: Sequence[int]) -> dict[int, str]:
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name).where(
            member.c.organisation_id == organisation_id, member.c.id.in_(member_ids)
        )
    )
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}
