"""Doors of which one at a time lets people through."""

import pytest
from edge.doors.small_site import ANNE
from edge.doors.whole_house import CERTAIN, House
from portillon_config.interlocks import InterlockMode
from portillon_drivers.events import InputDown
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.staff_order import OpenDoor
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_rules.reason import DenyReason

E = EventKind


def trap(mode: InterlockMode | None) -> House:
    house = House(time=CERTAIN, mode=mode)
    house.admit(ANNE)
    return house


@pytest.mark.parametrize("mode", list(InterlockMode))
def test_the_other_door_waits_while_one_is_open(mode: InterlockMode) -> None:
    """While one stands open a card at the other is refused, INTERLOCKED; once it is shut, granted."""
    house = trap(mode)
    house.card("outer")
    house.line("outer-contact", True)
    assert house.card("inner") == [E.DENIED] and house.reason == DenyReason.INTERLOCKED
    house.line("outer-contact", False)
    assert house.card("inner") == [E.GRANTED]


def test_without_an_interlock_nobody_waits() -> None:
    """The ablation: the same doors, not interlocked, are granted at once."""
    house = trap(None)
    house.card("outer")
    house.line("outer-contact", True)
    assert house.card("inner") == [E.GRANTED]


@pytest.mark.parametrize(
    ("mode", "came"), [(InterlockMode.ONE_OPEN, E.GRANTED), (InterlockMode.ONE_RELEASED, E.DENIED)]
)
def test_a_mantrap_waits_from_the_grant_on(mode: InterlockMode, came: EventKind) -> None:
    """one_released refuses while the other may be opened; one_open only once it is."""
    house = trap(mode)
    house.card("outer")
    assert house.card("inner") == [came]


def test_a_released_door_that_nobody_opened_stops_holding_back() -> None:
    """When the release is over the other door is free to be opened."""
    house = trap(InterlockMode.ONE_RELEASED)
    house.card("outer")
    house.wait(6_000)
    assert house.card("inner") == [E.GRANTED]


@pytest.mark.parametrize("mode", list(InterlockMode))
def test_whoever_wants_out_gets_out_and_it_is_told(mode: InterlockMode) -> None:
    """An exit request releases against the interlock: INTERLOCK_BROKEN, and RESTORED when one way is left."""
    house = trap(mode)
    house.card("outer")
    house.line("outer-contact", True)
    told = [event.kind for event in house.line("inner-exit", True)]
    assert told == [E.EXIT_REQUEST, E.INTERLOCK_BROKEN] and ("release", "inner-lock", 3000) in house.told
    house.line("inner-exit", False)
    assert [event.kind for event in house.wait(20_000)] == [E.INTERLOCK_RESTORED]


def test_staff_does_not_open_against_it() -> None:
    """A command to open once waits like a card: it is refused, and why is told."""
    house = trap(InterlockMode.ONE_OPEN)
    house.line("outer-contact", True)
    (refused,) = house.do(OpenDoor("inner", "s-1", house.now_ns))
    assert (refused.kind, refused.reason) == (E.ORDER_REFUSED, DenyReason.INTERLOCKED)


def test_a_contact_that_says_nothing_counts_as_open() -> None:
    """With its contact's wire gone a door holds the other one back: nobody guesses that it is shut."""
    house = trap(InterlockMode.ONE_OPEN)
    house.do(InputDown("outer-contact", "unplugged", house.now_ns))
    assert house.card("inner") == [E.DENIED] and house.reason == DenyReason.INTERLOCKED


def test_fire_suspends_it() -> None:
    """In a fire both doors are free and open, and nothing is told as broken."""
    house = trap(InterlockMode.ONE_RELEASED)
    house.line("fire-line", True)
    house.line("outer-contact", True)
    told = [event.kind for event in house.line("inner-contact", True)]
    assert E.INTERLOCK_BROKEN not in told
    assert house.card("inner")[0] is E.GRANTED


def test_a_door_freed_on_purpose_is_no_broken_interlock() -> None:
    """Freed by an order, a door holds the other one back while it is released, and nothing is told as broken."""
    house = trap(InterlockMode.ONE_RELEASED)
    house.rules = type(house.rules)(house.rules.policy, {}, orders={"outer": DoorOrder("outer", Standing.FREE, "s-1")})
    house.wait(1)
    assert house.card("inner") == [E.DENIED]
    told = [event.kind for event in house.line("inner-exit", True)]
    assert told == [E.EXIT_REQUEST]
