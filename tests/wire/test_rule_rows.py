"""A site's rules from its rows: each kind lands in its field, read by its own class."""

from typing import Any

import pytest
from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import DoorOrder, DoorPlan, Standing
from portillon_rules.door_rule import DoorRule
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.policy import SITE, SitePolicy
from portillon_rules.schedule import Schedule, Window
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.rows import RowKind
from portillon_wire.rule_rows import RULE_KINDS, read_rule, site_rules

POLICY = SitePolicy(time_zone="Europe/Paris")
MORNINGS = Schedule("mornings", (Window(0, 360, 720),))
FRANCE = HolidayCalendar("france", frozenset({"07-14"}))
PLAN = DoorPlan("pool", "mornings")
ORDER = DoorOrder("pool", Standing.FREE, "s-1")
RULE = DoorRule(door="pool", two_people=True)
ZONE = ZoneRule(zone="gym", capacity=40)
ROWS: list[tuple[RowKind, str, dict[str, Any]]] = [
    (RowKind.POLICY, SITE, POLICY.to_body()),
    (RowKind.POLICY, "another", SitePolicy(time_zone="UTC").to_body()),
    (RowKind.SCHEDULE, "mornings", MORNINGS.to_body()),
    (RowKind.HOLIDAYS, "france", FRANCE.to_body()),
    (RowKind.DOOR_PLAN, "pool", PLAN.to_body()),
    (RowKind.DOOR_ORDER, "pool", ORDER.to_body()),
    (RowKind.DOOR_RULE, "pool", RULE.to_body()),
    (RowKind.ZONE_RULE, "gym", ZONE.to_body()),
    (RowKind.FORGIVEN, "m1", {"at_ms": 7}),
]


def test_every_kind_lands_in_its_field() -> None:
    """What was told of a site is what the decision is given, under the names that the rows have."""
    read = [(kind, key, read_rule(kind, key, body)) for kind, key, body in ROWS]
    found = site_rules(read, revision=42)
    assert found == SiteRules(
        POLICY,
        {"mornings": MORNINGS},
        holidays={"france": FRANCE},
        plans={"pool": PLAN},
        orders={"pool": ORDER},
        doors={"pool": RULE},
        zones={"gym": ZONE},
        forgiven={"m1": 7},
    )
    assert found.revision == 42
    assert {kind for kind, _, _ in ROWS} == set(RULE_KINDS)


def test_nothing_read_is_nothing_known() -> None:
    """No row, no policy: nobody was ever told anything."""
    assert site_rules([]) == SiteRules(None, {})


@pytest.mark.parametrize("kind", RULE_KINDS)
def test_a_body_that_is_none_is_refused(kind: str) -> None:
    """Whatever the kind: a body that its class cannot read raises what the store takes for damage, or sets nothing."""
    with pytest.raises((KeyError, TypeError, ValueError, AttributeError)):
        read_rule(kind, "x", {"windows": 5, "reset_hour": 99, "at": 1})
