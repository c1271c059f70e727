"""Whether a line changes more often than any person or door could. Pure.

1. More than `changes_max` settled changes within WINDOW_NS: the line flaps.
2. A line that cannot settle for RESTLESS_NS (a loose wire that chatters faster than its debounce time) flaps too.
3. It flaps until no more than half as many changes lie within the window and it has not chattered for as long: told
   once, and not each time it crosses a bound.

The default bound is two passages a second, two changes each, for ten seconds: more than a tripod lets through.
"""

from collections import deque

WINDOW_NS = 10_000_000_000
RESTLESS_NS = 1_000_000_000


class Flapping:
    """The recent changes of one line."""

    def __init__(self, changes_max: int) -> None:
        self._changes_max = changes_max
        self._changes: deque[int] = deque(maxlen=changes_max + 1)
        self._chattered_ns: int | None = None
        self.flaps = False

    def changed(self, at_ns: int) -> None:
        """The line settled in another state."""
        self._changes.append(at_ns)

    def look(self, restless_ns: int, at_ns: int) -> bool:
        """Whether it flaps now; `restless_ns`: for how long no state of the line has stood."""
        while self._changes and at_ns - self._changes[0] >= WINDOW_NS:
            self._changes.popleft()
        if restless_ns >= RESTLESS_NS:
            self._chattered_ns = at_ns
        chatters = self._chattered_ns is not None and at_ns - self._chattered_ns < WINDOW_NS
        bound = self._changes_max // 2 if self.flaps else self._changes_max
        self.flaps = chatters or len(self._changes) > bound
        return self.flaps

    def forget(self) -> None:
        """The line was lost: what it did before counts no more."""
        self._changes.clear()
        self._chattered_ns = None
        self.flaps = False
