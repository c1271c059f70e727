"""A GPIO chip as the kernel's edge queue sees it, over any clock. Pure: it is told what pulls its lines low, and when.

The queue is a function of time: asked at some moment, it holds every edge up to that moment with its true time, however
late whoever asks is. Like the kernel's it is bounded, drops the oldest, and goes on counting. Not modelled: interrupts
that are dated late, electrical noise below the threshold, rising edges.
"""

import errno
import heapq
import os
from collections import Counter, deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

PLANNED_MAX = 100_000
"""No gesture plans more changes than this ahead."""


@dataclass(frozen=True, slots=True, order=True)
class Pull:
    """From `at_ns` on, something pulls the line low (+1) or lets go of it (-1)."""

    at_ns: int
    offset: int
    by: int


@dataclass(slots=True)
class LineRequest:
    """One holder of lines: the queue of its falling edges."""

    falling: frozenset[int]
    offsets: frozenset[int]
    queue: deque[tuple[int, int, int]]
    """(at_ns, offset, seqno), the oldest first."""
    seqno: int = field(default=0)


class SimulatedChip:
    """Its lines idle high. Times are those of whatever clock the caller has."""

    def __init__(self) -> None:
        self._planned: list[Pull] = []
        self._pullers: Counter[int] = Counter()
        self._requests: list[LineRequest] = []

    def plan(self, pulls: Iterable[Pull]) -> None:
        """What will happen to the lines; raises OverflowError for more than PLANNED_MAX changes ahead."""
        for pull in pulls:
            if len(self._planned) >= PLANNED_MAX:
                raise OverflowError(f"more than {PLANNED_MAX} changes of simulated lines are planned")
            heapq.heappush(self._planned, pull)

    def request(
        self, *, falling: Collection[int], levels: Collection[int], queue_edges: int, now_ns: int
    ) -> LineRequest:
        """Take lines; edges from now on are counted from 1. Raises OSError EBUSY if somebody holds one of them."""
        self.advance(now_ns)
        offsets = frozenset({*falling, *levels})
        if any(offsets & held.offsets for held in self._requests):
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        made = LineRequest(frozenset(falling), offsets, deque(maxlen=queue_edges))
        self._requests.append(made)
        return made

    def release(self, request: LineRequest) -> None:
        """Let go of lines; already let go of is fine."""
        self._requests = [held for held in self._requests if held is not request]

    def advance(self, now_ns: int) -> None:
        """Let everything happen that is planned up to that time."""
        while self._planned and self._planned[0].at_ns <= now_ns:
            pull = heapq.heappop(self._planned)
            was_low = self._pullers[pull.offset] > 0
            self._pullers[pull.offset] += pull.by
            if not was_low and self._pullers[pull.offset] > 0:
                self._fall(pull)

    @property
    def next_ns(self) -> int | None:
        """When the next planned change happens."""
        return self._planned[0].at_ns if self._planned else None

    def low(self, offsets: Collection[int]) -> list[int]:
        """Which of the lines are low, as of the last `advance`."""
        return [offset for offset in offsets if self._pullers[offset] > 0]

    def _fall(self, pull: Pull) -> None:
        for request in self._requests:
            if pull.offset in request.falling:
                request.seqno += 1
                request.queue.append((pull.at_ns, pull.offset, request.seqno))
