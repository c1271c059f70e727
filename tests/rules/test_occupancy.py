"""A zone below, at and above its capacity."""

from typing import Any

import pytest
from portillon_rules.occupancy import judge
from portillon_rules.passback import Crossing
from portillon_rules.presence import Presence
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.zone_rule import Strictness, ZoneRule

OFF, SOFT, HARD = Strictness
CLEAR = Ruling("occupancy")
FULL = Ruling("occupancy", DenyReason.ZONE_FULL, row="zone_rule/gym")
OVER = Ruling("occupancy", flags=(GrantFlag.ZONE_FULL,), row="zone_rule/gym")
ALMOST = Ruling("occupancy", flags=(GrantFlag.ZONE_ALMOST_FULL,), row="zone_rule/gym")
SILENT = Ruling("occupancy", row="zone_rule/gym")


def ask(occupancy: int, *, at: str | None = None, leaving: bool = False, staff: bool = False, **rule: Any) -> Ruling:
    gym = ZoneRule(zone="gym", **rule)
    pool = ZoneRule(zone="pool", within="gym")
    crossing = Crossing(
        zone="gym",
        leaving=leaving,
        staff=staff,
        zones={"gym": gym, "pool": pool},
        presence=Presence(at, 0),
        forgiven_ms=None,
        now_ms=1_000,
        time_zone="UTC",
        sure_time=True,
    )
    return judge(crossing, occupancy)


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ({"capacity": 20}, [CLEAR, CLEAR, FULL, FULL]),
        ({"capacity": 20, "almost_full": 19}, [CLEAR, ALMOST, FULL, FULL]),
        ({"capacity": 20, "at_capacity": SOFT}, [CLEAR, CLEAR, OVER, FULL]),
        ({"capacity": 20, "at_capacity": SOFT, "above_capacity": SOFT}, [CLEAR, CLEAR, OVER, OVER]),
        ({"capacity": 20, "at_capacity": OFF, "above_capacity": OFF}, [CLEAR, CLEAR, SILENT, SILENT]),
        ({"almost_full": 20}, [CLEAR, CLEAR, ALMOST, ALMOST]),
        ({}, [CLEAR, CLEAR, CLEAR, CLEAR]),
    ],
)
def test_below_at_and_above(rule: dict[str, Any], answers: list[Ruling]) -> None:
    """Eighteen, nineteen, twenty and twenty-one are inside, and one more badges."""
    assert [ask(inside, **rule) for inside in (18, 19, 20, 21)] == answers


def test_whoever_is_in_already_takes_no_place() -> None:
    """Also from further in; whoever leaves takes none either, however full it is."""
    assert ask(99, at="gym", capacity=20) == ask(99, at="pool", capacity=20) == CLEAR
    assert ask(99, at="gym", leaving=True, capacity=20) == CLEAR
    assert ask(99, at=None, leaving=True, capacity=20) == CLEAR
    assert ask(99, at="spa", capacity=20) == FULL


def test_staff_come_in_where_it_is_full_unless_the_rule_is_for_them_too() -> None:
    """Somebody must be able to send the others out."""
    assert ask(20, staff=True, capacity=20) == CLEAR
    assert ask(20, staff=True, capacity=20, staff_exempt=False) == FULL


def test_a_stay_that_is_not_believed_takes_a_place() -> None:
    """Who counts as gone is counted as coming: their place was given back."""
    assert ask(20, at="gym", capacity=20, reset_hour=0) == CLEAR
    crossing = Crossing(
        zone="gym",
        leaving=False,
        staff=False,
        zones={"gym": ZoneRule(zone="gym", capacity=20)},
        presence=Presence("gym", 500),
        forgiven_ms=500,
        now_ms=1_000,
        time_zone="UTC",
        sure_time=True,
    )
    assert judge(crossing, 20) == FULL
