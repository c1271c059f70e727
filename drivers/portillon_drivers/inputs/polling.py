"""Watches contacts by asking for their state again and again, whatever board they are on. The shell around Debounce."""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import DriverError, PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs, EmitInputEvent, InputChanged, InputDown, InputFault, InputUp
from portillon_drivers.inputs.debounce import Debounce
from portillon_drivers.options import InputOptions

FAULTS_MAX = 3
"""This many refused readings in a row mean that the board is down."""


class ReadingRefused(TransientDeviceError):
    """One reading failed (late, or garbled); the line itself may be fine."""


class Contacts(Protocol):
    """A board whose contacts can be asked for."""

    def open(self) -> None:
        """Take the board; raises TransientDeviceError or PermanentDeviceError."""

    def closed(self) -> Mapping[str, bool]:
        """Whether each named contact is closed now; raises ReadingRefused or TransientDeviceError."""

    def close(self) -> None:
        """Let go of the board; never raises."""


class PolledInputs:
    """All inputs of one board; fills the Inputs port."""

    def __init__(self, sections: Sequence[InputOptions], contacts: Contacts, poll_s: float, clock_ns: ClockNs) -> None:
        self._sections = {options.name: options for options in sections}
        self._debounce = {options.name: Debounce(options.debounce_ms * 1_000_000) for options in sections}
        self._contacts = contacts
        self._poll_s = poll_s
        self._clock_ns = clock_ns

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the configuration gives them."""
        return tuple(self._sections)

    def run(self, emit: EmitInputEvent, stop: threading.Event) -> None:
        """Watch until `stop`; a lost board is tried again with back-off, a hopeless one is told and left."""
        backoff = Backoff()
        told: str | None = None
        while not stop.is_set():
            try:
                self._contacts.open()
                first = self._contacts.closed()  # a board is up once it has answered
                for name in self._sections:
                    self._debounce[name].forget()
                    emit(InputUp(name, self._clock_ns()))
                told = None
                backoff.reset()
                self._take(first, emit)
                self._watch_until(stop, emit)
            except (TransientDeviceError, PermanentDeviceError) as error:
                self._contacts.close()
                if str(error) != told:
                    self._tell_all_down(error, emit)
                    told = str(error)
                if isinstance(error, PermanentDeviceError):
                    return
                stop.wait(backoff.next_s())
        self._contacts.close()

    def _watch_until(self, stop: threading.Event, emit: EmitInputEvent) -> None:
        faults = 0
        while not stop.wait(self._poll_s):
            try:
                self._take(self._contacts.closed(), emit)
                faults = 0
            except ReadingRefused as error:
                faults += 1
                if faults == FAULTS_MAX:
                    raise
                for name in self._sections:
                    emit(InputFault(name, str(error), self._clock_ns()))

    def _take(self, closed: Mapping[str, bool], emit: EmitInputEvent) -> None:
        now_ns = self._clock_ns()
        for name, options in self._sections.items():
            settled = self._debounce[name].sample(options.is_active(closed=closed[name]), now_ns)
            if settled is not None:
                emit(InputChanged(name, settled, now_ns))

    def _tell_all_down(self, error: DriverError, emit: EmitInputEvent) -> None:
        for name in self._sections:
            emit(InputDown(name, str(error), self._clock_ns()))
