from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.decision import (
    DecisionTime,
    Denied,
    DoorView,
    Granted,
    Lookup,
    RowDamaged,
    SiteRules,
    TimeQuality,
    decide,
)
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.evidence import Evidence
from portillon_rules.policy import AfterLease, JournalUnwritable, SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.right import Turn
from portillon_rules.schedule import Schedule, Window

HOUR_MS = 3_600_000
ROW = Entitlement(
    credential="k1.aa", member="m1", zones=("gym",), schedule=ALWAYS, valid_from_ms=1_000, valid_until_ms=9_000
)
LANE = DoorView("lane1", "gym")
POLICY = SitePolicy(time_zone="America/Montreal")
ORDERS = {
    EVERY_DOOR: DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "staff1"),
    "lane1": DoorOrder("lane1", Standing.BLOCKED, "staff1"),
}
SITE = SiteRules(POLICY, {}, orders=ORDERS, revision=42)
NOW = DecisionTime(5_000, TimeQuality.CERTAIN, HOUR_MS)


def ask(
    lookup: Lookup = ROW, *, door: DoorView = LANE, site: SiteRules = SITE, time: DecisionTime = NOW
) -> Granted | Denied:
    return decide(lookup=lookup, door=door, site=site, time=time)


def with_policy(**changes: object) -> SiteRules:
    return replace(SITE, policy=replace(POLICY, **changes))  # type: ignore[arg-type]


def test_a_member_in_order_passes() -> None:
    """Nothing against it: granted, without a flag."""
    assert ask() == Granted("m1")


MUTE = replace(LANE, journal_writable=False)
DENY_MUTE = {"journal_unwritable": JournalUnwritable.DENY}
UNSURE = replace(NOW, quality=TimeQuality.UNCERTAIN)
CASES: list[tuple[dict[str, Any], DenyReason | None, Evidence]] = [
    ({}, None, Evidence("entitlement", "entitlement", 42)),
    ({"site": SiteRules(None, {}, revision=42)}, DenyReason.NEVER_SYNCED, Evidence("table")),
    ({"lookup": None}, DenyReason.UNKNOWN_CREDENTIAL, Evidence("table", None, 42)),
    ({"lookup": RowDamaged("k1.aa")}, DenyReason.ROW_DAMAGED, Evidence("table", "entitlement", 42)),
    (
        {"lookup": replace(ROW, refusal=DenyReason.DUES_UNPAID, valid_from_ms=6_000)},
        DenyReason.DUES_UNPAID,
        Evidence("entitlement", "entitlement", 42),
    ),
    ({"time": replace(NOW, business_ms=999)}, DenyReason.NOT_YET_VALID, Evidence("entitlement", "entitlement", 42)),
    ({"time": replace(NOW, business_ms=9_000)}, DenyReason.EXPIRED, Evidence("entitlement", "entitlement", 42)),
    (
        {"time": replace(NOW, quality=TimeQuality.UNKNOWN)},
        DenyReason.TIME_UNKNOWN,
        Evidence("entitlement", "entitlement", 42),
    ),
    ({"door": replace(LANE, zone="staff")}, DenyReason.WRONG_ZONE, Evidence("zone", "entitlement", 42)),
    (
        {"lookup": replace(ROW, schedule="mornings")},
        DenyReason.OUTSIDE_SCHEDULE,
        Evidence("schedule", "schedule/mornings", 42),
    ),
    (
        {"lookup": replace(ROW, schedule="all"), "policy": {"time_uncertain": TimeUncertain.DENY}, "time": UNSURE},
        DenyReason.TIME_UNKNOWN,
        Evidence("schedule", "policy/site", 42),
    ),
    (
        {"door": replace(LANE, closed_for=DenyReason.LANE_FAULT)},
        DenyReason.LANE_FAULT,
        Evidence("door", None, 42),
    ),
    (
        {"door": replace(LANE, closed_for=DenyReason.LOCKDOWN)},
        DenyReason.LOCKDOWN,
        Evidence("door", "door_order/*", 42),
    ),
    (
        {"door": replace(LANE, closed_for=DenyReason.DOOR_BLOCKED)},
        DenyReason.DOOR_BLOCKED,
        Evidence("door", "door_order/lane1", 42),
    ),
    ({"time": replace(NOW, lease_remaining_ms=0)}, DenyReason.LEASE_OVER, Evidence("basis", "policy/site", 42)),
    ({"door": MUTE, "policy": DENY_MUTE}, DenyReason.JOURNAL_UNWRITABLE, Evidence("basis", "policy/site", 42)),
    ({"door": replace(LANE, output_available=False)}, DenyReason.OUTPUT_UNAVAILABLE, Evidence("basis", None, 42)),
    ({"door": replace(LANE, busy=True)}, DenyReason.LANE_BUSY, Evidence("lane", None, 42)),
]


@pytest.mark.parametrize(("asked", "reason", "evidence"), CASES)
def test_each_answer_says_why_and_what_it_rests_on(
    asked: dict[str, Any], reason: DenyReason | None, evidence: Evidence
) -> None:
    """Every way to be refused has its own word, and names the rule, the row and the revision of the table."""
    asked = dict(asked)
    if "policy" in asked:
        asked["site"] = with_policy(**asked.pop("policy"))
    answer = ask(**asked)
    assert (answer.reason if isinstance(answer, Denied) else None) is reason
    known = isinstance(asked.get("lookup", ROW), Entitlement)
    assert answer.member == ("m1" if known else None)
    assert answer.evidence == evidence


def test_evidence_is_said_in_one_way() -> None:
    """Rule, row and revision, as far as there are any, so that a journal can be searched for each."""
    assert str(Evidence("schedule", "schedule/mornings", 42)) == "schedule schedule/mornings @42"
    assert str(Evidence("entitlement", "entitlement", 42)) == "entitlement @42"
    assert str(Evidence("lane", None, 0)) == "lane @0"
    assert str(Evidence("table")) == "table"


def test_the_same_answer_on_other_evidence_is_the_same_answer() -> None:
    """Desk and turnstile may have read it at different revisions."""
    assert Denied(DenyReason.EXPIRED, "m1", Evidence("entitlement", None, 1)) == Denied(DenyReason.EXPIRED, "m1")


def test_a_lockdown_lets_in_only_whom_it_exempts() -> None:
    """Being exempt from lockdowns opens no door that staff has blocked."""
    exempt = replace(ROW, lockdown_exempt=True)
    assert ask(exempt, door=replace(LANE, closed_for=DenyReason.LOCKDOWN)) == Granted("m1")
    assert ask(exempt, door=replace(LANE, closed_for=DenyReason.DOOR_BLOCKED)) == Denied(DenyReason.DOOR_BLOCKED, "m1")
    assert ask(door=replace(LANE, closed_for=DenyReason.LOCKDOWN)) == Denied(DenyReason.LOCKDOWN, "m1")


def test_validity_is_half_open() -> None:
    """The first millisecond is inside, the last is outside: `valid_until` is the first refusal."""
    assert ask(time=replace(NOW, business_ms=1_000)) == Granted("m1")
    assert ask(time=replace(NOW, business_ms=8_999)) == Granted("m1")


def test_a_refusal_ends_by_itself_when_its_end_is_known() -> None:
    """A freeze that ends at 6,000 refuses with its reason before, and lets in from then on, with nobody told."""
    frozen = replace(ROW, refusal=DenyReason.FROZEN, valid_from_ms=6_000)
    assert ask(frozen, time=replace(NOW, business_ms=5_999)) == Denied(DenyReason.FROZEN, "m1")
    assert ask(frozen, time=replace(NOW, quality=TimeQuality.UNKNOWN)) == Denied(DenyReason.FROZEN, "m1")
    assert ask(frozen, time=replace(NOW, business_ms=6_000)) == Granted("m1")


def test_without_a_time_no_turn_has_come() -> None:
    """A freeze that was to begin at 4,000 is the reason from then on; nobody says so who does not know the time."""
    turning = replace(ROW, turns=(Turn(from_ms=4_000, refusal=DenyReason.FROZEN),))
    assert ask(turning, time=replace(NOW, business_ms=3_999)) == Granted("m1")
    assert ask(turning) == Denied(DenyReason.FROZEN, "m1")
    assert ask(turning, time=replace(NOW, quality=TimeQuality.UNKNOWN)) == Denied(DenyReason.TIME_UNKNOWN, "m1")


def test_staff_outlast_the_lease_but_never_their_own_validity() -> None:
    """A dead link for a week leaves staff their key, not their ended contract."""
    staff = replace(ROW, staff=True)
    over = replace(NOW, lease_remaining_ms=-1000 * HOUR_MS)
    assert ask(staff, time=over) == Granted("m1")
    assert ask(staff, time=replace(over, business_ms=9_000)) == Denied(DenyReason.EXPIRED, "m1")


def test_after_the_lease_the_site_policy_holds() -> None:
    """Deny, pass and flag, or pass for N hours; a day pass never outlasts the lease."""
    flag = Granted("m1", (GrantFlag.AFTER_LEASE,))
    flagging = with_policy(after_lease=AfterLease.PASS_AND_FLAG)
    two_hours = with_policy(after_lease=AfterLease.PASS_FOR_HOURS, after_lease_hours=2)
    over_1h = replace(NOW, lease_remaining_ms=-HOUR_MS)
    over_2h = replace(NOW, lease_remaining_ms=-2 * HOUR_MS)
    assert ask(site=flagging, time=over_2h) == flag
    assert ask(site=two_hours, time=over_1h) == flag
    assert ask(site=two_hours, time=over_2h) == Denied(DenyReason.LEASE_OVER, "m1")
    assert ask(replace(ROW, day_pass=True), site=flagging, time=over_1h) == Denied(DenyReason.LEASE_OVER, "m1")


def test_uncertain_time_is_flagged_and_may_close_schedules() -> None:
    """After a cold boot members still pass, and the owner can find it; a strict site closes its schedules."""
    unsure = replace(NOW, quality=TimeQuality.UNCERTAIN)
    assert ask(time=unsure) == Granted("m1", (GrantFlag.TIME_UNCERTAIN,))
    windows = tuple(Window(day, 0, 1440) for day in range(7))
    strict = SiteRules(replace(POLICY, time_uncertain=TimeUncertain.DENY), {"all": Schedule("all", windows)})
    assert ask(replace(ROW, schedule="all"), site=strict) == Granted("m1")
    assert ask(replace(ROW, schedule="all"), site=strict, time=unsure) == Denied(DenyReason.TIME_UNKNOWN, "m1")


def test_an_unwritable_journal_passes_and_flags_by_default() -> None:
    """A full disk does not shut the gym, and does not go unseen."""
    assert ask(door=replace(LANE, journal_writable=False)) == Granted("m1", (GrantFlag.NOT_JOURNALED,))


def test_duress_is_granted_like_anything_else_and_marked() -> None:
    """Somebody who is forced to open gets in as always; only the flag tells, and a refusal stays a refusal."""
    forced = replace(ROW, duress=True)
    assert ask(forced) == Granted("m1", (GrantFlag.DURESS,))
    assert ask(forced, door=replace(LANE, busy=True)) == Denied(DenyReason.LANE_BUSY, "m1")


def test_a_schedule_follows_the_clock_on_the_wall_through_a_clock_change() -> None:
    """Opening at 06:00 means 06:00 local before and after the night in which the clocks change."""
    mornings = Schedule("mornings", tuple(Window(day, 6 * 60, 9 * 60) for day in range(7)), closed_on=("2026-12-25",))
    site = SiteRules(POLICY, {"mornings": mornings})
    row = replace(ROW, schedule="mornings", valid_until_ms=2**62)

    def at(*utc: int) -> Granted | Denied:
        when = int(datetime(*utc, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type, misc]
        return ask(row, site=site, time=replace(NOW, business_ms=when))

    shut = Denied(DenyReason.OUTSIDE_SCHEDULE, "m1")
    assert at(2026, 3, 7, 10, 59) == shut and at(2026, 3, 7, 11, 0) == Granted("m1")  # EST, UTC-5
    assert at(2026, 3, 8, 9, 59) == shut and at(2026, 3, 8, 10, 0) == Granted("m1")  # EDT, UTC-4
    assert at(2026, 12, 25, 12, 0) == shut


rows = st.builds(
    Entitlement,
    credential=st.just("k1.aa"),
    member=st.just("m1"),
    zones=st.sampled_from([(), ("gym",), ("spa", "gym")]),
    schedule=st.sampled_from([ALWAYS, "never"]),
    valid_from_ms=st.integers(0, 100),
    valid_until_ms=st.integers(0, 100),
    refusal=st.none() | st.sampled_from(DenyReason),
    staff=st.booleans(),
    day_pass=st.booleans(),
)


@given(
    lookup=st.none() | st.just(RowDamaged("k1.aa")) | rows,
    business_ms=st.integers(0, 120),
    remaining_ms=st.integers(-100, 100),
    quality=st.sampled_from(TimeQuality),
    policy=st.none()
    | st.builds(SitePolicy, time_zone=st.just("Europe/Paris"), after_lease=st.sampled_from(AfterLease)),
)
def test_nobody_passes_outside_their_row(
    lookup: Lookup, business_ms: int, remaining_ms: int, quality: TimeQuality, policy: SitePolicy | None
) -> None:
    """A grant needs a policy, a sound row without refusal, a known time inside its validity, and the zone."""
    answer = decide(
        lookup=lookup,
        door=LANE,
        site=SiteRules(policy, {}),
        time=DecisionTime(business_ms, quality, remaining_ms),
    )
    if isinstance(answer, Denied):
        assert answer.reason in DenyReason
        return
    assert policy is not None and isinstance(lookup, Entitlement)
    assert lookup.valid_from_ms <= business_ms < lookup.valid_until_ms and "gym" in lookup.zones
    assert quality is not TimeQuality.UNKNOWN
    assert remaining_ms > 0 or lookup.staff or GrantFlag.AFTER_LEASE in answer.flags


@given(row=rows)
def test_a_row_survives_its_body(row: Entitlement) -> None:
    """Body and back is the same right (zones are a set, kept sorted)."""
    assert Entitlement.from_body("k1.aa", row.to_body()) == replace(row, zones=tuple(sorted(row.zones)))
