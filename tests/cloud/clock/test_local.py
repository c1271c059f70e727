"""Local dates and the start of a day, across summer time."""

import datetime
from datetime import UTC, date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.clock.local import local_date, start_of_day_ms


def ms(text: str) -> int:
    return int(datetime.datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("instant", "zone", "expected"),
    [
        ("2023-09-30T23:10:00Z", "Europe/Paris", date(2023, 10, 1)),  # an invoice of October in Paris
        ("2023-06-16T05:00:00Z", "America/Denver", date(2023, 6, 15)),
        ("2023-06-16T20:00:00Z", "Asia/Karachi", date(2023, 6, 17)),
    ],
)
def test_the_local_date_decides(instant: str, zone: str, expected: date) -> None:
    """The date on the wall there, not in UTC."""
    assert local_date(ms(instant), zone) == expected


@pytest.mark.parametrize(
    ("day", "zone", "expected"),
    [
        (date(2026, 1, 31), "America/Toronto", "2026-01-31T05:00:00Z"),
        (date(2026, 7, 31), "America/Toronto", "2026-07-31T04:00:00Z"),
        (date(2018, 11, 4), "America/Sao_Paulo", "2018-11-04T03:00:00Z"),  # 00:00 did not exist there
    ],
)
def test_a_day_starts_at_its_first_instant(day: date, zone: str, expected: str) -> None:
    """Also where the clocks skip midnight."""
    assert start_of_day_ms(day, zone) == ms(expected)


@given(
    st.dates(date(1990, 1, 1), date(2037, 12, 31)),
    st.sampled_from(["America/Toronto", "Europe/Paris", "America/Sao_Paulo", "Africa/Cairo", "UTC"]),
)
def test_the_first_instant_is_on_that_day_and_the_one_before_is_not(day: date, zone: str) -> None:
    """Whatever summer time did."""
    start = start_of_day_ms(day, zone)
    assert local_date(start, zone) == day
    assert local_date(start - 1, zone) == day - datetime.timedelta(days=1)
