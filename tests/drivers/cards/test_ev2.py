"""EV2 authentication and secure messaging, against AN12196's APDUs: the reader's side and the emulated card's."""

from typing import Any

import pytest
from drivers.cards.card_field import scripted, seeded
from drivers.cards.vector_files import vectors
from portillon_drivers.cards import ev2
from portillon_drivers.cards.apdu import Native
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.emulated_session import Challenge, Ev2CardSession, Refused
from portillon_drivers.cards.errors import CardProtocolError, CardRefused, NotGenuine
from portillon_drivers.cards.ev2 import Ev2Channel, Ev2Session, authenticate_ev2
from portillon_drivers.cards.session import CommMode

h = bytes.fromhex
EV2 = vectors("ev2")
FIRST = EV2["authentication"]


def channel(section: str, counter: int = 0) -> Ev2Channel:
    """The channel of a vector's session."""
    keys = EV2[section]
    return Ev2Channel(h(keys.get("encryption", "00" * 16)), h(keys["mac"]), h(keys["ti"]), counter)


def session(section: str, counter: int) -> Ev2Session:
    """The reader's end of a vector's session, under key 0."""
    return Ev2Session(channel(section, counter), 0, 255)


def authenticated(exchanges: list[list[str]]) -> Ev2Session:
    """A reader that authenticates with table 14's key and random number."""
    dialogue = authenticate_ev2(FIRST["key_number"], h(FIRST["key"]), random=lambda n: h(FIRST["random_a"]))
    return run_dialogue(dialogue, scripted(exchanges))


def padded_text() -> bytes:
    """What table 17 writes."""
    return h(EV2["write_full"]["text"]).ljust(0x80, b"\0")


def test_authentication_and_the_commands_after_it() -> None:
    """Tables 14, 17 and 18 as one conversation: every command comes out byte for byte."""
    reader = authenticated(FIRST["exchanges"])
    write = reader.send("write", Native.NTAG_WRITE_DATA, h("02000000800000"), padded_text(), mode=CommMode.FULL)
    run_dialogue(write, scripted([EV2["write_full"]["exchange"]]))
    settings = h(EV2["change_file_settings"]["settings"])
    change = reader.send("change", Native.CHANGE_FILE_SETTINGS, b"\2", settings, mode=CommMode.FULL)
    run_dialogue(change, scripted([EV2["change_file_settings"]["exchange"]]))


def test_changing_keys() -> None:
    """Tables 24 to 26: plain writing counts too, another key travels mixed, one's own is answered without a MAC."""
    plain, other, own = EV2["write_plain"], EV2["change_other_key"], EV2["change_own_key"]
    reader = session("keys_session", plain["counter"])
    write = reader.send("write", Native.NTAG_WRITE_DATA, h(plain["header"]), h(plain["data"]), mode=CommMode.PLAIN)
    run_dialogue(write, scripted([plain["exchange"]]))
    moves = (
        (other["number"], h(other["new"]), h(other["old"]), other["exchange"]),
        (0, h(own["new"]), b"", own["exchange"]),
    )
    for number, new, old, exchange in moves:
        run_dialogue(reader.change_key(number, new=new, old=old, version=1), scripted([exchange]))


def test_reading_enciphered() -> None:
    """Table 28: an enciphered answer is opened."""
    case = EV2["get_card_uid"]
    read = session("get_card_uid", 0).read("ask for the UID", Native.GET_CARD_UID, b"", 7)
    assert run_dialogue(read, scripted([case["exchange"]])) == h(case["uid"])


def test_the_cards_side() -> None:
    """An emulated card opens AN12196's commands and gives AN12196's answers."""
    challenge = Challenge(Native.AUTHENTICATE_EV2_FIRST, 0, h(FIRST["key"]), h(FIRST["random_b"]))
    (_, first), (token, second) = FIRST["exchanges"]
    assert challenge.sent == h(first)[:-2]
    answer, card = challenge.met(h(token)[5:-1], lambda n: h(FIRST["ti"]))
    assert answer == h(second)[:-2]
    command, reply = (h(text) for text in EV2["write_full"]["exchange"])
    opened = card.opened(0x8D, command[5:12], command[12:-1], mode=CommMode.FULL, data_bytes=0x80)
    assert opened == padded_text()
    assert card.answer(b"", mode=CommMode.FULL) == reply[:-2]


def test_the_cards_side_of_keys_and_settings() -> None:
    """The same for GetFileSettings under a MAC, GetCardUID, and both kinds of ChangeKey."""
    card = Ev2CardSession(0, channel("get_file_settings"))
    command, reply = (h(text) for text in EV2["get_file_settings"]["exchange"])
    assert card.opened(0xF5, command[5:6], command[6:-1], mode=CommMode.MAC, data_bytes=0) == b""
    assert card.answer(reply[:-10], mode=CommMode.MAC) == reply[:-2]
    card = Ev2CardSession(0, channel("get_card_uid"))
    command, reply = (h(text) for text in EV2["get_card_uid"]["exchange"])
    card.opened(0x51, b"", command[5:-1], mode=CommMode.MAC, data_bytes=0)
    assert card.answer(h(EV2["get_card_uid"]["uid"]), mode=CommMode.FULL) == reply[:-2]
    card = Ev2CardSession(0, channel("keys_session", 2))
    for name in ("change_other_key", "change_own_key"):
        case = EV2[name]
        body = h(case["exchange"][0])[6:-1]
        assert card.new_key(case["number"], body, bytes(16)) == (h(case["new"]), case["version"])


def changed(text: str, at: int) -> str:
    """The same bytes but one."""
    data = bytearray(h(text))
    data[at] ^= 1
    return data.hex()


@pytest.mark.parametrize("at", range(32))
def test_a_card_with_another_key_proves_nothing(at: int) -> None:
    """Whichever byte of the card's proof is wrong, it is refused."""
    first, (token, proof) = FIRST["exchanges"]
    with pytest.raises(NotGenuine, match="did not prove"):
        authenticated([first, [token, changed(proof, at)]])


def test_a_card_that_refuses_our_key() -> None:
    """91AE is another key; other refusals and lengths are troubles of the conversation."""
    first, (token, _) = FIRST["exchanges"]
    with pytest.raises(NotGenuine, match="another key"):
        authenticated([first, [token, "91AE"]])
    with pytest.raises(CardRefused, match="911C"):
        authenticated([[first[0], "911C"]])
    with pytest.raises(CardProtocolError, match="bytes instead of 16"):
        authenticated([[first[0], "A04C91AF"]])
    with pytest.raises(CardProtocolError, match="broke off"):
        authenticated([[first[0], "91"]])


@pytest.mark.parametrize("at", range(8))
def test_a_forged_answer(at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer whose MAC is wrong in any byte is refused; without the comparison it would have passed."""
    command, reply = EV2["change_file_settings"]["exchange"]

    def send() -> None:
        settings = h(EV2["change_file_settings"]["settings"])
        reader = session("authentication", 1)
        dialogue = reader.send("change", Native.CHANGE_FILE_SETTINGS, b"\2", settings, mode=CommMode.FULL)
        run_dialogue(dialogue, scripted([[command, changed(reply, at)]]))

    with pytest.raises(NotGenuine, match="wrong MAC"):
        send()
    monkeypatch.setattr(ev2, "same", lambda left, right: True)
    send()


def test_an_answer_that_was_heard_before() -> None:
    """An answer of an earlier command of the same session is refused: the counter is part of its MAC."""
    reader = session("authentication", 0)
    write = reader.send("write", Native.NTAG_WRITE_DATA, h("02000000800000"), padded_text(), mode=CommMode.FULL)
    run_dialogue(write, scripted([EV2["write_full"]["exchange"]]))
    old = EV2["write_full"]["exchange"][1]
    settings = h(EV2["change_file_settings"]["settings"])
    change = reader.send("change", Native.CHANGE_FILE_SETTINGS, b"\2", settings, mode=CommMode.FULL)
    with pytest.raises(NotGenuine):
        run_dialogue(change, scripted([[EV2["change_file_settings"]["exchange"][0], old]]))


@pytest.mark.parametrize("at", range(1, 41))
def test_a_card_refuses_a_changed_command(at: int) -> None:
    """An emulated card refuses ChangeKey with any byte changed on the way."""
    case = EV2["change_other_key"]
    body = h(changed(case["exchange"][0], 5 + at))[6:-1]
    with pytest.raises(Refused):
        Ev2CardSession(0, channel("keys_session", 2)).new_key(2, body, bytes(16))


def test_keys_do_not_show() -> None:
    """No repr tells a session's keys."""
    shown = repr(channel("authentication")) + repr(Challenge(0x71, 0, b"K" * 16, b"R" * 16))
    assert FIRST["mac"].lower() not in shown.lower() and "KKKK" not in shown and "RRRR" not in shown


def test_random_numbers_are_used() -> None:
    """Two conversations begin differently."""
    sent: list[bytes] = []
    for seed in (1, 2):
        dialogue: Any = authenticate_ev2(0, bytes(16), random=seeded(seed))
        next(dialogue)
        sent.append(dialogue.send(h(FIRST["exchanges"][0][1])))
        dialogue.close()
    assert sent[0] != sent[1]
