"""The dunning ladder: from a policy and a first day to dated steps, and to the instant at which dues shut something.

Pure. Days count from the ladder's day 0: the local date of the first charge that failed (never before the due date). As
long as no charge has failed the due date stands in for it, so that unpaid dues lapse even where no worker ever ran.
Truth tables: billing.md §3 rows 49, 51, 55, 56, 58.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.policy import DAYS_MAX, DunningPolicy, Ladder, Restriction, Rung

__all__ = [
    "DAYS_MAX",
    "STEP_TIME",
    "Debt",
    "DunningPolicy",
    "LetterKind",
    "Restriction",
    "Step",
    "StepKind",
    "concerning",
    "endings",
    "off_for",
    "overdue",
    "overdue_from_ms",
    "restricted_from_ms",
    "step_ms",
    "steps",
    "switches_off",
    "turns_ms",
]

STEP_TIME = time(6, 0)
"""Local time of charges and ladder steps: after the night's invoices, before the gym fills, never in a skipped hour."""


class StepKind(StrEnum):
    """What a step does; steps of one day are taken in this order, so that a retry can spare the rest."""

    RETRY = "retry"
    PROMISE = "promise"  # a promised day is over: no step of the policy, but of a case
    REMINDER = "reminder"
    RESTRICTION = "restriction"
    HAND_OVER = "hand_over"
    CANCELLATION = "cancellation"
    WRITE_OFF = "write_off"


class LetterKind(StrEnum):
    """What is written to the payer."""

    BEFORE_DUE = "before_due"
    PAYMENT_FAILED = "payment_failed"
    REMINDER = "reminder"
    FINAL_NOTICE = "final_notice"
    ACTION_REQUIRED = "action_required"
    PROMISE_BROKEN = "promise_broken"
    SUSPENDED = "suspended"
    RESTORED = "restored"
    HANDED_OVER = "handed_over"
    CANCELLED_FOR_DUES = "cancelled_for_dues"


@dataclass(frozen=True, slots=True)
class Step:
    """One dated step. `number` counts from 1 in the order in which steps are taken; reminders say which letter."""

    number: int
    kind: StepKind
    on: date
    letter: LetterKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Debt:
    """One unpaid invoice as the ladder sees it.

    `owed_minor` None: an invoice not made yet, supposed to be large enough. `held_until_ms`: a debit is under way and
    counts as paid until then. `promised_until_ms`: somebody promised to pay, so nothing is shut before then. `failure`:
    why it could not be charged; None: nothing has failed. `members`: whom it is for; None: everybody of the account.
    """

    owed_minor: int | None
    from_on: date
    held_until_ms: int | None = None
    promised_until_ms: int | None = None
    failure: FailureClass | None = None
    currency: str | None = None
    members: frozenset[int] | None = None


@lru_cache(maxsize=4096)
def step_ms(on: date, zone: str) -> int:
    """The instant at which the steps of a local date are due."""
    return int(datetime.combine(on, STEP_TIME, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def steps(ladder: Ladder, starts_on: date, *, retries: bool = True) -> tuple[Step, ...]:
    """The ladder's steps in the order in which they are taken; without retries after a hard decline."""
    planned: list[tuple[int, StepKind, LetterKind | None]]
    planned = [(day, StepKind.RETRY, None) for day in ladder.retry_days if retries]
    planned += [(day, StepKind.REMINDER, _letter(ladder, day)) for day in ladder.reminder_days]
    planned += [(restriction.day, StepKind.RESTRICTION, None) for restriction in ladder.restrictions]
    planned += [(rung.day, kind, None) for kind, rung in endings(ladder)]
    order = list(StepKind)
    planned.sort(key=lambda step: (step[0], order.index(step[1])))
    return tuple(
        Step(number, kind, starts_on + timedelta(days=day), letter)
        for number, (day, kind, letter) in enumerate(planned, start=1)
    )


def endings(ladder: Ladder) -> Iterator[tuple[StepKind, Rung]]:
    """How the ladder ends, as far as it does."""
    for kind, rung in (
        (StepKind.HAND_OVER, ladder.hand_over),
        (StepKind.CANCELLATION, ladder.cancellation),
        (StepKind.WRITE_OFF, ladder.write_off),
    ):
        if rung is not None:
            yield kind, rung


def restricted_from_ms(policy: DunningPolicy, debts: Iterable[Debt], switch: Switch, zone: str) -> int | None:
    """The first instant at which these debts, if nothing is paid, switch it off; None: never.

    Amounts of different currencies are not added; an invoice not made yet counts in each.
    """
    all_debts = list(debts)
    currencies = {debt.currency for debt in all_debts if debt.owed_minor is not None} or {None}
    reached = (
        _reached_ms(
            policy,
            [debt for debt in all_debts if debt.owed_minor is None or debt.currency == currency],
            switch,
            currency,
            zone,
        )
        for currency in currencies
    )
    return min((at_ms for at_ms in reached if at_ms is not None), default=None)


def switches_off(policy: DunningPolicy, debts: Iterable[Debt], zone: str, at_ms: int) -> frozenset[Switch]:
    """Every switch that these debts hold off at this instant."""
    all_debts = list(debts)
    starts = {switch: restricted_from_ms(policy, all_debts, switch, zone) for switch in Switch}
    return frozenset(switch for switch, start in starts.items() if start is not None and start <= at_ms)


def concerning(debts: Iterable[Debt], member_id: int) -> list[Debt]:
    """Those that are this member's, or everybody's."""
    return [debt for debt in debts if debt.members is None or member_id in debt.members]


def off_for(policy: DunningPolicy, debts: Sequence[Debt], zone: str, at_ms: int) -> dict[int | None, frozenset[Switch]]:
    """What these debts hold off at this instant: for everybody of the account (None), and beside that for a member.

    Only the door tells members apart; what is billed, charged or changed is the account's.
    """
    entry = frozenset({Switch.ACCESS})
    shared = [debt for debt in debts if debt.members is None]
    everybody = switches_off(policy, debts, zone, at_ms)
    if len(shared) < len(debts):
        everybody = (everybody - entry) | (switches_off(policy, shared, zone, at_ms) & entry)
    found = {None: everybody} | {
        member_id: (switches_off(policy, concerning(debts, member_id), zone, at_ms) & entry) - everybody
        for member_id in _members(debts)
    }
    return {whom: off for whom, off in found.items() if off}


def turns_ms(policy: DunningPolicy, debts: Sequence[Debt], zone: str) -> set[int]:
    """Every instant at which these debts, if nothing is paid, switch something off for somebody."""
    groups = [debts, [debt for debt in debts if debt.members is None]]
    groups += [concerning(debts, member_id) for member_id in _members(debts)]
    found = {restricted_from_ms(policy, group, switch, zone) for group in groups for switch in Switch}
    return {at_ms for at_ms in found if at_ms is not None}


def _members(debts: Sequence[Debt]) -> list[int]:
    return sorted({member_id for debt in debts for member_id in debt.members or ()})


def overdue(debt: Debt, zone: str, at_ms: int) -> bool:
    """Whether the debt's day 0 has come and no debit under way covers it."""
    return overdue_from_ms(debt, zone) <= at_ms


def overdue_from_ms(debt: Debt, zone: str) -> int:
    """The first instant at which it is overdue, if nothing is paid."""
    return max(step_ms(debt.from_on, zone), debt.held_until_ms or 0)


def _reached_ms(
    policy: DunningPolicy, debts: Sequence[Debt], switch: Switch, currency: str | None, zone: str
) -> int | None:
    """When the debts that are old enough for one of the thresholds, each by its own ladder, first add up to it."""
    asked = [
        (debt, rung.least_minor(currency), _ripe_ms(debt, rung.day, zone))
        for debt in debts
        for rung in policy.ladder_for(debt.failure).restrictions
        if switch in rung.switches
    ]
    starts = []
    for least_minor in {minor for _, minor, _ in asked}:
        since: dict[int, int] = {}
        for debt, minor, ripe_ms in asked:
            if minor <= least_minor:
                since[id(debt)] = min(ripe_ms, since.get(id(debt), ripe_ms))
        owed_minor = 0
        for debt in sorted((one for one in debts if id(one) in since), key=lambda one: since[id(one)]):
            owed_minor += least_minor if debt.owed_minor is None else debt.owed_minor
            if owed_minor >= least_minor:
                starts.append(since[id(debt)])
                break
    return min(starts, default=None)


def _ripe_ms(debt: Debt, day: int, zone: str) -> int:
    """When the debt is that many days old, and neither a debit under way nor a promise speaks for it."""
    at_ms = step_ms(debt.from_on + timedelta(days=day), zone)
    return max(at_ms, debt.held_until_ms or 0, debt.promised_until_ms or 0)


def _letter(ladder: Ladder, day: int) -> LetterKind:
    if day == ladder.reminder_days[0]:
        return LetterKind.PAYMENT_FAILED
    return LetterKind.FINAL_NOTICE if day == ladder.reminder_days[-1] else LetterKind.REMINDER
