"""One thing that an indicator shows: colour, rhythm, beeps, words. Pure; the same for every kind of indicator.

What the weakest device can do sets the measure: OSDP counts in tenths of a second and knows red, green and amber;
two lamps have red, green and both; a display has two lines of 16.
"""

from dataclasses import dataclass
from enum import StrEnum

TICK_MS = 100
"""All times of a pattern are whole numbers of this (osdp_LED and osdp_BUZ count in 100 ms)."""
TICKS_MAX = 255
FOR_MS_MAX = 60_000
"""No reader whose gateway died goes on asking for anything for longer; osdp_TEXT could count to 255 s."""
LINE_CHARS_MAX = 16
LINES_MAX = 2


class Colour(StrEnum):
    """Where there are two lamps: the one, the other, or both at once."""

    GREEN = "green"
    RED = "red"
    AMBER = "amber"


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Light for `on_ms`, dark for `off_ms`, and so on; `off_ms` 0 is steady. Raises ValueError off the measure."""

    on_ms: int
    off_ms: int = 0

    def __post_init__(self) -> None:
        for ms in (self.on_ms, self.off_ms):
            _check_ticks(ms)
        if self.on_ms == 0:
            raise ValueError("a rhythm is light for a while: give it an on_ms")

    @property
    def period_ms(self) -> int:
        """After which it repeats."""
        return self.on_ms + self.off_ms


@dataclass(frozen=True, slots=True)
class Beeps:
    """`times` beeps of `on_ms`, `off_ms` apart; 0 times: until the next pattern. Raises ValueError off the measure."""

    times: int
    on_ms: int
    off_ms: int = TICK_MS

    def __post_init__(self) -> None:
        for ms in (self.on_ms, self.off_ms):
            _check_ticks(ms)
        if self.on_ms == 0 or self.off_ms == 0 or not 0 <= self.times <= TICKS_MAX:
            raise ValueError(f"beeps have a length, a gap, and a number up to {TICKS_MAX}")


def _check_ticks(ms: int) -> None:
    if ms % TICK_MS or not 0 <= ms <= TICKS_MAX * TICK_MS:
        raise ValueError(f"{ms} ms is no whole number of {TICK_MS} ms up to {TICKS_MAX * TICK_MS} ms")


@dataclass(frozen=True, slots=True)
class Page:
    """What a display shows at once: up to two lines. Raises ValueError for a line that does not fit."""

    lines: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.lines) > LINES_MAX or any(len(line) > LINE_CHARS_MAX for line in self.lines):
            raise ValueError(f"{self.lines} does not fit {LINES_MAX} lines of {LINE_CHARS_MAX} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """`for_ms` None: until another one is shown. Several pages, one in each language, are shown in turn."""

    colour: Colour
    rhythm: Rhythm
    beeps: Beeps | None = None
    pages: tuple[Page, ...] = ()
    for_ms: int | None = None

    def __post_init__(self) -> None:
        if self.for_ms is not None and (not 0 < self.for_ms <= FOR_MS_MAX or self.for_ms % TICK_MS):
            raise ValueError(f"for_ms {self.for_ms} is no whole number of {TICK_MS} ms up to {FOR_MS_MAX} ms")
