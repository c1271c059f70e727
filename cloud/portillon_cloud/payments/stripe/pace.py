"""Not more requests in a second than a service takes: whoever comes too soon waits for a place."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

PLACES_MAX = 1_024


@dataclass(slots=True)
class Pace:
    """Places `1 / per_s` seconds apart, for each key of its own; threads share it."""

    per_s: float
    now_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next_s: dict[str, float] = field(default_factory=dict, repr=False)  # holds keys
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self, key: str) -> None:
        """Wait for this key's next place."""
        with self._lock:
            now_s = self.now_s()
            at_s = max(now_s, self._next_s.pop(key, now_s))
            self._next_s[key] = at_s + 1 / self.per_s
            if len(self._next_s) > PLACES_MAX:
                del self._next_s[next(iter(self._next_s))]
        if at_s > now_s:
            self.sleep(at_s - now_s)
