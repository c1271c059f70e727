"""What of a contract's price was used up, as laws count it that name no other way."""

import datetime
from fractions import Fraction
from itertools import pairwise

from portillon_cloud.billing.calendar import Interval, IntervalUnit, add_months, period_on
from portillon_cloud.billing.law.terms import Leaving, Priced
from portillon_cloud.money import divide_half_away

_MONTH = Interval(IntervalUnit.MONTH, 1)


def used_by(leaving: Leaving) -> int:
    """What was used before they leave, each day at the price that held."""
    return _until(leaving, leaving.on)


def price_of(leaving: Leaving) -> int:
    """What the term would have come to."""
    return _until(leaving, _ends_on(leaving))


def _ends_on(leaving: Leaving) -> datetime.date:
    return leaving.ends_on or leaving.paid_until_on or add_months(leaving.starts_on, 1)


def _until(leaving: Leaving, until_on: datetime.date) -> int:
    starts_on, ends_on = leaving.starts_on, _ends_on(leaving)
    held = (Priced(starts_on, leaving.price_minor), *leaving.repriced, Priced(until_on, 0))
    return sum(
        used_minor(one.price_minor, starts_on, ends_on, min(following.from_on, until_on))
        - used_minor(one.price_minor, starts_on, ends_on, min(one.from_on, until_on))
        for one, following in pairwise(held)
    )


def used_minor(price_minor: int, starts_on: datetime.date, ends_on: datetime.date, until_on: datetime.date) -> int:
    """The part of `price_minor` that the days before `until_on` come to: whole months, and a begun one by its days.

    A term of no whole months is counted by days.
    """
    until_on = min(max(until_on, starts_on), ends_on)
    months = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month
    if months > 0 and add_months(starts_on, months) == ends_on:
        used = _months(starts_on, until_on) / months
    else:
        used = Fraction((until_on - starts_on).days, (ends_on - starts_on).days)
    return divide_half_away(price_minor * used.numerator, used.denominator)


def _months(starts_on: datetime.date, until_on: datetime.date) -> Fraction:
    begun = period_on(starts_on, _MONTH, until_on)
    whole = (begun.start.year - starts_on.year) * 12 + begun.start.month - starts_on.month
    return whole + Fraction((until_on - begun.start).days, (begun.end - begun.start).days)
