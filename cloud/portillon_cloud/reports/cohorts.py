"""Of those who were first charged in one month: how many are still there one, two… months on. Pure."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.calendar import Period
from portillon_cloud.reports.recurring import Payer, end_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """`kept[k]`: how many of `members` are held when the k-th month after theirs ends; the month that runs: today.

    Who went and came back counts again; who came and went within the first month is in `members` alone.
    """

    month: datetime.date
    members: int
    kept: tuple[int, ...]


def cohorts(payers: Iterable[Payer], months: Sequence[Period], *, today: datetime.date) -> tuple[Cohort, ...]:
    """One for each of the months that have begun, also where nobody joined."""
    begun = [month for month in months if month.start <= today]
    ends = [end_of(month, today) for month in begun]
    of_month = {month.start: place for place, month in enumerate(begun)}
    members = [0] * len(begun)
    kept = [[0] * (len(begun) - place) for place in range(len(begun))]
    for payer in payers:
        place = of_month.get(payer.first.day.replace(day=1))
        if place is None or payer.first.day > today:
            continue
        members[place] += 1
        for later, end in enumerate(ends[place:]):
            kept[place][later] += payer.is_held(end)
    return tuple(
        Cohort(month=month.start, members=members[place], kept=tuple(kept[place])) for place, month in enumerate(begun)
    )
