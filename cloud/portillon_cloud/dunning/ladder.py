"""The dunning ladder: from a policy and a first day to dated steps, and to the instant at which dues shut something.

Pure. One policy holds retries, reminders and restrictions, so that there are no two calendars to align by hand.
Days count from the ladder's day 0: the local date of the first charge that failed (never before the due date). As long
as no charge has failed the due date stands in for it, so that unpaid dues lapse even where no worker ever ran.
Truth tables: billing.md §3 rows 49, 55, 56, 58.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.errors import PolicyInvalidError

STEP_TIME = time(6, 0)
"""Local time of charges and ladder steps: after the night's invoices, before the gym fills, never in a skipped hour."""

DAYS_MAX = 366
STEPS_MAX = 32


class StepKind(StrEnum):
    """What a step does; steps of one day are taken in this order, so that a retry can spare the rest."""

    RETRY = "retry"
    REMINDER = "reminder"
    RESTRICTION = "restriction"


class LetterKind(StrEnum):
    """What is written to the payer."""

    PAYMENT_FAILED = "payment_failed"
    REMINDER = "reminder"
    FINAL_NOTICE = "final_notice"
    ACTION_REQUIRED = "action_required"
    SUSPENDED = "suspended"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """From day `day` of the ladder these switches are off, if at least `owed_minor_min` is that old."""

    day: int
    switches: frozenset[Switch]
    owed_minor_min: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningPolicy:
    """When a failed charge is tried again, when the payer is reminded, and from which day what is restricted."""

    retry_days: tuple[int, ...] = (3, 5, 7)
    reminder_days: tuple[int, ...] = (0, 3, 7)
    restrictions: tuple[Restriction, ...] = (Restriction(day=10, switches=frozenset({Switch.ACCESS})),)

    def __post_init__(self) -> None:
        restriction_days = tuple(restriction.day for restriction in self.restrictions)
        _check_days("retry_days", self.retry_days, first=1)
        _check_days("reminder_days", self.reminder_days, first=0)
        _check_days("restrictions", restriction_days, first=0)
        if len(self.retry_days) + len(self.reminder_days) + len(restriction_days) > STEPS_MAX:
            raise PolicyInvalidError(f"a dunning ladder has at most {STEPS_MAX} steps")

    @property
    def grace_days(self) -> int | None:
        """Days for which somebody overdue still enters; None: dues never shut the door."""
        return min((r.day for r in self.restrictions if Switch.ACCESS in r.switches), default=None)

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form that is stored."""
        return {
            "retry_days": list(self.retry_days),
            "reminder_days": list(self.reminder_days),
            "restrictions": [
                {"day": r.day, "switches": sorted(r.switches), "owed_minor_min": r.owed_minor_min}
                for r in self.restrictions
            ],
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "DunningPolicy":
        """Rebuild a stored policy; raises PolicyInvalidError, KeyError."""
        return cls(
            retry_days=tuple(body["retry_days"]),
            reminder_days=tuple(body["reminder_days"]),
            restrictions=tuple(
                Restriction(
                    day=r["day"],
                    switches=frozenset(Switch(s) for s in r["switches"]),
                    owed_minor_min=r["owed_minor_min"],
                )
                for r in body["restrictions"]
            ),
        )


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
    counts as paid until then.
    """

    owed_minor: int | None
    from_on: date
    held_until_ms: int | None = None


@lru_cache(maxsize=4096)
def step_ms(on: date, zone: str) -> int:
    """The instant at which the steps of a local date are due."""
    return int(datetime.combine(on, STEP_TIME, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def steps(policy: DunningPolicy, starts_on: date, *, retries: bool = True) -> tuple[Step, ...]:
    """The ladder's steps in the order in which they are taken; without retries after a hard decline."""
    planned: list[tuple[int, StepKind, LetterKind | None]]
    planned = [(day, StepKind.RETRY, None) for day in policy.retry_days if retries]
    planned += [(day, StepKind.REMINDER, _letter(policy, day)) for day in policy.reminder_days]
    planned += [(restriction.day, StepKind.RESTRICTION, None) for restriction in policy.restrictions]
    order = list(StepKind)
    planned.sort(key=lambda step: (step[0], order.index(step[1])))
    return tuple(
        Step(number, kind, starts_on + timedelta(days=day), letter)
        for number, (day, kind, letter) in enumerate(planned, start=1)
    )


def restricted_from_ms(policy: DunningPolicy, debts: Iterable[Debt], switch: Switch, zone: str) -> int | None:
    """The first instant at which these debts, if nothing is paid, switch it off; None: never."""
    all_debts = list(debts)
    starts = (_reached_ms(r, all_debts, zone) for r in policy.restrictions if switch in r.switches)
    return min((start for start in starts if start is not None), default=None)


def switches_off(policy: DunningPolicy, debts: Iterable[Debt], zone: str, at_ms: int) -> frozenset[Switch]:
    """Every switch that these debts hold off at this instant."""
    all_debts = list(debts)
    starts = {switch: restricted_from_ms(policy, all_debts, switch, zone) for switch in Switch}
    return frozenset(switch for switch, start in starts.items() if start is not None and start <= at_ms)


def overdue(debt: Debt, zone: str, at_ms: int) -> bool:
    """Whether the debt's day 0 has come and no debit under way covers it."""
    return overdue_from_ms(debt, zone) <= at_ms


def overdue_from_ms(debt: Debt, zone: str) -> int:
    """The first instant at which it is overdue, if nothing is paid."""
    return max(step_ms(debt.from_on, zone), debt.held_until_ms or 0)


def _reached_ms(restriction: Restriction, debts: Sequence[Debt], zone: str) -> int | None:
    """When the debts that are `restriction.day` days old first add up to its threshold."""
    aged = sorted(
        (
            max(step_ms(debt.from_on + timedelta(days=restriction.day), zone), debt.held_until_ms or 0),
            restriction.owed_minor_min if debt.owed_minor is None else debt.owed_minor,
        )
        for debt in debts
    )
    owed_minor = 0
    for start_ms, amount_minor in aged:
        owed_minor += amount_minor
        if owed_minor >= restriction.owed_minor_min:
            return start_ms
    return None


def _letter(policy: DunningPolicy, day: int) -> LetterKind:
    if day == policy.reminder_days[0]:
        return LetterKind.PAYMENT_FAILED
    return LetterKind.FINAL_NOTICE if day == policy.reminder_days[-1] else LetterKind.REMINDER


def _check_days(name: str, days: Sequence[int], *, first: int) -> None:
    ascending = all(earlier < later for earlier, later in pairwise(days))
    if not ascending or any(not first <= day <= DAYS_MAX for day in days):
        raise PolicyInvalidError(f"{name} {list(days)}: write ascending whole days from {first} to {DAYS_MAX}")
