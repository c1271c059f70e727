"""Who may be sharing their pass, by what the doors saw. Derived from the journals whenever somebody asks, never stored:
a journal that comes days late takes its place, whatever was asked before.

Each suspicion is a pair of events of one member, the later of which somebody else may have caused:

1. impossible travel   passages at two sites, less than TRAVEL_MS_MIN apart
2. hand-back           somebody enters, and the same member enters (or is refused by anti-passback) at that same door
                       within HAND_BACK_MS_MAX, without any other passage at the site in between
3. two phones          somebody enters, and the very code or card count that let them in is shown again within
                       TWO_PHONES_MS_MAX, at that same door or at another site. At an inner door it is the holder.

Only events whose time is certain are compared. One pair may be a jacket left in the car; the number of them tells.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from portillon_rules.decision import TimeQuality
from portillon_rules.reason import DenyReason
from portillon_wire.messages import EventKind, Way
from sqlalchemy import Connection, Row, and_, func, or_, select

from portillon_cloud.attendance.tables import journal_event

TRAVEL_MS_MIN = 10 * 60_000
"""Two sites of one gym are further apart than a warm-up. Sites next door to each other are one site with two doors."""
HAND_BACK_MS_MAX = 2 * 60_000
"""To change one's mind outside takes longer than to hand a card over a gate."""
TWO_PHONES_MS_MAX = 2 * 60_000
"""Longer than any code of a phone is valid, so that no picture of one is missed."""
WINDOW_MS = max(TRAVEL_MS_MIN, HAND_BACK_MS_MAX, TWO_PHONES_MS_MAX)
REPLAYED = (DenyReason.PASS_REPLAYED, DenyReason.COUNTER_REPLAYED)


class Sharing(StrEnum):
    """What was noticed."""

    IMPOSSIBLE_TRAVEL = "impossible_travel"
    HAND_BACK = "hand_back"
    TWO_PHONES = "two_phones"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One member at one door: a passage (`reason` None), or a refusal. `at_ms`: business time."""

    id: int
    member: str
    at_ms: int
    site_id: int
    door: str
    credential: str | None = None
    leaving: bool = False
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What was noticed, and the two events that do not fit one person with one pass."""

    kind: Sharing
    first: Seen
    second: Seen


def suspicions(seen: Iterable[Seen]) -> Iterator[Suspicion]:
    """All suspicions about one member's events, by the time of the second event; their order does not matter. Pure."""
    passages: list[Seen] = []
    for now in sorted(seen, key=lambda one: (one.at_ms, one.id)):
        passages = [one for one in passages if now.at_ms - one.at_ms <= WINDOW_MS]
        here = [one for one in passages if one.site_id == now.site_id]
        if now.reason is None:
            if passages and _too_far(passages[-1], now):
                yield Suspicion(Sharing.IMPOSSIBLE_TRAVEL, passages[-1], now)
            if here and _handed_back(here[-1], now):
                yield Suspicion(Sharing.HAND_BACK, here[-1], now)
            passages.append(now)
        elif now.reason == DenyReason.PASSBACK:
            if here and _handed_back(here[-1], now):
                yield Suspicion(Sharing.HAND_BACK, here[-1], now)
        elif now.reason in REPLAYED:
            first = next((one for one in reversed(passages) if _same_code(one, now)), None)
            if first is not None:
                yield Suspicion(Sharing.TWO_PHONES, first, now)


def shared_passes(
    conn: Connection, organisation_id: int, *, from_ms: int, until_ms: int, members: Collection[str] | None = None
) -> Sequence[Suspicion]:
    """The organisation's (or these members') suspicions over the half-open business time, newest first."""
    event = journal_event.c
    by_time = (event.at_ms, event.id)
    relevant = (
        select(
            event.id,
            event.member,
            event.at_ms,
            event.site_id,
            event.door,
            event.credential,
            event.way,
            event.reason,
            event.kind,
            func.lag(event.at_ms).over(partition_by=event.member, order_by=by_time).label("before_ms"),
            func.lead(event.at_ms).over(partition_by=event.member, order_by=by_time).label("after_ms"),
        )
        .where(
            event.organisation_id == organisation_id,
            event.member.is_not(None) if members is None else event.member.in_(members),
            event.door.is_not(None),
            # What happened just before the span may be the first of a pair.
            event.at_ms >= from_ms - WINDOW_MS,
            event.at_ms < until_ms,
            or_(event.quality == TimeQuality.CERTAIN, event.dated_by == "anchor"),
            or_(
                event.kind == EventKind.PASSAGE,
                and_(event.kind == EventKind.DENIED, event.reason.in_((DenyReason.PASSBACK, *REPLAYED))),
            ),
        )
        .subquery()
    )
    near = relevant.c
    # The database drops whoever came and went as people do: one passage in ten minutes suspects nobody.
    rows = conn.execute(
        select(relevant)
        .where(or_(near.at_ms - near.before_ms <= WINDOW_MS, near.after_ms - near.at_ms <= WINDOW_MS))
        .order_by(near.member, near.at_ms, near.id)
    )
    found = [
        one
        for _, theirs in groupby((_seen(row) for row in rows), key=lambda one: one.member)
        for one in suspicions(theirs)
        if one.second.at_ms >= from_ms
    ]
    return sorted(found, key=lambda one: (one.second.at_ms, one.second.id), reverse=True)


def _seen(row: Row[Any]) -> Seen:
    return Seen(
        id=row.id,
        member=row.member,
        at_ms=row.at_ms,
        site_id=row.site_id,
        door=row.door,
        credential=row.credential,
        leaving=row.way == Way.EXIT,
        reason=row.reason if row.kind == EventKind.DENIED else None,
    )


def _too_far(first: Seen, second: Seen) -> bool:
    return first.site_id != second.site_id and second.at_ms - first.at_ms < TRAVEL_MS_MIN


def _handed_back(first: Seen, second: Seen) -> bool:
    same_way_in = first.door == second.door and not first.leaving and not second.leaving
    return same_way_in and second.at_ms - first.at_ms <= HAND_BACK_MS_MAX


def _same_code(first: Seen, second: Seen) -> bool:
    if first.credential is None or first.credential != second.credential or first.leaving or second.leaving:
        return False
    suspect_place = first.site_id != second.site_id or first.door == second.door
    return suspect_place and second.at_ms - first.at_ms <= TWO_PHONES_MS_MAX
