"""From journal events to visits spent, in the transaction that stores the events: each passage once, in any order.

1. A passage spends the visits that its marks name (portillon_rules.visits.Visit); going out spends none.
2. What another turn than the present one, or another gateway, spent changes what the home may still give: the gateways
   are told.
3. A home that refuses its own visits as held elsewhere, or gives them unchecked, has lost its count. Its turn begins
   anew, from what the journal says: see moving.py.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from portillon_rules.reason import DenyReason
from portillon_rules.visits import UNCHECKED, Visit
from portillon_wire.messages import EventKind, JournalEvent, Way
from sqlalchemy import Connection, Row, insert, select, update

from portillon_cloud import outbox
from portillon_cloud.attendance.content import Sender
from portillon_cloud.members.tables import member
from portillon_cloud.visits.tables import visit_allowance, visit_home, visit_spent


def spend(
    conn: Connection, events: Sequence[JournalEvent], *, fresh: Collection[int], sender: Sender, journal_id: str
) -> int:
    """Write down what the `fresh` ones of these events spent; how many visits that was."""
    wanted = set(fresh)
    told = {event.sequence: event for event in events if event.sequence in wanted and _tells(event)}
    marked = [(event, visit) for event in told.values() for visit in _visits(event)]
    refused = [event for event in told.values() if event.kind == EventKind.DENIED]
    if not marked and not refused:
        return 0
    homes = _homes(conn, sender.organisation_id, told.values())
    owners = _owners(conn, sender.organisation_id, [visit for _, visit in marked])
    spent = [(event, visit) for event, visit in marked if str(owners.get(visit.name)) == event.member]
    if spent:
        conn.execute(
            insert(visit_spent),
            [
                {
                    "organisation_id": sender.organisation_id,
                    "allowance_id": int(visit.name),
                    "member_id": owners[visit.name],
                    "turn": visit.turn,
                    "period": visit.period,
                    "gateway_id": sender.gateway_id,
                    "journal_id": journal_id,
                    "sequence": event.sequence,
                }
                for event, visit in spent
            ],
        )
    unchecked = [event for event, visit in spent if visit.turn == UNCHECKED]
    lost = [homes[event.member] for event in (*refused, *unchecked) if _has_lost(event, homes, sender)]
    changed = {
        homes[event.member].account_id for event, visit in spent if not _counts_it(homes[event.member], visit, sender)
    }
    changed |= {home.account_id for home in lost}
    if lost:
        conn.execute(
            update(visit_home)
            .where(visit_home.c.member_id.in_({home.member_id for home in lost}))
            .values(moving_to=visit_home.c.gateway_id, stopped_at_ms=None)
        )
    if changed:
        outbox.accounts_changed(conn, sender.organisation_id, sorted(changed))
    return len(spent)


def _tells(event: JournalEvent) -> bool:
    if event.member is None:
        return False
    if event.kind == EventKind.PASSAGE:
        return event.way is not Way.EXIT
    return event.kind == EventKind.DENIED and event.reason == DenyReason.VISIT_HELD_ELSEWHERE


def _visits(event: JournalEvent) -> list[Visit]:
    """The visits that a passage names, each allowance once."""
    if event.kind != EventKind.PASSAGE:
        return []
    named = (Visit.from_mark(flag) for flag in event.flags)
    return list({visit.name: visit for visit in named if visit is not None and visit.name.isascii()}.values())


def _owners(conn: Connection, organisation_id: int, visits: Iterable[Visit]) -> dict[str, int]:
    """Whose the named allowances are; what is no allowance of this organisation is in nobody's name."""
    ids = {int(visit.name) for visit in visits if visit.name.isdigit()}
    allowance = visit_allowance.c
    rows = conn.execute(
        select(allowance.id, allowance.member_id).where(
            allowance.id.in_(ids), allowance.organisation_id == organisation_id
        )
    )
    return {str(row.id): row.member_id for row in rows}


def _homes(conn: Connection, organisation_id: int, events: Iterable[JournalEvent]) -> dict[str | None, Row[Any]]:
    ids = {int(event.member) for event in events if event.member and event.member.isascii() and event.member.isdigit()}
    home = visit_home.c
    rows = conn.execute(
        select(visit_home, member.c.account_id)
        .join(member, member.c.id == home.member_id)
        .where(home.member_id.in_(ids), home.organisation_id == organisation_id)
        .order_by(home.member_id)
        .with_for_update(of=visit_home)  # no move begins a turn meanwhile without knowing of these
    )
    return {str(row.member_id): row for row in rows}


def _counts_it(home: Row[Any], visit: Visit, sender: Sender) -> bool:
    """Whether the home gave it in its present turn, and so counts it itself."""
    return (home.gateway_id, home.turn) == (sender.gateway_id, visit.turn)


def _has_lost(event: JournalEvent, homes: dict[str | None, Row[Any]], sender: Sender) -> bool:
    """Whether the gateway is the home and did not know it, during the present turn."""
    home = homes.get(event.member)
    if home is None or home.moving_to is not None or home.gateway_id != sender.gateway_id:
        return False
    return event.at.business_ms is not None and event.at.business_ms >= home.since_ms
