"""Billing periods from an anchor. Each is counted from the anchor, never from the last one: the 31st stays the 31st."""

import calendar
import datetime
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class IntervalUnit(StrEnum):
    """What an interval is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Interval:
    """How long one billing period is: `count` times `unit`; a year is twelve months."""

    unit: IntervalUnit
    count: int

    def __post_init__(self) -> None:
        if self.count < 1:
            raise ValueError(f"an interval of {self.count} {self.unit} never comes; use 1 or more")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Half-open: `end` is the first day not covered."""

    start: datetime.date
    end: datetime.date

    @property
    def last_day(self) -> datetime.date:
        """The last day covered, for people to read."""
        return self.end - datetime.timedelta(days=1)


def add_months(day: datetime.date, months: int) -> datetime.date:
    """The same day `months` later, or that month's last day if it has no such day."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return datetime.date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def boundary(anchor_on: datetime.date, interval: Interval, index: int) -> datetime.date:
    """The first day of period `index` (0 begins at the anchor)."""
    if interval.unit is IntervalUnit.MONTH:
        return add_months(anchor_on, index * interval.count)
    days = 7 if interval.unit is IntervalUnit.WEEK else 1
    return anchor_on + datetime.timedelta(days=index * interval.count * days)


def period(anchor_on: datetime.date, interval: Interval, index: int) -> Period:
    """Period `index` of a subscription anchored on `anchor_on`."""
    return Period(boundary(anchor_on, interval, index), boundary(anchor_on, interval, index + 1))


@lru_cache(maxsize=4096)  # as `period_on`, below
def period_index(anchor_on: datetime.date, interval: Interval, day: datetime.date) -> int:
    """The index of the period that `day` falls in; negative before the anchor."""
    if interval.unit is IntervalUnit.MONTH:
        months = (day.year - anchor_on.year) * 12 + day.month - anchor_on.month
        index = months // interval.count
    else:
        days = 7 if interval.unit is IntervalUnit.WEEK else 1
        index = (day - anchor_on).days // (interval.count * days)
    # The month of the day says nothing of the day itself: one step back if its period has not begun yet.
    return index if boundary(anchor_on, interval, index) <= day else index - 1


@lru_cache(maxsize=4096)  # a night's run asks for few different periods a hundred thousand times
def period_on(anchor_on: datetime.date, interval: Interval, day: datetime.date) -> Period:
    """The period that `day` falls in."""
    return period(anchor_on, interval, period_index(anchor_on, interval, day))


def first_boundary_from(anchor_on: datetime.date, interval: Interval, day: datetime.date) -> datetime.date:
    """The first period start on or after `day`, and never before the anchor."""
    if day <= anchor_on:
        return anchor_on
    index = period_index(anchor_on, interval, day)
    start = boundary(anchor_on, interval, index)
    return start if start == day else boundary(anchor_on, interval, index + 1)
