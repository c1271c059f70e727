"""What no edge tells: a data line that stays low, and the tamper contact. Pure; looks come with their time."""

from collections.abc import Iterable, Iterator
from typing import Literal

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.timing import STUCK_NS, TAMPER_SETTLE_NS


class StuckWatch:
    """Tells once that a data line stays low, and again only after it was high."""

    def __init__(self) -> None:
        self._low_since_ns: dict[Line, int] = {}
        self._told: set[Line] = set()

    def fell(self, edges: Iterable[Edge]) -> None:
        """A line that falls was high before."""
        for edge in edges:
            self._low_since_ns.pop(edge.line, None)
            self._told.discard(edge.line)

    def look(self, low: frozenset[Line], now_ns: int) -> Iterator[FrameFault]:
        """The lines that are low now."""
        for line in (Line.D0, Line.D1):
            if line not in low:
                self._low_since_ns.pop(line, None)
                self._told.discard(line)
            elif now_ns - self._low_since_ns.setdefault(line, now_ns) >= STUCK_NS and line not in self._told:
                self._told.add(line)
                detail = f"{line} stays low: it touches ground, or the reader has no power"
                yield FrameFault(ReaderFaultKind.SHORTED, detail)


class TamperWatch:
    """Tells each settled change of the tamper contact, at the start only if it is open."""

    def __init__(self, alarm_when: Literal["high", "low"]) -> None:
        self._alarm_when_low = alarm_when == "low"
        self._alarm = False
        self._changing_since_ns: int | None = None

    def look(self, low: frozenset[Line], now_ns: int) -> Iterator[FrameFault]:
        """The lines that are low now."""
        alarm = (Line.TAMPER in low) is self._alarm_when_low
        if alarm is self._alarm:
            self._changing_since_ns = None
            return
        if self._changing_since_ns is None:
            self._changing_since_ns = now_ns
        if now_ns - self._changing_since_ns >= TAMPER_SETTLE_NS:
            self._alarm, self._changing_since_ns = alarm, None
            if alarm:
                yield FrameFault(ReaderFaultKind.TAMPER, "the tamper contact is open: is the reader off the wall?")
            else:
                yield FrameFault(ReaderFaultKind.RESTORED, "the tamper contact is closed again")
