"""A noisy line must not flood the journal: equal faults within a second become one with a count. Pure."""

from collections.abc import Iterator
from dataclasses import replace

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault

QUIET_NS = 1_000_000_000


class FaultLimit:
    """Lets the first fault of a kind through at once and counts the rest of that second."""

    def __init__(self) -> None:
        self._told_ns: dict[ReaderFaultKind, int] = {}
        self._held: dict[ReaderFaultKind, tuple[FrameFault, int]] = {}

    def feed(self, fault: FrameFault, at_ns: int) -> Iterator[FrameFault]:
        """One fault happened; yields what is to be told now."""
        yield from self.expire(at_ns)
        if fault.kind in self._told_ns:
            self._held[fault.kind] = (fault, self._held.get(fault.kind, (fault, 0))[1] + 1)
        else:
            self._told_ns[fault.kind] = at_ns
            yield fault

    def expire(self, at_ns: int) -> Iterator[FrameFault]:
        """Time passed; yields what was counted and is now due."""
        for kind in [kind for kind, told_ns in self._told_ns.items() if at_ns - told_ns >= QUIET_NS]:
            del self._told_ns[kind]
            if kind in self._held:
                fault, count = self._held.pop(kind)
                self._told_ns[kind] = at_ns
                yield replace(fault, detail=f"{fault.detail} ({count} times)")
