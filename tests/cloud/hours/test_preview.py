"""The preview says what the gateway would do, to the minute, on every day of the year."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.hours.preview import clock_changes, preview
from portillon_cloud.hours.public_holidays import Country, easter, public_holidays
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import DateHours, HolidayHours, Schedule, Window, local_time, open_at

MINUTE_MS = 60_000
ZONES = ("America/Toronto", "Europe/Paris", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
SPAN = st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda one: (one[0], one[0] + one[1]))
DAYS = st.one_of(
    st.dates(date(2024, 1, 1), date(2027, 12, 31)),
    st.sampled_from([date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5)]),
)


@st.composite
def schedules(draw):
    """A week, a holiday calendar and an exception somewhere near the day."""
    day = draw(DAYS)
    windows = tuple(Window(draw(st.integers(0, 6)), *draw(SPAN)) for _ in range(draw(st.integers(0, 8))))
    near = (day + timedelta(days=draw(st.integers(-1, 1)))).isoformat()
    calendar = HolidayCalendar("holidays", frozenset({(day + timedelta(days=draw(st.integers(-2, 2)))).isoformat()}))
    schedule = Schedule(
        "some",
        windows,
        holidays=draw(st.sampled_from([(), (HolidayHours("holidays", (draw(SPAN),)),)])),
        dates=draw(st.sampled_from([(), (DateHours(near, (draw(SPAN),)),)])),
    )
    return schedule, day, {"holidays": calendar}


@settings(max_examples=60)
@given(schedules(), st.sampled_from(ZONES))
def test_the_preview_is_what_the_rule_says_minute_by_minute(made, zone):
    """Every minute of the day is inside a stretch exactly if the gateway's own rule has the schedule open then."""
    schedule, day, calendars = made
    (shown,) = preview(schedule, zone, calendars, day, 1)
    at_ms = int(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC).timestamp()) * 1_000
    while local_time(at_ms, zone).date() == day:
        inside = any(one.from_ms <= at_ms < one.until_ms for one in shown.open)
        assert inside == open_at(schedule, local_time(at_ms, zone), calendars), local_time(at_ms, zone)
        at_ms += MINUTE_MS


@pytest.mark.parametrize(("day", "hours", "turned"), [(date(2026, 3, 8), 4, 60), (date(2026, 11, 1), 6, -60)])
def test_a_night_is_shorter_in_spring_and_longer_in_autumn(day, hours, turned):
    """23:00 to 4:00 is four hours long on one night, six on the other, and the day says that its clock is turned."""
    night = Schedule("night", tuple(Window(weekday, 1380, 1680) for weekday in range(7)))
    before, after = preview(night, "America/Toronto", {}, day - timedelta(days=1), 2)
    length_ms = (before.open[-1].until_ms - before.open[-1].from_ms) + (after.open[0].until_ms - after.open[0].from_ms)
    assert (length_ms, after.turned_minutes, before.turned_minutes) == (hours * 3_600_000, turned, 0)


def test_the_next_changes_of_clocks_are_found():
    """Two in a year where there is summer time, none where there is not."""
    changes = list(clock_changes("America/Toronto", date(2026, 1, 1)))
    assert changes == [date(2026, 3, 8), date(2026, 11, 1)]
    assert list(clock_changes("UTC", date(2026, 1, 1))) == []


def test_public_holidays_are_the_ones_of_the_law():
    """Against the published days of 2026 and of years in which Canada Day and Easter fall oddly."""
    said = [day.isoformat() for day in public_holidays(Country.QUEBEC, 2026)]
    assert said == [
        "2026-01-01", "2026-04-03", "2026-05-18", "2026-06-24", "2026-07-01", "2026-09-07", "2026-10-12", "2026-12-25",
    ]  # fmt: skip
    assert date(2029, 7, 2) in public_holidays(Country.QUEBEC, 2029), "July 1st, 2029 is a Sunday"
    assert [day.isoformat() for day in public_holidays(Country.FRANCE, 2026)] == [
        "2026-01-01", "2026-04-06", "2026-05-01", "2026-05-08", "2026-05-14", "2026-05-25", "2026-07-14", "2026-08-15",
        "2026-11-01", "2026-11-11", "2026-12-25",
    ]  # fmt: skip
    assert [easter(year) for year in (2008, 2024, 2038)] == [date(2008, 3, 23), date(2024, 3, 31), date(2038, 4, 25)]
