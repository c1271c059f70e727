"""What a price comes to for one member from a day on: trial, term, and every payment with its taxes. Pure.

1. A trial comes first and costs nothing but the joining fee; the first paid period begins on the day after it, and the
   billing day is that day, or the one that the price has for all: then the first period is the part up to there.
2. A term is counted in whole periods from the first paid one; something that is had beside something else ends with it.
3. A coupon counts its cycles from the first paid one.
4. An invoice that is paid in instalments is split into equal parts a month apart; a cent that is left over goes first.
"""

import datetime
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from portillon_cloud.billing.calendar import Interval, add_months, boundary, first_boundary_from, period_index
from portillon_cloud.billing.catalogue import Price
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tax import Taxed, rates_on, tax
from portillon_cloud.billing.timeline import Discounted, Ended, Event, Started, Tariff, stretches
from portillon_cloud.billing.wanted import Piece, wanted
from portillon_cloud.money import split

AHEAD_MONTHS = 12
"""How far payments of what has no end are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gift:
    """What a coupon gives: less of each of the first `cycles` (None: of all), and maybe no joining fee."""

    code: str
    share_ppm: int = 0
    amount_minor: int = 0
    cycles: int | None = None
    waives_joining: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is signed. `paid_on`: the first day that is charged; `first_on`: the first billed here (an import).

    `anchor_on`: from where billing periods are counted.
    """

    price: Price
    starts_on: datetime.date
    paid_on: datetime.date
    anchor_on: datetime.date
    first_on: datetime.date
    ends_on: datetime.date | None
    events: tuple[Event, ...]
    plain: bool

    @property
    def trial_until_on(self) -> datetime.date | None:
        """The first day that is paid for; None: there is no trial."""
        return self.paid_on if self.paid_on > self.starts_on else None

    @property
    def periods(self) -> int | None:
        """How many periods the term has, the last one maybe cut short; None: no end is agreed.

        Where the first is a part, it and the last one are parts of one.
        """
        if self.ends_on is None:
            return None
        first, last = (
            period_index(self.anchor_on, self.price.interval, day)
            for day in (self.paid_on, self.ends_on - datetime.timedelta(days=1))
        )
        begins_whole = boundary(self.anchor_on, self.price.interval, first) == self.paid_on
        return max(last - first + (1 if begins_whole else 0), 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One payment, in minor units. Of several instalments of one invoice the first has its lines.

    `uncut_minor`: what it would be if the end cut no period short, as law compares payments.
    """

    due_on: datetime.date
    total_minor: int
    uncut_minor: int
    tax_minor: int = 0
    pieces: tuple[Piece, ...] = ()


def offer(
    price: Price,
    *,
    starts_on: datetime.date,
    billed_from_on: datetime.date | None = None,
    beside_until_on: datetime.date | None = None,
    gift: Gift | None = None,
) -> Offer:
    """What `price` gives from `starts_on`. Raises CatalogueError for terms that leave nothing to bill.

    `billed_from_on`: periods that begin before it were billed elsewhere. `beside_until_on`: what it is beside ends.
    """
    extras, elsewhere = price.extras, billed_from_on is not None and billed_from_on > starts_on
    paid_on = starts_on if elsewhere else starts_on + datetime.timedelta(days=extras.trial_days)
    anchor_on = price.terms.anchor_on(price.interval, paid_on)
    first_on = paid_on
    if elsewhere and billed_from_on is not None:
        first_on = first_boundary_from(anchor_on, price.interval, billed_from_on)
    ends_on = min((on for on in (price.ends_on(paid_on), beside_until_on) if on is not None), default=None)
    if ends_on is not None and first_on >= ends_on:
        raise CatalogueError(
            f"starts_on: from {starts_on} it ends on {ends_on}, before anything is billed from {first_on}; "
            "check its start, or leave it out"
        )
    waived = elsewhere or (gift is not None and gift.waives_joining)
    start = Started(
        at=Moment(starts_on),
        tariff=Tariff(price_id=price.id, unit_minor=price.amount_minor, interval=price.interval),
        anchor_on=anchor_on,
        charged_from=Moment(first_on) if first_on > starts_on else None,
        paid_elsewhere=elsewhere and first_on > starts_on,
        joining_minor=0 if waived else extras.joining_minor,
    )
    less = gift is not None and (gift.share_ppm > 0 or gift.amount_minor > 0)
    events: list[Event] = [start]
    if gift is not None and less:
        events.append(_discounted(gift, price, anchor_on, first_on))
    if ends_on is not None:
        events.append(Ended(at=Moment(ends_on), of_term=True))
    whole = ends_on is None or first_boundary_from(anchor_on, price.interval, ends_on) == ends_on
    return Offer(
        price=price,
        starts_on=starts_on,
        paid_on=paid_on,
        anchor_on=anchor_on,
        first_on=first_on,
        ends_on=ends_on,
        events=tuple(events),
        plain=whole and not less and start.joining_minor == 0 and anchor_on == starts_on == paid_on,
    )


def after_cycles(anchor_on: datetime.date, interval: Interval, on: datetime.date, cycles: int) -> datetime.date:
    """The day on which `cycles` periods are over, counted from the one that `on` falls in."""
    return boundary(anchor_on, interval, period_index(anchor_on, interval, on) + cycles)


def _discounted(gift: Gift, price: Price, anchor_on: datetime.date, first_on: datetime.date) -> Discounted:
    until_on = None if gift.cycles is None else after_cycles(anchor_on, price.interval, first_on, gift.cycles)
    return Discounted(
        at=Moment(first_on),
        code=gift.code,
        until=None if until_on is None else Moment(until_on),
        share_ppm=gift.share_ppm,
        amount_minor=gift.amount_minor,
    )


def payments(offered: Offer, *, regime: str, payment_days: int = 0) -> tuple[Payment, ...]:
    """Every payment until the end of the term, as they would be invoiced if nothing changed.

    Of what has no end, those of the first year. An import is told whole, as it was signed.
    """
    price = offered.price
    until_on = add_months(offered.paid_on, AHEAD_MONTHS) if offered.ends_on is None else offered.ends_on
    pieces = wanted(stretches(_as_signed(offered)), until_on - datetime.timedelta(days=1), price.terms.proration)
    by_day: defaultdict[datetime.date, list[Piece]] = defaultdict(list)
    for piece in pieces:
        by_day[piece.span.start.day].append(piece)
    found: list[Payment] = []
    for on, begun in sorted(by_day.items()):
        taxed = _taxed(price, regime, on, [piece.amount_minor for piece in begun])
        uncut = _taxed(price, regime, on, [piece.tariff.cycle_minor for piece in begun])
        if taxed.total_minor > 0:
            whole = Payment(
                due_on=on + datetime.timedelta(days=payment_days),
                total_minor=taxed.total_minor,
                uncut_minor=uncut.total_minor,
                tax_minor=taxed.tax_minor,
                pieces=tuple(begun),
            )
            found.extend(_parts(whole, price.extras.instalments))
    return tuple(found)


def _taxed(price: Price, regime: str, on: datetime.date, amounts_minor: Sequence[int]) -> Taxed:
    return tax(
        tuple(amounts_minor),
        (price.taxable,) * len(amounts_minor),
        inclusive=price.tax_inclusive,
        rates=rates_on(regime, on, price.tax_category),
    )


def _as_signed(offered: Offer) -> Sequence[Event]:
    """The events as if nothing had been billed elsewhere."""
    start, *rest = offered.events
    if not isinstance(start, Started) or not start.paid_elsewhere:
        return offered.events
    signed = Started(at=start.at, tariff=start.tariff, anchor_on=start.anchor_on)
    return (signed, *rest)


def _parts(whole: Payment, count: int) -> Iterator[Payment]:
    if count == 1:
        yield whole
        return
    totals, uncut = (split(minor, [1] * count) for minor in (whole.total_minor, whole.uncut_minor))
    yield replace(whole, total_minor=totals[0], uncut_minor=uncut[0])
    for months in range(1, count):
        if totals[months]:
            due_on = add_months(whole.due_on, months)
            yield Payment(due_on=due_on, total_minor=totals[months], uncut_minor=uncut[months])
