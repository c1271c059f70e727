"""QR and barcode scanners on a serial line: USB-CDC (`/dev/serial/by-id/…`) or UART. Each code ends in a suffix."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field, field_validator

from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.ports import Reader
from portillon_drivers.readers.code_text import CodeText
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.line_reader import READ_TIMEOUT_S
from portillon_drivers.readers.scanner import ScannerOptions, scanner
from portillon_drivers.registry import Driver
from portillon_drivers.serial_port import SerialPort

Suffix = Literal["cr_or_lf", "cr", "lf", "crlf", "tab"]
ENDS: Mapping[Suffix, tuple[bytes, bytes]] = {
    "cr_or_lf": (b"\r\n", b""),
    "cr": (b"\r", b""),
    "lf": (b"\n", b""),
    "crlf": (b"\n", b"\r"),
    "tab": (b"\t", b""),
}
"""By suffix: each of these characters ends a code, and what must stand before it."""


class SerialScannerOptions(ScannerOptions, SerialOptions):
    """A section `[[readers]]` with `type = "serial_scanner"`."""

    type: Literal["serial_scanner"]
    baud: Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200] = Field(
        default=9600, description="as the scanner is set; over USB-CDC any will do"
    )
    suffix: Suffix = Field(
        default="cr_or_lf",
        description='what the scanner is set to put behind each code: "cr_or_lf" takes CR, LF and CR LF; "cr", "lf", '
        '"crlf" and "tab" take nothing else',
    )
    gap_ms: int = Field(
        default=500, ge=50, le=1_500, description="a code that stands still for longer than this is dropped"
    )

    @field_validator("prefix")
    @classmethod
    def _prefix_ends_no_code(cls, prefix: str) -> str:
        if set(prefix) & set("\r\n\t"):
            raise ValueError("a prefix holds no CR, LF or tab: they end codes")
        return prefix

    @property
    def port(self) -> str:
        """The serial device."""
        return str(self.path)


class SerialCodes:
    """Finds whole codes in a stream of bytes that may be split, cut or dirtied anywhere. Pure."""

    def __init__(self, code: CodeText, ends: bytes) -> None:
        self._code = code
        self._ends = ends
        self._last_ns = 0

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """Codes and faults in `data`, in order; b"" lets time pass."""
        yield from self._code.quiet(at_ns - self._last_ns)
        if data:
            self._last_ns = at_ns
        for byte in data:
            if byte in self._ends:
                yield from self._code.end(at_ns)
            else:
                yield from self._code.add(byte)

    def line_lost(self) -> Iterator[FrameFault]:
        """The line went away: a begun code will not be finished."""
        return self._code.break_off()


def decoder(options: SerialScannerOptions) -> SerialCodes:
    """The decoder of one such scanner."""
    ends, tail = ENDS[options.suffix]
    return SerialCodes(options.code_text(gap_ms=options.gap_ms, tail=tail), ends)


def build(sections: Sequence[SerialScannerOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [
        scanner(
            options,
            line=SerialPort(options, baud=options.baud, read_timeout_s=READ_TIMEOUT_S),
            decoder=decoder(options),
            clock_ns=clock_ns,
        )
        for options in sections
    ]


DRIVER: Driver[SerialScannerOptions, Reader] = Driver(SerialScannerOptions, build)
