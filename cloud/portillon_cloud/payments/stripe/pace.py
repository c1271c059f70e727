"""Not more requests in a second than a service takes: whoever comes too soon waits for a place.

The distance is kept from when the last place was really taken: after a machine's pause no crowd follows, which the
service would send away.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PLACES_MAX = 1_024

CLOSEST = 0.9
"""The share of the distance that is kept after a place taken late: sleeping a little long costs no place."""


@dataclass(slots=True)
class _Lane:
    """Where one key's next place is, and who is on the way to it."""

    next_s: float
    turn: threading.Lock = field(default_factory=threading.Lock)


@dataclass(slots=True)
class Pace:
    """Places `1 / per_s` seconds apart, for each key of its own; threads share it."""

    per_s: float
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _lanes: dict[str, _Lane] = field(default_factory=dict, repr=False)  # holds keys
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self, key: str) -> None:
        """Wait for this key's next place."""
        lane = self._lane(key)
        apart_s = 1 / self.per_s
        with lane.turn:
            at_s = max(self.now_s(), lane.next_s)
            if (wait_s := at_s - self.now_s()) > 0:
                self.sleep(wait_s)
            lane.next_s = max(at_s + apart_s, self.now_s() + CLOSEST * apart_s)

    def _lane(self, key: str) -> _Lane:
        with self._lock:
            lane = self._lanes.pop(key, None) or _Lane(self.now_s())
            self._lanes[key] = lane  # the latest last
            if len(self._lanes) > PLACES_MAX:
                del self._lanes[next(iter(self._lanes))]
        return lane
