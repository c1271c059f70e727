"""A debt in parts: how much on which day, and of which bill. Pure.

All parts are alike but for the odd cents, which the first carries; the bill due first is paid off first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import TypeVar

from portillon_cloud.billing.calendar import add_months

Bill = TypeVar("Bill")


class Every(StrEnum):
    """How far two instalments lie apart."""

    WEEK = "week"
    TWO_WEEKS = "two_weeks"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Instalment:
    """What is to be paid on a day, in minor units."""

    number: int
    due_on: date
    amount_minor: int


def instalments(total_minor: int, count: int, first_on: date, every: Every) -> tuple[Instalment, ...]:
    """The total in `count` parts; a cent is never in two of them, nor in none."""
    share, odd = divmod(total_minor, count)
    return tuple(
        Instalment(number, _day(first_on, number - 1, every), share + (odd if number == 1 else 0))
        for number in range(1, count + 1)
    )


def apportioned(
    parts: Sequence[Instalment], bills: Sequence[tuple[Bill, int]]
) -> Iterator[tuple[Instalment, Bill, int]]:
    """(instalment, bill, how much of it that day), both used up in their order; bills are (which, minor units)."""
    left = [(bill, minor) for bill, minor in bills if minor > 0]
    for part in parts:
        wanted = part.amount_minor
        while wanted > 0 and left:
            bill, minor = left[0]
            share = min(wanted, minor)
            yield part, bill, share
            wanted -= share
            left[0:1] = [(bill, minor - share)] if minor > share else []


def _day(first_on: date, steps: int, every: Every) -> date:
    if every is Every.MONTH:
        return add_months(first_on, steps)
    return first_on + timedelta(weeks=steps * (2 if every is Every.TWO_WEEKS else 1))
