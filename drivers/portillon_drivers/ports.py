"""The four ports that drivers fill. Each has one contract suite in `tests/contracts/`, run over all that fill it."""

import threading
from typing import Protocol

from portillon_drivers.events import EmitInputEvent, EmitReaderEvent, TellOutput
from portillon_drivers.indicators.pattern import Pattern


class Reader(Protocol):
    """Tells which credentials are presented."""

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""

    def run(self, emit: EmitReaderEvent, stop: threading.Event) -> None:
        """Read until `stop` is set, in the caller's thread; opens and re-opens its line by itself, with back-off."""


class Inputs(Protocol):
    """Tells the settled state of the inputs on one board (or on all pins of this machine)."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the configuration gives them."""

    def run(self, emit: EmitInputEvent, stop: threading.Event) -> None:
        """Watch until `stop` is set, in the caller's thread; opens and re-opens its line by itself, with back-off."""


class Output(Protocol):
    """Puts one door into its releasing or its locked state, as its declared wiring demands.

    A driver only ever does what it is told; the guard bounds how long a release lasts.
    """

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""

    def open(self) -> None:
        """Take the device; already open is fine. Does not touch its state, save where a pin must be given a level:
        then the locked one. Raises TransientDeviceError or PermanentDeviceError."""

    def set(self, releasing: bool, at_most_ms: int | None = None) -> None:
        """Drive the releasing or the locked state; repeating it is harmless. A board that can time by itself ends a
        release after `at_most_ms`; others ignore it: the guard ends it. Raises TransientDeviceError, after which
        the state is unknown and the output must be opened again."""

    def close(self) -> None:
        """Let go of the device as it stands; never raises."""


class TimedOutput(Protocol):
    """An output whose device ends every release by itself, whoever dies: the gateway drives it without a guard.

    `release` and `lock` never wait; what became of them is told.
    """

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""

    def attend(self, told: TellOutput) -> None:
        """From now on lock it whenever its device comes into service, and tell how it stands, on any thread."""

    def release(self, for_ms: int) -> None:
        """Have the device release for so long from when it hears of it, and lock by itself; a release that runs begins
        anew. Raises TransientDeviceError if the device cannot be asked."""

    def lock(self) -> None:
        """Have the device lock now. Raises TransientDeviceError if it cannot be asked."""


class Indicator(Protocol):
    """Shows and sounds patterns to whoever stands at a door. Used by one thread only; losing it stops no door."""

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""

    def open(self) -> None:
        """Take the device, dark and silent until told; already open is fine. Raises TransientDeviceError or
        PermanentDeviceError."""

    def show(self, pattern: Pattern) -> int | None:
        """Begin that pattern in place of the last; one that stands is begun again from time to time.
        Answers as `play` does; raises TransientDeviceError."""

    def play(self, elapsed_ms: int) -> int | None:
        """Go on to where the pattern is so long after `show`; answers in how many ms to be called again, None: the
        device goes on by itself. Raises TransientDeviceError, after which it must be opened again."""

    def close(self) -> None:
        """Dark and silent if it still can be, then let go of the device; never raises."""
