"""The three ports that drivers fill. Each has one contract suite in `tests/contracts/`, run over all that fill it."""

import threading
from typing import Protocol

from portillon_drivers.events import EmitInputEvent, EmitReaderEvent


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
