"""One input line as a door sees it: its last known level, and whether it has been active longer than anybody needs."""

from portillon_edge.doors.machine import NS_PER_MS

STUCK_MS = 10_000
"""No person holds a passage contact or an exit button longer; turnstiles call 6.5 s "free mode" (TiSO manual)."""


class LineWatch:
    """Remembers a line's level; None: not known (never seen, or its device is gone)."""

    def __init__(self, *, stuck_ms: int = STUCK_MS) -> None:
        self.active: bool | None = None
        self.stuck = False
        """Told as stuck, and not seen at rest since."""
        self._stuck_ns = stuck_ms * NS_PER_MS
        self._stuck_at_ns: int | None = None

    def change(self, active: bool, now_ns: int) -> bool | None:
        """Take the new level and return the one before it; at rest a line is no longer stuck."""
        before, self.active = self.active, active
        if not active:
            self._stuck_at_ns, self.stuck = None, False
        elif before is not True and not self.stuck:
            self._stuck_at_ns = now_ns + self._stuck_ns
        return before

    def lose(self) -> None:
        """Forget the level: the device is gone. What was stuck stays so until it is seen at rest."""
        self.active = None
        self._stuck_at_ns = None

    @property
    def deadline_ns(self) -> int | None:
        """When the line will count as stuck, unless it changes."""
        return self._stuck_at_ns

    def newly_stuck(self, now_ns: int) -> bool:
        """True once for each time that the line gets stuck."""
        if self._stuck_at_ns is None or now_ns < self._stuck_at_ns:
            return False
        self._stuck_at_ns, self.stuck = None, True
        return True
