"""Who has the last word on how a door stands."""

from itertools import permutations

import pytest
from portillon_edge.doors.bearing import ON_PLAN, Say, Why, in_force, last_word, ordered, trusted
from portillon_edge.doors.machine import Bearing
from portillon_rules.decision import DecisionTime, TimeQuality
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_rules.policy import SitePolicy, TimeUncertain

FIRE = Say(Bearing.FIRE, Why.FIRE, "fire-loop")
LOCKDOWN = Say(Bearing.LOCKDOWN, Why.LOCKDOWN, "s-owner")
FREE = Say(Bearing.FREE, Why.ORDER, "s-desk")
BLOCKED = Say(Bearing.BLOCKED, Why.LOCAL_ORDER, "technician")
POLICY = SitePolicy(time_zone="America/Toronto")
STRICT = SitePolicy(time_zone="America/Toronto", time_uncertain=TimeUncertain.DENY)


def at(ms: int, quality: TimeQuality = TimeQuality.CERTAIN) -> DecisionTime:
    return DecisionTime(ms, quality, 1_000_000)


def test_nobody_says_anything() -> None:
    """Without orders, plan, fire or lockdown a door stands on its plan, locked."""
    assert last_word([]) == ON_PLAN and not ON_PLAN.bearing.released


@pytest.mark.parametrize("says", list(permutations([FIRE, LOCKDOWN, FREE, BLOCKED])))
def test_fire_outranks_everything(says: tuple[Say, ...]) -> None:
    """Whoever else ordered whatever, in whichever order: in a fire the door is free."""
    assert last_word(says) == FIRE


@pytest.mark.parametrize("says", list(permutations([LOCKDOWN, FREE, BLOCKED])))
def test_lockdown_outranks_all_but_fire(says: tuple[Say, ...]) -> None:
    """A lockdown for the site locks a door that an order or a plan set free."""
    assert last_word(says) == LOCKDOWN


def test_else_the_nearer_authority() -> None:
    """Among orders and plan the first that comes counts: they are asked from the nearest to the farthest."""
    assert last_word([BLOCKED, FREE]) == BLOCKED
    assert last_word([FREE, BLOCKED]) == FREE


@pytest.mark.parametrize("standing", list(Standing))
@pytest.mark.parametrize("local", [True, False])
def test_each_order_has_a_bearing(standing: Standing, local: bool) -> None:
    """Every standing that staff can order is a bearing of the door, with the name of whoever gave it."""
    say = ordered(standing, "s-1", local=local)
    assert (say.bearing.value, say.by) == (standing.value, "s-1")
    assert (say.why is Why.LOCKDOWN) == (standing is Standing.LOCKDOWN)


@pytest.mark.parametrize("standing", list(Standing))
def test_an_order_ends_at_its_millisecond(standing: Standing) -> None:
    """An order stands until its end and not at it; without an end it stands until withdrawn."""
    order = DoorOrder("pool", standing, "s-1", until_ms=1000)
    assert in_force(order, at(999), POLICY)
    assert not in_force(order, at(1000), POLICY)
    assert in_force(DoorOrder("pool", standing, "s-1"), at(10**12), POLICY)


@pytest.mark.parametrize(
    ("quality", "policy", "free"),
    [
        (TimeQuality.CERTAIN, STRICT, True),
        (TimeQuality.UNCERTAIN, POLICY, True),
        (TimeQuality.UNCERTAIN, STRICT, False),
        (TimeQuality.UNKNOWN, POLICY, False),
        (TimeQuality.UNCERTAIN, None, False),
    ],
)
def test_without_a_certain_time_doors_stay_locked(quality: TimeQuality, policy: SitePolicy | None, free: bool) -> None:
    """An end that may have passed unseen ends what frees a door, and never what keeps it locked."""
    time = at(1, quality)
    assert trusted(time, policy) is free
    assert in_force(DoorOrder("pool", Standing.FREE, "s-1", until_ms=1000), time, policy) is free
    assert in_force(DoorOrder("pool", Standing.BLOCKED, "s-1", until_ms=1000), time, policy)
    assert in_force(DoorOrder("pool", Standing.LOCKDOWN, "s-1", until_ms=1000), time, policy)
