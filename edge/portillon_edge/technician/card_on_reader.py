"""The one card that lies on the desk's reader, to be talked with; or an emulated one, for practice."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.dialogue import Exchange
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.nfc.pn532_device import Pn532Device
from portillon_drivers.nfc.reset_line import ResetLine
from portillon_drivers.nfc.seen_card import SeenCard
from portillon_drivers.readers.pn532 import Pn532Options
from portillon_rules.credential import CredentialKind

EMULATED: Mapping[str, Callable[[bytes], EmulatedCard]] = {
    "ntag424": Ntag424Emulated,
    "desfire_ev1": partial(DesfireEmulated, generation=1),
    "desfire_ev2": partial(DesfireEmulated, generation=2),
}
LOOK_SECONDS = 0.1
UID_BYTES = 7
_NXP = b"\x04"


class NoCard(Exception):
    """No card that can be written lay there in time; the message says what did."""


@dataclass(frozen=True, slots=True)
class CardHere:
    """A card that takes APDUs."""

    uid: bytes = field(repr=False)
    exchange: Exchange


def emulated_card(kind: str) -> EmulatedCard:
    """A blank one with a UID of its own."""
    return EMULATED[kind](_NXP + secrets.token_bytes(UID_BYTES - len(_NXP)))


def card_of(card: EmulatedCard) -> CardHere:
    """An emulated card, laid down."""
    card.select()
    return CardHere(card.uid, card.apdu)


@contextmanager
def card_on_reader(options: Pn532Options, wait_s: float) -> Iterator[CardHere]:
    """The card on that reader, waited for; raises NoCard, DriverError, CardLost (it was taken away)."""
    reset = None if options.reset_pin is None else ResetLine(options.reset_pin, options.pin_factory)
    device = Pn532Device(path=options.path, usb=options.usb, reset=reset)
    try:
        device.open()
        card = _wait_for_one(device, wait_s)
        with device.talk(card) as talk:
            yield CardHere(card.uid, talk.exchange)
    finally:
        device.close()


def _wait_for_one(device: Pn532Device, wait_s: float) -> SeenCard:
    until_s = time.monotonic() + wait_s
    why = "no card came; lay it flat on the reader"
    while time.monotonic() < until_s:
        match device.look((CredentialKind.NFCA,)):
            case [card] if card.speaks_iso_dep:
                return card
            case [_]:
                why = "the card there cannot be written (no ISO 14443-4); take an NTAG 424 DNA or a DESFire"
            case [_, *_]:
                why = "several cards lie there; leave one"
        time.sleep(LOOK_SECONDS)
    raise NoCard(why)
