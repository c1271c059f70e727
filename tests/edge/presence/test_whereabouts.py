"""Presence at the doors: off without rules, kept in quiet moments, forgotten with the last rule."""

from dataclasses import dataclass, field, replace

from portillon_edge.domain.events import EventTime, Way
from portillon_edge.presence.book import Changes, Journey, PresenceBook
from portillon_edge.presence.news import UNHEARD_NS, PresenceHeard
from portillon_edge.presence.whereabouts import SAVE_NS, Whereabouts
from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.policy import SitePolicy
from portillon_rules.presence import Presence
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.presence import Seen, Unseen

POLICY = SitePolicy(time_zone="America/Toronto")
BARE = SiteRules(POLICY, {})
RULED = SiteRules(POLICY, {}, zones={"gym": ZoneRule(zone="gym")})
TIME = DecisionTime(1_795_000_000_000, TimeQuality.CERTAIN, 1)
IN = Journey(member="anne", credential="c", door="lane1", zone="gym", way=Way.ENTRY)


@dataclass
class Kept:
    """A memory that shows what it was given."""

    book: PresenceBook = field(default_factory=PresenceBook)
    saved: list[Changes] = field(default_factory=list)

    def load(self) -> PresenceBook:
        return self.book

    def save(self, book: PresenceBook) -> None:
        if changes := book.take_changes():
            self.saved.append(changes)

    def take_alarms(self) -> list[str]:
        return ["the disk is full"]


def now(ns: int) -> EventTime:
    return EventTime(boot_id="boot", boot_ns=ns, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)


def test_without_a_rule_nothing_is_asked_kept_or_written() -> None:
    """Nor before the first table, nor while nobody knows the time: today's sites change nothing."""
    kept = Kept()
    whereabouts = Whereabouts(kept)
    unknown = DecisionTime(0, TimeQuality.UNKNOWN, 0)
    for site, time in ((BARE, TIME), (SiteRules(None, {}, zones=RULED.zones), TIME), (RULED, unknown)):
        whereabouts.granted(IN, site, time)
        whereabouts.passed(IN, site, time)
        whereabouts.nobody_passed("gym", Way.ENTRY, site, time)
        assert whereabouts.presence(IN, site, time, now_ns=0) is None
        assert whereabouts.others_in(IN, site, time) == 0
        assert whereabouts.inside("gym", site, time) == frozenset() and whereabouts.counts(site, time) == {}
        whereabouts.tidy(site, now(0))
    assert kept.book.empty and kept.saved == []


def test_a_grant_whose_rule_goes_before_its_end_ends_all_the_same() -> None:
    """Nobody stays on their way for ever."""
    whereabouts = Whereabouts(Kept())
    whereabouts.granted(IN, RULED, TIME)
    whereabouts.passed(IN, BARE, TIME)
    assert whereabouts.others_in(IN, RULED, TIME) == 0
    assert whereabouts.counts(RULED, TIME) == {}


def test_it_is_written_in_quiet_moments_and_not_too_often() -> None:
    """At most once in SAVE_NS, then all that happened; at the end once more."""
    kept = Kept()
    whereabouts = Whereabouts(kept)
    for ns in (0, 1, SAVE_NS - 1, SAVE_NS):
        whereabouts.passed(IN, RULED, TIME)
        whereabouts.tidy(RULED, now(ns))
    assert len(kept.saved) == 2
    whereabouts.passed(IN, RULED, TIME)
    whereabouts.save()
    assert len(kept.saved) == 3 and whereabouts.take_alarms() == ["the disk is full"]


def test_whoever_ran_from_a_fire_by_another_gateways_door_is_not_shut_out() -> None:
    """While that door stands free nobody knows where anybody is; afterwards not of whoever was not seen since."""
    garage, front = Whereabouts(Kept()), Whereabouts(Kept())
    front.passed(IN, RULED, TIME)

    def told(ms: int, *, free: bool) -> DecisionTime:
        later = replace(TIME, business_ms=TIME.business_ms + ms)
        garage.door_stands("gate", "gym", free=free, site=RULED, time=later)
        unseen = garage.unseen(RULED, later)
        front.heard(PresenceHeard((), None, at_ns=0, unseen=unseen), RULED, later)
        assert front.counts(RULED, later) == {"gym": 1}
        return later

    for later in (told(1_000, free=True), told(2_000, free=False)):
        assert front.presence(IN, RULED, later, now_ns=0) is None
    again = replace(TIME, business_ms=TIME.business_ms + 3_000)
    front.passed(IN, RULED, again)
    assert front.presence(IN, RULED, again, now_ns=0) == Presence("gym", again.business_ms)


def test_with_the_last_rule_everything_is_forgotten() -> None:
    """When the feed's rows are gone; not while the table itself is."""
    kept = Kept()
    whereabouts = Whereabouts(kept)
    whereabouts.passed(IN, RULED, TIME)
    whereabouts.tidy(SiteRules(None, {}), now(0))
    assert not kept.book.empty
    whereabouts.tidy(BARE, now(SAVE_NS))
    assert kept.book.empty and kept.saved[-1].members == {"anne": None}


def test_other_gateways_are_believed_as_far_as_they_are_heard() -> None:
    """What they saw counts; from the nanosecond on at which it is too old, presence is marked."""
    whereabouts = Whereabouts(Kept())
    seen = (Seen(member="anne", zone="gym", at_ms=TIME.business_ms),)
    whereabouts.heard(PresenceHeard(seen, fresh_until_ns=9, at_ns=0), RULED, TIME)
    assert whereabouts.presence(IN, RULED, TIME, now_ns=9) == Presence("gym", TIME.business_ms)
    assert whereabouts.presence(IN, RULED, TIME, now_ns=10) == Presence("gym", TIME.business_ms, fresh=False)
    assert whereabouts.inside("gym", RULED, TIME) == {"anne"} and whereabouts.counts(RULED, TIME) == {"gym": 1}


def test_a_site_with_one_gateway_always_hears_all() -> None:
    """Nobody else could have seen anything; nor does an unruled site keep what it hears."""
    whereabouts = Whereabouts(Kept())
    whereabouts.passed(IN, RULED, TIME)
    known = Presence("gym", TIME.business_ms)
    assert whereabouts.presence(IN, RULED, TIME, now_ns=2**62) == known
    seen = (Seen(member="bea", zone="gym", at_ms=TIME.business_ms),)
    whereabouts.heard(PresenceHeard(seen, UNHEARD_NS, at_ns=0), BARE, TIME)
    assert whereabouts.presence(IN, RULED, TIME, now_ns=0) == replace(known, fresh=False)
    assert whereabouts.counts(RULED, TIME) == {"gym": 1}


def test_who_passed_without_a_card_is_told_to_the_others() -> None:
    """By zone; what they tell in turn is not told back."""
    whereabouts = Whereabouts(Kept())
    whereabouts.nobody_passed("gym", Way.ENTRY, RULED, TIME)
    mine = (Unseen(zone="gym", count=1, at_ms=TIME.business_ms),)
    assert whereabouts.unseen(RULED, TIME) == mine and whereabouts.unseen(BARE, TIME) == ()
    theirs = (Unseen(zone="gym", count=3, at_ms=TIME.business_ms),)
    whereabouts.heard(PresenceHeard((), None, at_ns=0, unseen=theirs), RULED, TIME)
    assert whereabouts.counts(RULED, TIME) == {"gym": 4} and whereabouts.unseen(RULED, TIME) == mine
    whereabouts.heard(PresenceHeard((), None, at_ns=0), RULED, TIME)
    assert whereabouts.counts(RULED, TIME) == {"gym": 4}
