"""Keeps a serial card reader's line open, and tells what its decoder finds. The thin shell around the pure decoders."""

import threading
from collections.abc import Iterable

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs, CredentialRead, EmitReaderEvent, ReaderDown, ReaderFault, ReaderUp
from portillon_drivers.options import ReaderOptions, SerialOptions
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.serial_port import SerialPort

BAUD = 9_600
READ_TIMEOUT_S = 0.1
"""How often a silent line lets time pass for the decoder, and how soon `stop` is obeyed."""


class SerialReaderOptions(ReaderOptions, SerialOptions):
    """A reader on a serial line of its own."""

    @property
    def port(self) -> str:
        """The serial device."""
        return str(self.path)

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """125 kHz tags."""
        return frozenset({CredentialKind.EM4100})


class SerialLineReader:
    """A card reader at 9600 Bd; fills the Reader port."""

    def __init__(self, options: SerialReaderOptions, decoder: CardDecoder, clock_ns: ClockNs) -> None:
        self._name = options.name
        self._decoder = decoder
        self._clock_ns = clock_ns
        self._port = SerialPort(options, baud=BAUD, read_timeout_s=READ_TIMEOUT_S)
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
                self._port.open()
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
        self._port.close()

    def _read_until(self, stop: threading.Event, emit: EmitReaderEvent, backoff: Backoff) -> None:
        while not stop.is_set():
            data = self._port.read_some()
            if data:
                backoff.reset()
            now_ns = self._clock_ns()
            self._emit_all(self._decoder.feed(data, now_ns), now_ns, emit)
            for fault in self._limit.expire(now_ns):
                emit(ReaderFault(self._name, fault.kind, fault.detail, now_ns))

    def _emit_all(self, found: Iterable[str | FrameFault], now_ns: int, emit: EmitReaderEvent) -> None:
        for thing in found:
            if isinstance(thing, str):
                emit(CredentialRead(self._name, Credential(CredentialKind.EM4100, thing), now_ns))
            else:
                for fault in self._limit.feed(thing, now_ns):
                    emit(ReaderFault(self._name, fault.kind, fault.detail, now_ns))
