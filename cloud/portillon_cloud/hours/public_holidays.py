"""Public holidays by law, to fill in a calendar with. Pure.

Quebec: the statutory days of the Act respecting labour standards, s. 60, and the National Holiday Act; of its two
Easter days Good Friday is proposed. France: Code du travail, art. L3133-1.
"""

from datetime import date, timedelta
from enum import StrEnum

MONDAY = 0


class Country(StrEnum):
    """Whose law."""

    QUEBEC = "ca-qc"
    FRANCE = "fr"


def public_holidays(country: Country, year: int) -> list[date]:
    """The days of one year, in order."""
    found = _quebec(year) if country is Country.QUEBEC else _france(year)
    return sorted(found)


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar: the algorithm of Meeus, Jones and Butcher."""
    a, b, c = year % 19, year // 100, year % 100
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    j = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * j) // 451
    month, day = divmod(h + j - 7 * m + 114, 31)
    return date(year, month, day + 1)


def _quebec(year: int) -> list[date]:
    canada = date(year, 7, 1)
    return [
        date(year, 1, 1),
        easter(year) - timedelta(days=2),
        _monday_on_or_before(date(year, 5, 24)),  # the Monday preceding May 25th
        date(year, 6, 24),
        canada if canada.weekday() != 6 else date(year, 7, 2),
        _monday_on_or_before(date(year, 9, 7)),
        _monday_on_or_before(date(year, 10, 14)),
        date(year, 12, 25),
    ]


def _france(year: int) -> list[date]:
    sunday = easter(year)
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    return [*(date(year, month, day) for month, day in fixed), *(sunday + timedelta(days=n) for n in (1, 39, 50))]


def _monday_on_or_before(day: date) -> date:
    return day - timedelta(days=(day.weekday() - MONDAY) % 7)
