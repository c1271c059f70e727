"""The gateway's single loop: one thread, one bounded queue, the doors' deadlines.

Drivers, guard and sync run in threads of their own and only ever put an event here. A deadline waits for what is
queued already, since that may have happened before it, but never longer than `LATE_NS_MAX`.
"""

import logging
import queue
import threading
from collections.abc import Callable

from portillon_edge.doors.attendant import Attendant, DoorEvent
from portillon_edge.doors.staff_order import StaffOrder
from portillon_edge.presence.news import PresenceHeard

logger = logging.getLogger(__name__)

QUEUE_MAX = 1024
"""Events that wait: more than a full minute of every reader of a large site badging without a pause."""

PUT_SECONDS_MAX = 1.0
"""A driver waits this long for room; a loop that is stuck for longer is dead, and the event is counted as lost."""

LATE_NS_MAX = 100_000_000
IDLE_SECONDS = 1.0


class _Stop:
    pass


class DoorLoop:
    """Feeds an attendant. `put` from any thread, `run` in one."""

    def __init__(self, attendant: Attendant, *, clock_ns: Callable[[], int]) -> None:
        self._attendant = attendant
        self._clock_ns = clock_ns
        self._queue: queue.Queue[DoorEvent | _Stop] = queue.Queue(QUEUE_MAX)
        self._dropped_lock = threading.Lock()
        self._dropped = 0
        self.turned_ns = clock_ns()
        """When the loop went round last; it does so at least every IDLE_SECONDS."""

    @property
    def dropped(self) -> int:
        """Events that found no room."""
        return self._dropped

    def put(self, event: DoorEvent) -> None:
        """Hand over an event."""
        try:
            self._queue.put(event, timeout=PUT_SECONDS_MAX)
        except queue.Full:
            with self._dropped_lock:
                self._dropped += 1
            logger.error("the door loop takes no events; lost one of %s", type(event).__name__)

    def offer(self, event: StaffOrder | PresenceHeard) -> bool:
        """Hand over an order or news without waiting; False: no room, nothing will come of it."""
        try:
            self._queue.put_nowait(event)
        except queue.Full:
            return False
        return True

    def stop(self) -> None:
        """Let `run` return once everything queued before has been handled."""
        self._queue.put(_Stop())

    def run(self) -> None:
        """Handle events and deadlines until `stop`; what was queued before is handled first."""
        self._attendant.settle(self._clock_ns())
        while True:
            event = self._next()
            self.turned_ns = self._clock_ns()
            if isinstance(event, _Stop):
                return
            if event is not None:
                self._attendant.handle(event)
            self._tick_if_due(waiting=event is not None and not self._queue.empty())
            if event is None and self._queue.empty():
                self._attendant.tidy(self.turned_ns)

    def _next(self) -> DoorEvent | _Stop | None:
        deadline_ns = self._attendant.deadline_ns
        seconds = IDLE_SECONDS if deadline_ns is None else (deadline_ns - self._clock_ns()) / 1e9
        try:
            if seconds <= 0:
                return self._queue.get_nowait()
            return self._queue.get(timeout=min(seconds, IDLE_SECONDS))
        except queue.Empty:
            return None

    def _tick_if_due(self, *, waiting: bool) -> None:
        deadline_ns = self._attendant.deadline_ns
        if deadline_ns is None:
            return
        now_ns = self._clock_ns()
        if now_ns >= deadline_ns + (LATE_NS_MAX if waiting else 0):
            self._attendant.tick(now_ns)
