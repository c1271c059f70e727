"""What recurs each month (MRR), who pays it, and why it moved. Pure: everything follows from the pieces of each member.

1. A member is *held* from the first moment that is charged until the subscription ends; a freeze does not change that.
2. A cycle of n months counts as its n-th part a month, one of n days as amount x 365 / (12 x n): before tax, discounts
   taken off. What is sold once does not count.
3. A month is looked at twice: as the month before it ended, and as it ends itself; one that still runs ends today.
4. A member who came is *new*, or *returned* if ever held before; one who went is *churn*. Of those who stay, what is
   more is *expansion* and what is less *contraction*: other plans and prices, discounts, freezes and returns from them.
5. closing = opening + new + returned + expansion - contraction - churn, for every month and to the cent.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.calendar import Interval, IntervalUnit, Period
from portillon_cloud.billing.span import Moment
from portillon_cloud.money import PPM, divide_half_away

MONTHS_PER_YEAR, DAYS_PER_YEAR, DAYS_PER_WEEK = 12, 365, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """`monthly_minor` recurs from `start` up to and without `until` (None: no end is known). Negative: a discount."""

    start: Moment
    until: Moment | None
    monthly_minor: int
    frozen: bool = False  # a freeze's fee: paid, but nobody trains


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """One member: when held (rule 1; one span for each subscription), and what recurs when."""

    member_id: int
    held: tuple[tuple[Moment, Moment | None], ...]
    pieces: tuple[Piece, ...]

    @property
    def first(self) -> Moment:
        """The first moment ever charged."""
        return min(start for start, _ in self.held)

    def is_held(self, at: Moment) -> bool:
        """Whether any subscription holds at that moment."""
        return any(start <= at and (until is None or at < until) for start, until in self.held)

    def monthly_minor(self, at: Moment) -> int:
        """What recurs at that moment; nothing for who is not held."""
        return sum(one.monthly_minor for one in self._at(at)) if self.is_held(at) else 0

    def trains_for_minor(self, at: Moment) -> int:
        """The same without what is paid for a freeze."""
        return sum(one.monthly_minor for one in self._at(at) if not one.frozen) if self.is_held(at) else 0

    def _at(self, at: Moment) -> list[Piece]:
        return [one for one in self.pieces if one.start <= at and (one.until is None or at < one.until)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecurringMonth:
    """MRR and members over one month (rules 3 to 5).

    `arpu_minor`: closing MRR / members at the end; None: nobody is left. `churn_ppm`: who left / who was there when it
    began; None: nobody was.
    """

    month: datetime.date
    opening_minor: int
    new_minor: int
    returned_minor: int
    expansion_minor: int
    contraction_minor: int
    churn_minor: int
    closing_minor: int
    members_opening: int
    members_came: int
    members_left: int
    members: int
    arpu_minor: int | None
    churn_ppm: int | None


def monthly_minor(amount_minor: int, interval: Interval) -> int:
    """A cycle's amount as one of a month (rule 2), half away from zero."""
    if interval.unit is IntervalUnit.MONTH:
        return divide_half_away(amount_minor, interval.count)
    days = interval.count * (DAYS_PER_WEEK if interval.unit is IntervalUnit.WEEK else 1)
    return divide_half_away(amount_minor * DAYS_PER_YEAR, MONTHS_PER_YEAR * days)


def end_of(month: Period, today: datetime.date) -> Moment:
    """The last second of the month, or of today if that comes first."""
    return Moment(min(month.last_day, today), 86_399)


def recurring(payers: Iterable[Payer], months: Sequence[Period], *, today: datetime.date) -> tuple[RecurringMonth, ...]:
    """One row per month, none for months that have not begun."""
    begun = [month for month in months if month.start <= today]
    moments = [Moment(month.start - datetime.timedelta(days=1), 86_399) for month in begun[:1]]
    moments += [end_of(month, today) for month in begun]
    tallies = [_Tally() for _ in begun]
    for payer in payers:
        seen = [(payer.is_held(at), payer.monthly_minor(at)) for at in moments]
        for tally, before, after, at in zip(tallies, seen, seen[1:], moments, strict=False):
            tally.count(before, after, returned=payer.first <= at)
    return tuple(tally.row(month.start) for tally, month in zip(tallies, begun, strict=True))


@dataclass(slots=True)
class _Tally:
    """One month while it is counted."""

    opening: int = 0
    new: int = 0
    returned: int = 0
    expansion: int = 0
    contraction: int = 0
    churn: int = 0
    members_opening: int = 0
    came: int = 0
    left: int = 0

    def count(self, before: tuple[bool, int], after: tuple[bool, int], *, returned: bool) -> None:
        (was, had_minor), (is_held, has_minor) = before, after
        self.opening += had_minor
        self.members_opening += was
        if was and is_held:
            self.expansion += max(has_minor - had_minor, 0)
            self.contraction += max(had_minor - has_minor, 0)
        elif is_held:
            self.came += 1
            self.returned += has_minor if returned else 0
            self.new += 0 if returned else has_minor
        elif was:
            self.left += 1
            self.churn += had_minor

    def row(self, month: datetime.date) -> RecurringMonth:
        closing = self.opening + self.new + self.returned + self.expansion - self.contraction - self.churn
        members = self.members_opening + self.came - self.left
        return RecurringMonth(
            month=month,
            opening_minor=self.opening,
            new_minor=self.new,
            returned_minor=self.returned,
            expansion_minor=self.expansion,
            contraction_minor=self.contraction,
            churn_minor=self.churn,
            closing_minor=closing,
            members_opening=self.members_opening,
            members_came=self.came,
            members_left=self.left,
            members=members,
            arpu_minor=divide_half_away(closing, members) if members else None,
            churn_ppm=divide_half_away(self.left * PPM, self.members_opening) if self.members_opening else None,
        )
