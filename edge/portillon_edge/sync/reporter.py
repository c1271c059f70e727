"""When the position is told: after every change, again and again while connected, and never twice in one breath."""

from dataclasses import dataclass

from portillon_wire.messages import SyncReport

REPORT_NS = 2_000_000_000
REPORT_NS_MAX = 60_000_000_000
"""The position is told again at 2, 4, 8 … 60 s: whatever the cloud or a broker forgot, it learns it again."""
SAME_REPORT_NS = 100_000_000


@dataclass(slots=True)
class Reporter:
    """Decides whether a report goes out now; the session makes its content."""

    connected: bool = False
    _at_ns: int = 0
    _delay_ns: int = REPORT_NS
    _last: SyncReport | None = None
    _last_ns: int = 0

    @property
    def deadline_ns(self) -> int | None:
        """When the position is to be told again."""
        return self._at_ns if self.connected else None

    def connect(self) -> None:
        """A new connection: begin with short intervals."""
        self.connected, self._delay_ns, self._last = True, REPORT_NS, None

    def lengthen(self) -> None:
        """Nothing happened for a whole interval: make the next one longer."""
        self._delay_ns = min(REPORT_NS_MAX, self._delay_ns * 2)

    def postpone(self, now_ns: int) -> None:
        """Say it with the next interval, not now."""
        self._at_ns = now_ns + self._delay_ns

    def said(self, report: SyncReport, now_ns: int) -> None:
        """This one goes out."""
        self._last, self._last_ns = report, now_ns
        self.postpone(now_ns)

    def just_said(self, report: SyncReport, now_ns: int) -> bool:
        """Whether the very same went out a moment ago: one burst of repeats gets one answer."""
        return report == self._last and now_ns - self._last_ns < SAME_REPORT_NS
