"""What a subscription costs over time: its recorded events folded into stretches of one tariff each. Pure.

Nothing here is a date that something was done on; all of it is a moment from which something holds. An event that was
recorded late, or for next month, stands where it holds from. Rules:

1. From its start (or the end of its trial) a subscription is charged, cycle by cycle from its anchor.
2. A change of tariff holds from its moment; the anchor stays unless the event names another.
3. While frozen nothing recurs, but the freeze's own fee, whose cycles begin with the freeze.
4. A freeze ends at its own end or when resumed, whichever is first. Days paid and not had are credited; or, if the
   event names the day from which it is charged again, they are used up before that, and the cycles begin anew there.
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
    """Nothing recurs from here to `until` (None: until resumed), but `fee`. `charged_again_on`: see rule 4."""

    at: Moment
    until: Moment | None = None
    fee: Tariff | None = None
    charged_again_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The freeze ends here, before its own end."""

    at: Moment
    charged_again_on: datetime.date | None = None


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
class _Now:
    """Where the fold stands: what is charged since when, and since when it is frozen."""

    since: Moment
    anchor_on: datetime.date
    tariff: Tariff
    freeze: Frozen | None = None


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
    first = events[0]
    now = _Now(since=first.charged_from or first.at, anchor_on=first.anchor_on, tariff=first.tariff)
    for event in events[1:]:
        at = event.at
        if now.freeze is not None and now.freeze.until is not None and now.freeze.until <= at:
            yield from _frozen(now, now.freeze, until=now.freeze.until)
            now = _thawed(now, now.freeze.until, now.freeze.charged_again_on)
        match event:
            case Started():
                raise TimelineError(f"a subscription starts once; a second start is recorded for {at.day}")
            case Discounted() | Shared():
                continue
            case TariffChanged(tariff=tariff, anchor_on=anchor_on):
                # In a freeze the new tariff waits for its end.
                if now.freeze is None:
                    yield from _charged(now, at)
                    now = replace(now, since=max(at, now.since))
                now = replace(now, tariff=tariff, anchor_on=anchor_on or now.anchor_on)
            case Frozen():
                if now.freeze is not None:
                    raise TimelineError(f"it is frozen already on {at.day}; resume it first, or move the end")
                now = replace(now, freeze=event)
                yield from _charged(now, _paid_until(now, event, events))
            case Resumed(charged_again_on=charged_again_on):
                if now.freeze is None:
                    raise TimelineError(f"nothing is frozen on {at.day}; there is nothing to resume")
                yield from _frozen(now, now.freeze, until=at)
                now = _thawed(now, at, charged_again_on)
            case Ended():
                yield from _charged(now, at) if now.freeze is None else _frozen(now, now.freeze, until=at)
                return
    if now.freeze is not None:
        yield from _frozen(now, now.freeze, until=now.freeze.until)
        if now.freeze.until is None:
            return
        now = _thawed(now, now.freeze.until, now.freeze.charged_again_on)
    yield from _charged(now, None)


def _paid_until(now: _Now, freeze: Frozen, events: Sequence[Event]) -> Moment:
    """Where charging stops: at the freeze; or, if the rest of the cycle is used up after it, where that is used up."""
    if freeze.charged_again_on is None:
        return freeze.at
    cycle = period_on(now.anchor_on, now.tariff.interval, freeze.at.day)
    rest_days = (cycle.end - freeze.at.day).days if freeze.at > Moment(cycle.start) else 0
    resumed = (event.at for event in events if isinstance(event, Resumed) and event.at > freeze.at)
    thawed = min((at for at in (freeze.until, *resumed) if at is not None), default=None)
    ended = next((event.at for event in events if isinstance(event, Ended)), None)
    if ended is not None:
        used_days = 0 if thawed is None else (ended.day - thawed.day).days
        rest_days = min(max(used_days, 0), rest_days)
    return Moment(freeze.at.day + datetime.timedelta(days=rest_days))


def _thawed(now: _Now, at: Moment, charged_again_on: datetime.date | None) -> _Now:
    if charged_again_on is None:
        return replace(now, since=max(at, now.since), freeze=None)
    since = max(at, now.since, Moment(charged_again_on))
    return replace(now, since=since, freeze=None, anchor_on=charged_again_on)


def _charged(now: _Now, until: Moment | None) -> Iterator[Stretch]:
    if until is None or until > now.since:
        yield Stretch(component=MEMBERSHIP, tariff=now.tariff, anchor_on=now.anchor_on, start=now.since, until=until)


def _frozen(now: _Now, freeze: Frozen, *, until: Moment | None) -> Iterator[Stretch]:
    """The freeze's fee, whose cycles begin with it; a freeze in a trial costs nothing until that is over."""
    start = max(freeze.at, min(now.since, freeze.until or now.since))
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
