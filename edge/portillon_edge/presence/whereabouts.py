"""The presence book at the doors of one gateway: asked at each badge, told of each grant's end. Pure.

Where the feed has no rule for any zone nothing is asked, kept or written; what was kept is forgotten once such rows are
gone. It is written down in quiet moments: a power cut may forget the passages of the last SAVE_NS, and the book heals
from them as from any passage that nobody saw.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.presence import Presence
from portillon_wire.presence import ZONES_MAX, Unseen

from portillon_edge.domain.events import EventTime, Way
from portillon_edge.presence.book import FreeDoor, Journey, Moment, Nobodies
from portillon_edge.presence.memory import PresenceMemory
from portillon_edge.presence.news import PresenceHeard

SAVE_NS = 5_000_000_000
"""At most one write to the card in that time."""
_LONG_AGO = -(2**62)
_NOWHERE: Mapping[str, int] = {}


class Whereabouts:
    """Used by one thread only, that of the doors."""

    def __init__(self, memory: PresenceMemory) -> None:
        self._memory = memory
        self._book = memory.load()
        self._saved_ns = _LONG_AGO
        self.fresh_until_ns: int | None = None
        """Until when on the boot clock the site's other gateways count as heard; None: there are none."""

    def presence(self, journey: Journey, site: SiteRules, time: DecisionTime, *, now_ns: int) -> Presence | None:
        """Where somebody is who asks to set out; not fresh from the nanosecond on at which other gateways were heard
        too long ago."""
        moment = _moment(site, time)
        found = None if moment is None else self._book.presence(journey, moment)
        fresh = self.fresh_until_ns is None or now_ns <= self.fresh_until_ns
        return found if found is None or fresh else replace(found, fresh=False)

    def others_in(self, journey: Journey, site: SiteRules, time: DecisionTime) -> int:
        """How many others are in the zone of the door."""
        moment = _moment(site, time)
        return 0 if moment is None else self._book.others_in(journey.zone, journey.member, moment)

    def inside(self, zone: str, site: SiteRules, time: DecisionTime) -> frozenset[str]:
        """The members who are in the zone."""
        moment = _moment(site, time)
        return frozenset() if moment is None else self._book.inside(zone, moment)

    def counts(self, site: SiteRules, time: DecisionTime) -> Mapping[str, int]:
        """How many are in each zone."""
        moment = _moment(site, time)
        return _NOWHERE if moment is None else self._book.counts(moment)

    def granted(self, journey: Journey, site: SiteRules, time: DecisionTime) -> None:
        """They may pass."""
        if _moment(site, time) is not None:
            self._book.sets_out(journey)

    def not_used(self, journey: Journey) -> None:
        """Nobody passed on the grant."""
        self._book.turns_back(journey)

    def passed(self, journey: Journey, site: SiteRules, time: DecisionTime) -> None:
        """The grant's passage."""
        moment = _moment(site, time)
        if moment is None:
            self._book.turns_back(journey)
        else:
            self._book.passes(journey, moment)

    def nobody_passed(self, zone: str, way: Way, site: SiteRules, time: DecisionTime) -> None:
        """Somebody went through without a grant."""
        moment = _moment(site, time)
        if moment is not None:
            self._book.nobody_passes(zone, way, moment)

    def door_stands(self, door: str, zone: str, *, free: bool, site: SiteRules, time: DecisionTime) -> None:
        """From now on a door of that zone stands free, or no longer does."""
        moment = _moment(site, time)
        if moment is not None:
            self._book.door_stands(door, zone, free=free, moment=moment)

    def heard(self, news: PresenceHeard, site: SiteRules, time: DecisionTime) -> None:
        """Other gateways of the site told what they saw; a site with one gateway always hears all."""
        self.fresh_until_ns = news.fresh_until_ns
        moment = _moment(site, time)
        if moment is None:
            return
        for one in news.seen:
            way = Way.EXIT if one.left else Way.ENTRY
            self._book.hears(one.member, one.zone, way, at_ms=one.at_ms, moment=moment)
        if news.unseen is not None:
            self._book.hears_of_nobodies((one.zone, Nobodies(one.count, one.at_ms)) for one in news.unseen if one.count)
            self._book.hears_of_free_doors(_free_doors(news.unseen))

    def unseen(self, site: SiteRules, time: DecisionTime) -> tuple[Unseen, ...]:
        """What the other gateways are to be told: who came and went here without a card."""
        moment = _moment(site, time)
        if moment is None:
            return ()
        counted, free = self._book.nobodies(moment), self._book.free_doors()
        return tuple(_unseen(zone, counted.get(zone), free.get(zone)) for zone in sorted({*counted, *free})[:ZONES_MAX])

    def tidy(self, site: SiteRules, now: EventTime) -> None:
        """In a quiet moment: write down what happened."""
        if site.policy is not None and not site.zones and not self._book.empty:
            self._book.forget()
        if now.boot_ns - self._saved_ns >= SAVE_NS:
            self._saved_ns = now.boot_ns
            self.save()

    def save(self) -> None:
        """Write down what happened, now."""
        self._memory.save(self._book)

    def take_alarms(self) -> list[str]:
        """What happened to the memory since the last call, for the journal."""
        return self._memory.take_alarms()


def _unseen(zone: str, counted: Nobodies | None, free: FreeDoor | None) -> Unseen:
    return Unseen(
        zone=zone,
        count=counted.count if counted else 0,
        at_ms=counted.at_ms if counted else 0,
        free_ms=free.at_ms if free else None,
        free=free is not None and free.still,
    )


def _free_doors(unseen: Iterable[Unseen]) -> dict[str, FreeDoor]:
    """Of several gateways: whoever's door stands free still, or did so last."""
    doors: dict[str, FreeDoor] = {}
    for one in unseen:
        if one.free_ms is not None:
            before = doors.get(one.zone, FreeDoor(0, False))
            doors[one.zone] = FreeDoor(max(before.at_ms, one.free_ms), before.still or one.free)
    return doors


def _moment(site: SiteRules, time: DecisionTime) -> Moment | None:
    """None: nothing is to be known; no zone has a rule, or nobody knows what time it is."""
    if not site.zones or site.policy is None or time.quality is TimeQuality.UNKNOWN:
        return None
    return Moment(site.zones, site.policy.time_zone, time.business_ms)
