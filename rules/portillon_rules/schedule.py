"""When a schedule is open, by the clock on the wall of its site. Pure.

1. A window belongs to the local day on which it begins, also where it runs past midnight: Saturday 22:00 to 02:00 is
   Saturday's, and a closed Sunday does not cut it short.
2. For each day the first of these has the say: the first and last day of the schedule; hours of that very date; the
   dates on which it stays closed; the first of its holiday calendars that has the day; the week.
3. The wall's clock decides: an hour that summer time skips opens nothing, one that comes twice opens twice.
4. A calendar that is named and not there (its row is damaged, or on its way) closes the schedule: which day is a
   holiday is unknown then, and the hours of that very date alone still hold.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from portillon_rules.holidays import HolidayCalendar, is_date

MINUTES_PER_DAY = 24 * 60
NO_CALENDARS: Mapping[str, HolidayCalendar] = MappingProxyType({})
_MS_MAX = 253_370_764_800_000
"""9999-01-01: the last year of Python's calendar is left as room for time zones."""
_DAY = timedelta(days=1)

Spans = tuple[tuple[int, int], ...]
"""Half-open spans of local minutes `[from, until)` of one day; past 1440 they run into the next. `()`: closed."""


@dataclass(frozen=True, slots=True)
class Window:
    """Open from one weekday's (0 = Monday) `from_minute` until `until_minute`, past 1440 on the next day."""

    weekday: int
    from_minute: int
    until_minute: int

    def __post_init__(self) -> None:
        if not 0 <= self.weekday <= 6:
            raise ValueError(f"{self!r}: weekday is 0 to 6")
        _check_spans(((self.from_minute, self.until_minute),))


@dataclass(frozen=True, slots=True)
class HolidayHours:
    """The hours of a schedule on the holidays of one calendar."""

    calendar: str
    spans: Spans = ()

    def __post_init__(self) -> None:
        _check_spans(self.spans)


@dataclass(frozen=True, slots=True)
class DateHours:
    """The hours of a schedule on one local date (ISO), whatever week and calendars say."""

    day: str
    spans: Spans

    def __post_init__(self) -> None:
        _check_day(self.day)
        _check_spans(self.spans)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A weekly plan and what stands above it; local dates are ISO, `first_day` and `last_day` are its own."""

    name: str
    windows: tuple[Window, ...]
    closed_on: tuple[str, ...] = ()
    holidays: tuple[HolidayHours, ...] = ()
    dates: tuple[DateHours, ...] = ()
    first_day: str | None = None
    last_day: str | None = None
    _week: tuple[Spans, ...] = field(init=False, repr=False, compare=False)
    """The windows by weekday: each badge asks for the hours of a day, and a schedule is read once."""

    def __post_init__(self) -> None:
        for day in (*self.closed_on, self.first_day, self.last_day):
            if day is not None:
                _check_day(day)
        week = tuple(
            tuple((w.from_minute, w.until_minute) for w in self.windows if w.weekday == weekday) for weekday in range(7)
        )
        object.__setattr__(self, "_week", week)

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `name`."""
        told_where_set = {
            "holidays": [[one.calendar, _spans_out(one.spans)] for one in self.holidays],
            "dates": {one.day: _spans_out(one.spans) for one in self.dates},
            "first_day": self.first_day,
            "last_day": self.last_day,
        }
        return {
            "windows": [[w.weekday, w.from_minute, w.until_minute] for w in self.windows],
            "closed_on": sorted(self.closed_on),
            # Rows that use none of it stay the rows they were, byte for byte.
            **{key: value for key, value in told_where_set.items() if value},
        }

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "Schedule":
        """Rebuild the schedule named `key`; raises KeyError, TypeError or ValueError."""
        return cls(
            key,
            tuple(Window(*w) for w in body["windows"]),
            tuple(body["closed_on"]),
            holidays=tuple(HolidayHours(name, _spans_in(spans)) for name, spans in body.get("holidays", ())),
            dates=tuple(DateHours(day, _spans_in(spans)) for day, spans in sorted(body.get("dates", {}).items())),
            first_day=body.get("first_day"),
            last_day=body.get("last_day"),
        )


def open_at(schedule: Schedule, local: datetime, calendars: Mapping[str, HolidayCalendar] = NO_CALENDARS) -> bool:
    """Whether the schedule is open at this local time; `calendars` are those of its site, by name."""
    minute, today = local.hour * 60 + local.minute, local.date()
    return _covers(hours_of(schedule, today, calendars), minute) or _covers(
        hours_of(schedule, today - _DAY, calendars), minute + MINUTES_PER_DAY
    )


def hours_of(schedule: Schedule, day: date, calendars: Mapping[str, HolidayCalendar]) -> Spans:
    """The spans that begin on this local date, by rule 2 above."""
    if schedule.first_day or schedule.last_day or schedule.dates or schedule.closed_on:
        iso = day.isoformat()
        if (schedule.first_day and iso < schedule.first_day) or (schedule.last_day and iso > schedule.last_day):
            return ()
        for exception in schedule.dates:
            if exception.day == iso:
                return exception.spans
        if iso in schedule.closed_on:
            return ()
    for holiday in schedule.holidays:
        calendar = calendars.get(holiday.calendar)
        if calendar is None:
            return ()
        if calendar.has(day):
            return holiday.spans
    return schedule._week[day.weekday()]


def local_time(business_ms: int, time_zone: str) -> datetime:
    """What the wall's clock of the site shows; total: a time outside 1970 to 9998 is taken as the nearest inside."""
    return _shown(min(max(business_ms, 0), _MS_MAX) // 1000, time_zone)


@lru_cache(maxsize=8)  # one decision asks several times, for the schedule, the PIN and the visits
def _shown(seconds: int, time_zone: str) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).astimezone(_zone(time_zone))


@lru_cache(maxsize=8)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _covers(spans: Spans, minute: int) -> bool:
    return any(begin <= minute < end for begin, end in spans)


def _check_day(day: str) -> None:
    if not is_date(day):
        raise ValueError(f"{day!r} is no date: write it YYYY-MM-DD")


def _check_spans(spans: Spans) -> None:
    for begin, end in spans:
        if not (0 <= begin < MINUTES_PER_DAY and begin < end <= begin + MINUTES_PER_DAY):
            raise ValueError(
                f"minutes {begin} to {end}: hours begin from 0 to 1439, end after they begin and at most a day later"
            )


def _spans_in(spans: Iterable[Iterable[int]]) -> Spans:
    return tuple((begin, end) for begin, end in spans)


def _spans_out(spans: Spans) -> list[list[int]]:
    return [[begin, end] for begin, end in spans]
