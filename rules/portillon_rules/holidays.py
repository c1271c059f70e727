"""The days on which ordinary hours do not hold: a calendar of holidays, which schedules name."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

_A_LEAP_YEAR = "2000-"


@dataclass(frozen=True, slots=True)
class HolidayCalendar:
    """Local dates, each `YYYY-MM-DD` for once or `MM-DD` for every year (`02-29`: in leap years only)."""

    name: str
    days: frozenset[str]

    def __post_init__(self) -> None:
        for day in self.days:
            if not is_date(day if len(day) > len("MM-DD") else _A_LEAP_YEAR + day):
                raise ValueError(f"holiday calendar {self.name!r}: {day!r} is neither YYYY-MM-DD nor MM-DD")

    def has(self, day: date) -> bool:
        """Whether this local date is a holiday."""
        iso = day.isoformat()
        return iso in self.days or iso[5:] in self.days

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `name`."""
        return {"days": sorted(self.days)}

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "HolidayCalendar":
        """Rebuild the calendar named `key`; raises KeyError, TypeError or ValueError."""
        return cls(key, frozenset(body["days"]))


def is_date(text: str) -> bool:
    """Whether it is a date of the calendar, written YYYY-MM-DD."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
