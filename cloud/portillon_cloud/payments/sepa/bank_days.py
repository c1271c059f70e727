"""The days on which euro accounts are debited (TARGET). Pure.

Closed: Saturdays, Sundays, 1 January, Good Friday, Easter Monday, 1 May, 25 and 26 December (ECB, since 2002).
"""

from datetime import date, timedelta

from portillon_cloud.hours.public_holidays import easter

_DAY = timedelta(days=1)
_SATURDAY = 5


def is_bank_day(day: date) -> bool:
    """Whether banks settle in euros on this day."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in {(1, 1), (5, 1), (12, 25), (12, 26)}:
        return False
    sunday = easter(day.year)
    return day not in (sunday - 2 * _DAY, sunday + _DAY)


def bank_day_from(day: date) -> date:
    """This day, or the first bank day after it."""
    while not is_bank_day(day):
        day += _DAY
    return day


def bank_days_after(day: date, count: int) -> date:
    """The `count`-th bank day after this day."""
    for _ in range(count):
        day = bank_day_from(day + _DAY)
    return day
