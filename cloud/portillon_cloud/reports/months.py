"""Calendar months, as the rows of reports. A month is a half-open period; its first day is its name."""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby

from portillon_cloud.billing.calendar import Period, add_months


def month_of(day: datetime.date) -> Period:
    """The month that `day` falls in."""
    start = day.replace(day=1)
    return Period(start, add_months(start, 1))


def months_until(day: datetime.date, count: int) -> tuple[Period, ...]:
    """`count` months, the earliest first; the last is that of `day`."""
    last = month_of(day).start
    return tuple(month_of(add_months(last, back)) for back in range(1 - count, 1))


def months_from(day: datetime.date, count: int) -> tuple[Period, ...]:
    """`count` months; the first is that of `day`."""
    return tuple(month_of(add_months(month_of(day).start, ahead)) for ahead in range(count))


def whole(months: Sequence[Period]) -> Period:
    """From the first of them to the last."""
    return Period(months[0].start, months[-1].end)


def by_month(amounts: Iterable[tuple[datetime.date, int]]) -> Mapping[datetime.date, int]:
    """What the amounts of each month come to, by the month's first day."""
    dated = sorted((day.replace(day=1), int(amount)) for day, amount in amounts)
    return {start: sum(amount for _, amount in group) for start, group in groupby(dated, key=lambda one: one[0])}
