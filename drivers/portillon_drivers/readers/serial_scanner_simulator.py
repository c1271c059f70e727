"""What a serial scanner puts on its line. Not modelled: its light, its beep, the baud rate, and commands sent to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from portillon_drivers.options import ReaderOptions
from portillon_drivers.pty_line import PtyLine
from portillon_drivers.readers.serial_scanner import SerialScannerOptions
from portillon_drivers.readers.simulated_scanner import AIM_IDENTIFIER, SimulatedCodes

SUFFIXES: Mapping[str, str] = {"cr_or_lf": "\r\n", "cr": "\r", "lf": "\n", "crlf": "\r\n", "tab": "\t"}


class SimulatedSerialScanner(SimulatedCodes):
    """One on a pty of its own, set as the options say. Fills SimulatedReader."""

    def __init__(self, options: SerialScannerOptions) -> None:
        self._options = options
        self._line = PtyLine(options.path)

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it."""
        return {"path": str(self._line.link)}

    def plug(self) -> None:
        """USB in."""
        self._line.plug()

    def unplug(self) -> None:
        """USB out."""
        self._line.unplug()

    close = unplug

    def bytes_of(self, text: str) -> bytes:
        """What it sends for a code; characters beyond ASCII as UTF-8, as most scanners do."""
        identifier = AIM_IDENTIFIER if self._options.aim_identifier else ""
        return f"{self._options.prefix}{identifier}{text}{SUFFIXES[self._options.suffix]}".encode()

    def scan(self, text: str) -> None:
        """Hold a printed or shown code to it; raises TransientDeviceError."""
        self._line.send(self.bytes_of(text))

    def trickle(self, text: str) -> None:
        """The same, byte by byte."""
        for byte in self.bytes_of(text):
            self._line.send(bytes([byte]))

    def noise(self) -> None:
        """Bytes as at a wrong baud rate, and a code that does not end in time."""
        self._line.send(self.bytes_of("\x00junk\ufffd"))
        self._line.send(self.bytes_of("A" * (self._options.max_chars + 1)))


def simulate(options: ReaderOptions, folder: Path) -> SimulatedSerialScanner:
    """One whose pty lies in `folder`."""
    described = SerialScannerOptions.model_validate({**options.model_dump(), "path": folder / options.name})
    return SimulatedSerialScanner(described)
