"""All rules together: which one speaks first, what holds for those who leave, and when a card alone is not enough."""

from dataclasses import replace
from typing import Any

import pytest
from portillon_rules.company import Company
from portillon_rules.decision import (
    DecisionTime,
    Denied,
    DoorView,
    Granted,
    SiteRules,
    TimeQuality,
    decide,
    pin_asked,
)
from portillon_rules.door_rule import DoorRule
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.evidence import Evidence
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.local_facts import LocalFacts
from portillon_rules.policy import JournalUnwritable, SitePolicy, TimeUncertain
from portillon_rules.presence import Presence
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.schedule import HolidayHours, Schedule, Window
from portillon_rules.visits import Allowance, VisitRow, VisitUse
from portillon_rules.zone_rule import Strictness, ZoneRule

HOUR_MS = 3_600_000
NOW_MS = 1_795_446_000_000  # 2026-11-23, a Monday, 15:00 UTC and 10:00 in Toronto
NOW = DecisionTime(NOW_MS, TimeQuality.CERTAIN, HOUR_MS)
ROW = Entitlement(
    credential="k1.aa", member="m1", zones=("gym",), schedule=ALWAYS, valid_from_ms=0, valid_until_ms=2**52
)
LANE = DoorView("lane1", "gym")
POLICY = SitePolicy(time_zone="America/Toronto", journal_unwritable=JournalUnwritable.DENY)
MORNINGS = Schedule("mornings", (Window(0, 6 * 60, 11 * 60),))
SITE = SiteRules(
    POLICY,
    {"mornings": MORNINGS},
    zones={"gym": ZoneRule(zone="gym", passback=Strictness.HARD, capacity=2)},
    doors={"lane1": DoorRule(door="lane1", pin_schedule="mornings", two_people=True)},
    revision=42,
)
NO_VISITS = VisitUse(
    VisitRow(
        member="m1",
        home="gw1",
        turn=1,
        since_ms=0,
        allowances=(Allowance(name="pack", most=10, until_ms=2**52, before=10),),
    )
)
IN_THE_GYM = Presence("gym", NOW_MS - HOUR_MS)
ALL_WRONG = LocalFacts(presence=IN_THE_GYM, occupancy=2, visits=NO_VISITS, pin_shown=False)


def test_the_first_rule_in_the_order_gives_the_reason() -> None:
    """With everything wrong at once, mending one thing after the other tells the reasons in the documented order."""
    world: dict[str, Any] = {
        "lookup": replace(ROW, refusal=DenyReason.DUES_UNPAID, valid_from_ms=2**51, zones=("spa",), schedule="none"),
        "door": replace(
            LANE, closed_for=DenyReason.LANE_FAULT, busy=True, output_available=False, journal_writable=False
        ),
        "time": replace(NOW, lease_remaining_ms=0),
        "site": SITE,
        "local": ALL_WRONG,
    }
    mended: list[tuple[DenyReason, str, dict[str, object]]] = [
        (DenyReason.DUES_UNPAID, "lookup", {"refusal": None}),
        (DenyReason.NOT_YET_VALID, "lookup", {"valid_from_ms": 0}),
        (DenyReason.WRONG_ZONE, "lookup", {"zones": ("gym",)}),
        (DenyReason.OUTSIDE_SCHEDULE, "lookup", {"schedule": "mornings"}),
        (DenyReason.LANE_FAULT, "door", {"closed_for": None}),
        (DenyReason.PIN_MISSING, "local", {"pin_shown": True}),
        (DenyReason.NO_VISITS_LEFT, "local", {"visits": VisitUse()}),
        (DenyReason.PASSBACK, "local", {"presence": Presence(None, NOW_MS - HOUR_MS)}),
        (DenyReason.ZONE_FULL, "local", {"occupancy": 1}),
        (DenyReason.LEASE_OVER, "time", {"lease_remaining_ms": 1}),
        (DenyReason.JOURNAL_UNWRITABLE, "door", {"journal_writable": True}),
        (DenyReason.OUTPUT_UNAVAILABLE, "door", {"output_available": True}),
        (DenyReason.SECOND_PERSON_NEEDED, "local", {"company": Company(waiting=("m2",))}),
        (DenyReason.LANE_BUSY, "door", {"busy": False}),
    ]
    for reason, what, changes in mended:
        assert decide(**world) == Denied(reason, "m1")
        world[what] = replace(world[what], **changes)
    assert decide(**world) == Granted("m1")


@pytest.mark.parametrize(
    ("changes", "evidence"),
    [
        ({"pin_shown": False}, Evidence("door_rule", "door_rule/lane1", 42)),
        ({"visits": NO_VISITS}, Evidence("visits", "visits/m1", 42)),
        ({"presence": IN_THE_GYM}, Evidence("passback", "zone_rule/gym", 42)),
        ({"occupancy": 2}, Evidence("occupancy", "zone_rule/gym", 42)),
        ({}, Evidence("company", "door_rule/lane1", 42)),
    ],
)
def test_each_rule_names_the_row_that_it_rests_on(changes: dict[str, Any], evidence: Evidence) -> None:
    """Rows of the feed, by kind and key, at the revision of the table."""
    answer = decide(lookup=ROW, door=LANE, site=SITE, time=NOW, local=LocalFacts(**changes))
    assert isinstance(answer, Denied)
    assert answer.evidence == evidence


def test_nobody_is_kept_in_by_hours_pin_visits_capacity_or_company() -> None:
    """Whoever is inside leaves after closing time, with an empty pack, without PIN, alone, from a zone that is full."""
    answer = decide(
        lookup=replace(ROW, schedule="none"),
        door=replace(LANE, leaving=True),
        site=SITE,
        time=NOW,
        local=ALL_WRONG,
    )
    assert answer == Granted("m1")


def test_leaving_is_still_asked_what_entering_proved() -> None:
    """A lost card, another zone's card and a broken lane are refused both ways; egress itself asks no card."""
    out = replace(LANE, leaving=True)
    for row, door, reason in (
        (replace(ROW, refusal=DenyReason.CREDENTIAL_LOST, valid_from_ms=2**51), out, DenyReason.CREDENTIAL_LOST),
        (replace(ROW, zones=("spa",)), out, DenyReason.WRONG_ZONE),
        (ROW, replace(out, closed_for=DenyReason.LANE_FAULT), DenyReason.LANE_FAULT),
        (ROW, replace(out, output_available=False), DenyReason.OUTPUT_UNAVAILABLE),
    ):
        assert decide(lookup=row, door=door, site=SITE, time=NOW) == Denied(reason, "m1")


def test_what_a_site_has_no_rule_for_is_not_asked() -> None:
    """Without zones, door rules, packs and company every local fact may be as it will."""
    bare = SiteRules(POLICY, {})
    facts = LocalFacts(presence=IN_THE_GYM, occupancy=10_000, pin_shown=False)
    assert decide(lookup=ROW, door=LANE, site=bare, time=NOW, local=facts) == Granted("m1")


def test_flags_of_all_rules_add_up_once_each() -> None:
    """Duress, soft passback, nearly full, uncertain time: one grant, all of its circumstances, in the rules' order."""
    gym = ZoneRule(zone="gym", passback=Strictness.SOFT, capacity=9, almost_full=1)
    answer = decide(
        lookup=replace(ROW, duress=True),
        door=LANE,
        site=SiteRules(POLICY, {}, zones={"gym": gym, "*": ZoneRule(zone="*", passback=Strictness.SOFT)}),
        time=replace(NOW, quality=TimeQuality.UNCERTAIN),
        local=LocalFacts(presence=Presence(None, 0), occupancy=1),
    )
    assert answer == Granted("m1", (GrantFlag.DURESS, GrantFlag.ZONE_ALMOST_FULL, GrantFlag.TIME_UNCERTAIN))
    inside = LocalFacts(presence=IN_THE_GYM)
    answer = decide(lookup=ROW, door=LANE, site=SiteRules(POLICY, {}, zones={"gym": gym}), time=NOW, local=inside)
    assert answer == Granted("m1", (GrantFlag.PASSBACK,))


@pytest.mark.parametrize(
    ("site", "time", "asked"),
    [
        (SITE, NOW, True),
        (SITE, replace(NOW, business_ms=NOW_MS + HOUR_MS), False),
        (SITE, replace(NOW, quality=TimeQuality.UNCERTAIN, business_ms=NOW_MS + HOUR_MS), False),
        (SITE, replace(NOW, quality=TimeQuality.UNKNOWN, business_ms=NOW_MS + HOUR_MS), True),
        (
            replace(SITE, policy=replace(POLICY, time_uncertain=TimeUncertain.DENY)),
            replace(NOW, quality=TimeQuality.UNCERTAIN, business_ms=NOW_MS + HOUR_MS),
            True,
        ),
        (
            replace(SITE, policy=replace(POLICY, time_uncertain=TimeUncertain.DENY)),
            replace(NOW, business_ms=NOW_MS + HOUR_MS),
            False,
        ),
        (replace(SITE, schedules={}), NOW, True),
        (replace(SITE, doors={"lane1": DoorRule(door="lane1", pin_schedule=ALWAYS)}, schedules={}), NOW, True),
        (replace(SITE, doors={"lane1": DoorRule(door="lane1")}), NOW, False),
        (replace(SITE, doors={"lane2": DoorRule(door="lane2", pin_schedule=ALWAYS)}), NOW, False),
        (replace(SITE, policy=None), NOW, False),
    ],
)
def test_a_card_alone_is_not_enough_at_the_hours_of_the_doors_rule(
    site: SiteRules, time: DecisionTime, asked: bool
) -> None:
    """While its schedule is open a PIN is asked; while the hours cannot be told, it is asked too."""
    assert pin_asked("lane1", site, time) is asked


def test_a_holiday_of_the_sites_calendar_closes_a_schedule() -> None:
    """The calendar that a schedule names is looked up among the site's."""
    closed = replace(MORNINGS, holidays=(HolidayHours("quebec"),))
    for day, allowed in (("11-23", False), ("11-24", True)):
        calendar = {"quebec": HolidayCalendar("quebec", frozenset({day}))}
        site = SiteRules(POLICY, {"mornings": closed}, holidays=calendar)
        answer = decide(lookup=replace(ROW, schedule="mornings"), door=LANE, site=site, time=NOW)
        assert isinstance(answer, Granted) is allowed


def test_zones_are_judged_by_what_the_site_and_the_row_say_of_the_member() -> None:
    """Forgiveness of this member, exemption of staff, and the reset hour by the site's own wall."""
    site = replace(SITE, doors={}, zones={"gym": ZoneRule(zone="gym", passback=Strictness.HARD, reset_hour=4)})
    inside = LocalFacts(presence=IN_THE_GYM)
    refused = Denied(DenyReason.PASSBACK, "m1")
    assert decide(lookup=ROW, door=LANE, site=site, time=NOW, local=inside) == refused
    for forgiven, expected in (({"m1": NOW_MS}, Granted("m1")), ({"m2": NOW_MS}, refused)):
        asked = replace(site, forgiven=forgiven)
        assert decide(lookup=ROW, door=LANE, site=asked, time=NOW, local=inside) == expected
    staff = decide(lookup=replace(ROW, staff=True), door=LANE, site=site, time=NOW, local=inside)
    assert staff == Granted("m1")
    for hours, expected in ((5, refused), (7, Granted("m1"))):  # since 05:00 and 03:00 in Toronto
        since = LocalFacts(presence=Presence("gym", NOW_MS - hours * HOUR_MS))
        assert decide(lookup=ROW, door=LANE, site=site, time=NOW, local=since) == expected
