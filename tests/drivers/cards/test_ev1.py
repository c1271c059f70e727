"""EV1's AES authentication and its chain of MACs, against published conversations and the emulated card."""

from typing import Any

import pytest
from drivers.cards.card_field import scripted
from drivers.cards.vector_files import vectors
from portillon_drivers.cards.apdu import Native
from portillon_drivers.cards.cipher import crc32
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.emulated_session import Challenge, Ev1CardSession, Refused
from portillon_drivers.cards.errors import CardProtocolError, NotGenuine
from portillon_drivers.cards.ev1 import Ev1Channel, Ev1Session, authenticate_ev1, session_key
from portillon_drivers.cards.session import CommMode

h = bytes.fromhex
EV1 = vectors("ev1")
FIRST = EV1["authentications"][0]


def exchanges(answer: str) -> list[list[str]]:
    """The published authentication, in APDUs, with that last answer."""
    return [
        ["90AA0000010000", FIRST["challenge"] + "91AF"],
        ["90AF000020" + FIRST["token"] + "00", answer],
    ]


def authenticated(answer: str) -> Ev1Session:
    """A reader with the published key and random number."""
    dialogue = authenticate_ev1(0, h(FIRST["key"]), random=lambda n: h(FIRST["random_a"]))
    return run_dialogue(dialogue, scripted(exchanges(answer)))


def test_authentication() -> None:
    """The published conversation: our token and the card's answer fit, and the session key comes out."""
    reader = authenticated(FIRST["answer"] + "9100")
    assert session_key(h(FIRST["random_a"]), h(FIRST["random_b"])) == h(FIRST["session_key"])
    own = EV1["change_own_key"]
    apdu = f"90C4000021{own['command'][2:]}00"
    change = reader.change_key(0, new=h(own["new"]), old=b"", version=own["version"])
    run_dialogue(change, scripted([[apdu, "9100"]]))


def test_a_card_with_another_key() -> None:
    """A refusal, and a proof with one byte changed, are another key."""
    with pytest.raises(NotGenuine, match="another key"):
        authenticated("91AE")
    for at in range(16):
        proof = bytearray(h(FIRST["answer"]))
        proof[at] ^= 1
        with pytest.raises(NotGenuine, match="did not prove"):
            authenticated(proof.hex() + "9100")


def test_the_cards_side() -> None:
    """An emulated card gives the published challenge and answer, and takes the published ChangeKey."""
    challenge = Challenge(Native.AUTHENTICATE_AES, 0, h(FIRST["key"]), h(FIRST["random_b"]))
    assert challenge.sent == h(FIRST["challenge"])
    answer, card = challenge.met(h(FIRST["token"]), lambda n: bytes(n))
    assert answer == h(FIRST["answer"])
    own = EV1["change_own_key"]
    assert card.new_key(0, h(own["command"])[2:], b"") == (h(own["new"]), own["version"])


@pytest.mark.parametrize("case", EV1["chains"], ids=lambda case: case["source"])
def test_chained_macs(case: dict[str, Any]) -> None:
    """The MAC of an answer goes on from the MAC of its command, as real cards computed it."""
    channel = Ev1Channel(h(case["key"]))
    sent = channel.mac(h(case["sent"]))
    if "sent_mac" in case:
        assert channel.iv == h(case["sent_mac"]) and sent == channel.iv[:8]
    assert channel.mac(h(case["received"])) == h(case["received_mac"])


def both_ends(key_number: int = 0) -> tuple[Ev1Session, Ev1CardSession]:
    """A reader and a card in the middle of a conversation."""
    key = h(FIRST["session_key"])
    return Ev1Session(Ev1Channel(key), key_number), Ev1CardSession(key_number, Ev1Channel(key))


def test_reading_and_writing_in_turn() -> None:
    """The chain holds over a write, a read and a key change, on both ends."""
    reader, card = both_ends()
    header, data = h("01000000050000"), b"hello"

    def written(command: bytes) -> bytes:
        assert card.opened(0x3D, header, command[12:-1], mode=CommMode.FULL, data_bytes=5) == data
        return card.answer(b"", mode=CommMode.MAC) + h("9100")

    def asked(command: bytes) -> bytes:
        card.opened(0xBD, header, command[12:-1], mode=CommMode.MAC, data_bytes=0)
        return card.answer(data, mode=CommMode.FULL) + h("9100")

    for _ in range(2):
        run_dialogue(reader.send("write", Native.WRITE_DATA, header, data, mode=CommMode.FULL), written)
        assert run_dialogue(reader.read("read", Native.READ_DATA, header, 5), asked) == data

    def new_key(command: bytes) -> bytes:
        assert card.new_key(1, command[6:-1], bytes(16)) == (b"N" * 16, 7)
        return card.answer(b"", mode=CommMode.MAC) + h("9100")

    run_dialogue(reader.change_key(1, new=b"N" * 16, old=bytes(16), version=7), new_key)


def test_forged_answers() -> None:
    """Data whose CRC does not fit, and an empty answer with a wrong MAC, are not genuine; odd lengths are torn."""
    reader, _ = both_ends()
    header = h("01000000050000")
    with pytest.raises(NotGenuine, match="CRC"):
        run_dialogue(reader.read("read", Native.READ_DATA, header, 5), lambda command: bytes(16) + h("9100"))
    with pytest.raises(CardProtocolError, match="not 5 enciphered bytes"):
        run_dialogue(reader.read("read", Native.READ_DATA, header, 5), lambda command: bytes(15) + h("9100"))
    with pytest.raises(NotGenuine, match="wrong MAC"):
        write = reader.send("write", Native.WRITE_DATA, header, b"hello", mode=CommMode.FULL)
        run_dialogue(write, lambda command: bytes(8) + h("9100"))


def test_the_card_refuses_a_wrong_checksum() -> None:
    """A key or data that were changed on the way are refused by the emulated card."""
    _, card = both_ends()
    body = card.channel.encrypt(b"N" * 17 + crc32(b"something else"))
    _, fresh = both_ends()
    with pytest.raises(Refused, match="911E"):
        fresh.new_key(0, body, b"")
    with pytest.raises(Refused, match="917E"):
        fresh.new_key(0, body[:16], b"")
