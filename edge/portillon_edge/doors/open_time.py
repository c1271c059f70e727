"""How long a door may stand open: a warning first, then the alarm, each told once. Pure."""

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import NS_PER_MS, Record

SOON = Record(EventKind.DOOR_HELD_SOON, detail="open for nearly as long as it may be: close it")
HELD = Record(EventKind.DOOR_HELD, detail="open for longer than it may be")


class OpenTime:
    """`warn_ms` and `held_ms` count from the opening; 0: nothing is told."""

    def __init__(self, *, held_ms: int, warn_ms: int) -> None:
        self._held_ns = held_ms * NS_PER_MS
        self._warn_ns = warn_ms * NS_PER_MS
        self._warn_at_ns: int | None = None
        self._held_at_ns: int | None = None

    def start(self, now_ns: int, factor: int = 1) -> None:
        """It opened, or somebody else was let through; what was allowed for longer stays allowed."""
        held_at_ns = now_ns + self._held_ns * factor
        if not self._held_ns or (self._held_at_ns is not None and self._held_at_ns >= held_at_ns):
            return
        self._held_at_ns = held_at_ns
        self._warn_at_ns = now_ns + self._warn_ns * factor if self._warn_ns else None

    def stop(self) -> None:
        """It is shut, or may stand open."""
        self._warn_at_ns = self._held_at_ns = None

    def due(self, now_ns: int) -> Record | None:
        """What is to be told now; the alarm alone if both are due."""
        if self._held_at_ns is not None and now_ns >= self._held_at_ns:
            self.stop()
            return HELD
        if self._warn_at_ns is not None and now_ns >= self._warn_at_ns:
            self._warn_at_ns = None
            return SOON
        return None

    @property
    def deadline_ns(self) -> int | None:
        """When `due` has something to say."""
        return min((ns for ns in (self._warn_at_ns, self._held_at_ns) if ns is not None), default=None)
