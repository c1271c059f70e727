"""Anti-passback and occupancy at real lanes: what members do, what the gateway makes of it, over restarts too."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from edge.doors.two_way_hall import Hall
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.machine import NS_PER_MS
from portillon_edge.doors.staff_order import HoldDoor, ReleaseDoor
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.presence.book import Journey, PresenceBook
from portillon_edge.presence.memory import ForgetfulPresence
from portillon_edge.presence.news import PresenceHeard
from portillon_rules.decision import TimeQuality
from portillon_rules.door_plan import Standing
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.zone_rule import EVERY_ZONE, Strictness, ZoneRule
from portillon_wire.presence import Seen

GRANTED, PASSBACK, NOT_INSIDE = EventKind.GRANTED, DenyReason.PASSBACK, DenyReason.NOT_INSIDE
ZONE_FULL = DenyReason.ZONE_FULL
OUT = Way.EXIT
HARD, SOFT = Strictness.HARD, Strictness.SOFT
STRICT = ZoneRule(zone="gym", passback=HARD, not_inside=HARD)
POOL = ZoneRule(zone="pool", within="gym", passback=HARD, not_inside=HARD)
HOUR_MS = 3_600_000


def small(capacity: int) -> ZoneRule:
    return ZoneRule(zone="gym", capacity=capacity)


def test_today_nothing_changes() -> None:
    """Without a row for any zone: in twice, out twice, and nobody is counted, however long it goes on."""
    hall = Hall()
    for way in (Way.ENTRY, Way.ENTRY, OUT, OUT, Way.ENTRY):
        assert hall.goes("anne", "front", way) == GRANTED
    hall.waits(10_000)
    assert hall.attendant.occupancy == {} and all(not event.flags for event in hall.events)


def test_nobody_enters_twice_without_leaving() -> None:
    """In by the front, refused at both lanes, out by the back, and in again."""
    hall = Hall().ruled(STRICT)
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("anne", "front") == hall.goes("anne", "back") == PASSBACK
    assert hall.goes("anne", "back", OUT) == GRANTED
    assert hall.goes("anne", "back") == GRANTED


def test_a_grant_nobody_used_is_no_entry() -> None:
    """She badged, answered her phone, and badges again."""
    hall = Hall().ruled(STRICT)
    assert hall.goes("anne", "front", passes=False) == GRANTED
    assert hall.goes("anne", "back") == GRANTED
    assert hall.goes("anne", "back", OUT, passes=False) == GRANTED
    assert hall.goes("anne", "front") == PASSBACK


def test_leaving_needs_having_entered() -> None:
    """Carl came in behind somebody; the lane tells the desk when he badges out. Forgiven, he leaves."""
    hall = Hall().ruled(STRICT)
    assert hall.goes("carl", "front", OUT) == NOT_INSIDE
    hall.ruled(STRICT, forgiven={"carl": hall.at(hall.now_ms * NS_PER_MS).business_ms + 10**9})
    assert hall.goes("carl", "front", OUT) == GRANTED


def test_zones_within_zones() -> None:
    """Gym, pool, gym, out: no passback. Into the pool from outside, or into the gym from the pool: refused."""
    hall = Hall().ruled(STRICT, POOL)
    for lane, way in (("front", Way.ENTRY), ("pool", Way.ENTRY), ("pool", OUT), ("back", OUT)):
        assert hall.goes("anne", lane, way) == GRANTED
    assert hall.goes("anne", "pool") == NOT_INSIDE
    hall.goes("anne", "front")
    hall.goes("anne", "pool")
    assert hall.goes("anne", "back") == PASSBACK and hall.goes("anne", "pool") == PASSBACK


def test_soft_rules_let_in_and_say_so() -> None:
    """The event of the grant and of the passage bear the flag."""
    hall = Hall().ruled(ZoneRule(zone="gym", passback=SOFT))
    hall.goes("anne", "front")
    assert hall.goes("anne", "back") == GRANTED
    flagged = [event.kind for event in hall.events if GrantFlag.PASSBACK in event.flags]
    assert flagged == [EventKind.GRANTED, EventKind.PASSAGE]


def test_timed_rules_end_by_themselves() -> None:
    """Half an hour after she came in, the lane without an exit reader takes her again."""
    hall = Hall().ruled(ZoneRule(zone="gym", passback=HARD, passback_minutes=30))
    hall.goes("anne", "front")
    hall.now_ms += 29 * 60_000
    assert hall.goes("anne", "front") == PASSBACK
    hall.now_ms += 60_000
    assert hall.goes("anne", "front") == GRANTED


def test_at_the_reset_hour_the_day_begins_anew() -> None:
    """Whoever left unseen last night enters in the morning; the count is of this morning."""
    hall = Hall().ruled(ZoneRule(zone="gym", passback=HARD, reset_hour=4, capacity=1))
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("anne", "front") == PASSBACK and hall.goes("bea", "front") == ZONE_FULL
    hall.now_ms += 4 * HOUR_MS
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("bea", "front") == ZONE_FULL


class NoJourneys(PresenceBook):
    """Ablation: whoever is on the way is nowhere yet."""

    def sets_out(self, journey: Journey) -> None:
        """They are not."""


class WithoutJourneys(ForgetfulPresence):
    def load(self) -> PresenceBook:
        return NoJourneys()


class Careless(Hall):
    def presence_memory(self) -> ForgetfulPresence:
        return WithoutJourneys()


@pytest.mark.parametrize(("kind", "answer"), [(Hall, PASSBACK), (Careless, GRANTED)])
def test_a_card_handed_back_over_the_lane_lets_one_in(kind: type[Hall], answer: str) -> None:
    """Anne badges at the front and hands her card to somebody at the back before she passes.

    Without the journey of a grant it would let in both.
    """
    hall = kind().ruled(STRICT)
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "back") == answer


@pytest.mark.parametrize(("kind", "answer"), [(Hall, PASSBACK), (Careless, GRANTED)])
def test_card_and_phone_are_one_member(kind: type[Hall], answer: str) -> None:
    """At a lane that queues, the phone behind the card is the same person twice."""
    hall = kind(second_badge=SecondBadge.QUEUE).ruled(STRICT)
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "front", card="phone") == answer
    assert hall.asks("anne", "front") == EventKind.REBADGED


@pytest.mark.parametrize(("kind", "answer"), [(Hall, ZONE_FULL), (Careless, GRANTED)])
def test_the_last_place_is_not_taken_at_two_lanes(kind: type[Hall], answer: str) -> None:
    """One place is left and two people badge at once: the second waits. If the first does not come in, it is free."""
    hall = kind().ruled(small(1))
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("bea", "back") == answer
    hall.waits(6_000)
    assert hall.goes("bea", "back") == GRANTED


def test_the_same_card_on_both_sides_of_the_lane_is_on_one_way() -> None:
    """At the exit reader while its entry waits it is no badge; the entry is still under way, and takes one place."""
    hall = Hall().ruled(small(1))
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "front", OUT) == "nothing"
    assert hall.asks("bea", "back") == ZONE_FULL
    hall.passes("front")
    hall.waits(6_000)
    assert hall.attendant.occupancy == {"gym": 1}
    assert hall.goes("anne", "front", OUT) == GRANTED and hall.goes("bea", "back") == GRANTED


def test_who_leaves_by_the_free_way_out_makes_room() -> None:
    """Nobody badges out there, and the lane counts them; whoever comes in against the way is counted too."""
    hall = Hall(free_exit=True).ruled(small(2))
    hall.goes("anne", "front")
    hall.goes("bea", "front")
    assert hall.goes("carl", "back") == ZONE_FULL
    hall.passes("back", OUT)
    assert hall.goes("carl", "back") == GRANTED
    hall.passes("back", OUT)
    hall.passes("back")
    hall.waits(10_000)
    assert hall.events[-1].kind is EventKind.DOOR_FORCED and hall.attendant.occupancy == {"gym": 2}


def test_who_is_where_survives_a_restart(tmp_path: Path) -> None:
    """A new process refuses whom the old one saw enter, and knows how many are in."""
    hall = Hall(folder=tmp_path).ruled(STRICT, POOL)
    hall.goes("anne", "front")
    hall.goes("bea", "front")
    hall.goes("bea", "pool")
    hall.restart()
    hall.waits(10_000)
    assert hall.attendant.occupancy == {"gym": 2, "pool": 1}
    assert hall.goes("anne", "back") == hall.goes("bea", "front") == PASSBACK
    assert hall.goes("bea", "pool", OUT) == GRANTED


def test_a_file_that_is_lost_shuts_nobody_out_or_in(tmp_path: Path) -> None:
    """An alarm, and a day in which nobody is held to what is not known."""
    hall = Hall(folder=tmp_path).ruled(STRICT)
    hall.goes("anne", "front")
    hall.stop()
    (tmp_path / "presence.db").write_bytes(b"rubbish" * 4_000)
    hall.start()
    hall.waits(10_000)
    alarms = [event.reason for event in hall.events if event.kind is EventKind.ALARM]
    assert alarms == ["presence"]
    assert hall.goes("anne", "front", OUT) == GRANTED and hall.goes("carl", "front", OUT) == GRANTED
    assert hall.goes("carl", "front") == GRANTED and hall.goes("carl", "back") == PASSBACK


def test_after_a_cold_boot_nobody_is_refused_for_where_they_were() -> None:
    """Nobody knows whether the power was off for a minute or for the night: flagged, until a lease tells the time."""
    hall = Hall().ruled(STRICT)
    hall.goes("anne", "front")
    hall.quality = TimeQuality.UNCERTAIN
    assert hall.goes("anne", "back") == GRANTED
    assert set(hall.events[-1].flags) == {GrantFlag.PASSBACK, GrantFlag.TIME_UNCERTAIN}
    hall.quality = TimeQuality.CERTAIN
    assert hall.goes("anne", "back") == PASSBACK


def test_what_another_gateway_saw_counts_here() -> None:
    """In by the garage: refused at the front. While the garage is not heard it is soft, and says so."""
    hall = Hall().ruled(STRICT)
    here_ms = hall.at(hall.now_ms * NS_PER_MS).business_ms
    garage = (Seen(member="anne", zone="gym", at_ms=here_ms),)
    heard_ms = hall.now_ms + 2
    hall.take(PresenceHeard(garage, fresh_until_ns=heard_ms * NS_PER_MS, at_ns=hall.now_ms * NS_PER_MS))
    assert hall.asks("anne", "front") == hall.asks("anne", "back") == PASSBACK
    assert hall.now_ms == heard_ms
    assert hall.asks("anne", "front") == GRANTED
    assert hall.events[-1].flags == (GrantFlag.PASSBACK, GrantFlag.PRESENCE_STALE)


def test_a_passage_tells_its_zone_and_nothing_else_does() -> None:
    """What the cloud needs to tell the site's other gateways; a badge alone moves nobody."""
    hall = Hall().ruled(STRICT, POOL)
    hall.goes("anne", "front")
    hall.goes("anne", "pool")
    told = [(event.kind, event.zone) for event in hall.events if event.member == "anne"]
    assert told == [
        (EventKind.GRANTED, None),
        (EventKind.PASSAGE, "gym"),
        (EventKind.GRANTED, None),
        (EventKind.PASSAGE, "pool"),
    ]
    assert all(event.numbered(1).zone == event.zone for event in hall.events)


def test_after_a_door_stood_free_nobody_is_shut_out_for_having_left_unseen() -> None:
    """Fire drill, or an open day: everybody walked out. They enter again by card, and are known again from then on."""
    hall = Hall().ruled(STRICT, POOL)
    hall.goes("anne", "front")
    hall.goes("bea", "front")
    hall.goes("bea", "pool")
    at_ns = hall.now_ms * NS_PER_MS
    hall.take(HoldDoor("back", Standing.FREE, "s-1", at_ns))
    assert hall.goes("carl", "front", OUT) == GRANTED
    hall.take(ReleaseDoor("back", "s-1", hall.now_ms * NS_PER_MS))
    hall.waits(1_000)
    assert hall.goes("anne", "front") == hall.goes("bea", "back") == GRANTED
    assert hall.goes("anne", "back") == hall.goes("bea", "front") == PASSBACK


def test_rules_that_are_taken_back_leave_nothing(tmp_path: Path) -> None:
    """The rows are gone from the feed: everybody passes, and nothing of anybody's whereabouts is kept."""
    hall = Hall(folder=tmp_path).ruled(STRICT)
    hall.goes("anne", "front")
    hall.ruled()
    hall.waits(10_000)
    assert hall.goes("anne", "front") == GRANTED
    hall.ruled(STRICT)
    assert hall.goes("anne", "back") == GRANTED


def test_site_wide_rules_hold_at_every_door() -> None:
    """One row for all zones: in the gym and badging at the pool, which lies in no other zone here."""
    hall = Hall().ruled(ZoneRule(zone=EVERY_ZONE, passback=HARD))
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("anne", "pool") == PASSBACK and hall.goes("anne", "back") == PASSBACK
    assert hall.goes("anne", "front", OUT) == GRANTED and hall.goes("anne", "pool") == GRANTED


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("badge"), st.sampled_from("abc"), st.sampled_from(["front", "back"]), st.sampled_from(Way)),
        st.tuples(st.just("pass"), st.sampled_from(["front", "back"])),
        st.tuples(st.just("wait"), st.sampled_from([100, 2_000, 6_000])),
    ),
    max_size=60,
)


def live(hall: Hall, steps: list[Any]) -> Mapping[str, int]:
    """What members do; whether each is in, by the passages that the lanes saw. Whoever passes goes the granted way."""
    inside, ways = dict.fromkeys("abc", 0), dict[str, Way]()
    for step in steps:
        before = len(hall.events)
        match step:
            case ("badge", name, lane, way):
                if hall.asks(name, lane, way) == GRANTED:
                    ways[lane] = way
            case ("pass", lane):
                if (way := ways.get(lane)) and hall.attendant.states()[lane] == "granted":
                    hall.passes(lane, way)
            case ("wait", ms):
                hall.waits(ms)
        for event in hall.events[before:]:
            if event.kind is EventKind.PASSAGE and event.member in inside:
                inside[event.member] += 1 if event.way is Way.ENTRY else -1
                assert 0 <= inside[event.member] <= 1, "passed back"
            assert sum(inside.values()) <= 2, "too many"
    return inside


FULL = ZoneRule(zone="gym", passback=HARD, not_inside=HARD, capacity=2)


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_nobody_is_in_twice_and_no_more_than_may_be(steps: list[Any]) -> None:
    """Whatever members do at two lanes: in and out take turns, the capacity holds, and in the end the count is true."""
    hall = Hall().ruled(FULL)
    inside = live(hall, steps)
    hall.waits(10_000)
    assert hall.attendant.occupancy.get("gym", 0) == sum(inside.values())


def test_without_journeys_somebody_is_in_twice() -> None:
    """The ablation: the same property finds the card that is handed back."""
    badges = [("badge", "a", "front", Way.ENTRY), ("badge", "a", "back", Way.ENTRY)]
    passes = [("pass", "front"), ("pass", "back")]
    with pytest.raises(AssertionError, match="passed back"):
        live(Careless().ruled(FULL), [*badges, *passes])
    live(Hall().ruled(FULL), [*badges, *passes])
