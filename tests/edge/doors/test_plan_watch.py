"""Doors that stand free by their plan, by the clock on the site's wall."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_edge.doors.plan_watch import MINUTE_MS, PlanWatch, next_look_ms
from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.door_plan import DoorOrder, DoorPlan, Standing
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.policy import AfterLease, SitePolicy, TimeUncertain
from portillon_rules.schedule import HolidayHours, Schedule, Window, open_at

ZONE = ZoneInfo("America/Toronto")
HOUR_MS = 3_600_000


def rules(*windows: Window, first_person: bool = False, **policy: Any) -> SiteRules:
    return SiteRules(
        SitePolicy(time_zone="America/Toronto", **policy),
        {"day": Schedule("day", windows)},
        plans={"pool": DoorPlan("pool", "day", first_person)},
    )


def at(year: int, month: int, day: int, hour: int, minute: int) -> DecisionTime:
    local = datetime(year, month, day, hour, minute, tzinfo=ZONE)
    return DecisionTime(int(local.timestamp() * 1000), TimeQuality.CERTAIN, HOUR_MS)


MONDAY = rules(Window(0, 6 * 60, 22 * 60))
OPENS, CLOSES = at(2026, 11, 23, 6, 0), at(2026, 11, 23, 22, 0)


def free(rules: SiteRules, time: DecisionTime) -> bool:
    return PlanWatch().stands_free("pool", rules, time)


def test_free_while_the_schedule_is_open() -> None:
    """From the first millisecond of its window to the last; a door without a plan never."""
    assert free(MONDAY, OPENS) and not free(MONDAY, CLOSES)
    assert not free(MONDAY, replace(OPENS, business_ms=OPENS.business_ms - 1))
    assert free(MONDAY, replace(CLOSES, business_ms=CLOSES.business_ms - 1))
    assert not PlanWatch().stands_free("lane1", MONDAY, OPENS)


def test_a_skipped_hour_frees_nothing() -> None:
    """On the night of 8 March 2026 the wall goes from 02:00 to 03:00: a window within that hour never opens."""
    within = rules(Window(6, 2 * 60, 3 * 60))
    night = at(2026, 3, 8, 0, 0).business_ms
    assert not any(free(within, DecisionTime(night + m * MINUTE_MS, TimeQuality.CERTAIN, 1)) for m in range(240))


def test_an_hour_that_comes_twice_frees_twice() -> None:
    """On 1 November 2026 the wall shows 01:00 to 02:00 twice: the door is free for both hours."""
    within = rules(Window(6, 60, 120))
    night = at(2026, 11, 1, 0, 0).business_ms
    minutes = [m for m in range(300) if free(within, DecisionTime(night + m * MINUTE_MS, TimeQuality.CERTAIN, 1))]
    assert minutes == list(range(60, 180))


@given(
    start=st.sampled_from([at(2026, 3, 7, 20, 0), at(2026, 10, 31, 20, 0), at(2026, 7, 1, 0, 0)]),
    windows=st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 1439), st.integers(1, 1440)).filter(lambda w: w[1] < w[2]),
        max_size=4,
    ),
    offset_ms=st.integers(0, 12 * HOUR_MS),
)
def test_nothing_changes_between_two_looks(
    start: DecisionTime, windows: list[tuple[int, int, int]], offset_ms: int
) -> None:
    """Whatever the schedule, on both nights when the clocks change: until the next look a door stands as before."""
    site = rules(*(Window(*window) for window in windows))
    now = replace(start, business_ms=start.business_ms + offset_ms, lease_remaining_ms=10**9)
    wait_ms = next_look_ms(site, now)
    assert wait_ms is not None and 0 < wait_ms <= MINUTE_MS
    for later_ms in (now.business_ms + wait_ms // 2, now.business_ms + wait_ms - 1):
        assert free(site, replace(now, business_ms=later_ms)) is free(site, now)


def test_hypothesis_would_see_a_late_look() -> None:
    """The ablation: a look that came a millisecond late would find a door that should have turned."""
    wait_ms = MINUTE_MS - 30_000
    before = replace(OPENS, business_ms=OPENS.business_ms - wait_ms)
    assert next_look_ms(MONDAY, before) == wait_ms
    assert free(MONDAY, before) is not free(MONDAY, replace(before, business_ms=before.business_ms + wait_ms))


def test_first_person_begins_the_plan() -> None:
    """Open schedule or not, the door waits for one who may begin it, and forgets them when the schedule closes."""
    site = rules(Window(0, 6 * 60, 22 * 60), Window(1, 6 * 60, 22 * 60), first_person=True)
    watch, early = PlanWatch(), at(2026, 11, 23, 5, 59)
    assert not watch.passed("pool", site, early)
    assert not watch.stands_free("pool", site, OPENS)
    assert watch.passed("pool", site, OPENS) and not watch.passed("pool", site, OPENS)
    assert watch.stands_free("pool", site, OPENS)
    assert not watch.stands_free("pool", site, CLOSES)
    assert not watch.stands_free("pool", site, at(2026, 11, 24, 7, 0))


def test_nobody_begins_a_plan_that_waits_for_nobody() -> None:
    """Without first_person, or without a plan, a passage begins nothing."""
    assert not PlanWatch().passed("pool", MONDAY, OPENS)
    assert not PlanWatch().passed("lane1", MONDAY, OPENS)


@pytest.mark.parametrize(
    ("policy", "time", "expected"),
    [
        ({}, replace(OPENS, quality=TimeQuality.UNCERTAIN), True),
        ({"time_uncertain": TimeUncertain.DENY}, replace(OPENS, quality=TimeQuality.UNCERTAIN), False),
        ({}, replace(OPENS, quality=TimeQuality.UNKNOWN), False),
        ({}, replace(OPENS, lease_remaining_ms=0), False),
        ({"after_lease": AfterLease.PASS_AND_FLAG}, replace(OPENS, lease_remaining_ms=-(10**9)), True),
        (
            {"after_lease": AfterLease.PASS_FOR_HOURS, "after_lease_hours": 1},
            replace(OPENS, lease_remaining_ms=1 - HOUR_MS),
            True,
        ),
        (
            {"after_lease": AfterLease.PASS_FOR_HOURS, "after_lease_hours": 1},
            replace(OPENS, lease_remaining_ms=-HOUR_MS),
            False,
        ),
    ],
)
def test_what_lets_no_member_in_frees_no_door(policy: dict[str, Any], time: DecisionTime, expected: bool) -> None:
    """Uncertain time and a lease that is over mean for plans what the site's policy says of members."""
    assert free(rules(Window(0, 6 * 60, 22 * 60), **policy), time) is expected


def test_no_policy_or_schedule_no_plan() -> None:
    """A gateway that was never synchronised, or whose schedule is gone, frees nothing."""
    assert not free(replace(MONDAY, policy=None), OPENS)
    assert not free(replace(MONDAY, schedules={}), OPENS)


def test_a_holiday_keeps_the_door_locked() -> None:
    """A schedule that closes on a calendar's days frees no door on them, nor while that calendar is not there."""
    windows = MONDAY.schedules["day"].windows
    closing = replace(MONDAY, schedules={"day": Schedule("day", windows, holidays=(HolidayHours("quebec"),))})
    assert not free(closing, OPENS)
    for days, expected in ({"11-24"}, True), ({"11-23"}, False):
        assert (
            free(replace(closing, holidays={"quebec": HolidayCalendar("quebec", frozenset(days))}), OPENS) is expected
        )


def test_when_to_look() -> None:
    """At the end of an order, of the lease, at whole minutes where there are plans; else never by itself."""
    time = replace(OPENS, lease_remaining_ms=500)
    order = DoorOrder("pool", Standing.FREE, "s-1", until_ms=OPENS.business_ms + 300)
    assert next_look_ms(SiteRules(None, {}), time) is None
    assert next_look_ms(MONDAY, time) == 500
    assert next_look_ms(replace(MONDAY, orders={"pool": order}), time) == 300
    assert next_look_ms(replace(MONDAY, orders={"pool": replace(order, until_ms=1)}), OPENS) == MINUTE_MS


def test_the_rules_agree() -> None:
    """What this finds open, the rules' own schedule finds open: there is one clock on the wall."""
    local = datetime.fromtimestamp(OPENS.business_ms / 1000, ZONE)
    assert open_at(MONDAY.schedules["day"], local) and free(MONDAY, OPENS)
