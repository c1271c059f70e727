"""Billing periods, against published examples and as properties."""

import datetime
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import (
    Interval,
    IntervalUnit,
    Period,
    add_months,
    boundary,
    first_boundary_from,
    period,
    period_index,
)

MONTH = Interval(IntervalUnit.MONTH, 1)
YEAR = Interval(IntervalUnit.MONTH, 12)


def starts(anchor_on: date, interval: Interval, count: int) -> list[date]:
    return [boundary(anchor_on, interval, index) for index in range(count)]


@pytest.mark.parametrize(
    ("anchor_on", "expected"),
    [
        (date(2023, 1, 31), [date(2023, 1, 31), date(2023, 2, 28), date(2023, 3, 31), date(2023, 4, 30)]),
        (date(2024, 1, 31), [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]),
        (date(2012, 4, 30), [date(2012, 4, 30), date(2012, 5, 30), date(2012, 6, 30), date(2012, 7, 30)]),
    ],
)
def test_the_31st_stays_the_31st(anchor_on: date, expected: list[date]) -> None:
    """Short months end early and the long ones after them have their day back."""
    assert starts(anchor_on, MONTH, 4) == expected


def test_february_covers_up_to_its_end() -> None:
    """Anchor 31, billed on 2023-02-28: before it 01-31 to 02-27, after it 02-28 to 03-30."""
    assert period(date(2023, 1, 31), MONTH, 0) == Period(date(2023, 1, 31), date(2023, 2, 28))
    assert period(date(2023, 1, 31), MONTH, 0).last_day == date(2023, 2, 27)
    assert period(date(2023, 1, 31), MONTH, 1) == Period(date(2023, 2, 28), date(2023, 3, 31))


def test_a_year_from_a_leap_day() -> None:
    """Yearly from 2020-02-29: the fifth year is 2024-02-29 to 2025-02-27."""
    assert period(date(2020, 2, 29), YEAR, 4) == Period(date(2024, 2, 29), date(2025, 2, 28))
    assert period(date(2020, 2, 29), YEAR, 8) == Period(date(2028, 2, 29), date(2029, 2, 28))


def test_seven_months_days_and_weeks() -> None:
    """2016-04-08 plus 7 months, 7 times 30 days, 7 weeks."""
    anchor_on = date(2016, 4, 8)
    assert add_months(anchor_on, 7) == date(2016, 11, 8)
    assert boundary(anchor_on, Interval(IntervalUnit.DAY, 30), 7) == date(2016, 11, 4)
    assert boundary(anchor_on, Interval(IntervalUnit.WEEK, 1), 7) == date(2016, 5, 27)


def test_an_interval_that_never_comes_is_refused() -> None:
    """Zero or fewer is an error."""
    with pytest.raises(ValueError, match="never comes"):
        Interval(IntervalUnit.MONTH, 0)


anchors = st.dates(date(1990, 1, 1), date(2100, 12, 31))
intervals = st.builds(Interval, st.sampled_from(IntervalUnit), st.integers(1, 36))


@given(anchors, intervals, st.integers(0, 300))
def test_periods_follow_each_other_without_gap_or_overlap(anchor_on: date, interval: Interval, index: int) -> None:
    """Each ends where the next begins, and is not empty."""
    here, there = period(anchor_on, interval, index), period(anchor_on, interval, index + 1)
    assert here.start < here.end == there.start


@given(anchors, intervals, st.integers(-400, 4000))
def test_every_day_is_in_the_period_it_is_said_to_be_in(anchor_on: date, interval: Interval, days: int) -> None:
    """The index of a day is that of the one period that covers it."""
    day = anchor_on + datetime.timedelta(days=days)
    found = period(anchor_on, interval, period_index(anchor_on, interval, day))
    assert found.start <= day < found.end


@given(anchors, intervals, st.integers(-400, 4000))
def test_the_first_boundary_from_a_day(anchor_on: date, interval: Interval, days: int) -> None:
    """It is a period start, not before the day nor the anchor, and none lies between."""
    day = anchor_on + datetime.timedelta(days=days)
    found = first_boundary_from(anchor_on, interval, day)
    index = period_index(anchor_on, interval, found)
    assert boundary(anchor_on, interval, index) == found >= max(day, anchor_on)
    assert index == 0 or boundary(anchor_on, interval, index - 1) < day
