"""When the loss of the cloud is worth telling (IEC 60839-11-1 Table 3: loss of communication with the console). Pure.

1. A minute without the broker is a loss; a shorter gap is a line that blinked, and nobody is told.
2. It is told once, and its end once; both are in the journal, which the cloud reads when the line returns.
3. A gateway that starts without its cloud waits the same minute.
"""

from portillon_wire.messages import EventKind

LOST_NS = 60_000_000_000


class CloudWatch:
    """Ask it every second or so; it answers with what to write down, if anything."""

    def __init__(self, now_ns: int) -> None:
        self._heard_ns = now_ns
        self._told = False

    def look(self, *, online: bool, now_ns: int) -> EventKind | None:
        """What to tell now; None: nothing new."""
        if online:
            self._heard_ns = now_ns
            told, self._told = self._told, False
            return EventKind.CLOUD_RESTORED if told else None
        if self._told or now_ns - self._heard_ns < LOST_NS:
            return None
        self._told = True
        return EventKind.CLOUD_LOST
