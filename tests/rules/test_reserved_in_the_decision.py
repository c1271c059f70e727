"""Hours reserved for a group: who enters then, who does not, and what holds while nobody can tell the hour."""

from dataclasses import replace

import pytest
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.evidence import Evidence
from portillon_rules.policy import SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.reserved import RESERVED_MAX, Reserved, reserved_from
from portillon_rules.schedule import Schedule, Window
from portillon_rules.zone_rule import EVERY_ZONE, ZoneRule

HOUR_MS = 3_600_000
TEN_ON_MONDAY_MS = 1_795_446_000_000  # 2026-11-23T10:00 in Toronto
WOMEN, SENIORS = Reserved("nine to eleven", "women"), Reserved("ten to noon", "seniors")
POLICY = SitePolicy(time_zone="America/Toronto")
ROW = Entitlement(
    credential="k1.aa",
    member="m1",
    zones=("baths", "sauna"),
    schedule=ALWAYS,
    valid_from_ms=0,
    valid_until_ms=2**52,
)
SITE = SiteRules(
    POLICY,
    {
        "nine to eleven": Schedule("nine to eleven", (Window(0, 9 * 60, 11 * 60),)),
        "ten to noon": Schedule("ten to noon", (Window(0, 10 * 60, 12 * 60),)),
    },
    zones={
        "baths": ZoneRule(zone="baths", reserved=(WOMEN, SENIORS)),
        "sauna": ZoneRule(zone="sauna", within="baths"),
    },
    revision=3,
)


def says(
    groups: tuple[str, ...] = (),
    hours: float = 0,
    *,
    zone: str = "baths",
    leaving: bool = False,
    site: SiteRules = SITE,
    quality: TimeQuality = TimeQuality.CERTAIN,
    staff: bool = False,
) -> Granted | Denied:
    """The answer so many hours after Monday 10:00."""
    return decide(
        lookup=replace(ROW, groups=groups, staff=staff),
        door=DoorView("door", zone, leaving=leaving),
        site=site,
        time=DecisionTime(TEN_ON_MONDAY_MS + int(hours * HOUR_MS), quality, HOUR_MS),
    )


RESERVED = Denied(DenyReason.RESERVED_HOURS, "m1")


@pytest.mark.parametrize(
    ("groups", "hours", "answer"),
    [
        ((), -1.01, Granted("m1")),
        ((), -1, RESERVED),
        (("women",), -1, Granted("m1")),
        (("seniors",), -1, RESERVED),
        (("women",), 0, Granted("m1")),
        (("seniors",), 0, Granted("m1")),
        (("women",), 1, RESERVED),
        (("seniors", "chess"), 1, Granted("m1")),
        ((), 2, Granted("m1")),
    ],
)
def test_while_its_window_is_open_only_a_group_enters(
    groups: tuple[str, ...], hours: float, answer: Granted | Denied
) -> None:
    """Where two groups' hours overlap both enter; outside every window everybody does."""
    assert says(groups, hours) == answer


def test_the_rule_that_reserves_is_the_evidence() -> None:
    """Whoever is refused can be shown which zone's rule it was, also for a zone within it."""
    for zone in ("baths", "sauna"):
        assert says(zone=zone).evidence == Evidence("reserved", "zone_rule/baths", 3)
    door = replace(SITE, zones={}, doors={"door": DoorRule(door="door", reserved=(WOMEN,))})
    assert says(site=door).evidence == Evidence("reserved", "door_rule/door", 3)


def test_door_zone_and_site_each_ask_for_their_own_group() -> None:
    """A door for women in a zone for seniors is for women who are seniors."""
    both = replace(SITE, doors={"door": DoorRule(door="door", reserved=(SENIORS,))})
    assert says(("women",), site=both) == RESERVED
    assert says(("women", "seniors"), site=both) == Granted("m1")
    everywhere = replace(SITE, zones={EVERY_ZONE: ZoneRule(zone=EVERY_ZONE, reserved=(Reserved(ALWAYS, "crew"),))})
    assert says(site=everywhere) == RESERVED
    assert says(("crew",), site=everywhere) == Granted("m1")


def test_nobody_is_kept_in() -> None:
    """Whoever is inside when the hours begin leaves."""
    assert says(leaving=True) == Granted("m1")


def test_staff_enter_unless_the_zones_rule_holds_for_them() -> None:
    """The lifeguard works in every hour; a zone that exempts nobody asks staff for the group too."""
    assert says(staff=True) == Granted("m1")
    strict = {"baths": replace(SITE.zones["baths"], staff_exempt=False)}
    assert says(staff=True, site=replace(SITE, zones=strict)) == RESERVED
    door = replace(SITE, zones={}, doors={"door": DoorRule(door="door", reserved=(WOMEN,))})
    assert says(staff=True, site=door) == Granted("m1")


def test_hours_that_cannot_be_told_are_reserved() -> None:
    """A schedule that the gateway does not have, or a time the site does not trust, opens to the groups alone."""
    assert says(site=replace(SITE, schedules={}), hours=5) == RESERVED
    assert says(("women",), site=replace(SITE, schedules={}), hours=5) == Granted("m1")
    strict = replace(SITE, policy=replace(POLICY, time_uncertain=TimeUncertain.DENY))
    unsure = TimeQuality.UNCERTAIN
    refused = says(site=strict, hours=5, quality=unsure)
    assert refused == Denied(DenyReason.TIME_UNKNOWN, "m1")
    assert refused.evidence == Evidence("reserved", "policy/site", 3)
    flagged = Granted("m1", (GrantFlag.TIME_UNCERTAIN,))
    assert says(("women",), site=strict, hours=5, quality=unsure) == flagged
    assert says(hours=5, quality=unsure) == flagged


def test_windows_travel_with_the_rules_of_zone_and_door() -> None:
    """Told where there are any, and bounded."""
    zone = ZoneRule(zone="baths", reserved=(WOMEN, SENIORS))
    assert ZoneRule.from_body("baths", zone.to_body()) == zone
    assert "reserved" not in ZoneRule(zone="baths").to_body()
    door = DoorRule(door="door", reserved=(WOMEN,))
    assert DoorRule.from_body("door", door.to_body()) == door
    assert "reserved" not in DoorRule(door="door").to_body()
    with pytest.raises(ValueError, match="at most"):
        reserved_from([WOMEN.to_body()] * (RESERVED_MAX + 1))
