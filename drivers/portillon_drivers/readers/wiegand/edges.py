"""An edge as the kernel tells it, and the port through which edges come."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol


class Line(StrEnum):
    """What a wire of a reader is for."""

    D0 = "D0"
    """Falls for a 0."""
    D1 = "D1"
    """Falls for a 1."""
    TAMPER = "tamper"


@dataclass(frozen=True, slots=True)
class Edge:
    """A falling edge: its line, the kernel's time of it, and its number within the request, counted from 1."""

    line: Line
    at_ns: int
    seqno: int


@dataclass(frozen=True, slots=True)
class ChipLines:
    """Where a reader is connected: a GPIO chip, and the offsets of its lines there."""

    chip: Path
    d0: int
    d1: int
    tamper: int | None = None

    @property
    def by_offset(self) -> dict[int, Line]:
        """What each offset is for."""
        wired = {self.d0: Line.D0, self.d1: Line.D1}
        return wired if self.tamper is None else {**wired, self.tamper: Line.TAMPER}


class EdgeLines(Protocol):
    """One reader's lines at a GPIO chip. One thread owns it; every failure is a DriverError that names the chip."""

    def open(self) -> None:
        """Take the lines; a new request counts its edges from 1. Raises TransientDeviceError, PermanentDeviceError."""

    def close(self) -> None:
        """Let go of the lines; never raises."""

    def clock_ns(self) -> int:
        """The clock that dates the edges, CLOCK_MONOTONIC."""

    def wait(self, timeout_ns: int) -> None:
        """Return once edges wait to be read, or after the time-out. Raises TransientDeviceError."""

    def read(self) -> list[Edge]:
        """The edges that wait, at most EVENT_QUEUE_EDGES of them; [] if none does. Raises TransientDeviceError."""

    def low(self) -> frozenset[Line]:
        """The lines that are low now. Raises TransientDeviceError."""
