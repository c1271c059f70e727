"""Serial scanners on a pty, keyboard-wedge scanners on a FIFO of input events."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from portillon_drivers.events import ReaderEvent, ReaderFaultKind, TextScanned
from portillon_drivers.readers.serial_scanner import SerialScannerOptions
from portillon_drivers.readers.serial_scanner_simulator import SimulatedSerialScanner
from portillon_drivers.readers.wedge_scanner import WedgeScannerOptions
from portillon_drivers.readers.wedge_scanner_simulator import SimulatedWedgeScanner


class ScannerRig:
    """One scanner; `dirty` is what its noise must be told as."""

    def __init__(self, scanner: SimulatedSerialScanner | SimulatedWedgeScanner, *dirty: ReaderFaultKind) -> None:
        self._scanner = scanner
        self._dirty = frozenset(dirty)
        self.place = str(scanner.section["path"])
        self.plug: Callable[[], None] = scanner.plug
        self.unplug: Callable[[], None] = scanner.unplug
        self.close: Callable[[], None] = scanner.close

    def section(self) -> dict[str, Any]:
        return dict(self._scanner.section)

    def present(self, which: int) -> None:
        self._scanner.present(self._scanner.samples[which])

    def trickle(self, which: int) -> None:
        self._scanner.trickle(self._scanner.samples[which].value)

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        return isinstance(event, TextScanned) and event.text == self._scanner.samples[which].value

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._scanner.noise()
        return self._dirty


def serial(folder: Path) -> ScannerRig:
    """Its noise is bytes of a wrong baud rate and a code without an end."""
    options = SerialScannerOptions(name="scanner", type="serial_scanner", path=folder / "scanner")
    return ScannerRig(SimulatedSerialScanner(options), ReaderFaultKind.MALFORMED, ReaderFaultKind.TOO_LONG)


def wedge(folder: Path) -> ScannerRig:
    """Its noise is a key that types nothing and keys that the kernel dropped."""
    options = WedgeScannerOptions(name="scanner", type="wedge_scanner", path=folder / "scanner")
    return ScannerRig(SimulatedWedgeScanner(options), ReaderFaultKind.MALFORMED, ReaderFaultKind.EDGES_DROPPED)
