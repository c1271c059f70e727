"""Who is in which zone, as far as this gateway saw it or heard of it. Pure. Its promises:

1. A passage moves its member, in the way that its reader or lane told: in, or out into the zone that lies around. A
   grant on which nobody passed moves nobody.
2. From grant to passage a member who enters is on the way: at any other door, or with any other credential, they count
   as in already, and their place in the zone is taken. So neither is one card two entries, nor one place two people's.
3. Passages of nobody (free way out, lane that stands free, somebody against the way) are counted, where their way is
   known. The count of a zone is its members and these, with those of all zones within it, and never less than none.
4. The count heals: whoever enters and was in already had left unseen, whoever leaves and was not in had come unseen,
   and either sets right one passage of nobody. At the reset hour, or after the longest stay, everybody counts as gone.
5. Of two things known of a member the later one holds, whoever saw it; at the same instant, what was seen here. So
   nothing depends on the order in which other gateways are heard, nor on how often. What lies in the future was seen
   before the clock was turned back, and yields. What other gateways counted of nobody is part of the count.
6. A member of whom the book has nothing is outside, once it has watched for a day; before that, nobody knows.
7. While a door of a zone stands free (schedule, order, fire) people come and go unseen. Where anybody is who could have
   used it is not known, until they are seen after its end; whoever was outside is, a day later. Nobody is shut out for
   having run from a fire, by whichever gateway's door.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from portillon_rules.presence import FUTURE_MS_MAX, Presence, gone_by_ms
from portillon_rules.zone_rule import ZoneRule, chain, lies_in

from portillon_edge.domain.events import Way

MEMBERS_MAX = 50_000
"""Kept at most, some 10 MB; past it the longest unseen are forgotten, and count as outside."""
WATCHED_MS = 86_400_000
"""Nobody is inside for longer without having passed a door."""
SWEEP_MS = 1_000
"""So late may a count learn of a reset hour; what stands against a member is judged to the millisecond."""


@dataclass(frozen=True, slots=True)
class Place:
    """In `zone` (None: outside) since business time `since_ms`."""

    zone: str | None
    since_ms: int


@dataclass(frozen=True, slots=True)
class Nobodies:
    """How many more came in unseen than went out unseen (negative: fewer), changed last at business time `at_ms`."""

    count: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class FreeDoor:
    """A door of a zone stood free until business time `at_ms`, or does so since then (`still`)."""

    at_ms: int
    still: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """When something is asked or told, and the rules that hold then."""

    zones: Mapping[str, ZoneRule]
    time_zone: str
    now_ms: int

    def around(self, zone: str) -> str | None:
        """The zone from which one enters that one."""
        rule = self.zones.get(zone)
        return rule.within if rule else None


@dataclass(frozen=True, slots=True)
class Journey:
    """A grant until it ends: with this credential, through this door of `zone`, that way."""

    member: str
    credential: str
    door: str
    zone: str
    way: Way

    @property
    def key(self) -> tuple[str, str, Way]:
        """A machine has one grant at most for it."""
        return self.door, self.credential, self.way


@dataclass(slots=True)
class Changes:
    """What a file must learn; None: nothing is known any more. `began_ms`: since when the book watches."""

    members: dict[str, Place | None] = field(default_factory=dict)
    nobodies: dict[str, Nobodies | None] = field(default_factory=dict)
    doubts: dict[str, int | None] = field(default_factory=dict)
    began_ms: int | None = None

    def __bool__(self) -> bool:
        return bool(self.members or self.nobodies or self.doubts)


class PresenceBook:
    """Of one gateway. Used by one thread only, that of the doors."""

    def __init__(
        self,
        members: Iterable[tuple[str, Place]] = (),
        nobodies: Mapping[str, Nobodies] | None = None,
        doubts: Mapping[str, int] | None = None,
        began_ms: int | None = None,
    ) -> None:
        """With what a file has kept, the longest unseen member first."""
        self._members = dict(members)
        self._nobodies = dict(nobodies or {})
        self._elsewhere: tuple[tuple[str, Nobodies], ...] = ()
        self._free_elsewhere: Mapping[str, FreeDoor] = {}
        self._doubts = dict(doubts or {})
        self._free: dict[str, set[str]] = {}
        self._began_ms = began_ms
        self._counted: dict[str, dict[str, int]] = {}
        for member, place in self._members.items():
            self._count(member, place)
        self._journeys: dict[tuple[str, str, Way], Journey] = {}
        self._changes = Changes()
        self._swept: tuple[Mapping[str, ZoneRule], int] | None = None

    # What the rules ask ---------------------------------------------------------------------------------------------

    def presence(self, journey: Journey, moment: Moment) -> Presence | None:
        """Where somebody is who would set out; None: nobody knows."""
        began_ms = self._begin(moment)
        known = self._known(journey, moment, began_ms)
        reached = {*chain(journey.zone, moment.zones), *chain(known.zone, moment.zones)}
        stood_free = [door for zone, door in self._free_elsewhere.items() if zone in reached]
        if any(self._free.get(zone) for zone in reached) or any(door.still for door in stood_free):
            return None
        doubt_ms = max([self._doubts.get(zone, 0) for zone in reached] + [door.at_ms for door in stood_free])
        if known.zone is None:
            doubt_ms = max(doubt_ms, began_ms)
            return None if known.since_ms <= doubt_ms and moment.now_ms - doubt_ms < WATCHED_MS else known
        return None if known.since_ms <= doubt_ms else known

    def others_in(self, zone: str, member: str, moment: Moment) -> int:
        """How many but `member` are in the zone, or on their way into it."""
        self._sweep(moment)
        places = [members for place, members in self._counted.items() if lies_in(place, zone, moment.zones)]
        coming = {j.member for j in self._journeys.values() if _enters(j, zone, moment)}
        coming = {one for one in coming if not any(one in members for members in places)}
        inside = sum(len(members) - (member in members) for members in places)
        counted = (*self._nobodies.items(), *self._elsewhere)
        nobodies = sum(one.count for place, one in counted if lies_in(place, zone, moment.zones))
        return max(0, inside + len(coming - {member}) + nobodies)

    def inside(self, zone: str, moment: Moment) -> frozenset[str]:
        """The members who are in the zone."""
        self._sweep(moment)
        places = (members for place, members in self._counted.items() if lies_in(place, zone, moment.zones))
        return frozenset().union(*places)

    def counts(self, moment: Moment) -> dict[str, int]:
        """How many are in each zone that has a rule or anybody in it."""
        known = dict.fromkeys(
            name
            for place in (*self._counted, *self._nobodies, *(zone for zone, _ in self._elsewhere))
            for name in chain(place, moment.zones)
        )
        return {zone: self.others_in(zone, "", moment) for zone in sorted(known)}

    def nobodies(self, moment: Moment) -> dict[str, Nobodies]:
        """How many were counted here in each zone of whom nobody knows who they are."""
        self._sweep(moment)
        return dict(self._nobodies)

    def free_doors(self) -> dict[str, FreeDoor]:
        """The zones of which a door of this gateway stands free, or stood so last."""
        return {zone: FreeDoor(at_ms, bool(self._free.get(zone))) for zone, at_ms in self._doubts.items()}

    # What happens ---------------------------------------------------------------------------------------------------

    def sets_out(self, journey: Journey) -> None:
        """Somebody was granted."""
        self._journeys[journey.key] = journey

    def turns_back(self, journey: Journey) -> None:
        """The grant ended, and nobody passed on it."""
        self._journeys.pop(journey.key, None)

    def passes(self, journey: Journey, moment: Moment) -> None:
        """The grant's passage."""
        self._journeys.pop(journey.key, None)
        self._sweep(moment)
        around = moment.around(journey.zone)
        start, end = (around, journey.zone) if journey.way is Way.ENTRY else (journey.zone, around)
        was = self._where_counted(journey.member)
        from_start = start is not None and lies_in(was, start, moment.zones)
        if start is not None and not from_start and self._balance(start) > 0:
            self._add(start, -1, moment)
        if was is not None:
            self._left_unseen(was, start if from_start else None, moment)
        self._put(journey.member, Place(end, moment.now_ms))

    def nobody_passes(self, zone: str, way: Way, moment: Moment) -> None:
        """Somebody went through a door of that zone without a grant."""
        self._begin(moment)
        around = moment.around(zone)
        start, end = (around, zone) if way is Way.ENTRY else (zone, around)
        counted = start is not None and self.others_in(start, "", moment) > 0
        if way is Way.EXIT and not counted:
            return  # they had come in unseen, and leave no count
        if start is not None and counted:
            self._add(start, -1, moment)
        if end is not None:
            self._add(end, +1, moment)

    def door_stands(self, door: str, zone: str, *, free: bool, moment: Moment) -> None:
        """From now on a door of that zone stands free, or no longer does."""
        doors = self._free.setdefault(zone, set())
        (doors.add if free else doors.discard)(door)
        self._doubts[zone] = self._changes.doubts[zone] = moment.now_ms

    def hears(self, member: str, zone: str, way: Way, *, at_ms: int, moment: Moment) -> None:
        """Another gateway saw that member pass a door of that zone."""
        known = self._members.get(member)
        if known is None or known.since_ms < at_ms or known.since_ms > moment.now_ms + FUTURE_MS_MAX:
            self._put(member, Place(zone if way is Way.ENTRY else moment.around(zone), at_ms))

    def hears_of_nobodies(self, counted: Iterable[tuple[str, Nobodies]]) -> None:
        """All that the other gateways counted of nobody."""
        self._elsewhere = tuple(counted)
        self._swept = None

    def hears_of_free_doors(self, doors: Mapping[str, FreeDoor]) -> None:
        """All the zones of which a door of another gateway stands free, or stood so last, and since or until when."""
        self._free_elsewhere = doors

    def forget(self) -> None:
        """Nobody asks any more: whoever begins anew begins with nothing."""
        self._changes.members.update(dict.fromkeys(self._members))
        self._changes.nobodies.update(dict.fromkeys(self._nobodies))
        self._changes.doubts.update(dict.fromkeys(self._doubts))
        self._members.clear()
        self._nobodies.clear()
        self._elsewhere = ()
        self._free_elsewhere = {}
        self._doubts.clear()
        self._free.clear()
        self._counted.clear()
        self._journeys.clear()
        self._began_ms = self._changes.began_ms = None

    # What is kept -----------------------------------------------------------------------------------------------------

    @property
    def empty(self) -> bool:
        """Whether there is nothing to forget."""
        return not (self._members or self._nobodies or self._doubts) and self._began_ms is None

    def take_changes(self) -> Changes:
        """What happened since the last call."""
        taken, self._changes = self._changes, Changes()
        taken.began_ms = self._began_ms
        return taken

    def everything(self) -> Changes:
        """All of it, for a new file."""
        self._changes = Changes()
        return Changes(dict(self._members), dict(self._nobodies), dict(self._doubts), self._began_ms)

    def _known(self, journey: Journey, moment: Moment, began_ms: int) -> Presence:
        for other in self._journeys.values():
            if other.member == journey.member and other.way is Way.ENTRY and other.key != journey.key:
                return Presence(other.zone, moment.now_ms)
        place = self._members.get(journey.member, Place(None, began_ms))
        return Presence(place.zone, place.since_ms)

    # Counting ---------------------------------------------------------------------------------------------------------

    def _begin(self, moment: Moment) -> int:
        if self._began_ms is None:
            self._began_ms = moment.now_ms
        return self._began_ms

    def _put(self, member: str, place: Place) -> None:
        if (was := self._where_counted(member)) is not None:
            del self._counted[was][member]
        self._members.pop(member, None)  # so that the last to be seen is the last in line
        if len(self._members) >= MEMBERS_MAX:
            self._forget(next(iter(self._members)))
        self._members[member] = self._changes.members[member] = place
        self._count(member, place)

    def _forget(self, member: str) -> None:
        if (was := self._where_counted(member)) is not None:
            del self._counted[was][member]
        del self._members[member]
        self._changes.members[member] = None

    def _count(self, member: str, place: Place) -> None:
        if place.zone is not None:
            self._counted.setdefault(place.zone, {})[member] = place.since_ms

    def _where_counted(self, member: str) -> str | None:
        place = self._members.get(member)
        if place is None or place.zone is None or member not in self._counted.get(place.zone, {}):
            return None
        return place.zone

    def _balance(self, zone: str) -> int:
        """How many more came unseen than left unseen, at all gateways."""
        return sum(one.count for place, one in (*self._nobodies.items(), *self._elsewhere) if place == zone)

    def _add(self, zone: str, change: int, moment: Moment) -> None:
        before = self._nobodies.get(zone)
        now = Nobodies((before.count if before else 0) + change, moment.now_ms)
        self._nobodies[zone] = self._changes.nobodies[zone] = now

    def _left_unseen(self, was: str, until: str | None, moment: Moment) -> None:
        """A member went from `was` to `until` (None: outside) among nobodies: set right what these were counted as."""
        for zone in _up_to(until, chain(was, moment.zones)):
            if self._balance(zone) < 0:
                self._add(zone, +1, moment)
                if (around := moment.around(zone)) is not None:
                    self._add(around, -1, moment)

    def _sweep(self, moment: Moment) -> None:
        """Whoever counts as gone is counted no more. Where they were is still known: the rules judge its worth."""
        if self._swept and self._swept[0] is moment.zones and 0 <= moment.now_ms - self._swept[1] < SWEEP_MS:
            return
        self._swept = moment.zones, moment.now_ms
        for zone in {*self._counted, *self._nobodies}:
            gone_ms = _gone_ms(zone, moment)
            members = self._counted.get(zone, {})
            for member in [member for member, since_ms in members.items() if since_ms < gone_ms]:
                del members[member]
            if zone in self._nobodies and self._nobodies[zone].at_ms < gone_ms:
                del self._nobodies[zone]
                self._changes.nobodies[zone] = None
        self._elsewhere = tuple((zone, one) for zone, one in self._elsewhere if one.at_ms >= _gone_ms(zone, moment))


def _gone_ms(zone: str, moment: Moment) -> int:
    return gone_by_ms(zone, moment.zones, now_ms=moment.now_ms, time_zone=moment.time_zone)


def _enters(journey: Journey, zone: str, moment: Moment) -> bool:
    return journey.way is Way.ENTRY and lies_in(journey.zone, zone, moment.zones)


def _up_to(end: str | None, zones: Iterator[str]) -> Iterator[str]:
    return takewhile(lambda zone: zone != end, zones)
