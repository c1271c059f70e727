"""A ladder laid on a calendar, for any policy, failure and day, before anything has happened. Pure."""

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import Debt, LetterKind, StepKind, endings, restricted_from_ms, step_ms, steps
from portillon_cloud.dunning.policy import DunningPolicy


class DayKind(StrEnum):
    """What happens on a day of the calendar, in the order in which it does."""

    BEFORE_DUE = "before_due"
    CHARGE = "charge"  # the first one, on the day on which it is due
    RETRY = StepKind.RETRY.value
    PROMISE = StepKind.PROMISE.value
    REMINDER = StepKind.REMINDER.value
    RESTRICTION = StepKind.RESTRICTION.value
    HAND_OVER = StepKind.HAND_OVER.value
    CANCELLATION = StepKind.CANCELLATION.value
    WRITE_OFF = StepKind.WRITE_OFF.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing on one day; `day` counts from day 0 of the ladder. It happens if at least so much is owed."""

    on: date
    day: int
    kind: DayKind
    letter: LetterKind | None = None
    switches: frozenset[Switch] = frozenset()
    owed_minor_min: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """What comes of an invoice that nobody pays. `shut_on`: the day on whose morning the door shuts; None: never."""

    due_on: date
    happenings: tuple[Happening, ...]
    shut_on: date | None


def course(
    policy: DunningPolicy, failure: FailureClass, *, due_on: date, zone: str, currency: str, owed_minor: int
) -> Course:
    """Every day on which something happens if the charge of `due_on` fails so, and each one after it."""
    way_down = policy.ladder_for(failure)
    found = [
        Happening(on=due_on - timedelta(days=days), day=-days, kind=DayKind.BEFORE_DUE, letter=LetterKind.BEFORE_DUE)
        for days in reversed(policy.before_due_days)
    ]
    found.append(Happening(on=due_on, day=0, kind=DayKind.CHARGE))
    shuts = {due_on + timedelta(days=one.day): one for one in way_down.restrictions}
    ends = dict(endings(way_down))
    for step in steps(way_down, due_on):
        restriction = shuts[step.on] if step.kind is StepKind.RESTRICTION else None
        rung = restriction or ends.get(step.kind)
        found.append(
            Happening(
                on=step.on,
                day=(step.on - due_on).days,
                kind=DayKind(step.kind),
                letter=step.letter,
                switches=frozenset() if restriction is None else restriction.switches,
                owed_minor_min=1 if rung is None else rung.least_minor(currency),
            )
        )
    debt = Debt(owed_minor=owed_minor, from_on=due_on, failure=failure, currency=currency)
    shut_ms = restricted_from_ms(policy, [debt], Switch.ACCESS, zone)
    days = (due_on + timedelta(days=number) for number in range(max(one.day for one in found) + 1))
    return Course(
        due_on=due_on,
        happenings=tuple(found),
        shut_on=None if shut_ms is None else next(on for on in days if step_ms(on, zone) == shut_ms),
    )
