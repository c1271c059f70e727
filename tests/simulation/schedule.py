"""Virtual time: one seeded queue of things to do. The same seed plays the same life."""

import heapq
import itertools
import random
from collections.abc import Callable

NS_PER_MS = 1_000_000


class Schedule:
    """Runs actions at their instants; nothing here waits, nothing here reads a clock."""

    def __init__(self, seed: int, *, start_ms: int) -> None:
        self.random = random.Random(seed)
        self.now_ns = start_ms * NS_PER_MS
        self._order = itertools.count()
        self._queue: list[tuple[int, int, Callable[[], None]]] = []

    @property
    def now_ms(self) -> int:
        """Real time."""
        return self.now_ns // NS_PER_MS

    def after(self, delay_ms: float, action: Callable[[], None]) -> None:
        """Do `action` after `delay_ms`; equal instants keep the order in which they were asked for."""
        heapq.heappush(self._queue, (self.now_ns + int(delay_ms * NS_PER_MS), next(self._order), action))

    def every(self, period_ms: float, action: Callable[[], None]) -> None:
        """Do `action` each `period_ms`, for ever."""

        def again() -> None:
            action()
            self.after(period_ms, again)

        self.after(self.random.uniform(0, period_ms), again)

    def run_for(self, duration_ms: float) -> None:
        """Do everything due within the next `duration_ms`."""
        until_ns = self.now_ns + int(duration_ms * NS_PER_MS)
        while self._queue and self._queue[0][0] <= until_ns:
            self.now_ns, _, action = heapq.heappop(self._queue)
            action()
        self.now_ns = until_ns
