"""What a subscription costs over time: its recorded events folded into stretches of one tariff each. Pure.

Nothing here is a date that something was done on; all of it is a moment from which something holds. An event that was
recorded late, or for next month, stands where it holds from. Rules:

1. From its start (or the end of its trial) a subscription is charged, cycle by cycle from its anchor.
2. A change of tariff holds from its moment; the anchor stays unless the event names another.
3. While frozen nothing recurs, but the freeze's own fee, whose cycles begin with the freeze.
4. A freeze ends at its own end or when resumed, whichever is first. Days paid and not had are credited; or, if it moves
   them on, they are used up after it, however many freezes come between, and the cycles begin anew where they are.
5. What all discounts of a moment come to is a stretch of its own beside the one it is taken from: it never outlives
   that, and is never more.
6. From its end on nothing recurs. What holds from later is of no account.
7. What is asked once for joining is owed whole with the first cycle, also in a trial and also by who leaves soon; only
   a subscription that never began owes none.
8. What somebody else pays of it is taken off like a discount, of what discounts leave, and is a stretch of its own of
   the same amount on the other payer's bill. Who agreed first pays first.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from portillon_cloud.billing.calendar import Interval, period, period_on
from portillon_cloud.billing.errors import TimelineError
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.money import share_ppm

MEMBERSHIP = "membership"
DISCOUNT = "discount"
FREEZE_FEE = "freeze_fee"
JOINING = "joining"
TAKING_OVER = "taking_over"
_SPONSORED = "sponsored:"
_ENDLESS = Moment(datetime.date.max)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What one cycle costs: `quantity` times `unit_minor`.

    A discount has a negative quantity, and is taken from a price of `taken_from_minor` a cycle.
    """

    price_id: int
    unit_minor: int
    interval: Interval
    quantity: int = 1
    taken_from_minor: int | None = None

    @property
    def cycle_minor(self) -> int:
        """What a whole cycle comes to."""
        return self.unit_minor * self.quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """Begins; charged from `charged_from`, else at once. `anchor_on` sets the billing day.

    Until it is charged it is on trial; or, `paid_elsewhere`, an older system has billed it (an import).
    `joining_minor` is owed once, at the start; `taken_over`: for what somebody else had before.
    """

    at: Moment
    tariff: Tariff
    anchor_on: datetime.date
    charged_from: Moment | None = None
    paid_elsewhere: bool = False
    joining_minor: int = 0
    taken_over: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TariffChanged:
    """Another plan, price or quantity from here on."""

    at: Moment
    tariff: Tariff
    anchor_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    """Nothing recurs from here to `until` (None: until resumed), but `fee`. `moves_on`: see rule 4."""

    at: Moment
    until: Moment | None = None
    fee: Tariff | None = None
    moves_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The freeze ends here, before its own end."""

    at: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Discounted:
    """Less from here to `until` (None: for good): a share of each cycle, or an amount of it. `code` names it."""

    at: Moment
    code: str
    until: Moment | None = None
    share_ppm: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Another account pays a part from here to `until` (None: for good): a share of each cycle, or an amount of it.

    `code` is the payer's name as the member's invoice says it.
    """

    at: Moment
    payer_account_id: int
    code: str
    until: Moment | None = None
    share_ppm: int = 0
    amount_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The first moment without it; of several the first counts. `of_term`: a fixed term's own, no cancellation."""

    at: Moment
    of_term: bool = False


Event = Started | TariffChanged | Frozen | Resumed | Discounted | Shared | Ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One tariff, from one moment to the next; `anchor_on` counts its cycles. `until` None: no end is known.

    `codes`: of the discounts that it is; `paid_by`: names of who else pays what is taken off.
    """

    component: str
    tariff: Tariff
    anchor_on: datetime.date
    start: Moment
    until: Moment | None
    codes: tuple[str, ...] = ()
    paid_by: tuple[str, ...] = ()


def sponsored(payer_account_id: int) -> str:
    """The component of what this account pays of somebody else's subscription."""
    return f"{_SPONSORED}{payer_account_id}"


def payer_of(component: str) -> int | None:
    """Who pays a component, if it is not the subscription's own account."""
    return int(component.removeprefix(_SPONSORED)) if component.startswith(_SPONSORED) else None


@dataclass(frozen=True, slots=True)
class Course:
    """Where a fold of events stands: charged since when, at what, by which anchor, and what froze it.

    `left_days`: days paid and not had when the freeze came; they are used up after it. None: it moves none on.
    `moved`: the days before `since` are such days.
    """

    since: Moment
    anchor_on: datetime.date
    tariff: Tariff
    freeze: Frozen | None = None
    left_days: int | None = None
    moved: bool = False

    @classmethod
    def begun(cls, start: Started) -> "Course":
        """At the start."""
        return cls(since=start.charged_from or start.at, anchor_on=start.anchor_on, tariff=start.tariff)

    def changed(self, change: TariffChanged) -> "Course":
        """At another tariff; in a freeze it waits for its end."""
        since = self.since if self.freeze is not None else max(change.at, self.since)
        return replace(self, since=since, tariff=change.tariff, anchor_on=change.anchor_on or self.anchor_on)

    def stopped(self, freeze: Frozen) -> "Course":
        """Frozen; days that are moved on already are moved on by whatever freezes them."""
        at, left_days = freeze.at, None
        if at < self.since and (freeze.moves_on or self.moved):
            left_days = (self.since.day - at.day).days
        elif freeze.moves_on:
            cycle = period_on(self.anchor_on, self.tariff.interval, at.day)
            left_days = (cycle.end - at.day).days if at > Moment(cycle.start) else 0
        return replace(self, freeze=freeze, left_days=left_days)

    def gone_on(self, at: Moment) -> "Course":
        """The freeze is over."""
        if self.left_days is None:
            return replace(self, since=max(at, self.since), freeze=None)
        on = at.day + datetime.timedelta(days=self.left_days)
        moved = self.left_days > 0
        return replace(self, since=max(at, Moment(on)), anchor_on=on, freeze=None, left_days=None, moved=moved)

    def at(self, now: Moment) -> "Course":
        """The same, or gone on by itself where its freeze ended before."""
        until = None if self.freeze is None else self.freeze.until
        return self if until is None or until > now else self.gone_on(until)


def stretches(events: Sequence[Event]) -> tuple[Stretch, ...]:
    """The subscription's stretches in order, a discount after what it is taken from.

    Raises TimelineError for events that make no life.
    """
    ordered = sorted(events, key=lambda event: event.at)
    plain = list(_folded(ordered))
    taken_off = [event for event in ordered if isinstance(event, Discounted | Shared)]
    taken = [cut for stretch in plain if stretch.component == MEMBERSHIP for cut in _taken_off(taken_off, stretch)]
    return tuple(
        sorted(
            (*_joining(ordered), *plain, *taken), key=lambda stretch: (stretch.start, stretch.component != MEMBERSHIP)
        )
    )


def _joining(events: Sequence[Event]) -> Iterator[Stretch]:
    start = events[0]
    begins = not any(isinstance(event, Ended) and event.at <= start.at for event in events)
    if isinstance(start, Started) and start.joining_minor > 0 and begins:
        first = period(start.at.day, start.tariff.interval, 0)
        yield Stretch(
            component=TAKING_OVER if start.taken_over else JOINING,
            tariff=replace(start.tariff, unit_minor=start.joining_minor, quantity=1),
            anchor_on=first.start,
            start=Moment(first.start),
            until=Moment(first.end),
        )


def _folded(events: Sequence[Event]) -> Iterator[Stretch]:
    if not events or not isinstance(events[0], Started):
        raise TimelineError("a subscription begins with its start; record that first")
    now = Course.begun(events[0])
    paid: Stretch | None = None  # charged whole, though a freeze came before all of it was had
    for event in events[1:]:
        at = event.at
        if now.freeze is not None and now.at(at) is not now:
            yield from _frozen(now, now.freeze, until=now.freeze.until)
            now = now.at(at)
        if paid is not None and now.freeze is None and now.since <= at:
            yield paid
            paid = None
        match event:
            case Started():
                raise TimelineError(f"a subscription starts once; a second start is recorded for {at.day}")
            case Discounted() | Shared():
                continue
            case TariffChanged():
                if now.freeze is None:
                    yield from _charged(now, at)
                now = now.changed(event)
            case Frozen():
                if now.freeze is not None:
                    raise TimelineError(f"it is frozen already on {at.day}; resume it first, or move the end")
                now = now.stopped(event)
                charged = list(_charged(now, Moment(at.day + datetime.timedelta(days=now.left_days or 0), at.second)))
                if not now.left_days:
                    yield from charged
                elif at >= now.since:
                    [paid] = charged
            case Resumed():
                if now.freeze is None:
                    raise TimelineError(f"nothing is frozen on {at.day}; there is nothing to resume")
                yield from _frozen(now, now.freeze, until=at)
                now = now.gone_on(at)
            case Ended():
                yield from _charged(now, at) if now.freeze is None else _frozen(now, now.freeze, until=at)
                yield from _had(paid, (now.since.day - at.day).days if now.freeze is None else now.left_days or 0)
                return
    if now.freeze is not None:
        yield from _frozen(now, now.freeze, until=now.freeze.until)
    yield from _had(paid, 0)
    if now.freeze is not None and now.freeze.until is None:
        return
    yield from _charged(now if now.freeze is None or now.freeze.until is None else now.at(now.freeze.until), None)


def _had(paid: Stretch | None, left_days: int) -> Iterator[Stretch]:
    """What was charged before it was had, less the days that are not had any more."""
    if paid is None or paid.until is None:
        return
    until = Moment(paid.until.day - datetime.timedelta(days=left_days), paid.until.second)
    if until > paid.start:
        yield replace(paid, until=until)


def _charged(now: Course, until: Moment | None) -> Iterator[Stretch]:
    if until is None or until > now.since:
        yield Stretch(component=MEMBERSHIP, tariff=now.tariff, anchor_on=now.anchor_on, start=now.since, until=until)


def _frozen(now: Course, freeze: Frozen, *, until: Moment | None) -> Iterator[Stretch]:
    """The freeze's fee, whose cycles begin with it; a freeze in a trial costs nothing until that is over."""
    start = freeze.at if now.moved else max(freeze.at, min(now.since, freeze.until or now.since))
    if freeze.fee is not None and (until is None or until > start):
        yield Stretch(component=FREEZE_FEE, tariff=freeze.fee, anchor_on=freeze.at.day, start=start, until=until)


def _taken_off(events: Sequence[Discounted | Shared], stretch: Stretch) -> Iterator[Stretch]:
    """For each time over which the same of them hold: what is taken off, and what of that others pay."""
    whole = Span(stretch.start, stretch.until or _ENDLESS)
    held = [(event, Span(event.at, event.until or _ENDLESS).meets(whole)) for event in events]
    bounds = {moment for _, span in held if span is not None for moment in (span.start, span.end)}
    price_minor = stretch.tariff.cycle_minor
    for start, end in pairwise(sorted(bounds)):
        holding = [event for event, span in held if span is not None and span.start <= start < span.end]
        discounts = [event for event in holding if isinstance(event, Discounted)]
        left_minor = max(price_minor - sum(_part_minor(event, price_minor) for event in discounts), 0)
        parts = list(_parts_of_others([event for event in holding if isinstance(event, Shared)], left_minor))
        left_minor -= sum(part_minor for _, part_minor in parts)
        if left_minor == price_minor:
            continue
        during = replace(stretch, start=start, until=None if end == _ENDLESS else end)
        off = replace(stretch.tariff, unit_minor=price_minor - left_minor, quantity=-1, taken_from_minor=price_minor)
        yield replace(
            during,
            component=DISCOUNT,
            tariff=off,
            codes=tuple(sorted(event.code for event in discounts)),
            paid_by=tuple(event.code for event, _ in parts),
        )
        for event, part_minor in parts:
            yield replace(
                during,
                component=sponsored(event.payer_account_id),
                tariff=replace(off, unit_minor=part_minor, quantity=1),
            )


def _parts_of_others(events: Sequence[Shared], left_minor: int) -> Iterator[tuple[Shared, int]]:
    """What each of them pays of what discounts leave."""
    still_minor = left_minor
    for event in events:
        part_minor = min(_part_minor(event, left_minor), still_minor)
        if part_minor > 0:
            still_minor -= part_minor
            yield event, part_minor


def _part_minor(event: Discounted | Shared, of_minor: int) -> int:
    return share_ppm(of_minor, event.share_ppm) + event.amount_minor
