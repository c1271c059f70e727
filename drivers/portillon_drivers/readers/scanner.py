"""What all scanners of codes have in common: their options, and the thin shell around their decoders."""

import threading
from collections.abc import Iterable, Iterator
from typing import Protocol

from portillon_rules.credential import CredentialKind
from pydantic import Field

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs, EmitReaderEvent, ReaderDown, ReaderFault, ReaderUp, TextScanned
from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.code_text import CodeRules, CodeText
from portillon_drivers.readers.fault_limit import FaultLimit
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff

READ_TIMEOUT_S = 0.1
"""How often a silent line lets time pass for the decoder, and how soon `stop` is obeyed."""


class ScannerOptions(ReaderOptions):
    """Any scanner."""

    prefix: str = Field(
        default="",
        max_length=16,
        pattern=r"^[\x00-\x7f]*$",
        description="what the scanner is set to put before each code; a code without it is refused",
    )
    aim_identifier: bool = Field(
        default=False, description='true if the scanner is set to send AIM identifiers ("]Q1" for a QR code)'
    )
    max_chars: int = Field(default=256, ge=8, le=1_024, description="a longer code is refused; a phone pass has 175")

    @property
    def tells(self) -> frozenset[CredentialKind]:
        """Phone passes, day codes, and any other barcode."""
        return frozenset({CredentialKind.PHONE, CredentialKind.DAY_CODE, CredentialKind.BARCODE})

    def code_text(self, *, gap_ms: int, tail: bytes = b"") -> CodeText:
        """The pure collector of this scanner's codes."""
        rules = CodeRules(
            prefix=self.prefix.encode("ascii"),
            aim_identifier=self.aim_identifier,
            tail=tail,
            chars_max=self.max_chars,
            gap_ns=gap_ms * 1_000_000,
        )
        return CodeText(rules, HoldOff(self.hold_off_ms * 1_000_000))


class ScannerDecoder(Protocol):
    """The pure half of a scanner's driver."""

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """Codes and faults in `data`, in order; b"" lets time pass."""

    def line_lost(self) -> Iterator[FrameFault]:
        """The line went away: a begun code will not be finished."""


class ScannerLine(Protocol):
    """Where its bytes come from; every failure is a TransientDeviceError or a PermanentDeviceError."""

    def open(self) -> None:
        """Take the line for this process alone."""

    def read_some(self) -> bytes:
        """Whatever has arrived, waiting up to READ_TIMEOUT_S for it; b"" if nothing came."""

    def close(self) -> None:
        """Let go of it; never raises."""


class Scanner:
    """Tells the codes that its decoder finds on its line; fills the Reader port."""

    def __init__(self, name: str, *, line: ScannerLine, decoder: ScannerDecoder, clock_ns: ClockNs) -> None:
        self._name = name
        self._line = line
        self._decoder = decoder
        self._clock_ns = clock_ns
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
                emit(TextScanned(self._name, thing, now_ns))
            else:
                for fault in self._limit.feed(thing, now_ns):
                    emit(ReaderFault(self._name, fault.kind, fault.detail, now_ns))
