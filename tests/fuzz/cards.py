"""What a card may answer, and what a reader may ask an emulated card: nobody need be what they say."""

from random import Random

from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine
from portillon_drivers.cards.identify import identify
from portillon_drivers.cards.keyring_making import new_keyring
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.cards.site_tag import site_sdm
from portillon_drivers.cards.sun import read_sun
from portillon_drivers.nfc.host_frame import FrameFinder
from portillon_drivers.nfc.simulated_chip import SimulatedChip
from portillon_rules.credential import CredentialKind

UID = bytes.fromhex("04DE5F1EACC040")
KEYRING = new_keyring(random=Random(1).randbytes)
PROOFS = frozenset({CredentialKind.NTAG424, CredentialKind.DESFIRE})
KEY = bytes(16)


def pieces(data: bytes) -> list[bytes]:
    """Byte strings one after another, each behind its length."""
    found, at = [], 0
    while at < len(data):
        found.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return found


def answers(data: bytes) -> None:
    """A card that does not know the site's keys proves nothing, whatever it answers, and the talk ends."""
    waiting = pieces(data)
    dialogue = identify(UID, 0x20, b"\x44\x03", KEYRING, PROOFS, random=Random(2).randbytes)
    try:
        found = run_dialogue(dialogue, lambda command: waiting.pop(0) if waiting else b"\x6f\x00")
    except (CardProtocolError, NotGenuine):
        return
    raise AssertionError(f"a card without keys proved {found}")


def sun_message(data: bytes) -> None:
    """Any text in a tag: without the key no MAC fits."""
    sdm = site_sdm(data)
    if sdm is None:
        return
    try:
        read_sun(data, sdm, file_read_key=lambda uid: KEY)
    except NotGenuine:
        return


def emulated(data: bytes) -> None:
    """An emulated card answers any command with a status word."""
    for card in (Ntag424Emulated(UID, random=Random(3).randbytes), DesfireEmulated(UID, random=Random(3).randbytes)):
        card.select()
        for command in pieces(data):
            assert len(card.apdu(command)) >= 2


def chip_frames(data: bytes) -> None:
    """The simulated chip and its frames take any bytes."""
    finder, chip = FrameFinder(), SimulatedChip()
    list(finder.feed(data))
    list(chip.receive(data, 115_200))
