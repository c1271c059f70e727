"""A simulated PN532 as the terminal and the contract suite prod it: credentials in, cards held to it.

Where the reader has a keyring, the simulator makes one of its own, in its folder, and writes cards with it: nothing of
the true site's keys is read. A card stays the same card for as long as the simulator lives, so its counter rises.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from portillon_rules.credential import Credential, CredentialKind

from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.keyring import CardKeyring
from portillon_drivers.cards.keyring_file import write_private
from portillon_drivers.cards.keyring_making import keyring_text, new_keyring
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.cards.provision_desfire import provision_desfire
from portillon_drivers.cards.provision_ntag424 import provision_ntag424
from portillon_drivers.errors import PermanentDeviceError
from portillon_drivers.nfc.emulated_cards import FelicaEmulated, Ntag215Emulated, TypeBEmulated, mifare_classic
from portillon_drivers.nfc.pn532_simulator import Pn532Simulator
from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.pn532 import Pn532Options
from portillon_drivers.simulated_reader import CannotPresentError

SAMPLES: Mapping[CredentialKind, tuple[str, str]] = {
    CredentialKind.DESFIRE: ("00112233445566778899AABBCCDDEEFF", "102132435465768798A9BACBDCEDFE0F"),
    CredentialKind.NTAG424: ("04DE5F1EACC040", "041E3C8A2D6B80"),
    CredentialKind.NFCA: ("04DE5F1EACC040", "01A2B3C4"),
    CredentialKind.NFCB: ("50C1D2A3", "0001B2C3"),
    CredentialKind.FELICA: ("01120312AB4C5D6E", "0012031200000001"),
}
"""By kind, the best proof first: a member's and a stranger's."""
NTAG_UID_BYTES = 7


class SimulatedPn532Reader(Pn532Simulator):
    """The module, and somebody who has a card for each credential. Fills SimulatedReader."""

    def __init__(self, options: Pn532Options, folder: Path) -> None:
        super().__init__(folder / options.name)
        self._options = options
        self._keyring_file = folder / f"{options.name}.card-keys"
        self._keyring: CardKeyring | None = None
        if options.keyring_file is not None:
            self._keyring = new_keyring()
            write_private(self._keyring_file, keyring_text(self._keyring), replace=True)
        self._cards: dict[Credential, EmulatedCard] = {}

    @property
    def section(self) -> Mapping[str, Any]:
        """Where the driver finds it, and the keys of its cards."""
        keys = {"keyring_file": str(self._keyring_file)} if self._keyring is not None else {}
        pin = {"pin_factory": "mock"} if self._options.reset_pin is not None else {}
        return {"path": str(self.line.link), **keys, **pin}

    @property
    def samples(self) -> tuple[Credential, Credential]:
        """Of the best kind that the reader takes."""
        kind = next(kind for kind in SAMPLES if kind in self._options.takes)
        member, stranger = SAMPLES[kind]
        return Credential(kind, member), Credential(kind, stranger)

    def card(self, what: Credential) -> EmulatedCard:
        """The card that shows this credential; raises CannotPresentError."""
        if what not in self._cards:
            self._cards[what] = self._make(what)
        return self._cards[what]

    def present(self, what: Credential) -> None:
        """Hold a card to it until it has been read."""
        self.hold(self.card(what))

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

    def _make(self, what: Credential) -> EmulatedCard:
        if what.kind not in self._options.tells:
            kinds = ", ".join(sorted(self._options.tells))
            raise CannotPresentError(f"this reader tells {kinds}: for example nfca:04DE5F1EACC040")
        value = bytes.fromhex(what.value)
        if what.kind is CredentialKind.NFCB:
            return TypeBEmulated(value)
        if what.kind is CredentialKind.FELICA:
            return FelicaEmulated(value)
        if self._keyring is not None and what.kind is CredentialKind.NTAG424:
            return ntag424(value, self._keyring)
        if self._keyring is not None and what.kind is CredentialKind.DESFIRE:
            return desfire(value, self._keyring)
        return Ntag215Emulated(value) if len(value) == NTAG_UID_BYTES else mifare_classic(value)


def ntag424(uid: bytes, keyring: CardKeyring) -> Ntag424Emulated:
    """A tag of that site; `keyring` is a desk's."""
    card = Ntag424Emulated(uid)
    run_dialogue(provision_ntag424(uid, keyring), card.apdu)
    return card


def desfire(number: bytes, keyring: CardKeyring) -> DesfireEmulated:
    """A card of that site whose signed file holds this number of 16 bytes; `keyring` is a desk's."""
    uid = b"\x04" + hashlib.sha256(number).digest()[:6]
    card = DesfireEmulated(uid)
    # Where provisioning draws the card's number, this one comes; its challenges may be the same here.
    run_dialogue(provision_desfire(uid, keyring, random=lambda count: number[:count]), card.apdu)
    return card


def simulate(options: ReaderOptions, folder: Path) -> SimulatedPn532Reader:
    """One on a pty of its own; raises PermanentDeviceError for a reader behind USB."""
    if not isinstance(options, Pn532Options) or options.path is None:
        raise PermanentDeviceError(f"{options.name}: only a PN532 on a serial line is simulated: write path, not usb")
    return SimulatedPn532Reader(options, folder)
