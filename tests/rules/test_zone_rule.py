"""The rows of zones: what travels, what is refused, and zones within zones."""

import json

import pytest
from portillon_rules.presence import Forgiven
from portillon_rules.zone_rule import EVERY_ZONE, NESTING_MAX, Strictness, ZoneRule, chain, lies_in

POOL = ZoneRule(
    zone="pool",
    within="gym",
    passback=Strictness.HARD,
    passback_minutes=30,
    passback_after=Strictness.SOFT,
    not_inside=Strictness.SOFT,
    stale=Strictness.OFF,
    reset_hour=0,
    stay_minutes=240,
    capacity=20,
    almost_full=18,
    at_capacity=Strictness.SOFT,
    above_capacity=Strictness.SOFT,
    staff_exempt=False,
)
ZONES = {"pool": POOL, "gym": ZoneRule(zone="gym")}


@pytest.mark.parametrize("rule", [POOL, ZoneRule(zone="gym")])
def test_a_rule_comes_back_from_its_row(rule: ZoneRule) -> None:
    """Through JSON, and a row of a newer version with more keys is read as far as it is known."""
    body = json.loads(json.dumps(rule.to_body()))
    assert ZoneRule.from_body(rule.zone, body) == rule
    assert ZoneRule.from_body(rule.zone, {**body, "colour": "blue"}) == rule


def test_a_row_holds_only_what_was_set() -> None:
    """So rows stay the rows they were when a version knows more keys; a rule that says nothing is an empty row."""
    assert ZoneRule(zone="gym").to_body() == {}
    assert ZoneRule(zone="gym", passback=Strictness.SOFT, reset_hour=0).to_body() == {
        "passback": "soft",
        "reset_hour": 0,
    }


def test_a_rule_that_says_nothing_holds_nothing_against_anybody() -> None:
    """Whoever sets nothing is as before; once set, a limit refuses and doubt about who is where does not."""
    nothing = ZoneRule(zone="gym")
    assert (nothing.passback, nothing.not_inside, nothing.passback_after) == (Strictness.OFF,) * 3
    assert (nothing.at_capacity, nothing.above_capacity) == (Strictness.HARD,) * 2
    assert nothing.stale is Strictness.SOFT and nothing.staff_exempt


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"reset_hour": 24}, "zone 'gym': reset_hour 24 is no hour of the day: write 0 to 23"),
        ({"reset_hour": -1}, "zone 'gym': reset_hour -1 is no hour of the day: write 0 to 23"),
        ({"capacity": 0}, "zone 'gym': capacity is 0: write 1 or more, or leave it out"),
        ({"almost_full": -3}, "zone 'gym': almost_full is -3: write 1 or more, or leave it out"),
        ({"passback_minutes": 0}, "zone 'gym': passback_minutes is 0: write 1 or more, or leave it out"),
        ({"stay_minutes": 0}, "zone 'gym': stay_minutes is 0: write 1 or more, or leave it out"),
        ({"passback": "firm"}, "'firm' is not a valid Strictness"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused(body: dict[str, object], said: str) -> None:
    """It says which zone, what of it, and what to write."""
    with pytest.raises(ValueError) as caught:
        ZoneRule.from_body("gym", body)
    assert str(caught.value) == said


@pytest.mark.parametrize("body", [{"capacity": 9}, {"almost_full": 9}, {"within": "gym"}])
def test_what_belongs_to_a_place_cannot_be_site_wide(body: dict[str, object]) -> None:
    """A site has no door of its own: its outermost zone has the capacity."""
    with pytest.raises(ValueError, match="the outermost one"):
        ZoneRule.from_body(EVERY_ZONE, body)


def test_whoever_is_in_the_pool_is_in_the_gym_too() -> None:
    """A zone within another lies in it, and not the other way round; outside lies in nothing."""
    assert list(chain("pool", ZONES)) == ["pool", "gym"]
    assert lies_in("pool", "gym", ZONES) and lies_in("pool", "pool", ZONES)
    assert not lies_in("gym", "pool", ZONES) and not lies_in(None, "gym", ZONES)
    assert lies_in("sauna", "sauna", ZONES) and not lies_in("sauna", "gym", ZONES)


def test_zones_that_lie_in_each_other_end() -> None:
    """A ring of rows, or a very deep nest, is followed so far and no further."""
    ring = {"a": ZoneRule(zone="a", within="b"), "b": ZoneRule(zone="b", within="a")}
    assert list(chain("a", ring)) == ["a", "b"] * (NESTING_MAX // 2)


def test_the_stricter_ranks_higher() -> None:
    """Off, soft, hard."""
    assert sorted(Strictness, key=lambda one: one.rank) == [Strictness.OFF, Strictness.SOFT, Strictness.HARD]


def test_forgiveness_comes_back_from_its_row() -> None:
    """One member, one instant."""
    forgiven = Forgiven("m-anne", 17)
    assert Forgiven.from_body("m-anne", json.loads(json.dumps(forgiven.to_body()))) == forgiven
