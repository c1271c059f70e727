"""A PN532 on a pty, under nfcpy's own driver."""

from pathlib import Path
from typing import Any

from portillon_drivers.events import CredentialRead, ReaderEvent, ReaderFaultKind
from portillon_drivers.nfc.simulated_pn532_reader import SimulatedPn532Reader
from portillon_drivers.readers.pn532 import Pn532Options
from portillon_rules.credential import Credential, CredentialKind

CARDS = (
    Credential(CredentialKind.NFCA, "04DE5F1EACC040"),
    Credential(CredentialKind.NTAG424, "041E3C8A2D6B80"),
)
"""One told by its number, one that proves itself."""


class Pn532Rig:
    """One such module, whose reader has a keyring."""

    def __init__(self, folder: Path) -> None:
        options = {"name": "reader", "type": "pn532", "path": "reader", "keyring_file": "keys"}
        self._reader = SimulatedPn532Reader(Pn532Options.model_validate(options), folder)
        self.place = str(folder / "reader")
        self.plug, self.unplug, self.close = self._reader.plug, self._reader.unplug, self._reader.close

    def section(self) -> dict[str, Any]:
        return {**self._reader.section, "poll_ms": 20}

    def present(self, which: int) -> None:
        self._reader.present(CARDS[which])

    def trickle(self, which: int) -> None:
        self._reader.trickle(CARDS[which])

    def is_card(self, event: ReaderEvent, which: int) -> bool:
        return isinstance(event, CredentialRead) and event.credential == CARDS[which]

    def dirt(self) -> frozenset[ReaderFaultKind]:
        self._reader.noise()
        return frozenset({ReaderFaultKind.COLLISION})
