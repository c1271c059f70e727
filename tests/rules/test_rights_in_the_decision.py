"""Several rights side by side, and turns one after the other: each zone has its hours, each instant its answer."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_rules.decision import DecisionTime, Denied, DoorView, Granted, SiteRules, TimeQuality, decide
from portillon_rules.entitlement import ALWAYS, Entitlement, Right, Turn
from portillon_rules.evidence import Evidence
from portillon_rules.policy import SitePolicy, TimeUncertain
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.right import joined
from portillon_rules.schedule import Schedule, Window

HOUR_MS = 3_600_000
TEN_ON_MONDAY_MS = 1_795_446_000_000  # 2026-11-23T10:00 in Toronto
SITE = SiteRules(
    SitePolicy(time_zone="America/Toronto"),
    {
        "off-peak": Schedule("off-peak", tuple(Window(day, 9 * 60, 16 * 60) for day in range(5))),
        "yoga": Schedule("yoga", (Window(0, 18 * 60 + 45, 20 * 60 + 15),)),
    },
    revision=7,
)
ROW = Entitlement(
    credential="k1.aa",
    member="m1",
    zones=("pool",),
    schedule=ALWAYS,
    also=(Right(("gym",), "off-peak"), Right(("gym", "studio"), "yoga")),
    valid_from_ms=0,
    valid_until_ms=2**52,
)


def says(
    row: Entitlement, zone: str, hours: float = 0, quality: TimeQuality = TimeQuality.CERTAIN, site: SiteRules = SITE
) -> Granted | Denied:
    """The answer at a door of the zone, so many hours after Monday 10:00."""
    time = DecisionTime(TEN_ON_MONDAY_MS + int(hours * HOUR_MS), quality, HOUR_MS)
    return decide(lookup=row, door=DoorView("door", zone), site=site, time=time)


@pytest.mark.parametrize(
    ("zone", "hours", "answer"),
    [
        ("pool", 0, Granted("m1")),
        ("pool", 12, Granted("m1")),
        ("gym", 0, Granted("m1")),
        ("gym", 7, Denied(DenyReason.OUTSIDE_SCHEDULE, "m1")),
        ("gym", 9, Granted("m1")),
        ("studio", 0, Denied(DenyReason.OUTSIDE_SCHEDULE, "m1")),
        ("studio", 9, Granted("m1")),
        ("spa", 0, Denied(DenyReason.WRONG_ZONE, "m1")),
    ],
)
def test_each_zone_opens_at_the_hours_of_its_own_rights(zone: str, hours: float, answer: Granted | Denied) -> None:
    """The pool always, the gym off-peak or at class hours, the studio at class hours: none lends hours to another."""
    assert says(ROW, zone, hours) == answer


def test_a_schedule_that_is_shut_is_named() -> None:
    """Of several, the first of those that open this zone; none of another zone's."""
    assert says(ROW, "gym", 7).evidence == Evidence("schedule", "schedule/off-peak", 7)
    assert says(ROW, "studio").evidence == Evidence("schedule", "schedule/yoga", 7)


def test_uncertain_time_shuts_zones_with_hours_alone() -> None:
    """Where the site follows no schedule without sure time, what has no hours opens as ever."""
    strict = replace(SITE, policy=SitePolicy(time_zone="America/Toronto", time_uncertain=TimeUncertain.DENY))
    assert isinstance(says(ROW, "pool", quality=TimeQuality.UNCERTAIN, site=strict), Granted)
    assert says(ROW, "gym", quality=TimeQuality.UNCERTAIN, site=strict) == Denied(DenyReason.TIME_UNKNOWN, "m1")


def test_rights_are_joined_by_schedule_and_a_free_zone_needs_no_hours() -> None:
    """One shape for the same rights, however they were bought: the feed carries no noise."""
    bought = [Right(("gym",), "yoga"), Right(("pool",)), Right(("gym", "pool"), "off-peak"), Right(("gym",), "yoga")]
    assert joined(bought) == (Right(("pool",)), Right(("gym",), "off-peak"), Right(("gym",), "yoga"))
    assert joined(reversed(bought)) == joined(bought)
    assert joined([]) == ()


def test_a_row_turns_by_itself_at_each_of_its_instants() -> None:
    """Freeze, return with fewer rights in grace, end: each is told at its instant, with nothing heard in between."""
    row = replace(
        ROW,
        valid_until_ms=TEN_ON_MONDAY_MS + HOUR_MS,
        turns=(
            Turn(from_ms=TEN_ON_MONDAY_MS + HOUR_MS, refusal=DenyReason.FROZEN),
            Turn(from_ms=TEN_ON_MONDAY_MS + 2 * HOUR_MS, rights=(Right(("gym",)),)),
            Turn(from_ms=TEN_ON_MONDAY_MS + 3 * HOUR_MS, rights=(Right(("gym",)),), shared=True, grace_from_ms=0),
            Turn(from_ms=TEN_ON_MONDAY_MS + 4 * HOUR_MS, refusal=DenyReason.DUES_UNPAID),
        ),
    )
    assert Entitlement.from_body("k1.aa", row.to_body()) == row
    answers = [says(row, "gym", hours) for hours in (0.9, 1, 2, 3, 4)]
    assert answers == [
        Granted("m1"),
        Denied(DenyReason.FROZEN, "m1"),
        Granted("m1"),
        Granted("m1", (GrantFlag.SHARED, GrantFlag.GRACE)),
        Denied(DenyReason.DUES_UNPAID, "m1"),
    ]
    assert says(row, "pool", 2) == Denied(DenyReason.WRONG_ZONE, "m1")
    assert says(row, "gym", 3, TimeQuality.UNKNOWN) == Denied(DenyReason.TIME_UNKNOWN, "m1")
    unheeded = replace(row, turns=())
    assert says(unheeded, "gym", 2) == Denied(DenyReason.EXPIRED, "m1")


def test_grace_begins_at_its_instant() -> None:
    """Until then the grant is a plain one."""
    row = replace(ROW, grace_from_ms=TEN_ON_MONDAY_MS + HOUR_MS)
    assert [says(row, "pool", hours) for hours in (0.999, 1)] == [Granted("m1"), Granted("m1", (GrantFlag.GRACE,))]


def test_a_turn_into_staff_outlasts_the_lease_and_one_out_of_it_does_not() -> None:
    """Who is staff is said for each span of time."""
    over = DecisionTime(TEN_ON_MONDAY_MS, TimeQuality.CERTAIN, lease_remaining_ms=0)
    for now, later in ((False, True), (True, False)):
        row = replace(ROW, staff=now, turns=(Turn(from_ms=TEN_ON_MONDAY_MS, rights=(Right(("gym",)),), staff=later),))
        answer = decide(lookup=row, door=DoorView("door", "gym"), site=SITE, time=over)
        assert answer == (Granted("m1") if later else Denied(DenyReason.LEASE_OVER, "m1"))


RIGHTS = st.lists(
    st.builds(
        Right,
        st.lists(st.sampled_from(["gym", "pool"]), min_size=1, max_size=2, unique=True).map(sorted).map(tuple),
        st.sampled_from([ALWAYS, "yoga"]),
    ),
    max_size=3,
).map(tuple)
TURNS = st.lists(
    st.builds(
        lambda at, refusal, rights, staff, shared, grace: (
            Turn(from_ms=at, refusal=refusal)
            if refusal
            else Turn(from_ms=at, rights=rights, staff=staff, shared=shared, grace_from_ms=grace)
        ),
        st.integers(0, 10),
        st.none() | st.sampled_from(DenyReason),
        RIGHTS,
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(0, 10),
    ),
    max_size=4,
    unique_by=lambda turn: turn.from_ms,
).map(lambda turns: tuple(sorted(turns, key=lambda turn: turn.from_ms)))


@given(RIGHTS, TURNS, st.integers(-1, 12))
def test_a_row_reads_back_as_written_and_stands_as_its_latest_turn_says(
    also: tuple[Right, ...], turns: tuple[Turn, ...], at_ms: int
) -> None:
    """For every row and instant; before the first turn it is itself."""
    row = replace(ROW, also=also, turns=turns)
    assert Entitlement.from_body("k1.aa", row.to_body()) == row
    begun = [turn for turn in turns if turn.from_ms <= at_ms]
    stands = row.at(at_ms)
    if not begun:
        assert stands is row
    elif begun[-1].refusal is not None:
        assert stands.refusal is begun[-1].refusal and stands.valid_from_ms > at_ms
    else:
        assert joined(stands.rights) == joined(begun[-1].rights)
        assert stands.valid_from_ms <= at_ms < stands.valid_until_ms
