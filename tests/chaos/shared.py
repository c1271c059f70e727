"""A few numbers that the driver and its forks all see: how far the machine's clock is set forward, what is asked for.

The clock goes forward in two ways, each written by one side alone: by the driver after each death, so that claims run
out, and by whoever ends a day at the payment service, so that what is done by the hour is done about once in a day.
"""

import mmap
from dataclasses import dataclass, field
from enum import IntEnum

_WIDTH = 8


class _Cell(IntEnum):
    DEATHS_MS = 0
    DAYS_MS = 1
    ASKED = 2
    GRANTED = 3


@dataclass(frozen=True, slots=True)
class Shared:
    """Make it before the first fork."""

    _cells: mmap.mmap = field(default_factory=lambda: mmap.mmap(-1, _WIDTH * len(_Cell)))

    @property
    def skew_ms(self) -> int:
        """How far the machine's clock was set forward."""
        return self._read(_Cell.DEATHS_MS) + self._read(_Cell.DAYS_MS)

    def set_forward(self, by_ms: int) -> None:
        """The driver's: somebody died."""
        self._write(_Cell.DEATHS_MS, self._read(_Cell.DEATHS_MS) + by_ms)

    def days_over(self, skew_ms: int) -> None:
        """A worker's: so far with the days that are over; told twice, or late, it changes nothing."""
        self._write(_Cell.DAYS_MS, max(skew_ms, self._read(_Cell.DAYS_MS)))

    @property
    def asked(self) -> int:
        """The number of the last turn that a worker waits for."""
        return self._read(_Cell.ASKED)

    @property
    def granted(self) -> int:
        """The number of the last turn that the driver has made."""
        return self._read(_Cell.GRANTED)

    def ask(self, number: int) -> None:
        """A worker's: let this turn be made. Numbers rise."""
        self._write(_Cell.ASKED, max(number, self.asked))

    def grant(self, number: int) -> None:
        """The driver's: it is."""
        self._write(_Cell.GRANTED, number)

    def _read(self, cell: _Cell) -> int:
        return int.from_bytes(self._cells[cell * _WIDTH : (cell + 1) * _WIDTH], "little")

    def _write(self, cell: _Cell, value: int) -> None:
        self._cells[cell * _WIDTH : (cell + 1) * _WIDTH] = value.to_bytes(_WIDTH, "little")
