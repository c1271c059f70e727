"""A simulated PN532 as the terminal and the contract suite prod it: credentials in, cards held to it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.nfc.emulated_cards import FelicaEmulated, Ntag215Emulated, TypeBEmulated, mifare_classic
from portillon_drivers.nfc.pn532_simulator import Pn532Simulator
from portillon_drivers.options import ReaderOptions
from portillon_drivers.simulated_reader import CannotPresentError

SAMPLES = (Credential(CredentialKind.NFCA, "04DE5F1EACC040"), Credential(CredentialKind.NFCA, "01A2B3C4"))
NTAG_UID_BYTES = 7


class SimulatedPn532Reader(Pn532Simulator):
    """The module, and somebody who has a card for each number. Fills SimulatedReader."""

    samples = SAMPLES

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it."""
        return {"path": str(self.line.link)}

    def present(self, what: Credential) -> None:
        """Hold a card to it until it has been read."""
        self.hold(card_for(what))

    def trickle(self, what: Credential) -> None:
        """The same, while every byte from the chip comes by itself, as at 9600 Bd."""
        self.byte_gap_s = 0.001
        try:
            self.present(what)
        finally:
            self.byte_gap_s = 0.0

    def scan(self, text: str) -> NoReturn:
        """It has no scanner."""
        raise CannotPresentError("this reader reads cards and no printed codes")

    def press(self, keys: str) -> NoReturn:
        """It has no keys."""
        raise CannotPresentError("this reader has no PIN pad")

    def noise(self) -> None:
        """Two cards at once."""
        self.hold(Ntag215Emulated(), mifare_classic())


def card_for(what: Credential) -> EmulatedCard:
    """A card with that number; raises CannotPresentError for what no card without secrets can show."""
    if what.kind is CredentialKind.NFCA:
        uid = bytes.fromhex(what.value)
        return Ntag215Emulated(uid) if len(uid) == NTAG_UID_BYTES else mifare_classic(uid)
    if what.kind is CredentialKind.NFCB:
        return TypeBEmulated(bytes.fromhex(what.value))
    if what.kind is CredentialKind.FELICA:
        return FelicaEmulated(bytes.fromhex(what.value))
    raise CannotPresentError("a simulated PN532 reads nfca, nfcb and felica numbers: for example nfca:04DE5F1EACC040")


def simulate(options: ReaderOptions, folder: Path) -> SimulatedPn532Reader:
    """One on a pty of its own."""
    return SimulatedPn532Reader(folder / options.name)
