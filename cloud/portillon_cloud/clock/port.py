"""The one place where the cloud reads the machine's clock."""

import time
from typing import Protocol


class Clock(Protocol):
    """Real time; tests pass a clock that they move by hand."""

    def real_ms(self) -> int:
        """Milliseconds since the Unix epoch."""


class RealClock:
    """The machine's clock."""

    def real_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000
