"""What is the matter now, what was, and a person's word on it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from portillon_rules.door_plan import EVERY_DOOR
from portillon_wire.alarm_classes import RULES, Alarm, AlarmClass
from sqlalchemy import Connection, func, insert, or_, select, update

from portillon_cloud.alarms.tables import IS_OPEN, alarm, alarm_acknowledgement
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.doors.tables import door_order_change
from portillon_cloud.errors import NotFoundError
from portillon_cloud.gateways.tables import gateway
from portillon_cloud.identity.principal import Principal
from portillon_cloud.members.tables import site

OPEN_MAX = 2_000
"""Occurrences read for one page; a site with more of them has one problem, not two thousand."""

_URGENCY = list(AlarmClass)


class UnknownAlarmError(NotFoundError):
    """No such alarm in this organisation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What somebody said of an alarm. `at_ms` is real time; None: said at a gateway that did not know it."""

    by: str
    at_ms: int | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmLine:
    """One alarm: what, where, since when, how often. Instants are business time; None: nobody can tell when it was.

    `id` is its latest occurrence's. `ended_by`: whoever ended it, on site or by an order. `closed`: a person said that
    it is over.
    """

    id: int
    alarm: Alarm
    alarm_class: AlarmClass
    site_id: int
    site: str
    time_zone: str
    gateway: str
    door: str | None
    detail: str | None
    by: str | None
    count: int
    first_at_ms: int | None
    last_at_ms: int | None
    ended_at_ms: int | None
    ended_by: str | None
    stands: bool
    acknowledged: Word | None = field(default=None)
    closed: Word | None = field(default=None)


def open_alarms(conn: Connection, organisation_id: int, *, site_id: int | None = None) -> list[AlarmLine]:
    """What stands, or nobody took note of: what nobody has seen first, then the most urgent, then the newest."""
    query = _LINES.where(alarm.c.organisation_id == organisation_id, IS_OPEN)
    if site_id is not None:
        query = query.where(alarm.c.site_id == site_id)
    rows = conn.execute(query.order_by(alarm.c.id.desc()).limit(OPEN_MAX)).all()
    occurrences: dict[tuple[str, str, str], list[Any]] = {}
    for row in rows:
        occurrences.setdefault((row.gateway_id, row.alarm, row.subject), []).append(row)
    lines = [_line(sorted(same, key=lambda row: -row.position)) for same in occurrences.values()]
    return sorted(lines, key=lambda line: (line.acknowledged is not None, _URGENCY.index(line.alarm_class), -line.id))


def past_alarms(conn: Connection, organisation_id: int, *, limit: int) -> list[AlarmLine]:
    """The latest that are over and of which somebody took note, newest first."""
    over = or_(alarm.c.ended_position.is_not(None), alarm.c.closed_id.is_not(None))
    rows = conn.execute(
        _LINES.where(alarm.c.organisation_id == organisation_id, alarm.c.acknowledged_id.is_not(None), over)
        .order_by(alarm.c.id.desc())
        .limit(limit)
    )
    return [_line([row]) for row in rows]


def unacknowledged(conn: Connection, organisation_id: int) -> int:
    """How many alarms nobody has taken note of; repetitions count once."""
    row = alarm.c
    unseen = (
        select(row.gateway_id, row.alarm, row.subject)
        .where(row.organisation_id == organisation_id, IS_OPEN, row.acknowledged_id.is_(None))
        .distinct()
        .subquery()
    )
    return conn.execute(select(func.count()).select_from(unseen)).scalar_one()


def acknowledge(
    conn: Connection, *, principal: Principal, alarm_id: int, note: str, is_over: bool, real_ms: int
) -> None:
    """Take note of an alarm and of its earlier occurrences; `is_over`: and say that none of them stands any more.

    What comes later is a new one. Saying nothing new changes nothing. Raises UnknownAlarmError.
    """
    row = alarm.c
    organisation_id = principal.organisation_id
    about = conn.execute(
        select(row.gateway_id, row.alarm, row.subject, row.position).where(
            row.organisation_id == organisation_id, row.id == alarm_id
        )
    ).one_or_none()
    if about is None:
        raise UnknownAlarmError(f"alarm {alarm_id} does not exist in organisation {organisation_id}")
    same = (
        row.gateway_id == about.gateway_id,
        row.alarm == about.alarm,
        row.subject == about.subject,
        row.position <= about.position,
    )
    unseen = (*same, row.acknowledged_id.is_(None))
    standing = (*same, row.ended_position.is_(None), row.closed_id.is_(None))
    news = or_(row.acknowledged_id.is_(None), row.ended_position.is_(None) & row.closed_id.is_(None))
    if conn.execute(select(row.id).where(*(*same, news) if is_over else unseen).limit(1)).first() is None:
        return
    word = conn.execute(
        insert(alarm_acknowledgement)
        .values(
            organisation_id=organisation_id,
            at_real_ms=real_ms,
            given_by=principal.name,
            given_by_id=principal.staff_id,
            note=note,
            is_over=is_over,
        )
        .returning(alarm_acknowledgement.c.id)
    ).scalar_one()
    if is_over:
        conn.execute(update(alarm).where(*standing).values(closed_id=word))
    conn.execute(update(alarm).where(*unseen).values(acknowledged_id=word))


_CLOCKS_APART_MS = 60_000
"""By how much cloud and gateway may differ on when an order was withdrawn."""

_ended = journal_event.alias("ended")
_seen = alarm_acknowledgement.alias("seen")
_closed = alarm_acknowledgement.alias("closed")

# A gateway sees that its lockdown was withdrawn in the cloud, but not by whom: the last word there on that door was it.
_last_word = door_order_change.alias("last_word")
_withdrawn = door_order_change.alias("withdrawn")
_withdrawn_by = (
    select(_withdrawn.c.given_by_id)
    .where(
        alarm.c.alarm == Alarm.LOCKDOWN.value,
        _ended.c.reason == "order",
        _withdrawn.c.standing.is_(None),
        _withdrawn.c.id
        == select(func.max(_last_word.c.id))
        .where(
            _last_word.c.site_id == alarm.c.site_id,
            _last_word.c.door == func.coalesce(_ended.c.door, EVERY_DOOR),
            _last_word.c.at_ms <= _ended.c.at_ms + _CLOCKS_APART_MS,
        )
        .correlate(alarm, _ended)
        .scalar_subquery(),
    )
    .correlate(alarm, _ended)
    .scalar_subquery()
)

_LINES = (
    select(
        alarm.c.id,
        alarm.c.gateway_id,
        alarm.c.alarm,
        alarm.c.subject,
        alarm.c.position,
        alarm.c.ended_position,
        alarm.c.site_id,
        site.c.name.label("site"),
        site.c.time_zone,
        gateway.c.name.label("gateway"),
        journal_event.c.at_ms,
        journal_event.c.door,
        journal_event.c.detail,
        journal_event.c.by,
        _ended.c.at_ms.label("ended_at_ms"),
        func.coalesce(_ended.c.by, _withdrawn_by).label("ended_by"),
        _seen.c.given_by.label("seen_by"),
        _seen.c.at_real_ms.label("seen_at_ms"),
        _seen.c.note.label("seen_note"),
        _closed.c.given_by.label("closed_by"),
        _closed.c.at_real_ms.label("closed_at_ms"),
        _closed.c.note.label("closed_note"),
    )
    .select_from(alarm)
    .join(site, site.c.id == alarm.c.site_id)
    .join(gateway, gateway.c.id == alarm.c.gateway_id)
    .join(
        journal_event,
        (journal_event.c.gateway_id == alarm.c.gateway_id)
        & (journal_event.c.journal_id == alarm.c.journal_id)
        & (journal_event.c.sequence == alarm.c.sequence),
    )
    .outerjoin(
        _ended,
        (_ended.c.gateway_id == alarm.c.gateway_id)
        & (_ended.c.journal_id == alarm.c.ended_journal_id)
        & (_ended.c.sequence == alarm.c.ended_sequence),
    )
    .outerjoin(_seen, _seen.c.id == alarm.c.acknowledged_id)
    .outerjoin(_closed, _closed.c.id == alarm.c.closed_id)
)


def _line(occurrences: Sequence[Any]) -> AlarmLine:
    """One line for all occurrences of one alarm, the latest first."""
    last, first = occurrences[0], occurrences[-1]
    closed = None
    if last.closed_by is not None:
        closed = Word(by=last.closed_by, at_ms=last.closed_at_ms, note=last.closed_note)
    stands = any(one.ended_position is None and one.closed_by is None for one in occurrences)
    seen = all(one.seen_by is not None for one in occurrences)
    return AlarmLine(
        id=last.id,
        alarm=Alarm(last.alarm),
        alarm_class=RULES[Alarm(last.alarm)].alarm_class,
        site_id=last.site_id,
        site=last.site,
        time_zone=last.time_zone,
        gateway=last.gateway,
        door=last.door,
        detail=last.detail,
        by=last.by,
        count=len(occurrences),
        first_at_ms=first.at_ms,
        last_at_ms=last.at_ms,
        ended_at_ms=None if stands else last.ended_at_ms,
        ended_by=None if stands else last.ended_by,
        stands=stands,
        acknowledged=Word(by=last.seen_by, at_ms=last.seen_at_ms, note=last.seen_note) if seen else None,
        closed=closed,
    )
