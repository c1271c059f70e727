"""What a schedule comes to on given days, by the same rule as at the gateway: also where the clocks are changed. Pure.

A day's stretches are of real time, so that a night of 23:00 to 4:00 is four hours long in spring and six in autumn.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import MINUTES_PER_DAY, Schedule, hours_of, local_time, open_at

_DAY = timedelta(days=1)
LOOK_AHEAD_DAYS = 400
"""Every zone that changes its clocks does so within it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Open over the half-open real time `[from_ms, until_ms)`."""

    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class DayPreview:
    """One local day: when it is open, and by how many minutes the clocks are put forward (negative: back) in it."""

    day: date
    open: tuple[Stretch, ...]
    turned_minutes: int = 0


def preview(
    schedule: Schedule, time_zone: str, calendars: Mapping[str, HolidayCalendar], first: date, days: int
) -> list[DayPreview]:
    """Each of these local days."""
    zone = ZoneInfo(time_zone)
    return [_day(schedule, zone, calendars, first + _DAY * number) for number in range(days)]


def clock_changes(time_zone: str, after: date) -> Iterator[date]:
    """The local days within the year to come in which the clocks are put forward or back."""
    zone = ZoneInfo(time_zone)
    for number in range(LOOK_AHEAD_DAYS):
        day = after + _DAY * number
        if _turned_ms(zone, day):
            yield day


def _day(schedule: Schedule, zone: ZoneInfo, calendars: Mapping[str, HolidayCalendar], day: date) -> DayPreview:
    start_ms, end_ms = _midnight_ms(zone, day), _midnight_ms(zone, day + _DAY)
    stretches: list[Stretch] = []
    instants = sorted(_instants(schedule, zone, calendars, day, start_ms, end_ms))
    for from_ms, until_ms in zip(instants, [*instants[1:], end_ms], strict=True):
        if from_ms == until_ms or not open_at(schedule, local_time(from_ms, zone.key), calendars):
            continue
        if stretches and stretches[-1].until_ms == from_ms:
            from_ms = stretches.pop().from_ms
        stretches.append(Stretch(from_ms, until_ms))
    return DayPreview(day, tuple(stretches), _turned_ms(zone, day) // 60_000)


def _instants(
    schedule: Schedule, zone: ZoneInfo, calendars: Mapping[str, HolidayCalendar], day: date, start_ms: int, end_ms: int
) -> set[int]:
    """Every instant of the day at which it might open or shut: between two of them nothing changes."""
    minutes = {minute for span in hours_of(schedule, day, calendars) for minute in span}
    minutes |= {m - MINUTES_PER_DAY for span in hours_of(schedule, day - _DAY, calendars) for m in span}
    found = {start_ms}
    for minute in minutes:
        if 0 <= minute < MINUTES_PER_DAY:
            wall = datetime(day.year, day.month, day.day, minute // 60, minute % 60)  # noqa: DTZ001 - a wall's clock
            found |= {_ms(wall.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)}
    if _turned_ms(zone, day):
        found.add(_turn_ms(zone, start_ms, end_ms))
    return {at_ms for at_ms in found if start_ms <= at_ms < end_ms}


def _turned_ms(zone: ZoneInfo, day: date) -> int:
    return 24 * 3_600_000 - (_midnight_ms(zone, day + _DAY) - _midnight_ms(zone, day))


def _turn_ms(zone: ZoneInfo, start_ms: int, end_ms: int) -> int:
    """The minute at which the clocks are changed, by halving."""
    before = local_time(start_ms, zone.key).utcoffset()
    low, high = start_ms // 60_000, end_ms // 60_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if local_time(middle * 60_000, zone.key).utcoffset() == before else (low, middle)
    return high * 60_000


def _midnight_ms(zone: ZoneInfo, day: date) -> int:
    return _ms(datetime(day.year, day.month, day.day, tzinfo=zone))


def _ms(local: datetime) -> int:
    return int(local.astimezone(UTC).timestamp()) * 1_000
