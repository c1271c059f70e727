"""What doors said to one member lately, and what each answer rested on."""

import re
from dataclasses import dataclass

from portillon_wire.messages import EventKind
from sqlalchemy import Connection, func, select

from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.members.tables import site
from portillon_cloud.reports.badges import DoorEvent, badges
from portillon_cloud.reports.site_view import BadgeView

_KINDS = (EventKind.GRANTED, EventKind.DENIED, EventKind.PASSAGE, EventKind.GRANT_NOT_USED)
_EVENTS_PER_DECISION = 3  # a decision and what followed it; a third for what was told twice or of no use here
_EVIDENCE = re.compile(r"(?P<rule>[a-z_]+)(?: (?P<kind>[a-z_]+)/(?P<name>.+?))?(?: @(?P<revision>\d+))?")


@dataclass(frozen=True, slots=True)
class Ground:
    """Evidence as the journal spells it (portillon_rules.evidence), taken apart."""

    rule: str
    kind: str | None = None
    name: str = ""
    revision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionLine:
    """One answer of a door. `ground` None: an older gateway's journal tells none."""

    badge: BadgeView
    site_id: int
    site: str
    time_zone: str
    ground: Ground | None


def member_decisions(conn: Connection, *, organisation_id: int, member_id: int, count: int) -> tuple[DecisionLine, ...]:
    """The newest `count`, newest first; what nobody could date yet stands where it came in."""
    event = journal_event.c
    when = func.coalesce(event.at_ms, event.received_at_ms)
    rows = conn.execute(
        select(journal_event, when.label("when_ms"), site.c.name.label("site"), site.c.time_zone)
        .join(site, site.c.id == event.site_id)
        .where(
            event.organisation_id == organisation_id,
            event.member == str(member_id),
            event.kind.in_([kind.value for kind in _KINDS]),
        )
        .order_by(when.desc(), event.id.desc())
        .limit(count * _EVENTS_PER_DECISION)
    ).all()
    told = {f"{row.gateway_id}-{row.id}": row for row in rows}
    events = [
        DoorEvent(
            key=key,
            kind=row.kind,
            at_ms=row.when_ms,
            door=row.door or row.reader or "",
            member=row.member,
            reason=row.reason,
            flags=row.flags,
            way=row.way,
        )
        for key, row in reversed(told.items())
    ]
    return tuple(
        DecisionLine(
            badge=badge,
            site_id=told[badge.key].site_id,
            site=told[badge.key].site,
            time_zone=told[badge.key].time_zone,
            ground=ground_of(told[badge.key].detail),
        )
        for badge in badges(events, {})[:count]
    )


def ground_of(detail: str | None) -> Ground | None:
    """From the journal's spelling; None: it is no evidence."""
    found = None if detail is None else _EVIDENCE.fullmatch(detail)
    if found is None:
        return None
    revision = found["revision"]
    return Ground(found["rule"], found["kind"], found["name"] or "", None if revision is None else int(revision))
