"""A Wiegand reader at a simulated GPIO chip, and everything that can be done to the two of them.

    simulator = WiegandSimulator(Path("demo/lane1-chip"), d0=23, d1=24)     # a section's chip, d0, d1
    simulator.plug()
    simulator.present(encode_bits(STANDARD["h10301"], facility=67, number=1000))

Gestures return at once: each begins when the line has been quiet for PAUSE_NS since the one before, and happens in its
true time. Each returns the CLOCK_MONOTONIC time of its last falling edge, from which a card's latency can be told.
"""

import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from portillon_drivers.events import Key
from portillon_drivers.keypad import KeypadCode, burst_of_key
from portillon_drivers.readers.wiegand.chip_server import ChipServer
from portillon_drivers.readers.wiegand.edges import Line
from portillon_drivers.readers.wiegand.simulated_chip import Pull
from portillon_drivers.readers.wiegand.timing import (
    INTERVAL_NS_MAX,
    INTERVAL_NS_MIN,
    MS,
    PULSE_NS_MAX,
    PULSE_NS_MIN,
    US,
    USUAL_INTERVAL_NS,
    USUAL_PULSE_NS,
)

PAUSE_NS = 60 * MS
"""Between two gestures of one person."""
JOINED_SKEW_NS = 2 * US
"""How much later the other of two joined lines is seen to fall."""


@dataclass(frozen=True, slots=True)
class PulseTiming:
    """How a reader sends its bits."""

    pulse_ns: int = USUAL_PULSE_NS
    interval_ns: int = USUAL_INTERVAL_NS


USUAL = PulseTiming()
FASTEST = PulseTiming(PULSE_NS_MIN, INTERVAL_NS_MIN)
SLOWEST = PulseTiming(PULSE_NS_MAX, INTERVAL_NS_MAX)


class WiegandSimulator:
    """One reader and the chip that it is wired to; the path `chip` is what the driver opens. Not thread-safe."""

    def __init__(
        self,
        chip: Path,
        *,
        d0: int,
        d1: int,
        tamper: int | None = None,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """The lines as in the reader's section; an intact tamper contact joins its line to ground."""
        self._server = ChipServer(chip, clock_ns)
        self._clock_ns = clock_ns
        self._lines = {Line.D0: d0, Line.D1: d1}
        self._tamper = tamper
        self._quiet_ns = 0
        self._swapped = False
        self._joined = False
        self._grounded: set[int] = set()

    def plug(self) -> None:
        """The chip appears; the reader has power."""
        self._server.plug()
        self._quiet_ns = self._clock_ns()
        self._grounded.clear()
        if self._tamper is not None:
            self._ground(self._tamper)

    def unplug(self) -> None:
        """The chip is gone, and with it what was about to be sent."""
        self._server.unplug()

    def present(self, bits: str, timing: PulseTiming = USUAL, lost: Collection[int] = ()) -> int:
        """Hold a card to the reader: it sends these bits, but for those lost on the way (their numbers, from 0)."""
        start_ns = self._start_ns()
        sent = [(start_ns + at * timing.interval_ns, bit) for at, bit in enumerate(bits) if at not in lost]
        return self._send(sent, timing.pulse_ns)

    def run_together(self, *readings: str, pause_ms: float = 5, timing: PulseTiming = USUAL) -> int:
        """Several readings with a pause that ends no frame."""
        at_ns = self._start_ns()
        sent: list[tuple[int, str]] = []
        for bits in readings:
            for bit in bits:
                sent.append((at_ns, bit))
                at_ns += timing.interval_ns
            at_ns += int(pause_ms * MS) - timing.interval_ns
        return self._send(sent, timing.pulse_ns)

    def keys(self, keys: str, code: KeypadCode, timing: PulseTiming = USUAL) -> int:
        """Type keys: digits, * and #, one burst each."""
        return max(self.present(burst_of_key(Key(key), code), timing) for key in keys)

    def noise(self, edges: int = 40, seed: int = 1) -> int:
        """Interference: that many edges, 1 to 80 µs apart, on both lines."""
        chance = random.Random(seed)  # noqa: S311  noise that can be repeated
        at_ns, sent = self._start_ns(), []
        for _ in range(edges):
            sent.append((at_ns, chance.choice("01")))
            at_ns += chance.randint(1, 80) * US
        return self._send(sent, pulse_ns=US // 2)

    def stray(self, bits: str = "1") -> int:
        """A few edges, far too few for a card."""
        return self.present(bits)

    def short(self, line: Line) -> None:
        """A data line touches ground, until `mend`."""
        self._ground(self._lines[line])

    def join(self) -> None:
        """D0 and D1 touch each other: they fall together, until `mend`."""
        self._joined = True

    def swap(self) -> None:
        """D0 and D1 are connected the wrong way round, until `mend`."""
        self._swapped = True

    def mend(self) -> None:
        """The wires are as they should be."""
        self._swapped = self._joined = False
        for offset in self._grounded - {self._tamper}:
            self._lift(offset)

    def open_case(self) -> None:
        """Somebody takes the reader off the wall."""
        if self._tamper is not None:
            self._lift(self._tamper)

    def close_case(self) -> None:
        """The reader is on the wall again."""
        if self._tamper is not None:
            self._ground(self._tamper)

    def _start_ns(self) -> int:
        return max(self._clock_ns(), self._quiet_ns)

    def _send(self, sent: list[tuple[int, str]], pulse_ns: int) -> int:
        self._server.plan(pull for at_ns, bit in sent for pull in self._pulse(at_ns, bit, pulse_ns))
        last_ns = max((at_ns for at_ns, _ in sent), default=self._start_ns())
        self._quiet_ns = last_ns + PAUSE_NS
        return last_ns

    def _pulse(self, at_ns: int, bit: str, pulse_ns: int) -> Iterator[Pull]:
        line = Line.D1 if (bit == "1") is not self._swapped else Line.D0
        other = Line.D0 if line is Line.D1 else Line.D1
        falls = {line: at_ns, other: at_ns + JOINED_SKEW_NS} if self._joined else {line: at_ns}
        for falling, fell_ns in falls.items():
            yield Pull(fell_ns, self._lines[falling], +1)
            yield Pull(fell_ns + pulse_ns, self._lines[falling], -1)

    def _ground(self, offset: int) -> None:
        if offset not in self._grounded:
            self._grounded.add(offset)
            self._server.plan([Pull(self._clock_ns(), offset, +1)])

    def _lift(self, offset: int) -> None:
        if offset in self._grounded:
            self._grounded.discard(offset)
            self._server.plan([Pull(self._clock_ns(), offset, -1)])
