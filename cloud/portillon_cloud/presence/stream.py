"""Tell the gateways of a site what the others saw: numbered as it is stored, one row for each member (PROTOCOL.md).

1. A passage is shared if its member, way, zone and instant are known, and it is neither a day old nor in the future.
2. Of two passages of a member the later one is kept; one that is in the future was there before the clock was turned.
3. What is new is numbered under the site's lock, in the transaction that stores the journal; so whoever has heard of a
   number can hear of every number before it. It goes to the site's other gateways as soon as that has committed.
4. A gateway that says how far it has heard gets all that still counts after it, some messages at a time, and with the
   last of them up to when the others have told everything. From the beginning it also gets back what it told itself:
   its card may be a new one.
5. Sites with one gateway, or without rules for zones, keep nothing.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind, JournalEvent, Way
from portillon_wire.presence import PASSAGES_MAX, UNSEEN_MAX, PresenceNews, PresenceReport, Seen, Unseen
from portillon_wire.signature import SigningKey, sign
from sqlalchemy import Connection, Row, bindparam, delete, exists, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.attendance.content import Sender
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.gateways import outgoing
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.tables import feed_state, gateway
from portillon_cloud.presence.tables import gateway_presence, member_presence, site_presence
from portillon_cloud.zones.tables import zone_rule

KEPT_MS = 86_400_000
"""As long as a gateway watches before it believes that whoever was not seen is outside (portillon_edge.presence)."""
AHEAD_MS_MAX = 120_000
"""A gateway's clock may be ahead by a step that it would adopt; what is further ahead is not believed."""
PARTS_MAX = 10
"""Messages in one answer: 2,000 members. Whoever needs more asks again at once."""
PRUNE_EVERY = 256
"""Numbers between two looks for what is a day old."""


# Built once: they run for every report.
_EPOCH = select(feed_state.c.epoch).where(feed_state.c.gateway_id == bindparam("gateway"))
_HEAD = select(site_presence.c.sequence).where(site_presence.c.site_id == bindparam("site")).with_for_update()
_OTHERS = (
    select(
        gateway.c.id,
        gateway_presence.c.told_ms,
        gateway_presence.c.unseen,
        gateway_presence.c.gateway_id.is_not(None).label("listens"),
    )
    .outerjoin(gateway_presence, gateway_presence.c.gateway_id == gateway.c.id)
    .where(
        gateway.c.site_id == bindparam("site"), gateway.c.id != bindparam("gateway"), gateway.c.revoked_at_ms.is_(None)
    )
    .order_by(gateway.c.id)
)

T = TypeVar("T")


class _Passage(NamedTuple):
    at_ms: int
    event: JournalEvent

    @property
    def order(self) -> tuple[int, int]:
        """The later one is the higher; within an instant the journal knows."""
        return self.at_ms, self.event.sequence


def share(
    conn: Connection,
    key: SigningKey,
    events: Sequence[JournalEvent],
    *,
    fresh: Collection[int],
    sender: Sender,
    journal_id: str,
    now_ms: int,
) -> list[Outgoing]:
    """Keep what the `fresh` ones of these events say of where members are; what the other gateways are to be told.

    `now_ms`: business time. Nothing may be locked after it that somebody else holds who waits for the site.
    """
    wanted = set(fresh)
    passages = [event for event in events if event.sequence in wanted and _tells(event)]
    if not passages or not (others := _others(conn, sender.site_id, sender.gateway_id)):
        return []
    if not conn.execute(select(exists().where(zone_rule.c.site_id == sender.site_id))).scalar():
        return []
    latest: dict[str, _Passage] = {}
    for one in _dated(conn, passages, sender, journal_id):
        if now_ms - KEPT_MS <= one.at_ms <= now_ms + AHEAD_MS_MAX:
            before = latest.get(str(one.event.member))
            if before is None or before.order < one.order:
                latest[str(one.event.member)] = one
    if not latest:
        return []
    sequence = _lock(conn, sender)
    news = _new(conn, latest, sender, now_ms)
    if not news:
        return []
    _keep(conn, news, sender, sequence)
    through = sequence + len(news)
    conn.execute(update(site_presence).where(site_presence.c.site_id == sender.site_id).values(sequence=through))
    if sequence // PRUNE_EVERY != through // PRUNE_EVERY:
        place = member_presence.c
        conn.execute(delete(member_presence).where(place.site_id == sender.site_id, place.at_ms < now_ms - KEPT_MS))
    return [
        message
        for other in others
        if other.listens
        for message in _pushed(conn, key, other.id, sender.site_id, news, before=sequence, others=len(others))
    ]


def answer(conn: Connection, key: SigningKey, who: Row[Any], report: PresenceReport, *, now_ms: int) -> list[Outgoing]:
    """Remember what the gateway `who` has told, and tell it what it has not heard. `now_ms`: real time."""
    in_step = _take(conn, who, report, now_ms)
    others = _others(conn, who.site_id, who.id)
    if not others:
        return [_news(key, who.id, after=0, through=0, others=0)]
    head = conn.execute(_HEAD, {"site": who.site_id}).scalar() or 0
    after = report.through if in_step and report.through <= head else 0
    place = member_presence.c
    rows = conn.execute(
        select(member_presence)
        .where(place.site_id == who.site_id, place.sequence > after, *([place.gateway_id != who.id] if after else []))
        .order_by(place.sequence)
        .limit(PASSAGES_MAX * PARTS_MAX + 1)
    ).all()
    more = len(rows) > PASSAGES_MAX * PARTS_MAX
    parts = _parts(rows[: PASSAGES_MAX * PARTS_MAX]) or [()]
    messages = []
    for number, part in enumerate(parts, 1):
        last = number == len(parts)
        through = head if last and not more else part[-1].sequence
        told = {"heard_ms": _heard_ms(others), "unseen": _unseen(others)} if last and not more else {}
        seen = [_seen(row.member, row.zone, row.way, row.at_ms) for row in part]
        messages.append(
            _news(key, who.id, after=after, through=through, seen=seen, others=len(others), more=last and more, **told)
        )
        after = through
    return messages


def _tells(event: JournalEvent) -> bool:
    return event.kind == EventKind.PASSAGE and None not in (event.member, event.zone, event.way)


def _others(conn: Connection, site_id: int, gateway_id: str) -> Sequence[Row[Any]]:
    """The site's other gateways in service, and what each has told; one that never told anything does not listen."""
    return conn.execute(_OTHERS, {"site": site_id, "gateway": gateway_id}).all()


def _dated(conn: Connection, passages: Sequence[JournalEvent], sender: Sender, journal_id: str) -> Iterable[_Passage]:
    """Each with its instant, as the gateway knew it for certain or as it was dated since; else it is left out."""
    unsure = [event.sequence for event in passages if event.at.quality is not TimeQuality.CERTAIN]
    dated: dict[int, int] = {}
    if unsure:
        event = journal_event.c
        rows = conn.execute(
            select(event.sequence, event.at_ms).where(
                event.gateway_id == sender.gateway_id,
                event.journal_id == journal_id,
                event.sequence.in_(unsure),
                event.dated_by == "anchor",
                event.at_ms.is_not(None),
            )
        )
        dated = {row.sequence: row.at_ms for row in rows}
    for one in passages:
        at_ms = one.at.business_ms if one.at.quality is TimeQuality.CERTAIN else dated.get(one.sequence)
        if at_ms is not None:
            yield _Passage(at_ms, one)


def _lock(conn: Connection, sender: Sender) -> int:
    """Hold the site until the transaction ends; the last number that was given."""
    found = conn.execute(_HEAD, {"site": sender.site_id}).scalar()
    if found is None:
        first = {"site_id": sender.site_id, "organisation_id": sender.organisation_id, "sequence": 0}
        conn.execute(_insert(conn)(site_presence).values(first).on_conflict_do_nothing())
        found = conn.execute(_HEAD, {"site": sender.site_id}).scalar_one()
    return int(found)


def _new(conn: Connection, latest: dict[str, _Passage], sender: Sender, now_ms: int) -> list[_Passage]:
    """What is later than what is kept, in the order in which it happened."""
    place = member_presence.c
    known = {
        row.member: row
        for row in conn.execute(
            select(place.member, place.at_ms, place.gateway_id).where(
                place.site_id == sender.site_id, place.member.in_(latest)
            )
        )
    }

    def counts(member: str, one: _Passage) -> bool:
        before = known.get(member)
        if before is None or before.at_ms < one.at_ms or before.at_ms > now_ms + AHEAD_MS_MAX:
            return True
        return bool(before.at_ms == one.at_ms and before.gateway_id == sender.gateway_id)

    return sorted((one for member, one in latest.items() if counts(member, one)), key=lambda one: one.order)


def _keep(conn: Connection, news: Sequence[_Passage], sender: Sender, sequence: int) -> None:
    insert = _insert(conn)(member_presence)
    changed = ("gateway_id", "zone", "way", "at_ms", "sequence")
    conn.execute(
        insert.on_conflict_do_update(
            index_elements=["site_id", "member"], set_={name: insert.excluded[name] for name in changed}
        ),
        [
            {
                "site_id": sender.site_id,
                "member": one.event.member,
                "organisation_id": sender.organisation_id,
                "gateway_id": sender.gateway_id,
                "zone": one.event.zone,
                "way": one.event.way,
                "at_ms": one.at_ms,
                "sequence": number,
            }
            for number, one in enumerate(news, sequence + 1)
        ],
    )


def _pushed(
    conn: Connection, key: SigningKey, to: str, site_id: int, news: Sequence[_Passage], *, before: int, others: int
) -> list[Outgoing]:
    """What is new, for one gateway. Its own passages between are nothing to it: they leave no gap."""
    place = member_presence.c
    after = conn.execute(
        select(place.sequence)
        .where(place.site_id == site_id, place.gateway_id != to, place.sequence <= before)
        .order_by(place.sequence.desc())
        .limit(1)
    ).scalar()
    after, messages = after or 0, []
    for part in _parts(news):
        seen = [_seen(str(one.event.member), str(one.event.zone), str(one.event.way), one.at_ms) for one in part]
        before += len(part)
        messages.append(_news(key, to, after=after, through=before, seen=seen, others=others))
        after = before
    return messages


def _take(conn: Connection, who: Row[Any], report: PresenceReport, now_ms: int) -> bool:
    """Whether the report is of the feed's present epoch. Of another one it claims what another cloud was told."""
    epoch = conn.execute(_EPOCH, {"gateway": who.id}).scalar()
    in_step = bool(report.epoch == epoch)
    told_ms = min(report.told_ms, now_ms) if in_step and report.told_ms is not None else None
    insert = _insert(conn)(gateway_presence).values(
        gateway_id=who.id,
        organisation_id=who.organisation_id,
        told_ms=told_ms,
        unseen=[one.model_dump() for one in report.unseen],
    )
    kept = func.coalesce(insert.excluded.told_ms, gateway_presence.c.told_ms)
    conn.execute(
        insert.on_conflict_do_update(
            index_elements=["gateway_id"], set_={"told_ms": kept, "unseen": insert.excluded.unseen}
        )
    )
    return in_step


def _heard_ms(others: Sequence[Row[Any]]) -> int | None:
    told = [other.told_ms for other in others]
    return None if None in told else min(told)


def _unseen(others: Sequence[Row[Any]]) -> list[Unseen]:
    return [Unseen.model_validate(one) for other in others for one in other.unseen or ()][:UNSEEN_MAX]


def _parts(many: Sequence[T]) -> list[Sequence[T]]:
    return [many[first : first + PASSAGES_MAX] for first in range(0, len(many), PASSAGES_MAX)]


def _seen(member: str, zone: str, way: str, at_ms: int) -> Seen:
    return Seen(member=member, zone=zone, left=way == Way.EXIT, at_ms=at_ms)


def _news(key: SigningKey, to: str, **said: Any) -> Outgoing:
    return outgoing.presence(to, sign(PresenceNews(gateway=to, **said), key))


def _insert(conn: Connection) -> Any:
    return sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
