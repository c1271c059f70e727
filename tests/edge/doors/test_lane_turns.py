"""Whose turn it is: the queue of a lane, and which card has which place in it."""

from dataclasses import replace

import pytest
from edge.doors.fed_machine import ANNE, BEN, CLEO, DEE, EMIL
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.domain.events import Way
from portillon_edge.doors.lane_turns import QUEUE_MAX, LaneTurns, Place, SecondBadge

CROWD = (ANNE, BEN, CLEO, DEE, EMIL)
LOCKED = {"occupied": False, "free": False}


def running(policy: SecondBadge) -> LaneTurns:
    turns = LaneTurns(policy)
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
    policy: SecondBadge, cards: list[tuple[object, Way, bool, bool]]
) -> None:
    """Whatever cards come, however the lane stands: and at one that stands free each of them has a place."""
    turns = LaneTurns(policy)
    for card, way, occupied, free in cards:
        grant = replace(card, way=way)  # type: ignore[type-var]
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
