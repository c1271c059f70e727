"""Stretches of a contract's local time, half-open, and what is left when one is cut out of another. Pure.

A moment is a local day and a second of it. Most policies know whole days only, and their moments are midnights. A day
has 86,400 seconds whatever the clocks did: the same change costs the same in March, in July and in November.
"""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

SECONDS_PER_DAY = 86_400


class Moment(NamedTuple):
    """A local day, and the seconds passed of it."""

    day: datetime.date
    second: int = 0

    def seconds(self) -> int:
        """On one line with every other moment, for differences."""
        return self.day.toordinal() * SECONDS_PER_DAY + self.second


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` up to and without `end`; never empty."""

    start: Moment
    end: Moment

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise ValueError(f"a span ends after it starts; this one goes from {self.start} to {self.end}")

    @classmethod
    def of_days(cls, start: datetime.date, end: datetime.date) -> Self:
        """Whole days, the last one not included."""
        return cls(Moment(start), Moment(end))

    def meets(self, other: "Span") -> "Span | None":
        """What both cover."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return Span(start, end) if start < end else None


def without(spans: Iterable[Span], cut: Iterable[Span]) -> tuple[Span, ...]:
    """What `cut` leaves of `spans`, in order."""
    left = sorted(spans)
    for hole in cut:
        left = [rest for span in left for rest in _around(span, hole)]
    return tuple(left)


def shared(spans: Iterable[Span], others: Sequence[Span]) -> tuple[Span, ...]:
    """What both cover, in order."""
    met = (span.meets(other) for span in spans for other in others)
    return tuple(sorted(span for span in met if span is not None))


def _around(span: Span, hole: Span) -> Iterable[Span]:
    if hole.end <= span.start or span.end <= hole.start:
        yield span
        return
    if span.start < hole.start:
        yield Span(span.start, hole.start)
    if hole.end < span.end:
        yield Span(hole.end, span.end)
