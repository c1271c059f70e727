"""The simulated PN532 is as strict as the chip: asleep at first, at its own baud rate, in low-battery mode."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.nfc.emulated_cards import FelicaEmulated, Ntag215Emulated, TypeBEmulated, mifare_classic
from portillon_drivers.nfc.host_frame import SYNTAX_ERROR, FrameFinder, Mark, frame
from portillon_drivers.nfc.simulated_chip import BAUD_AT_RESET, SimulatedChip, crc_a
from portillon_drivers.nfc.simulated_field import CardInField

VECTORS = json.loads((Path(__file__).parent / "vectors" / "pn532.json").read_text())["crc_a"]["vectors"]
WAKE_UP = bytes(10)
GET_FIRMWARE_VERSION = b"\x02"
SAM_NORMAL = b"\x14\x01\x00\x00"
FIELD_ON = b"\x32\x01\x01"
FAST = b"\x10\x07"


def ask(chip: SimulatedChip, command: bytes, baud: int = BAUD_AT_RESET) -> bytes | None:
    """The body of the answer to a command; b"" + nothing is None."""
    replies = list(chip.receive(frame(b"\xd4" + command), baud))
    if not replies:
        return None
    assert replies[0] == Mark.ACK.value
    if replies[1] == SYNTAX_ERROR:
        return b"syntax error"
    [contents] = FrameFinder().feed(replies[1])
    assert isinstance(contents, bytes) and contents[:2] == bytes([0xD5, command[0] + 1])
    return contents[2:]


@pytest.fixture
def chip() -> SimulatedChip:
    chip = SimulatedChip()
    list(chip.receive(WAKE_UP, BAUD_AT_RESET))
    assert ask(chip, SAM_NORMAL) == b""
    return chip


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["data"])
def test_crc_a(vector: dict[str, str]) -> None:
    """The standard's examples."""
    assert crc_a(bytes.fromhex(vector["data"])).hex().upper() == vector["crc"]


def test_sleeping_chip_loses_what_wakes_it() -> None:
    """Without a preamble the first command is lost; behind ten zero bytes it is heard."""
    chip = SimulatedChip()
    assert ask(chip, GET_FIRMWARE_VERSION) is None
    assert ask(chip, GET_FIRMWARE_VERSION) == bytes.fromhex("32010607")
    chip.reset()
    assert len(list(chip.receive(WAKE_UP + frame(b"\xd4\x02"), BAUD_AT_RESET))) == 2


def test_low_battery_mode_has_no_field() -> None:
    """Before SAMConfiguration nothing is done with the field."""
    chip = SimulatedChip()
    list(chip.receive(WAKE_UP, BAUD_AT_RESET))
    assert ask(chip, FIELD_ON) == b"syntax error"
    assert ask(chip, SAM_NORMAL) == b"" and ask(chip, FIELD_ON) == b""


def test_baud_rate_changes_after_the_acknowledgement(chip: SimulatedChip) -> None:
    """The answer still comes at the old speed; after the host's ACK only the new one is heard."""
    assert ask(chip, FAST) == b""
    assert chip.baud == BAUD_AT_RESET
    list(chip.receive(Mark.ACK.value, BAUD_AT_RESET))
    assert ask(chip, GET_FIRMWARE_VERSION) is None
    assert ask(chip, GET_FIRMWARE_VERSION, 921_600) is not None


def test_unknown_command_is_a_syntax_error(chip: SimulatedChip) -> None:
    """What the chip does not know, or cannot read, is answered with the error frame."""
    assert ask(chip, b"\x99") == b"syntax error"
    assert ask(chip, b"\x4a\x03\x00") == b"syntax error"


def test_answer_is_sent_again_on_nack(chip: SimulatedChip) -> None:
    """A host that missed an answer gets the same once more."""
    first = list(chip.receive(frame(b"\xd4\x02"), BAUD_AT_RESET))[1]
    assert list(chip.receive(Mark.NACK.value, BAUD_AT_RESET)) == [first]


def test_searches_find_each_family(chip: SimulatedChip) -> None:
    """InListPassiveTarget tells what the manual's tables say, SENS_RES high byte first."""
    chip.field.put(*map(CardInField, (mifare_classic(), TypeBEmulated(), FelicaEmulated())))
    assert ask(chip, b"\x4a\x01\x00") == bytes.fromhex("01 01 0004 08 04 01A2B3C4")
    assert ask(chip, b"\x4a\x01\x03\x00") == bytes.fromhex("01 01 50 50C1D2A3 00000000 008185 0101")
    for speed in (1, 2):
        felica = bytes.fromhex("01 01 14 01 01120312AB4C5D6E 03014B024F4993FF 12FC")
        assert ask(chip, bytes([0x4A, 1, speed]) + bytes.fromhex("00FFFF0100")) == felica


def test_lowest_number_wins_and_the_second_is_found_after_a_halt(chip: SimulatedChip) -> None:
    """Anticollision finds one whole UID of two; halted, it stays silent and the other is found."""
    first, second = mifare_classic(), Ntag215Emulated()
    chip.field.put(CardInField(second), CardInField(first))
    found = ask(chip, b"\x4a\x01\x00")
    assert found is not None and found.endswith(first.uid)
    assert ask(chip, b"\x42\x50\x00") == b"\x01"
    found = ask(chip, b"\x4a\x01\x00")
    assert found is not None and found.endswith(second.uid)
    assert ask(chip, b"\x4a\x02\x00") is not None


def test_type_2_card_is_read_with_its_crc_when_the_check_is_off(chip: SimulatedChip) -> None:
    """With CIU_RxMode's CRC bit cleared, as nfcpy does for type 2, the host gets the card's CRC_A."""
    card = Ntag215Emulated()
    chip.field.put(CardInField(card))
    ask(chip, b"\x4a\x01\x00")
    pages = bytes(card.memory[:16])
    assert ask(chip, b"\x42\x30\x00") == b"\x00" + pages
    ask(chip, b"\x08\x63\x03\x00")
    assert ask(chip, b"\x42\x30\x00") == b"\x00" + pages + crc_a(pages)


def test_card_torn_out_is_a_time_out(chip: SimulatedChip) -> None:
    """After its last frame the card is gone, and the chip says so by status 01."""
    chip.field.put(CardInField(Ntag215Emulated(), leaves_after=1))
    ask(chip, b"\x4a\x01\x00")
    answers = [ask(chip, b"\x42\x60") for _ in range(2)]
    assert answers[0] is not None and answers[0][:1] == b"\x00" and answers[1] == b"\x01"
    ask(chip, b"\x32\x01\x00")
    assert ask(chip, b"\x4a\x01\x00") == b"\x00"


@given(
    portions=st.lists(
        st.one_of(st.binary(max_size=60), st.binary(min_size=1, max_size=60).map(lambda body: frame(b"\xd4" + body))),
        max_size=20,
    ),
    bauds=st.lists(st.sampled_from([115_200, 921_600, 0]), min_size=1, max_size=20),
)
def test_any_bytes_at_any_speed_are_taken(portions: list[bytes], bauds: list[int]) -> None:
    """Whatever a host sends, well framed or not, the chip answers whole frames or nothing."""
    chip = SimulatedChip()
    chip.field.put(*map(CardInField, (Ntag215Emulated(), TypeBEmulated(), FelicaEmulated())))
    for number, portion in enumerate([WAKE_UP, frame(b"\xd4" + SAM_NORMAL), *portions]):
        for sent in chip.receive(portion, bauds[number % len(bauds)]):
            assert sent in (b"", SYNTAX_ERROR) or len(list(FrameFinder().feed(sent))) == 1
