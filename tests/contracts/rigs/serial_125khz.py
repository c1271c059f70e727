"""RDM6300 and ID-12LA on a pty."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.readers import id12la_simulator, rdm6300_simulator
from portillon_drivers.readers.simulated_tag_reader import SimulatedTagReader


class Serial125kHzRig:
    """One such reader."""

    def __init__(self, folder: Path, bytes_of: Callable[[str], bytes]) -> None:
        self._reader = SimulatedTagReader(folder / "reader", bytes_of)
        self.place = str(folder / "reader")
        self.plug, self.unplug, self.close = self._reader.plug, self._reader.unplug, self._reader.close

    def section(self) -> dict[str, Any]:
        return dict(self._reader.section)

    def present(self, which: int) -> None:
        self._reader.present(self._reader.samples[which])

    def trickle(self, which: int) -> None:
        self._reader.trickle(self._reader.samples[which])

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        return isinstance(event, CredentialRead) and event.credential == self._reader.samples[which]

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._reader.noise()
        return frozenset({ReaderFaultKind.JUNK, ReaderFaultKind.TRUNCATED})


def rdm6300(folder: Path) -> Serial125kHzRig:
    """It repeats its frame while the card lies there."""
    return Serial125kHzRig(folder, lambda card: rdm6300_simulator.frame(card) * 2)


def id12la(folder: Path) -> Serial125kHzRig:
    """It sends one frame for each card."""
    return Serial125kHzRig(folder, id12la_simulator.frame)
