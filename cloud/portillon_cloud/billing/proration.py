"""What a part of a billing period costs.

Every policy says how much of the period has passed at a moment. The price of what has passed is rounded there, once,
and a part costs the difference of two such prices. So the parts of a period come to its price exactly, however often it
is cut, and what is credited and what is billed anew never differ by a cent.
"""

from enum import StrEnum

from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.money import divide_half_away

DAYS_PER_MONTH = 30


class Proration(StrEnum):
    """How a part is measured; agreed with the contract, and kept for its life."""

    REAL_DAYS = "real_days"
    """Days of the period itself: 28 to 31 of a month. (Kill Bill's default; Lago)."""
    FIXED_30 = "fixed_30"
    """Every month has 30 days (30/360); weeks and days are real."""
    SECONDS = "seconds"
    """To the second (Stripe)."""
    WHOLE = "whole"
    """A period that began is owed whole and nothing of it comes back; a change is billed from the next one."""


def part_minor(
    price_minor: int,
    part: Span,
    *,
    cycle: Span,
    interval: Interval,
    policy: Proration,
    taken_from_minor: int | None = None,
) -> int:
    """What `part` costs of a `cycle` of this price; `part` lies inside `cycle`, or ValueError.

    A discount (a negative price) follows the price that it is `taken_from_minor`: of no part is it more than it costs.
    """
    if part.start < cycle.start or cycle.end < part.end:
        raise ValueError(f"{part} does not lie in the billing period {cycle}")
    whole = _passed(cycle, cycle.end, interval, policy)

    def until_minor(moment: Moment) -> int:
        passed = _passed(cycle, moment, interval, policy)
        if taken_from_minor is None:
            return divide_half_away(price_minor * passed, whole)
        full_minor = divide_half_away(taken_from_minor * passed, whole)
        # What is left to pay grows by a cent at most when the full price does: so it never shrinks, nor passes it.
        left_minor = divide_half_away(full_minor * (taken_from_minor + price_minor), taken_from_minor)
        return left_minor - full_minor

    return until_minor(part.end) - until_minor(part.start)


def _passed(cycle: Span, moment: Moment, interval: Interval, policy: Proration) -> int:
    """How much of the cycle lies before `moment`, in the policy's own unit."""
    if policy is Proration.WHOLE:
        return int(moment > cycle.start)
    if policy is Proration.SECONDS:
        return moment.seconds() - cycle.start.seconds()
    if policy is Proration.FIXED_30 and interval.unit is IntervalUnit.MONTH:
        return _of_thirty(cycle, moment, interval.count * DAYS_PER_MONTH)
    return (moment.day - cycle.start.day).days


def _of_thirty(cycle: Span, moment: Moment, whole: int) -> int:
    """By 30/360: the 31st is the 30th. The cycle's end is always all of it, in February too."""
    if moment >= cycle.end:
        return whole
    first, day = cycle.start.day, moment.day
    months = (day.year - first.year) * 12 + day.month - first.month
    passed = months * DAYS_PER_MONTH + min(day.day, DAYS_PER_MONTH) - min(first.day, DAYS_PER_MONTH)
    return min(max(passed, 0), whole)
