"""The contact of a door: open or shut, without the bounce of the leaf, and whether it moves at all. Pure.

1. Opening counts at once. Shutting counts once the contact has stayed shut for `bounce_ms`: a leaf that falls onto its
   frame and springs back is still the same opening.
2. The first level after a start or a loss is how the door was found, no movement.
3. A contact that does not move through STUCK_GRANTS grants in a row is stuck until it moves (or the lock is: either way
   somebody must look). A contact that is lost does not count, its loss is told already.
"""

from enum import StrEnum

from portillon_edge.doors.machine import NS_PER_MS

STUCK_GRANTS = 5
"""One person may change their mind at a door, and perhaps a second time; not five in a row."""


class Moved(StrEnum):
    """What a change of level means."""

    OPENED = "opened"
    SHUT = "shut"
    FOUND_OPEN = "found_open"


class DoorContact:
    """`open` is what the door is known to be; None: not known (never seen, or the contact is lost)."""

    def __init__(self, *, bounce_ms: int, stuck_grants: int = STUCK_GRANTS) -> None:
        self.open: bool | None = None
        self.stuck = False
        self._bounce_ns = bounce_ms * NS_PER_MS
        self._stuck_grants = stuck_grants
        self._unmoved_grants = 0
        self._shut_at_ns: int | None = None

    @property
    def deadline_ns(self) -> int | None:
        """When `settle` will say that the door is shut."""
        return self._shut_at_ns

    def change(self, active: bool, now_ns: int) -> Moved | None:
        """Take a level of the input, active while open; None: nothing has come of it yet."""
        if active:
            self._shut_at_ns = None
            if self.open:
                return None
            return self._move(open_now=True)
        if self.open and self._bounce_ns:
            self._shut_at_ns = self._shut_at_ns or now_ns + self._bounce_ns
            return None
        return None if self.open is False else self._move(open_now=False)

    def settle(self, now_ns: int, *, at_once: bool = False) -> Moved | None:
        """SHUT once the door has stayed shut for long enough, or `at_once` if it fell shut at all."""
        if self._shut_at_ns is None or (now_ns < self._shut_at_ns and not at_once):
            return None
        return self._move(open_now=False)

    def lose(self) -> None:
        """Forget the level: the contact cannot be believed."""
        self.open, self._shut_at_ns, self._unmoved_grants = None, None, 0

    def newly_stuck(self) -> bool:
        """Count a grant through which the contact did not move; True when it is one too many."""
        if self.open is None or self.stuck:
            return False
        self._unmoved_grants += 1
        self.stuck = self._unmoved_grants >= self._stuck_grants
        return self.stuck

    def _move(self, *, open_now: bool) -> Moved:
        before, self.open = self.open, open_now
        self._shut_at_ns, self._unmoved_grants, self.stuck = None, 0, False
        if not open_now:
            return Moved.SHUT
        return Moved.OPENED if before is False else Moved.FOUND_OPEN
