"""What a simulated life was seen to do, and what it broke."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Finding:
    """What was seen; `broken` holds the first violation of each invariant."""

    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    broken: dict[int, str] = field(default_factory=dict)
    hours: float = 0.0
    """Gateway-hours lived with all faults on, before everything was mended."""
    cpu_s: float = 0.0
    """What these hours took of the processor."""
    trace: str = ""
    """A hash of all that was sent, answered and decided, for comparing two runs."""

    def breaks(self, invariant: int, detail: str) -> None:
        """Note that an invariant does not hold."""
        self.broken.setdefault(invariant, detail)
