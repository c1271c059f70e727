"""What comes next for an unpaid invoice, and what it waits for. Pure.

1. A charge, a letter or an ending that is held comes once nothing holds it; of what ends by no day of its own, no day
   is known.
2. While grace is given the ladder's charges wait for its last morning, the rest for the first one after it.
3. When something is shut is asked of what is owed, not of the step once planned: promises, grace and policy move it.
4. Of charges that waited for one day one is left, and of letters the sternest.
5. No charge comes of a card that can never work, nor of one whose holder left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.ladder import LetterKind, StepKind, step_ms


class WaitsFor(StrEnum):
    """What a step waits for."""

    ANSWER = "answer"  # a question about the invoice is open
    GRACE = "grace"  # somebody gave the account grace
    BLOCK = "block"  # a dispute, or doubt about a bill or a charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something that holds the steps of a case. `until_ms` None: until somebody does. `charges_only`: not letters."""

    why: WaitsFor
    until_ms: int | None
    charges_only: bool = False

    def ends_ms(self, kind: StepKind, zone: str) -> int | None:
        """From when on a step of this kind is not held by it; None: nobody knows."""
        if self.why is WaitsFor.GRACE and kind is StepKind.RETRY and self.until_ms is not None:
            return last_morning_ms(self.until_ms, zone)
        return self.until_ms

    def holds(self, kind: StepKind, zone: str, now_ms: int) -> bool:
        """Whether a step of this kind waits for it at this instant."""
        ends_ms = self.ends_ms(kind, zone)
        return (kind is StepKind.RETRY or not self.charges_only) and (ends_ms is None or now_ms < ends_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A step that a case plans, in the order of the case."""

    kind: StepKind
    on: date
    letter: LetterKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """A step as it will be taken. `on` None: nobody knows when what holds it ends. `waits_for` None: nothing does."""

    kind: StepKind
    on: date | None
    letter: LetterKind | None = None
    waits_for: WaitsFor | None = None


def coming(
    planned: Sequence[Planned], holds: Sequence[Hold], *, retries: bool, shut_ms: int | None, zone: str, now_ms: int
) -> tuple[Coming, ...]:
    """The steps that will be taken if nobody pays, the next first. `shut_ms`: when dues next shut something."""
    found: dict[tuple[StepKind, date | None], Coming] = {}
    for step in planned:
        if step.kind is not StepKind.RESTRICTION and (retries or step.kind is not StepKind.RETRY):
            one = _held(step, holds, zone, now_ms)
            found[one.kind, one.on] = one
    if shut_ms is not None and shut_ms > now_ms:
        on = local_date(shut_ms, zone)
        why = next((hold.why for hold in holds if hold.until_ms == shut_ms), None)  # it is what moved it
        found[StepKind.RESTRICTION, on] = Coming(kind=StepKind.RESTRICTION, on=on, waits_for=why)
    order = list(StepKind)
    return tuple(sorted(found.values(), key=lambda one: (one.on or date.max, order.index(one.kind))))


def waits(holds: Iterable[Hold], kind: StepKind, zone: str, now_ms: int) -> bool:
    """Whether a step of this kind may not be taken at this instant."""
    return any(one.holds(kind, zone, now_ms) for one in holds)


def last_morning_ms(until_ms: int, zone: str) -> int:
    """The last instant before `until_ms` at which steps are taken."""
    on = local_date(until_ms, zone)
    return step_ms(on, zone) if step_ms(on, zone) < until_ms else step_ms(on - timedelta(days=1), zone)


def _held(step: Planned, holds: Sequence[Hold], zone: str, now_ms: int) -> Coming:
    """The step on its day, or once the hold that lasts longest has ended."""
    on = max(step.on, local_date(now_ms, zone))
    why = None
    for hold in holds:
        if not hold.holds(step.kind, zone, max(now_ms, step_ms(step.on, zone))):
            continue
        ends_ms = hold.ends_ms(step.kind, zone)
        if ends_ms is None:
            return Coming(kind=step.kind, on=None, letter=step.letter, waits_for=hold.why)
        morning_on = _first_morning(ends_ms, zone)
        if why is None or morning_on > on:
            on, why = max(on, morning_on), hold.why
    return Coming(kind=step.kind, on=on, letter=step.letter, waits_for=why)


def _first_morning(from_ms: int, zone: str) -> date:
    on = local_date(from_ms, zone)
    return on if step_ms(on, zone) >= from_ms else on + timedelta(days=1)
