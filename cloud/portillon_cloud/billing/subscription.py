"""A subscription's life: what may be asked of it in which condition, and which events an answer records. Pure.

| Condition | freeze | resume | change tariff | discount | share | cancel | keep         | renew     |
|-----------|--------|--------|---------------|----------|-------|--------|--------------|-----------|
| coming    | no     | no     | yes           | yes      | yes   | yes    | if cancelled | if a term |
| trial     | no     | no     | yes           | yes      | yes   | yes    | if cancelled | if a term |
| running   | yes    | no     | yes           | yes      | yes   | yes    | if cancelled | if a term |
| frozen    | no     | yes    | yes           | yes      | yes   | yes    | if cancelled | if a term |
| ended     | no     | no     | no            | no       | no    | no     | no           | no        |

1. Conditions are derived from the recorded events at a moment, never stored.
2. What is asked takes hold on a day: today, a later one, or one gone by as far back as the agreement lets; never before
   the subscription begins: another tariff or a discount asked for earlier holds from its first day.
3. An event is never changed. A new cancellation withdraws the one before, an earlier resumption the later one; a
   freeze may be withdrawn until it begins.
4. A minimum term holds cancellations back to its end, and the notice to the end of the cycle that holds its last day;
   the law's own way out (`by_law`) knows neither.
5. A freeze keeps within its agreement: its notice, its days at a time, its days and times within any 365 days.
6. A fixed term ends by itself: its end is recorded with its start. A renewal moves it; keeping what was cancelled
   does not.
7. A payer pays one part at a time: another part takes the place of the one before from its first day.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from portillon_cloud.billing.calendar import add_months, first_boundary_from
from portillon_cloud.billing.life import Condition, Life, Recorded, frozen_spans, life_on
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.billing.timeline import Discounted, Ended, Event, Frozen, Resumed, Shared, Tariff, TariffChanged

_YEAR_DAYS = 365


class Why(StrEnum):
    """Why something asked is refused; each has words in both languages, and says what helps."""

    ENDED = "ended"
    NOT_BEGUN = "not_begun"
    IN_TRIAL = "in_trial"
    FROZEN_ALREADY = "frozen_already"
    NOT_FROZEN = "not_frozen"
    NO_END_TO_WITHDRAW = "no_end_to_withdraw"
    NO_TERM_TO_RENEW = "no_term_to_renew"
    PAYS_NO_PART = "pays_no_part"
    SETTLED_BY_LAW = "settled_by_law"
    TERM_ENDS_FIRST = "term_ends_first"
    TOO_FAR_BACK = "too_far_back"
    MINIMUM_TERM = "minimum_term"
    NOTICE = "notice"
    FREEZE_NOT_AGREED = "freeze_not_agreed"
    FREEZE_NOTICE = "freeze_notice"
    FREEZE_TOO_SHORT = "freeze_too_short"
    FREEZE_TOO_LONG = "freeze_too_long"
    FREEZE_DAYS_USED_UP = "freeze_days_used_up"
    FREEZE_TIMES_USED_UP = "freeze_times_used_up"
    FREEZE_NEEDS_PROOF = "freeze_needs_proof"
    CHANGES_HELD = "changes_held"


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeTerms:
    """What a contract says of freezes. `moves_on`: paid days are used up afterwards, and no cent is credited."""

    days_least: int = 7
    days_most: int = 90
    days_per_year: int = 90
    times_per_year: int = 2
    notice_days: int = 0
    proof_after_days: int | None = None
    fee: Tariff | None = None
    moves_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """What was agreed beside the tariff. `term_until_on`: the first day on which a minimum term is over."""

    freeze: FreezeTerms | None = FreezeTerms()
    term_until_on: datetime.date | None = None
    notice_days: int = 0
    back_days: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """Record these, and withdraw those."""

    record: tuple[Event, ...] = ()
    withdraw: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """Not possible, and why; `possible_on`: the first day on which it would be, if there is one."""

    why: Why
    possible_on: datetime.date | None = None


Answer = Decided | Refused


def change_tariff(
    recorded: Sequence[Recorded], agreement: Agreement, tariff: Tariff, *, on: datetime.date, today: datetime.date
) -> Answer:
    """Another plan or price from `on`. The billing day stays, unless the cycles are counted otherwise."""
    on = max(on, life_on(recorded, on).starts_on)
    life = life_on(recorded, on)
    refused = _too_late(life) or _too_early(agreement, on, today)
    if refused is not None:
        return refused
    anchor_on = None if tariff.interval == life.tariff.interval else on
    return Decided(record=(TariffChanged(at=Moment(on), tariff=tariff, anchor_on=anchor_on),))


def at_renewal(recorded: Sequence[Recorded], today: datetime.date) -> datetime.date:
    """The first day of the next cycle: when a change costs nobody a part of a period."""
    life = life_on(recorded, today)
    return first_boundary_from(life.anchor_on, life.tariff.interval, today + datetime.timedelta(days=1))


def freeze(
    recorded: Sequence[Recorded],
    agreement: Agreement,
    *,
    on: datetime.date,
    until_on: datetime.date,
    today: datetime.date,
    proof: bool = False,
) -> Answer:
    """Freeze from `on` up to and without `until_on`; `proof`: a medical or other paper was seen."""
    terms, life = agreement.freeze, life_on(recorded, on)
    if terms is None:
        return Refused(Why.FREEZE_NOT_AGREED)
    if life.condition in (Condition.COMING, Condition.TRIAL):
        return Refused(Why.NOT_BEGUN if life.condition is Condition.COMING else Why.IN_TRIAL)
    refused = _too_late(life) or _too_early(agreement, on, today) or _overlapping(recorded, on, until_on)
    if refused is not None:
        return refused
    if on < today + datetime.timedelta(days=terms.notice_days) and not proof:
        return Refused(Why.FREEZE_NOTICE, today + datetime.timedelta(days=terms.notice_days))
    refused = _outside_terms(recorded, terms, on, until_on, proof=proof)
    if refused is not None:
        return refused
    frozen = Frozen(at=Moment(on), until=Moment(until_on), fee=terms.fee, moves_on=terms.moves_on)
    return Decided(record=(frozen,))


def resume(recorded: Sequence[Recorded], *, on: datetime.date) -> Answer:
    """End the freeze in force on `on`; one that has not begun before that day, the next if none is, is withdrawn."""
    life, now = life_on(recorded, on), Moment(on)
    if life.condition is Condition.ENDED:
        return Refused(Why.ENDED)
    frozen = life.freeze
    if frozen is not None and frozen.at < now:
        return Decided(record=(Resumed(at=now),), withdraw=_resumptions(recorded, now, frozen.until))
    coming = [(one.event, one.id) for one in recorded if isinstance(one.event, Frozen) and one.event.at >= now]
    if not coming:
        return Refused(Why.NOT_FROZEN)
    first, first_id = min(coming, key=lambda one: one[0].at)
    return Decided(withdraw=(first_id, *_resumptions(recorded, first.at, first.until)))


def _resumptions(recorded: Sequence[Recorded], after: Moment, until: Moment | None) -> tuple[int, ...]:
    """Those recorded of a freeze that go with it, or come too late now; the next freeze has its own."""
    following = (one.event.at for one in recorded if isinstance(one.event, Frozen) and one.event.at > after)
    last = min((at for at in (until, *following) if at is not None), default=None)
    resumed = (one for one in recorded if isinstance(one.event, Resumed) and one.event.at >= after)
    return tuple(one.id for one in resumed if last is None or one.event.at <= last)


def cancel(
    recorded: Sequence[Recorded],
    agreement: Agreement,
    *,
    on: datetime.date,
    today: datetime.date,
    by_law: bool = False,
) -> Answer:
    """End it on `on`, the first day without it; refused with the first day that term and notice allow."""
    life, term = life_on(recorded, today), _term_end(recorded)
    if life.condition is Condition.ENDED:
        return Refused(Why.ENDED)
    if term is not None and on >= term.event.at.day:
        return Refused(Why.TERM_ENDS_FIRST, term.event.at.day)
    possible_on = max(today, life.starts_on) if by_law else cancellable_on(recorded, agreement, today)
    if on < possible_on:
        return Refused(_held_by(agreement, on, possible_on), possible_on)
    return Decided(record=(Ended(at=Moment(on)),), withdraw=_cancellations(recorded))


def cancellable_on(recorded: Sequence[Recorded], agreement: Agreement, today: datetime.date) -> datetime.date:
    """The first day on which it could be over if it were cancelled today; before it begins that is its first day."""
    life = life_on(recorded, today)
    if life.condition is Condition.COMING:
        return life.starts_on
    noticed_on = today + datetime.timedelta(days=agreement.notice_days)
    if agreement.notice_days:
        # Notice runs out within a cycle: that cycle is still had, and paid.
        noticed_on = first_boundary_from(life.anchor_on, life.tariff.interval, noticed_on)
    return max(noticed_on, agreement.term_until_on or today)


def discount(recorded: Sequence[Recorded], given: Discounted, *, today: datetime.date) -> Answer:
    """Give a discount: a coupon, a referral's reward, what the desk grants."""
    life = life_on(recorded, today)
    if life.condition is Condition.ENDED:
        return Refused(Why.ENDED)
    at = max(given.at, Moment(life.starts_on))
    if given.until is not None and given.until <= at:
        return Refused(Why.NOT_BEGUN, life.starts_on)
    return Decided(record=(replace(given, at=at),))


def share(recorded: Sequence[Recorded], agreement: Agreement, agreed: Shared, *, today: datetime.date) -> Answer:
    """Another account pays a part: an employer, an insurer, the other parent."""
    life = life_on(recorded, today)
    at = max(agreed.at, Moment(life.starts_on))
    refused = _too_late(life) or _too_early(agreement, at.day, today)
    if refused is not None:
        return refused
    if agreed.until is not None and agreed.until <= at:
        return Refused(Why.NOT_BEGUN, life.starts_on)
    before = _parts_until(recorded, agreed.payer_account_id, at)
    return replace(before, record=(*before.record, replace(agreed, at=at)))


def end_share(
    recorded: Sequence[Recorded],
    agreement: Agreement,
    payer_account_id: int,
    *,
    on: datetime.date,
    today: datetime.date,
) -> Answer:
    """This payer pays nothing from `on`; the member pays all again."""
    refused = _too_late(life_on(recorded, today)) or _too_early(agreement, on, today)
    if refused is not None:
        return refused
    ended = _parts_until(recorded, payer_account_id, Moment(on))
    return ended if ended.withdraw else Refused(Why.PAYS_NO_PART)


def _parts_until(recorded: Sequence[Recorded], payer_account_id: int, end: Moment) -> Decided:
    """What a payer pays later is withdrawn; what began before holds up to there."""
    parts = [
        (one.id, one.event)
        for one in recorded
        if isinstance(one.event, Shared)
        and one.event.payer_account_id == payer_account_id
        and (one.event.until is None or one.event.until > end)
    ]
    return Decided(
        record=tuple(replace(part, until=end) for _, part in parts if part.at < end),
        withdraw=tuple(part_id for part_id, _ in parts),
    )


def keep(recorded: Sequence[Recorded], *, today: datetime.date) -> Answer:
    """Withdraw a cancellation that has not come; a fixed term still ends when it does."""
    if life_on(recorded, today).condition is Condition.ENDED:
        return Refused(Why.ENDED)
    cancelled = _cancellations(recorded)
    return Decided(withdraw=cancelled) if cancelled else Refused(Why.NO_END_TO_WITHDRAW)


def renew(recorded: Sequence[Recorded], *, months: int, today: datetime.date) -> Answer:
    """Move the end of a fixed term by whole months; a cancellation goes with it."""
    if life_on(recorded, today).condition is Condition.ENDED:
        return Refused(Why.ENDED)
    term = _term_end(recorded)
    if term is None:
        return Refused(Why.NO_TERM_TO_RENEW)
    renewed = Ended(at=Moment(add_months(term.event.at.day, months)), of_term=True)
    return Decided(record=(renewed,), withdraw=(term.id, *_cancellations(recorded)))


def _term_end(recorded: Sequence[Recorded]) -> Recorded | None:
    ends = (one for one in recorded if isinstance(one.event, Ended) and one.event.of_term)
    return max(ends, key=lambda one: one.event.at, default=None)


def _cancellations(recorded: Sequence[Recorded]) -> tuple[int, ...]:
    return tuple(one.id for one in recorded if isinstance(one.event, Ended) and not one.event.of_term)


def _held_by(agreement: Agreement, on: datetime.date, possible_on: datetime.date) -> Why:
    if possible_on == agreement.term_until_on:
        return Why.MINIMUM_TERM
    return Why.NOTICE if agreement.notice_days else Why.TOO_FAR_BACK


def _too_late(life: Life) -> Refused | None:
    return Refused(Why.ENDED) if life.condition is Condition.ENDED else None


def _too_early(agreement: Agreement, on: datetime.date, today: datetime.date) -> Refused | None:
    earliest_on = today - datetime.timedelta(days=agreement.back_days)
    return Refused(Why.TOO_FAR_BACK, earliest_on) if on < earliest_on else None


def _overlapping(recorded: Sequence[Recorded], on: datetime.date, until_on: datetime.date) -> Refused | None:
    if until_on <= on:
        return Refused(Why.FREEZE_TOO_SHORT)
    asked = Span.of_days(on, until_on)
    if any(span.meets(asked) for span in frozen_spans(recorded)) or life_on(recorded, on).freeze is not None:
        return Refused(Why.FROZEN_ALREADY)
    return None


def _outside_terms(
    recorded: Sequence[Recorded], terms: FreezeTerms, on: datetime.date, until_on: datetime.date, *, proof: bool
) -> Refused | None:
    days = (until_on - on).days
    if days < terms.days_least:
        return Refused(Why.FREEZE_TOO_SHORT)
    if days > terms.days_most:
        return Refused(Why.FREEZE_TOO_LONG)
    if terms.proof_after_days is not None and days > terms.proof_after_days and not proof:
        return Refused(Why.FREEZE_NEEDS_PROOF)
    year = Span.of_days(until_on - datetime.timedelta(days=_YEAR_DAYS), until_on)
    within = [met for span in frozen_spans(recorded) if (met := span.meets(year)) is not None]
    if sum((span.end.day - span.start.day).days for span in within) + days > terms.days_per_year:
        return Refused(Why.FREEZE_DAYS_USED_UP)
    if len(within) + 1 > terms.times_per_year:
        return Refused(Why.FREEZE_TIMES_USED_UP)
    return None
