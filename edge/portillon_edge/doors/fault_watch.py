"""Which faults are told, and when a told one has ended. Pure.

1. Equal faults within a minute are one event with a count (fault_limit.py).
2. Some faults last (a device that is down, a line cut): they end when the device is heard of again. What was told as
   begun is told as ended, once; what was only counted is not.
3. A lasting fault that was only counted because it comes and goes is told with its count at the end of the minute; if
   the device is well by then, its end is told right after.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from portillon_edge.doors.fault_limit import FaultKey, FaultLimit


@dataclass(frozen=True, slots=True)
class FaultTold:
    """Write it down as a fault of that kind."""

    device: str
    fault: str
    detail: str


@dataclass(frozen=True, slots=True)
class FaultEnded:
    """Write down that the device is well again."""

    device: str


class FaultWatch:
    """For every device of a gateway."""

    def __init__(self) -> None:
        self._limit = FaultLimit()
        self._lasting: set[FaultKey] = set()
        self._bad: set[str] = set()
        self._told: set[str] = set()

    @property
    def deadline_ns(self) -> int | None:
        """When `due` has something to say."""
        return self._limit.deadline_ns

    def happened(
        self, device: str, fault: str, detail: str, now_ns: int, *, lasting: bool = False
    ) -> Iterator[FaultTold]:
        """A fault; `lasting`: until `well`."""
        if lasting:
            self._lasting.add((device, fault))
            self._bad.add(device)
        if self._limit.tell_now((device, fault), detail, now_ns):
            if lasting:
                self._told.add(device)
            yield FaultTold(device, fault, detail)

    def well(self, device: str) -> Iterator[FaultEnded]:
        """The device was heard of and is well."""
        self._bad.discard(device)
        if device in self._told:
            self._told.discard(device)
            yield FaultEnded(device)

    def due(self, now_ns: int) -> Iterator[FaultTold | FaultEnded]:
        """What was counted and is now to be told."""
        for key, detail in self._limit.due(now_ns):
            device, fault = key
            yield FaultTold(device, fault, detail)
            if key in self._lasting:
                self._told.add(device)
                if device not in self._bad:
                    yield from self.well(device)
