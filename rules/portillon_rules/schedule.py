"""When a schedule is open, in the site's local time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Window:
    """Open on one weekday (0 = Monday) for the half-open span of local minutes `[from_minute, until_minute)`."""

    weekday: int
    from_minute: int
    until_minute: int

    def __post_init__(self) -> None:
        if not (0 <= self.weekday <= 6 and 0 <= self.from_minute < self.until_minute <= 24 * 60):
            raise ValueError(
                f"{self!r}: weekday is 0 to 6, minutes run from 0 to 1440 and a window ends after it begins"
            )


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly plan with the dates (ISO, local) on which it stays closed."""

    name: str
    windows: tuple[Window, ...]
    closed_on: tuple[str, ...] = ()

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `name`."""
        return {
            "windows": [[w.weekday, w.from_minute, w.until_minute] for w in self.windows],
            "closed_on": sorted(self.closed_on),
        }

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "Schedule":
        """Rebuild the schedule named `key`; raises KeyError or ValueError."""
        return cls(key, tuple(Window(*w) for w in body["windows"]), tuple(body["closed_on"]))


def open_at(schedule: Schedule, local: datetime) -> bool:
    """Whether the schedule is open at this local time (a skipped or repeated hour follows the clock on the wall)."""
    if local.date().isoformat() in schedule.closed_on:
        return False
    minute = local.hour * 60 + local.minute
    return any(w.weekday == local.weekday() and w.from_minute <= minute < w.until_minute for w in schedule.windows)
