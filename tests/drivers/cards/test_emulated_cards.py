"""The emulated cards refuse what the chips refuse, and outlive anything that is sent to them."""

import pytest
from drivers.cards.card_field import KEYRING, UID, asked, present, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.dialogue import run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.errors import CardRefused, NotGenuine
from portillon_drivers.cards.ev1 import authenticate_ev1
from portillon_drivers.cards.ev2 import authenticate_ev2
from portillon_drivers.cards.ntag424_emulated import COUNTER_MAX, Ntag424Emulated
from portillon_drivers.cards.provision_desfire import provision_desfire
from portillon_drivers.cards.provision_ntag424 import provision_ntag424

NDEF = "00A4040C07D276000085010100"
READ = "00B0000000"
FILE = "00A4000C02E104"


def says(card: EmulatedCard, *commands: str) -> str:
    """The answer to the last of these commands."""
    answer = b""
    for command in commands:
        answer = card.apdu(bytes.fromhex(command))
    return answer.hex().upper()


def tag() -> Ntag424Emulated:
    """A blank tag."""
    return Ntag424Emulated(UID, random=seeded(31))


def written_tag() -> Ntag424Emulated:
    """A tag of the site."""
    card = tag()
    present(card, provision_ntag424(UID, KEYRING, random=seeded(32)))
    card.select()
    return card


def card(generation: int = 2) -> DesfireEmulated:
    """An empty card."""
    return DesfireEmulated(UID, generation=generation, random=seeded(33))


@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        (["00A4040C03A0000000"], "6A82"),  # another application
        (["00A40400"], "6A82"),
        (["00"], "6700"),
        (["00A4040C07D27600"], "6700"),  # shorter than it says
        (["80CA000000"], "6E00"),
        (["00FF000000"], "6D00"),
        ([FILE], "6A82"),  # a file before its application
        ([READ], "6A82"),
        ([NDEF, "00A4000C02E105", READ], "6982"),  # the proprietary file is enciphered
        ([NDEF, FILE, "00B0010010"], "6B00"),  # behind its end
        ([NDEF, FILE, "00B00000"], "6700"),
        (["9071000002000000"], "911C"),  # keys live in the application
        ([NDEF, "9071000002050000"], "9140"),
        ([NDEF, "90710000010000"], "917E"),
        ([NDEF, "90AF000000"], "911C"),
        ([NDEF, "9071000002000000", "90640000010000"], "91CA"),
        ([NDEF, "9071000002000000", "90AF000020" + "00" * 32 + "00"], "91AE"),
        ([NDEF, "9071000002000000", "90AF000010" + "00" * 16 + "00"], "917E"),
        ([NDEF, "90C4000029" + "00" * 41 + "00"], "91AE"),
        ([NDEF, "905F000002024000"], "91AE"),
        ([NDEF, "90AD0000070200000001010000"], "91BE"),
        ([NDEF, "90AD0000070900000001000000"], "91F0"),
        ([NDEF, "90AD0000070300000001000000"], "919D"),
        ([NDEF, "90640000010900"], "9140"),
        ([NDEF, "9051000000"], "91AE"),
        ([NDEF, "9064000100010000"], "6700"),
        ([NDEF, "90640001010000"], "6A86"),
    ],
)
def test_what_a_tag_refuses(commands: list[str], answer: str) -> None:
    """Wrong lengths, keys, files, orders: each with the chip's own status word."""
    assert says(tag(), *commands) == answer


def test_what_a_tag_tells() -> None:
    """GetVersion in three frames with the UID in the last, settings and key versions without a key."""
    fresh = tag()
    assert says(fresh, "9060000000") == "0404023000110591AF"
    assert says(fresh, "90AF000000") == "0404020102110591AF"
    assert says(fresh, "90AF000000").startswith(UID.hex().upper()) and says(fresh, "90AF000000") == "911C"
    assert says(fresh, NDEF, "90F50000010200") == "0000E0EE0001009100"
    assert says(fresh, NDEF, "90F50000010300") == "000330238000009100"
    assert says(fresh, NDEF, "90640000010000") == "009100"


def test_the_counter() -> None:
    """It rises with the first look after anything else, once for a text read in parts, and never beyond its end."""
    written = written_tag()
    start = written.counter
    for _ in range(3):
        says(written, NDEF, FILE, "00B0000002", "00B0000220", "00B0002220")
    assert written.counter == start + 3
    written.select()
    says(written, NDEF, FILE, READ, FILE, READ)
    assert written.counter == start + 5
    assert says(written, NDEF, "90AD0000070200000020000000").endswith("9100")
    assert written.counter == start + 6
    written.counter = COUNTER_MAX
    assert says(written, NDEF, FILE, READ) == "6985"


def test_a_session_ends_with_the_field_and_with_each_refusal() -> None:
    """Whoever proved a key must do so again after the field went, an application was selected, or the tag said no."""
    for ending in ("field", NDEF, "90C4000001FF00"):
        fresh = tag()
        says(fresh, NDEF)
        session = run_dialogue(authenticate_ev2(0, bytes(16), random=seeded(1)), fresh.apdu)
        if ending == "field":
            fresh.select()
            says(fresh, NDEF)
        else:
            says(fresh, ending)
        with pytest.raises(CardRefused, match="91AE"):
            run_dialogue(session.change_key(1, new=b"N" * 16, old=bytes(16), version=1), fresh.apdu)


def test_only_the_first_key_changes_keys() -> None:
    """Another key than the administration's may be proven, but changes nothing."""
    fresh = tag()
    says(fresh, NDEF)
    session = run_dialogue(authenticate_ev2(1, bytes(16), random=seeded(1)), fresh.apdu)
    with pytest.raises(CardRefused, match="91AE"):
        run_dialogue(session.change_key(1, new=b"N" * 16, old=bytes(16), version=1), fresh.apdu)


AID = "905A000003" + "314C50" + "00"
MAKE = "90CA000005" + "314C50" + "0982" + "00"


@pytest.mark.parametrize("generation", [1, 2])
@pytest.mark.parametrize(
    ("commands", "answer"),
    [
        ([NDEF], "6A82"),
        ([AID], "91A0"),
        ([MAKE, MAKE], "91DE"),
        (["90CA000005314C50098000"], "919E"),  # no keys
        (["90CA000005314C50090200"], "919E"),  # DES keys are not modelled
        (["90AA0000010000"], "91AE"),  # the PICC master key is none of AES
        ([MAKE, AID, "90AA0000010900"], "9140"),
        ([MAKE, AID, "90AA0000010000", "90640000010000"], "91CA"),
        ([MAKE, AID, "90AA0000010000", "90AF000020" + "00" * 32 + "00"], "91AE"),
        ([MAKE, AID, "90C4000021" + "00" * 33 + "00"], "91AE"),
        ([MAKE, AID, "90CD0000070103001010000000"], "91AE"),
        ([MAKE, AID, "90BD0000070100000000000000"], "91F0"),
        ([MAKE, AID, "90640000010500"], "9140"),
        ([MAKE, AID, "90640000010100"], "009100"),
        ([MAKE, AID, "9064000002010000"], "917E"),
        (["90640000010000"], "919D"),
        (["905A000002314C00"], "917E"),
        (["90AF000000"], "911C"),
        (["9099000000"], "911C"),
        ([MAKE, "906A000000"], "314C509100"),
        (["80CA000000"], "6E00"),
    ],
)
def test_what_a_desfire_refuses_and_tells(generation: int, commands: list[str], answer: str) -> None:
    """Wrong lengths, keys, files, orders: each with the chip's own status word, either generation."""
    assert says(card(generation), *commands) == answer


def test_an_ev1_knows_no_ev2() -> None:
    """An EV1 refuses EV2First with 911C and long frames with 917E."""
    ev1 = card(1)
    assert says(ev1, MAKE, AID, "9071000002000000") == "911C"
    assert says(ev1, MAKE, AID, "903D000050" + "00" * 80 + "00") == "917E"


def test_frames_of_a_long_answer() -> None:
    """GetVersion comes in three frames; another command in between ends it with 91CA."""
    ev2 = card()
    assert says(ev2, "9060000000").endswith("91AF")
    assert says(ev2, "90AF000000", "90AF000000").startswith(UID.hex().upper())
    assert says(ev2, "9060000000", "9060000000") == "91CA"


def test_writing_in_frames() -> None:
    """A write that stops in the middle writes nothing."""
    ev2 = card()
    free = MAKE.replace("0982", "0F82")
    assert says(ev2, free, AID, "90CD000007" + "0100EEEE" + "200000" + "00") == "9100"
    head = "01" + "000000" + "200000"
    assert says(ev2, "903D000017" + head + "41" * 16 + "00") == "91AF"
    assert says(ev2, "90640000010000") == "91CA"
    assert not any(ev2.applications[bytes.fromhex("314C50")].files[1].data)
    assert says(ev2, AID, "903D000017" + head + "41" * 16 + "00", "90AF000010" + "42" * 16 + "00") == "9100"
    assert says(ev2, "90BD000007" + head + "00") == "41" * 16 + "42" * 16 + "9100"
    assert says(ev2, "903D000017" + head + "41" * 16 + "00", "90AF000012" + "42" * 18 + "00") == "917E"
    assert says(ev2, AID, "90BD000007" + "01" + "100000" + "200000" + "00") == "91BE"


def test_wrong_keys_do_not_open_either_generation() -> None:
    """A reader with another key learns so, in both authentications."""
    ev2 = card()
    says(ev2, MAKE, AID)
    for authenticate in (authenticate_ev1, authenticate_ev2):
        with pytest.raises(NotGenuine):
            run_dialogue(authenticate(0, b"X" * 16, random=seeded(1)), ev2.apdu)


COMMANDS = bytes.fromhex("AA71AF6064C4F55FAD8D515ACACDBD3D")
APDUS = st.lists(
    st.one_of(
        st.binary(max_size=64),
        st.builds(
            lambda ins, data: bytes([0x90, ins, 0, 0, len(data)]) + data + b"\0",
            st.sampled_from(
                [0xAA, 0x71, 0xAF, 0x60, 0x64, 0xC4, 0xF5, 0x5F, 0xAD, 0x8D, 0x51, 0x5A, 0xCA, 0xCD, 0xBD, 0x3D]
            ),
            st.binary(min_size=1, max_size=60),
        ),
        st.sampled_from([bytes.fromhex(text) for text in (NDEF, FILE, READ, AID, MAKE, "9071000002000000")]),
    ),
    max_size=12,
)


@settings(max_examples=300)
@given(commands=APDUS)
def test_any_commands(commands: list[bytes]) -> None:
    """Whatever is sent, in whatever order, is answered with a status word, and changes no key."""
    tag_written, desfire = written_tag(), card()
    present(desfire, provision_desfire(UID, KEYRING, random=seeded(34)))
    for target in (tag(), tag_written, card(1), desfire):
        for command in commands:
            answer = target.apdu(command)
            assert 2 <= len(answer) <= 258
            assert answer[-2] in (0x90, 0x91) or answer[-2] & 0xF0 == 0x60
        assert target.raw(b"\x30\x00") is None
    assert asked(tag_written).credential.kind == "ntag424"
    assert asked(desfire).credential.kind == "desfire"
