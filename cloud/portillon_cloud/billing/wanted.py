"""What should have been billed up to a day: a subscription's stretches, cut at the ends of its billing cycles. Pure."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from portillon_cloud.billing.calendar import Period, first_boundary_from, period, period_index
from portillon_cloud.billing.proration import Proration, part_minor
from portillon_cloud.billing.span import Span
from portillon_cloud.billing.timeline import Stretch, Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One cycle, or the part of one that a stretch covers, and what that comes to."""

    component: str
    tariff: Tariff
    cycle: Period
    span: Span
    amount_minor: int
    codes: tuple[str, ...] = field(default=(), compare=False)
    paid_by: tuple[str, ...] = field(default=(), compare=False)

    @property
    def whole(self) -> bool:
        """Whether it covers its cycle."""
        return self.span == Span.of_days(self.cycle.start, self.cycle.end)


def wanted(stretches: Sequence[Stretch], until_on: datetime.date, policy: Proration) -> tuple[Piece, ...]:
    """Every piece that begins on or before `until_on` and costs something: periods are billed as they begin."""
    pieces = (_piece(stretch, cycle, policy) for stretch in stretches for cycle in _cycles(stretch, until_on))
    return tuple(piece for piece in pieces if piece.amount_minor != 0)


def _piece(stretch: Stretch, cycle: Period, policy: Proration) -> Piece:
    whole = Span.of_days(cycle.start, cycle.end)
    end = whole.end if stretch.until is None else min(whole.end, stretch.until)
    span = Span(max(whole.start, stretch.start), end)
    return Piece(
        component=stretch.component,
        tariff=stretch.tariff,
        cycle=cycle,
        span=span,
        amount_minor=tariff_minor(stretch.tariff, span, cycle=cycle, policy=policy),
        codes=stretch.codes,
        paid_by=stretch.paid_by,
    )


def next_start(stretches: Sequence[Stretch], after_on: datetime.date) -> datetime.date | None:
    """The first day after `after_on` on which a piece begins; None: nothing more will."""
    starts = (_next_start(stretch, after_on) for stretch in stretches)
    return min((on for on in starts if on is not None), default=None)


def _next_start(stretch: Stretch, after_on: datetime.date) -> datetime.date | None:
    if stretch.start.day > after_on:
        return stretch.start.day
    next_on = first_boundary_from(stretch.anchor_on, stretch.tariff.interval, after_on + datetime.timedelta(days=1))
    return None if stretch.until is not None and (next_on, 0) >= stretch.until else next_on


def tariff_minor(tariff: Tariff, span: Span, *, cycle: Period, policy: Proration) -> int:
    """What a part of one of its cycles costs; what others pay comes to exactly what is taken off for it."""
    sign = 1 if tariff.taken_from_minor is None or tariff.quantity < 0 else -1
    return sign * part_minor(
        sign * tariff.cycle_minor,
        span,
        cycle=Span.of_days(cycle.start, cycle.end),
        interval=tariff.interval,
        policy=policy,
        taken_from_minor=tariff.taken_from_minor,
    )


def _cycles(stretch: Stretch, until_on: datetime.date) -> Iterator[Period]:
    interval = stretch.tariff.interval
    index = period_index(stretch.anchor_on, interval, stretch.start.day)
    while True:
        cycle = period(stretch.anchor_on, interval, index)
        begins_on = max(cycle.start, stretch.start.day)
        over = stretch.until is not None and (cycle.start, 0) >= stretch.until
        if over or begins_on > until_on:
            return
        yield cycle
        index += 1
