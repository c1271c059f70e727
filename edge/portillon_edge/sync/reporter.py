"""When the position is told: after every change, again and again while connected, and never twice in one breath."""

from dataclasses import dataclass

from portillon_wire.messages import SyncReport, WantedRows

from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.sync.effects import SendReport, SessionEffect

REPORT_NS = 2_000_000_000
REPORT_NS_MAX = 60_000_000_000
"""The position is told again at 2, 4, 8 … 60 s: whatever the cloud or a broker forgot, it learns it again."""
SAME_REPORT_NS = 100_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What a report asks for beside a snapshot: a range of entries, or rows of some buckets."""

    first: int | None = None
    last: int | None = None
    rows: WantedRows | None = None


NO_WISH = Wish()


@dataclass(slots=True)
class Reporter:
    """Says where the gateway stands, and when that is to be said again."""

    boot_id: str
    keeper: TimeKeeper
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

    def compose(self, position: Position, wish: Wish, *, want_snapshot: bool) -> SyncReport:
        """What there is to say."""
        return SyncReport(
            epoch=position.epoch,
            revision=position.revision,
            root=position.root,
            lease_counter=self.keeper.lease_counter,
            clock_rev=self.keeper.clock_rev,
            boot_id=self.boot_id,
            want_from=wish.first,
            want_to=wish.last,
            want_snapshot=want_snapshot,
            want_rows=wish.rows,
        )

    def report(self, report: SyncReport, now_ns: int) -> list[SessionEffect]:
        """Let it go out, if anybody is there."""
        if not self.connected:
            return []
        self._last, self._last_ns = report, now_ns
        self.postpone(now_ns)
        return [SendReport(report)]

    def just_said(self, report: SyncReport, now_ns: int) -> bool:
        """Whether the very same went out a moment ago: one burst of repeats gets one answer."""
        return report == self._last and now_ns - self._last_ns < SAME_REPORT_NS
