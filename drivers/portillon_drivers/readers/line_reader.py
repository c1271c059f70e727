"""The thin shell around a pure decoder: keeps a reader's line open, and tells what the decoder finds on it."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs, EmitReaderEvent, ReaderDown, ReaderEvent, ReaderFault, ReaderUp
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault

READ_TIMEOUT_S = 0.1
"""How often a silent line lets time pass for the decoder, and how soon `stop` is obeyed."""


class Decoder(Protocol):
    """The pure half of a reader's driver."""

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """Cards or codes, and faults, in order; b"" lets time pass."""

    def line_lost(self) -> Iterator[FrameFault]:
        """The line went away: what was begun will not be finished."""


class Line(Protocol):
    """Where the bytes come from; every failure is a TransientDeviceError or a PermanentDeviceError."""

    def open(self) -> None:
        """Take the line for this process alone."""

    def read_some(self) -> bytes:
        """Whatever has arrived, waiting up to READ_TIMEOUT_S for it; b"" if nothing came."""

    def close(self) -> None:
        """Let go of it; never raises."""


class LineReader:
    """A reader that sends by itself; `event` makes what is told of what was found. Fills the Reader port."""

    def __init__(
        self,
        name: str,
        *,
        line: Line,
        decoder: Decoder,
        clock_ns: ClockNs,
        event: Callable[[str, str, int], ReaderEvent],
    ) -> None:
        self._name = name
        self._line = line
        self._decoder = decoder
        self._clock_ns = clock_ns
        self._event = event
        self._limit = FaultLimit()

    @property
    def name(self) -> str:
        """The name that the configuration gives it."""
        return self._name

    def run(self, emit: EmitReaderEvent, stop: threading.Event) -> None:
        """Read until `stop`; a lost line is tried again with back-off, a hopeless one is told and left."""
        backoff = Backoff()
        told: str | None = None
        while not stop.is_set():
            try:
                self._line.open()
                emit(ReaderUp(self._name, self._clock_ns()))
                told = None
                self._read_until(stop, emit, backoff)
            except (TransientDeviceError, PermanentDeviceError) as error:
                self._emit_all(self._decoder.line_lost(), self._clock_ns(), emit)
                if str(error) != told:
                    emit(ReaderDown(self._name, str(error), self._clock_ns()))
                    told = str(error)
                if isinstance(error, PermanentDeviceError):
                    return
                stop.wait(backoff.next_s())
        self._line.close()

    def _read_until(self, stop: threading.Event, emit: EmitReaderEvent, backoff: Backoff) -> None:
        while not stop.is_set():
            data = self._line.read_some()
            if data:
                backoff.reset()
            now_ns = self._clock_ns()
            self._emit_all(self._decoder.feed(data, now_ns), now_ns, emit)
            for fault in self._limit.expire(now_ns):
                emit(ReaderFault(self._name, fault.kind, fault.detail, now_ns))

    def _emit_all(self, found: Iterable[str | FrameFault], now_ns: int, emit: EmitReaderEvent) -> None:
        for thing in found:
            if isinstance(thing, str):
                emit(self._event(self._name, thing, now_ns))
            else:
                for fault in self._limit.feed(thing, now_ns):
                    emit(ReaderFault(self._name, fault.kind, fault.detail, now_ns))
