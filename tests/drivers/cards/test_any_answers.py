"""Whatever a card answers, a reader ends with a credential, NotGenuine or CardProtocolError."""

from collections.abc import Iterator

import pytest
from drivers.cards.card_field import KEYRING, PROOFS, UID, WITH_UID, present, seeded
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.dialogue import EXCHANGES_MAX, CardProtocolError, Dialogue, run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.errors import CardError, NotGenuine, ProvisioningError
from portillon_drivers.cards.errors import CardProtocolError as Same
from portillon_drivers.cards.identify import Identified, identify
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.cards.provision_desfire import provision_desfire
from portillon_drivers.cards.provision_ntag424 import provision_ntag424
from portillon_rules.credential import CredentialKind

STATUSES = [bytes.fromhex(text) for text in ("9000", "9100", "91AF", "91AE", "911C", "6A82", "917E")]
ANSWERS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.builds(lambda data, status: data + status, st.binary(max_size=100), st.sampled_from(STATUSES)),
        st.sampled_from([bytes(16) + b"\x91\xaf", b"\x01\x91\x00", b"\x00\x48\x90\x00", bytes(72) + b"\x90\x00"]),
    ),
    max_size=20,
)


def at_any_reader(dialogue: Dialogue[Identified], answers: list[bytes]) -> Identified | None:
    """What comes of it when a card answers this; then it goes silent, which the reader would tell as torn."""
    rest: Iterator[bytes] = iter(answers)
    try:
        return run_dialogue(dialogue, lambda command: next(rest, b"\x6f\x00"))
    except (NotGenuine, CardProtocolError):
        return None


@settings(max_examples=400)
@given(answers=ANSWERS, uid=st.sampled_from([UID, b"\x08abc", b"abcd", bytes(10)]))
def test_identify(answers: list[bytes], uid: bytes) -> None:
    """Any answers: a proof is never believed, a bare UID at most."""
    assert at_any_reader(identify(uid, 0x20, b"", KEYRING, PROOFS), answers) is None
    found = at_any_reader(identify(uid, 0x20, b"", KEYRING, WITH_UID), answers)
    assert found is None or found.credential.kind is CredentialKind.NFCA


@settings(max_examples=200)
@given(answers=ANSWERS)
def test_provisioning(answers: list[bytes]) -> None:
    """Any answers: writing ends with an error of the card's, never with success."""
    for dialogue in (provision_ntag424(UID, KEYRING), provision_desfire(UID, KEYRING)):
        rest = iter(answers)
        with pytest.raises((NotGenuine, CardProtocolError, ProvisioningError)):
            run_dialogue(dialogue, lambda command, rest=rest: next(rest, b"\x6f\x00"))


def genuine() -> list[EmulatedCard]:
    """Cards of the site."""
    tag = Ntag424Emulated(UID, random=seeded(41))
    present(tag, provision_ntag424(UID, KEYRING, random=seeded(42)))
    cards: list[EmulatedCard] = [tag]
    for generation in (1, 2):
        card = DesfireEmulated(UID, generation=generation, random=seeded(43))
        present(card, provision_desfire(UID, KEYRING, random=seeded(44)))
        cards.append(card)
    return cards


CARDS = genuine()


@settings(max_examples=400)
@given(card=st.sampled_from(CARDS), at=st.integers(0, 9), byte=st.integers(0, 120), flip=st.integers(1, 255))
def test_one_byte_of_a_genuine_talk(card: EmulatedCard, at: int, byte: int, flip: int) -> None:
    """A genuine card whose answers are changed in one byte is itself or nobody, never somebody else."""
    answers = [at]

    def exchange(command: bytes) -> bytes:
        answer = bytearray(card.apdu(command))
        if not answers[0] and byte < len(answer):
            answer[byte] ^= flip
        answers[0] -= 1
        return bytes(answer)

    card.select()
    true = present(card, identify(UID, card.sak, card.atqa, KEYRING, PROOFS))
    card.select()
    try:
        found = run_dialogue(identify(UID, card.sak, card.atqa, KEYRING, PROOFS), exchange)
    except (NotGenuine, CardProtocolError):
        return
    assert found.credential == true.credential
    assert found.counter is None or true.counter is None or found.counter == true.counter + 1


def test_a_card_that_goes_on_for_ever() -> None:
    """A card that always has more to say is given up within bounds."""
    asked: list[bytes] = []

    def exchange(command: bytes) -> bytes:
        asked.append(command)
        return b"\x00" * 7 + b"\x91\xaf"

    with pytest.raises(CardError):
        run_dialogue(provision_desfire(UID, KEYRING), exchange)
    assert len(asked) < 50


def test_a_dialogue_without_an_end_is_given_up() -> None:
    """No dialogue keeps a reader for ever, and it is closed when it is given up."""
    closed: list[bool] = []

    def endless() -> Dialogue[None]:
        try:
            while True:
                yield b""
        finally:
            closed.append(True)

    with pytest.raises(Same, match=str(EXCHANGES_MAX)):
        run_dialogue(endless(), lambda command: b"")
    assert closed == [True]


def test_the_readers_own_errors_pass_through() -> None:
    """What the reader raises when the card has left reaches the caller as it is."""

    class Left(Exception):
        pass

    def exchange(command: bytes) -> bytes:
        raise Left

    with pytest.raises(Left):
        run_dialogue(identify(UID, 0x20, b"", KEYRING, PROOFS), exchange)
