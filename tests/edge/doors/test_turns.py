"""Whose turn it is at a lane or a barrier: who waits, and which card has which place."""

from dataclasses import replace

import pytest
from edge.doors.fed_machine import ANNE, BEN, CLEO, DEE, EMIL, Fed, bears
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.barrier import Barrier
from portillon_edge.doors.machine import Admit, Bearing, Grant, Line, LineChanged, Record
from portillon_edge.doors.turns import QUEUE_MAX, Place, SecondBadge, Turns
from portillon_rules.reason import DenyReason

CROWD = (ANNE, BEN, CLEO, DEE, EMIL)
ARRIVES, LEAVES = LineChanged(Line.LOOP, True), LineChanged(Line.LOOP, False)
LOCKED = {"occupied": False, "free": False}


def running(policy: SecondBadge) -> Turns:
    turns = Turns(policy)
    turns.running = ANNE
    return turns


@pytest.mark.parametrize(
    ("policy", "place"),
    [(SecondBadge.REFUSE, Place.BUSY), (SecondBadge.QUEUE, Place.QUEUED), (SecondBadge.IGNORE, Place.IGNORED)],
)
def test_another_card_goes_by_the_policy(policy: SecondBadge, place: Place) -> None:
    """While somebody runs; `busy` says beforehand what a card would find."""
    turns = running(policy)
    assert turns.busy(**LOCKED) is (place is Place.BUSY)
    assert turns.take(BEN, **LOCKED) is place


def test_the_same_card_keeps_its_place_and_never_stands_on_both_sides() -> None:
    """Running or waiting alike."""
    turns = running(SecondBadge.QUEUE)
    turns.take(BEN, **LOCKED)
    for there in (ANNE, BEN):
        assert turns.take(there, **LOCKED) is Place.AGAIN
        assert turns.take(replace(there, way=Way.EXIT), **LOCKED) is Place.BUSY
    assert turns.waiting == (BEN,)


def test_the_first_to_come_is_the_first_to_go() -> None:
    """One at a time, and nobody before the one who runs has ended."""
    turns = running(SecondBadge.QUEUE)
    for grant in (BEN, CLEO):
        turns.take(grant, **LOCKED)
    assert turns.next() is None
    turns.end(ANNE)
    assert turns.next() is BEN and turns.waiting == (CLEO,)


@given(
    policy=st.sampled_from(SecondBadge),
    cards=st.lists(st.tuples(st.sampled_from(CROWD), st.sampled_from(Way), st.booleans(), st.booleans()), max_size=30),
)
def test_the_queue_is_bounded_and_nobody_is_in_it_twice(
    policy: SecondBadge, cards: list[tuple[Grant, Way, bool, bool]]
) -> None:
    """Whatever cards come, however the lane stands: and at one that stands free each of them has a place."""
    turns = Turns(policy)
    for card, way, occupied, free in cards:
        grant = replace(card, way=way)
        told_busy = turns.busy(occupied=occupied, free=free) and turns.own(grant.credential) is None
        for overtaken in turns.overtaken_by(grant) if free else ():
            turns.end(overtaken)
        place = turns.take(grant, occupied=occupied, free=free)
        if place is Place.NOW:
            turns.running = grant
        assert not (free and place in (Place.BUSY, Place.IGNORED))
        assert not told_busy or place is Place.BUSY, "the decision would refuse whom the lane takes"
        names = [each.credential for each in (*((turns.running,) if turns.running else ()), *turns.waiting)]
        assert len(turns.waiting) <= QUEUE_MAX and len(names) == len(set(names))


def free_barrier(bearing: Bearing) -> Fed:
    fed = Fed(Barrier(pulse_ms=500, passage_window_ms=10_000, close_pulse_ms=400))
    fed.at(0, LEAVES, bears(bearing))
    return fed


@pytest.mark.parametrize("bearing", [Bearing.FREE, Bearing.FIRE])
def test_a_barrier_that_stands_free_takes_every_card(bearing: Bearing) -> None:
    """Each vehicle is of the card whose turn it is; that begins when the one before has left the loop."""
    gate = free_barrier(bearing)
    assert gate.kinds(100, Admit(ANNE)) == [EventKind.GRANTED]
    assert not gate.machine.busy_for(BEN.credential)
    assert gate.kinds(200, Admit(BEN)) == [EventKind.GRANTED]
    assert gate.at(9_000, ARRIVES)[:1] == [Record(EventKind.PASSAGE, ANNE)]
    gate.at(15_000, LEAVES)
    assert Record(EventKind.PASSAGE, BEN) in gate.at(24_999, ARRIVES)


def test_who_waits_when_the_barrier_closes_badges_again() -> None:
    """At a barrier one card at a time is let in; the boom comes down for nobody's sake later."""
    gate = free_barrier(Bearing.FREE)
    gate.at(100, Admit(ANNE), Admit(BEN))
    unused = Record(EventKind.GRANT_NOT_USED, BEN, detail="the barrier stands free no more")
    assert unused in gate.at(200, bears(Bearing.PLAN))
    assert gate.at(300, Admit(CLEO)) == [Record(EventKind.DENIED, CLEO, DenyReason.LANE_BUSY)]
