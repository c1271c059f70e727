"""Watches contacts by asking for their state again and again, on any board: the shell around LineWatch."""

import threading
from collections.abc import Mapping, Sequence
from typing import Protocol

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import DriverError, PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs, EmitInputEvent, InputDown, InputFault, InputUp
from portillon_drivers.inputs.line_watch import Found, LineWatch
from portillon_drivers.options import InputOptions

FAULTS_MAX = 3
"""This many refused readings in a row mean that the board is down."""


class ReadingRefused(TransientDeviceError):
    """One reading failed (late, or garbled); the line itself may be fine."""


class Contacts(Protocol):
    """A board whose contacts can be asked for."""

    def open(self) -> None:
        """Take the board; raises TransientDeviceError or PermanentDeviceError."""

    def found(self) -> Mapping[str, Found]:
        """How each named line is now; raises ReadingRefused or TransientDeviceError."""

    def close(self) -> None:
        """Let go of the board; never raises."""


class PolledInputs:
    """All inputs of one board; fills the Inputs port."""

    def __init__(self, sections: Sequence[InputOptions], contacts: Contacts, poll_s: float, clock_ns: ClockNs) -> None:
        self._sections = {options.name: options for options in sections}
        self._watches = {options.name: LineWatch(options) for options in sections}
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
                first = self._contacts.found()  # a board is up once it has answered
                for name in self._sections:
                    self._watches[name].forget()
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
                self._take(self._contacts.found(), emit)
                faults = 0
            except ReadingRefused as error:
                faults += 1
                if faults == FAULTS_MAX:
                    raise
                for name in self._sections:
                    emit(InputFault(name, str(error), self._clock_ns()))

    def _take(self, found: Mapping[str, Found], emit: EmitInputEvent) -> None:
        now_ns = self._clock_ns()
        for name, watch in self._watches.items():
            for event in watch.sample(found[name], now_ns):
                emit(event)

    def _tell_all_down(self, error: DriverError, emit: EmitInputEvent) -> None:
        for name in self._sections:
            emit(InputDown(name, str(error), self._clock_ns()))
