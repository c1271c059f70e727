"""Hours by the clock on the wall: midnight, holidays, single dates, validity, both clock changes, leap days."""

import time
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import (
    DateHours,
    HolidayHours,
    Schedule,
    Window,
    hours_of,
    local_time,
    open_at,
)

SATURDAY_NIGHT = Schedule("night", (Window(5, 22 * 60, 26 * 60),))
EVERY_DAY = tuple(Window(day, 6 * 60, 22 * 60) for day in range(7))
QUEBEC = HolidayCalendar("quebec", frozenset({"12-25", "2026-04-06", "02-29"}))
HALF_DAYS = HolidayCalendar("half-days", frozenset({"12-24", "12-25"}))
CALENDARS = {"quebec": QUEBEC, "half-days": HALF_DAYS}


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def is_open(schedule: Schedule, text: str) -> bool:
    return open_at(schedule, wall(text), CALENDARS)


def test_a_window_holds_its_first_minute_and_not_its_last() -> None:
    """06:00 to 22:00 opens at 06:00:00 and closes at 22:00:00, on its own weekday only."""
    monday = Schedule("monday", (Window(0, 6 * 60, 22 * 60),))
    assert [is_open(monday, f"2026-11-23T{t}") for t in ("05:59:59", "06:00", "21:59:59", "22:00")] == [
        False,
        True,
        True,
        False,
    ]
    assert not is_open(monday, "2026-11-24T12:00") and not is_open(monday, "2026-11-22T12:00")


def test_a_window_past_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    """Saturday 22:00 to 02:00 is open on Sunday at 01:59, not at 02:00, and not on Saturday at 01:00."""
    nights = {"21:59": False, "22:00": True, "23:59": True}
    assert {t: is_open(SATURDAY_NIGHT, f"2026-11-28T{t}") for t in nights} == nights
    mornings = {"00:00": True, "01:59": True, "02:00": False, "22:30": False}
    assert {t: is_open(SATURDAY_NIGHT, f"2026-11-29T{t}") for t in mornings} == mornings
    assert not is_open(SATURDAY_NIGHT, "2026-11-28T01:00")


def test_a_closed_day_takes_its_own_night_with_it_and_leaves_the_one_before() -> None:
    """Closed on Sunday: Saturday's night still ends at 02:00. Closed on Saturday: there is no such night."""
    closed_sunday = Schedule("night", SATURDAY_NIGHT.windows, closed_on=("2026-11-29",))
    closed_saturday = Schedule("night", SATURDAY_NIGHT.windows, closed_on=("2026-11-28",))
    assert is_open(closed_sunday, "2026-11-29T01:00")
    assert not is_open(closed_saturday, "2026-11-28T23:00") and not is_open(closed_saturday, "2026-11-29T01:00")


def test_a_holiday_closes_or_has_hours_of_its_own() -> None:
    """The same calendar closes one schedule and shortens another; what names no calendar knows no holiday."""
    closed = Schedule("members", EVERY_DAY, holidays=(HolidayHours("quebec"),))
    shorter = Schedule("members", EVERY_DAY, holidays=(HolidayHours("quebec", ((600, 960),)),))
    for day in ("2026-12-25", "2027-12-25", "2026-04-06"):
        assert not is_open(closed, f"{day}T12:00")
        assert [is_open(shorter, f"{day}T{t}") for t in ("09:59", "10:00", "15:59", "16:00")] == [
            False,
            True,
            True,
            False,
        ]
        assert is_open(Schedule("members", EVERY_DAY), f"{day}T12:00")
    assert is_open(closed, "2027-04-06T12:00"), "a date with its year is a holiday once"


def test_the_first_calendar_that_has_the_day_decides() -> None:
    """Christmas is in both: closed comes first, so it is closed; the 24th is a half day."""
    both = Schedule("members", EVERY_DAY, holidays=(HolidayHours("quebec"), HolidayHours("half-days", ((360, 720),))))
    assert not is_open(both, "2026-12-25T07:00")
    assert is_open(both, "2026-12-24T07:00") and not is_open(both, "2026-12-24T12:00")
    assert is_open(both, "2026-12-23T12:00")


def test_hours_of_one_date_stand_above_everything_but_the_schedules_own_dates() -> None:
    """Open on Christmas because somebody said so for this year; closed on a Tuesday; outside its dates, never."""
    said = Schedule(
        "members",
        EVERY_DAY,
        closed_on=("2026-12-25",),
        holidays=(HolidayHours("quebec"),),
        dates=(DateHours("2026-11-24", ()), DateHours("2026-12-25", ((480, 600),)), DateHours("2027-01-01", ((0, 9),))),
        last_day="2026-12-31",
    )
    assert is_open(said, "2026-12-25T09:00") and not is_open(said, "2026-12-25T10:00")
    assert not is_open(said, "2026-11-24T12:00") and is_open(said, "2026-11-25T12:00")
    assert not is_open(said, "2027-01-01T00:00")


def test_a_first_day_and_a_last_day_each_hold_alone() -> None:
    """A schedule that begins and never ends, and one that ends some day, with nothing else said beside the week."""
    begins = Schedule("begins", EVERY_DAY, first_day="2026-06-24")
    ends = Schedule("ends", EVERY_DAY, last_day="2026-06-24")
    days = ("2026-06-23T12:00", "2026-06-24T12:00", "2026-06-25T12:00")
    assert [is_open(begins, day) for day in days] == [False, True, True]
    assert [is_open(ends, day) for day in days] == [True, True, False]


def test_a_schedule_has_a_first_and_a_last_day_of_its_own() -> None:
    """Summer hours: closed the day before, open on both ends, and the last night runs to its end."""
    summer = Schedule(
        "summer", (*EVERY_DAY, Window(0, 1380, 1500)), first_day="2026-06-24", last_day="2026-08-31"
    )  # 2026-08-31 is a Monday
    assert [is_open(summer, f"{d}T12:00") for d in ("2026-06-23", "2026-06-24", "2026-08-31", "2026-09-01")] == [
        False,
        True,
        True,
        False,
    ]
    assert is_open(summer, "2026-09-01T00:59") and not is_open(summer, "2026-09-01T01:00")


def test_a_calendar_that_is_missing_closes_the_schedule() -> None:
    """Which day is a holiday is not known then: nobody gets in by accident, but a date that was said holds."""
    lost = Schedule(
        "members", EVERY_DAY, holidays=(HolidayHours("lost"),), dates=(DateHours("2026-11-25", ((0, 60),)),)
    )
    assert not is_open(lost, "2026-11-24T12:00")
    assert is_open(lost, "2026-11-25T00:30")


def test_a_leap_day_is_a_day() -> None:
    """29 February has its weekday's hours; as a yearly holiday it exists in leap years only, as 1900 and 2000 tell."""
    every_day = Schedule("members", EVERY_DAY)
    assert is_open(every_day, "2028-02-29T12:00")
    closed = Schedule("members", EVERY_DAY, holidays=(HolidayHours("quebec"),))
    assert not is_open(closed, "2028-02-29T12:00")
    assert is_open(closed, "2027-02-28T12:00") and is_open(closed, "2027-03-01T12:00")
    night = Schedule("night", (Window(0, 1380, 1500),))  # 2028-02-28 is a Monday
    assert is_open(night, "2028-02-29T00:30")


@pytest.mark.parametrize(
    ("zone", "day", "hour", "minutes"),
    [
        ("America/Toronto", "2026-03-08", 2, 0),
        ("America/Toronto", "2026-11-01", 1, 120),
        ("America/Toronto", "2026-11-02", 1, 60),
        ("Europe/Paris", "2026-03-29", 2, 0),
        ("Europe/Paris", "2026-10-25", 2, 120),
        ("Australia/Lord_Howe", "2026-10-04", 2, 30),
        ("Asia/Kathmandu", "2026-03-29", 2, 60),
    ],
)
def test_the_hour_at_which_clocks_change(zone: str, day: str, hour: int, minutes: int) -> None:
    """A window on exactly the changed hour: skipped with it in spring, twice as long in autumn, each by its zone."""
    nightly = Schedule("night", tuple(Window(weekday, hour * 60, hour * 60 + 60) for weekday in range(7)))
    begin_ms = int(wall(day).timestamp() - 12 * 3600) * 1000
    locals_ = [local_time(begin_ms + minute * 60_000, zone) for minute in range(48 * 60)]
    assert sum(open_at(nightly, local) for local in locals_ if local.date().isoformat() == day) == minutes


def test_a_night_across_the_clock_change_ends_by_the_wall() -> None:
    """Saturday 22:00 to 03:00 in Paris lasts four hours in the spring night and six in the autumn one."""
    night = Schedule("night", (Window(5, 22 * 60, 27 * 60),))
    for begin, hours in ((datetime(2026, 3, 28, 21, tzinfo=UTC), 4), (datetime(2026, 10, 24, 20, tzinfo=UTC), 6)):
        start_ms = int(begin.timestamp() * 1000)
        open_minutes = sum(open_at(night, local_time(start_ms + m * 60_000, "Europe/Paris")) for m in range(12 * 60))
        assert open_minutes == hours * 60
        assert not open_at(night, local_time(start_ms - 60_000, "Europe/Paris"))


@given(st.integers())
@example(-30 * 86_400_000)
@example(253_370_764_800_000 + 1)
@example(2**63)
def test_any_time_can_be_shown(business_ms: int) -> None:
    """A clock gone mad is a time like any other: nothing raises, and inside the calendar nothing is moved."""
    shown = local_time(business_ms, "Pacific/Kiritimati")
    assert 0 <= shown.timestamp() * 1000 <= 253_370_764_800_000
    if 0 <= business_ms <= 253_370_764_800_000:
        assert 0 <= business_ms - shown.timestamp() * 1000 < 1000


def test_times_outside_the_calendar_are_taken_as_its_ends() -> None:
    """Before 1970 is 1970, after 9998 is the first instant of 9999."""
    assert local_time(-1, "UTC") == datetime(1970, 1, 1, tzinfo=UTC)
    assert local_time(1_500, "UTC") == datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
    assert local_time(2**70, "UTC") == datetime(9999, 1, 1, tzinfo=UTC)


def test_the_machines_own_time_zone_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway set to Tokyo by mistake opens its site in Paris by the clock of Paris."""
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert local_time(0, "Europe/Paris").isoformat() == "1970-01-01T01:00:00+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()


spans = st.lists(
    st.tuples(st.integers(0, 1439), st.integers(1, 1440)).map(lambda s: (s[0], s[0] + s[1])), max_size=3
).map(tuple)
days = st.dates(date(2027, 12, 20), date(2028, 3, 10))
isos = days.map(date.isoformat)
schedules = st.builds(
    Schedule,
    name=st.just("s"),
    windows=st.lists(
        st.builds(
            lambda weekday, begin, length: Window(weekday, begin, begin + length),
            st.integers(0, 6),
            st.integers(0, 1439),
            st.integers(1, 1440),
        ),
        max_size=10,
    ).map(tuple),
    closed_on=st.lists(isos, max_size=3, unique=True).map(lambda found: tuple(sorted(found))),
    holidays=st.lists(st.builds(HolidayHours, st.sampled_from(["quebec", "half-days"]), spans), max_size=2).map(tuple),
    dates=st.lists(st.builds(DateHours, isos, spans), max_size=3, unique_by=lambda one: one.day).map(
        lambda found: tuple(sorted(found, key=lambda one: one.day))
    ),
    first_day=st.none() | isos,
    last_day=st.none() | isos,
)


@given(schedules, days, st.integers(0, 1439))
def test_open_means_inside_some_days_hours(schedule: Schedule, day: date, minute: int) -> None:
    """Against a plain reading: lay every day's hours on one long line of minutes, and look whether now is on one."""
    now = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001 - the wall's clock
    line = [
        (datetime(d.year, d.month, d.day) + timedelta(minutes=begin), timedelta(minutes=end - begin))  # noqa: DTZ001
        for d in (day + timedelta(days=n) for n in range(-3, 4))
        for begin, end in hours_of(schedule, d, CALENDARS)
    ]
    assert open_at(schedule, now, CALENDARS) == any(start <= now < start + length for start, length in line)


@given(schedules)
def test_a_schedule_survives_its_body(schedule: Schedule) -> None:
    """Body and back is the same schedule."""
    assert Schedule.from_body("s", schedule.to_body()) == schedule


def test_a_plain_schedule_is_the_row_it_always_was() -> None:
    """New keys appear only where used: gateways and clouds of before see the same bytes."""
    plain = Schedule("s", (Window(0, 1, 2),), ("2026-12-25", "2026-01-01"))
    assert plain.to_body() == {"windows": [[0, 1, 2]], "closed_on": ["2026-01-01", "2026-12-25"]}
    assert Schedule("s", (), holidays=(HolidayHours("q", ((1, 2),)),), last_day="2026-01-01").to_body() == {
        "windows": [],
        "closed_on": [],
        "holidays": [["q", [[1, 2]]]],
        "last_day": "2026-01-01",
    }


@pytest.mark.parametrize(
    "body",
    [
        {"windows": [[7, 0, 1]], "closed_on": []},
        {"windows": [[-1, 0, 1]], "closed_on": []},
        {"windows": [[0, -1, 1]], "closed_on": []},
        {"windows": [[0, 1440, 1441]], "closed_on": []},
        {"windows": [[0, 60, 60]], "closed_on": []},
        {"windows": [[0, 60, 1501]], "closed_on": []},
        {"windows": [[0, 60]], "closed_on": []},
        {"windows": [], "closed_on": ["25.12.2026"]},
        {"windows": [], "closed_on": ["20261225"]},
        {"windows": [], "closed_on": ["2026-02-29"]},
        {"windows": [], "closed_on": [], "first_day": "2026-6-1"},
        {"windows": [], "closed_on": [], "last_day": "06-01"},
        {"windows": [], "closed_on": [], "dates": {"tomorrow": []}},
        {"windows": [], "closed_on": [], "dates": {"2026-01-01": [[5, 5]]}},
        {"windows": [], "closed_on": [], "holidays": [["q", [[5]]]]},
        {"windows": [], "closed_on": [], "holidays": [["q", [[2000, 2001]]]]},
        {"closed_on": []},
    ],
)
def test_a_body_that_makes_no_sense_is_refused(body: dict[str, Any]) -> None:
    """A row that cannot be read is told as damaged: it opens nothing and raises no other error."""
    with pytest.raises((KeyError, TypeError, ValueError)):
        Schedule.from_body("s", body)


def test_the_longest_and_shortest_windows() -> None:
    """One minute, and a day and night from any minute on."""
    assert is_open(Schedule("s", (Window(0, 1439, 2879),)), "2026-11-24T23:58")
    assert not is_open(Schedule("s", (Window(0, 1439, 2879),)), "2026-11-24T23:59")
    assert is_open(Schedule("s", (Window(6, 0, 1),)), "2026-11-29T00:00:59")


@pytest.mark.parametrize("day", ["13-01", "02-30", "2026-02-29", "1225", "20261225", "", "x"])
def test_a_calendar_takes_dates_only(day: str) -> None:
    """What is no date is refused with the calendar's name."""
    with pytest.raises(ValueError):
        HolidayCalendar("quebec", frozenset({day}))


def test_a_calendar_survives_its_body() -> None:
    """Body and back; days are a set, kept sorted."""
    assert QUEBEC.to_body() == {"days": ["02-29", "12-25", "2026-04-06"]}
    assert HolidayCalendar.from_body("quebec", QUEBEC.to_body()) == QUEBEC
