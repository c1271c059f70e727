"""Anti-passback and occupancy as parts of the whole decision."""

from dataclasses import replace
from typing import Any

import pytest
from portillon_rules.decision import (
    DecisionTime,
    Denied,
    DoorView,
    Granted,
    SiteRules,
    TimeQuality,
    decide,
)
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.evidence import Evidence
from portillon_rules.local_facts import LocalFacts
from portillon_rules.policy import SitePolicy
from portillon_rules.presence import Presence
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.zone_rule import Strictness, ZoneRule

NOW_MS = 1_795_000_000_000
INSIDE = LocalFacts(presence=Presence("gym", NOW_MS - 60_000))
ROW = Entitlement(
    credential="c",
    member="m-anne",
    zones=("gym",),
    schedule=ALWAYS,
    valid_from_ms=0,
    valid_until_ms=NOW_MS * 2,
)
STRICT = ZoneRule(zone="gym", passback=Strictness.HARD, not_inside=Strictness.HARD, capacity=20)


def ask(local: LocalFacts, rule: ZoneRule | None = STRICT, **more: Any) -> Granted | Denied:
    zones = {} if rule is None else {"gym": rule}
    site = SiteRules(SitePolicy(time_zone="America/Toronto"), {}, zones=zones, revision=42)
    return decide(
        lookup=replace(ROW, staff=more.get("staff", False)),
        door=DoorView(name="lane1", zone="gym", leaving=more.get("leaving", False)),
        site=replace(site, forgiven=more.get("forgiven", {})),
        time=DecisionTime(NOW_MS, more.get("quality", TimeQuality.CERTAIN), 1),
        local=local,
    )


@pytest.mark.parametrize(
    ("local", "leaving", "reason", "rule"),
    [
        (INSIDE, False, DenyReason.PASSBACK, "passback"),
        (LocalFacts(presence=Presence(None, 0)), True, DenyReason.NOT_INSIDE, "passback"),
        (LocalFacts(occupancy=20), False, DenyReason.ZONE_FULL, "occupancy"),
    ],
)
def test_each_refusal_names_the_rule_the_row_and_the_revision(
    local: LocalFacts, leaving: bool, reason: DenyReason, rule: str
) -> None:
    """Inside already, never entered, full: the evidence is the zone's row."""
    denied = ask(local, leaving=leaving)
    assert denied == Denied(reason, "m-anne")
    assert denied.evidence == Evidence(rule, "zone_rule/gym", 42)


def test_a_site_without_rows_for_zones_is_as_before() -> None:
    """Whatever the gateway remembers is not looked at."""
    assert ask(replace(INSIDE, occupancy=99), None) == Granted("m-anne")
    assert ask(LocalFacts(presence=Presence(None, 0)), None, leaving=True) == Granted("m-anne")


def test_forgiven_members_begin_anew() -> None:
    """Where they were before it counts for nothing; it is for one member only."""
    assert ask(INSIDE, forgiven={"m-anne": NOW_MS}) == Granted("m-anne")
    assert ask(INSIDE, forgiven={"m-bea": NOW_MS}) == Denied(DenyReason.PASSBACK, "m-anne")


def test_staff_pass_and_soft_rules_flag() -> None:
    """Staff are exempt unless the row says otherwise; soft grants bear the flag of each rule."""
    soft = ZoneRule(zone="gym", passback=Strictness.SOFT, almost_full=5)
    assert ask(INSIDE, staff=True) == Granted("m-anne")
    assert ask(INSIDE, soft) == Granted("m-anne", (GrantFlag.PASSBACK,))
    assert ask(LocalFacts(occupancy=5), soft) == Granted("m-anne", (GrantFlag.ZONE_ALMOST_FULL,))


def test_after_a_cold_boot_nobody_is_refused_for_where_they_were() -> None:
    """Unless the row says that doubt may refuse; nobody knows then how long the power was off."""
    flags = (GrantFlag.PASSBACK, GrantFlag.TIME_UNCERTAIN)
    assert ask(INSIDE, quality=TimeQuality.UNCERTAIN) == Granted("m-anne", flags)
    hard = replace(STRICT, stale=Strictness.HARD)
    assert ask(INSIDE, hard, quality=TimeQuality.UNCERTAIN) == Denied(DenyReason.PASSBACK, "m-anne")
