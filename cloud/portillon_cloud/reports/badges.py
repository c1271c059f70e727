"""The last badges of a site, each with what came of it: a grant is joined with the passage that followed or not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from portillon_rules.reason import DenyReason, GrantFlag
from portillon_wire.messages import EventKind
from sqlalchemy import Connection, select

from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.members.tables import member
from portillon_cloud.reports.site_view import BadgeView, Outcome

SILENT = frozenset({GrantFlag.DURESS})
"""Whoever forces somebody may look at a screen with badges on it; staff hear of it on a page of its own."""

_SHOWN = (EventKind.GRANTED, EventKind.DENIED, EventKind.PASSAGE, EventKind.GRANT_NOT_USED)
_EVENTS_PER_BADGE = 3  # a badge is at most a grant and what followed; a third for passages without a badge


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorEvent:
    """What a badge list needs of one journal event."""

    key: str
    kind: str
    at_ms: int
    door: str
    member: str | None
    reason: str | None = None
    flags: str = ""
    way: str | None = None


def last_badges(conn: Connection, *, organisation_id: int, site_id: int, count: int) -> tuple[BadgeView, ...]:
    """The newest `count` badges, newest first."""
    rows = conn.execute(
        select(journal_event)
        .where(
            journal_event.c.organisation_id == organisation_id,
            journal_event.c.site_id == site_id,
            journal_event.c.at_ms.is_not(None),
            journal_event.c.kind.in_([kind.value for kind in _SHOWN]),
        )
        .order_by(journal_event.c.at_ms.desc(), journal_event.c.id.desc())
        .limit(count * _EVENTS_PER_BADGE)
    ).all()
    events = [
        DoorEvent(
            key=f"{row.gateway_id}-{row.id}",
            kind=row.kind,
            at_ms=row.at_ms,
            door=row.door or row.reader or "",
            member=row.member,
            reason=row.reason,
            flags=row.flags,
            way=row.way,
        )
        for row in reversed(rows)
    ]
    names = _short_names(conn, organisation_id, {event.member for event in events if event.member})
    return tuple(badges(events, names)[:count])


def badges(events: Iterable[DoorEvent], names: dict[str, tuple[int, str]]) -> list[BadgeView]:
    """Badges from events in the order in which they happened; newest first. Pure."""
    made: list[BadgeView] = []
    # Door and way → the grant nobody has used yet: one lane, but who comes in is not who goes out.
    waiting: dict[tuple[str, str | None], int] = {}
    for event in events:
        match event.kind:
            case EventKind.GRANTED:
                waiting[event.door, event.way] = len(made)
                made.append(_badge(event, Outcome.OPENED, names))
            case EventKind.DENIED:
                made.append(_badge(event, Outcome.DENIED, names))
            case EventKind.PASSAGE | EventKind.GRANT_NOT_USED:
                told = (event.door, event.way)
                grant = waiting.pop(told if told in waiting else (event.door, None), None)
                if grant is not None:
                    passed = event.kind == EventKind.PASSAGE
                    made[grant] = replace(made[grant], outcome=Outcome.PASSED if passed else Outcome.NOT_USED)
    return made[::-1]


def short_name(first_name: str, last_name: str) -> str:
    """A given name and an initial: enough to greet somebody, too little for a passer-by."""
    return f"{first_name} {last_name[:1]}.".strip() if last_name else first_name


def _badge(event: DoorEvent, outcome: Outcome, names: dict[str, tuple[int, str]]) -> BadgeView:
    member_id, who = names.get(event.member or "", (None, None))
    return BadgeView(
        key=event.key,
        at_ms=event.at_ms,
        door=event.door,
        who=who,
        member_id=member_id,
        outcome=outcome,
        reason=_known(event.reason),
        flags=tuple(GrantFlag(flag) for flag in event.flags.split(",") if flag in set(GrantFlag) - SILENT),
    )


def _known(reason: str | None) -> DenyReason | None:
    """A newer gateway may give a reason this version does not know; the badge is shown all the same."""
    return DenyReason(reason) if reason in set(DenyReason) else None


def _short_names(
    conn: Connection, organisation_id: int, members: Sequence[str] | set[str]
) -> dict[str, tuple[int, str]]:
    ids = [int(one) for one in members if one.isdecimal()]
    rows = conn.execute(
        select(member.c.id, member.c.first_name, member.c.last_name).where(
            member.c.organisation_id == organisation_id, member.c.id.in_(ids)
        )
    )
    return {str(row.id): (row.id, short_name(row.first_name, row.last_name)) for row in rows}
