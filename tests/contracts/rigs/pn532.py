"""A PN532 on a pty, under nfcpy's own driver."""

from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.nfc.simulated_pn532_reader import SimulatedPn532Reader


class Pn532Rig:
    """One such module."""

    def __init__(self, folder: Path) -> None:
        self._reader = SimulatedPn532Reader(folder / "reader")
        self.place = str(folder / "reader")
        self.plug, self.unplug, self.close = self._reader.plug, self._reader.unplug, self._reader.close

    def section(self) -> dict[str, Any]:
        return {**self._reader.section, "poll_ms": 20}

    def present(self, which: int) -> None:
        self._reader.present(self._reader.samples[which])

    def trickle(self, which: int) -> None:
        self._reader.trickle(self._reader.samples[which])

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        return isinstance(event, CredentialRead) and event.credential == self._reader.samples[which]

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._reader.noise()
        return frozenset({ReaderFaultKind.COLLISION})


def pn532(folder: Path) -> Pn532Rig:
    """Its cards are held to it until the driver has looked often enough."""
    return Pn532Rig(folder)
