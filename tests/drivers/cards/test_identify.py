"""What a reader finds out about a card in its field."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from drivers.cards.card_field import (
    KEYRING,
    OTHER_UID,
    PROOFS,
    STRANGERS,
    UID,
    WITH_UID,
    asked,
    present,
    seeded,
)
from portillon_drivers.cards import prove_ntag424
from portillon_drivers.cards.cipher import FACTORY_KEY
from portillon_drivers.cards.desfire_emulated import DesfireEmulated
from portillon_drivers.cards.desfire_layout import native_aid
from portillon_drivers.cards.dialogue import CardProtocolError, Dialogue, run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.errors import NotGenuine
from portillon_drivers.cards.file_settings import FREE, FileSettings, Sdm
from portillon_drivers.cards.identify import Identified, identify
from portillon_drivers.cards.keyring import CardKeyring, DesfireKey, ForeignTags, NtagKey
from portillon_drivers.cards.keyring_making import for_gateway, retired, rotated
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.cards.provision_desfire import provision_desfire
from portillon_drivers.cards.provision_ntag424 import provision_ntag424
from portillon_drivers.cards.session import CommMode
from portillon_rules.credential import CredentialKind


def ntag(uid: bytes = UID, keyring: CardKeyring = KEYRING) -> Ntag424Emulated:
    """A tag that the desk wrote."""
    tag = Ntag424Emulated(uid, random=seeded(11))
    present(tag, provision_ntag424(uid, keyring, random=seeded(12)))
    return tag


def desfire(uid: bytes = UID, keyring: CardKeyring = KEYRING, *, generation: int = 2) -> DesfireEmulated:
    """A card that the desk wrote."""
    card = DesfireEmulated(uid, generation=generation, random=seeded(13))
    present(card, provision_desfire(uid, keyring, random=seeded(int.from_bytes(uid))))
    return card


def test_ntag424() -> None:
    """A tag of the site is told by its UID, with a counter that rises at every look."""
    tag = ntag()
    before = asked(tag, for_gateway(KEYRING))
    after = asked(tag, for_gateway(KEYRING))
    assert str(before.credential) == f"ntag424:{UID.hex().upper()}"
    assert before.counter is not None and after.counter == before.counter + 1


@pytest.mark.parametrize("generation", [1, 2])
def test_desfire(generation: int) -> None:
    """A card of the site is told by its signed number, whichever generation it is; it has no counter."""
    card = desfire(generation=generation)
    first, second = asked(card, for_gateway(KEYRING)), asked(card, for_gateway(KEYRING))
    assert first == second and first.counter is None
    assert first.credential.kind is CredentialKind.DESFIRE
    assert asked(desfire(OTHER_UID)) != asked(desfire())


@pytest.mark.parametrize("card", [ntag(keyring=STRANGERS), desfire(keyring=STRANGERS)])
def test_another_sites_cards(card: EmulatedCard) -> None:
    """Cards of another site prove nothing here; where bare UIDs are accepted, that is what they are."""
    with pytest.raises(NotGenuine):
        asked(card)
    assert str(asked(card, wanted=WITH_UID).credential) == f"nfca:{UID.hex().upper()}"


@pytest.mark.parametrize("card", [Ntag424Emulated(UID), DesfireEmulated(UID), DesfireEmulated(UID, generation=1)])
def test_blank_cards(card: EmulatedCard) -> None:
    """A card as from the factory proves nothing."""
    with pytest.raises(NotGenuine):
        asked(card)


def test_a_copied_tag() -> None:
    """Somebody who copies a tag's UID and text, but cannot have its key, does not pass even with a fresh message."""
    victim, fake = ntag(), Ntag424Emulated(UID)
    victim.select()
    for command in ("00A4040C07D276000085010100", "00A4000C02E104"):
        victim.apdu(bytes.fromhex(command))
    text = victim.apdu(bytes.fromhex("00B0000000"))[:-2]
    fake.files[2].data[:] = text
    with pytest.raises(NotGenuine, match="another key"):
        asked(fake)


def test_messages_noted_beforehand_are_worth_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The challenge is what refuses the copy above; without it, the noted message would have opened the door once."""

    def unchallenged(number: int, key: bytes, *, random: Any) -> Dialogue[None]:
        yield bytes.fromhex("9060000000")

    monkeypatch.setattr(prove_ntag424, "authenticate_ev2", unchallenged)
    with pytest.raises(pytest.fail.Exception):
        test_a_copied_tag()


def test_a_tag_under_another_uid() -> None:
    """A message of one tag, shown by something that says it is another, is refused."""
    tag = ntag()
    with pytest.raises(NotGenuine, match="another tag's"):
        present(tag, identify(OTHER_UID, tag.sak, tag.atqa, KEYRING, PROOFS))


def test_a_copied_desfire() -> None:
    """A card with the victim's UID, application and even its file, but without its key, does not pass."""
    victim, fake = desfire(), DesfireEmulated(UID)
    application = victim.applications[native_aid()]
    fake.applications[native_aid()] = application
    assert asked(fake)  # a true copy, key and all, could not be told from the card
    application.keys[DesfireKey.READ].value = FACTORY_KEY
    with pytest.raises(NotGenuine, match="another key"):
        asked(fake)


def test_a_leaked_key_makes_no_card_without_the_signature() -> None:
    """Whoever has a gateway's keys can talk as a card, and still cannot sign a number for it."""
    card = desfire()
    file = card.applications[native_aid()].files[1]
    file.data[9:25] = bytes(16)
    with pytest.raises(NotGenuine, match="signature"):
        asked(card)


def test_a_file_moved_to_another_card() -> None:
    """A signed file of one card proves nothing on another one of the same site."""
    card, other = desfire(), desfire(OTHER_UID)
    other.applications[native_aid()].files[1].data[:] = card.applications[native_aid()].files[1].data
    with pytest.raises(NotGenuine, match="signature"):
        asked(other)


@pytest.mark.parametrize("make", [ntag, desfire])
def test_overlap_of_versions(make: Callable[[], EmulatedCard]) -> None:
    """A card of the previous version passes until that version is retired."""
    card, twice = make(), rotated(KEYRING, random=seeded(7))
    assert asked(card, twice).credential == asked(card).credential
    with pytest.raises(NotGenuine):
        asked(card, retired(twice, 1))


def test_tags_that_somebody_else_wrote() -> None:
    """Tags with enciphered UID, their own offsets and keys are told, described in the keyring."""
    sdm = Sdm(2, 1, picc_offset=0x20, mac_input_offset=0x43, mac_offset=0x43)
    tag = Ntag424Emulated(UID, random=seeded(4))
    tag.keys[1].value, tag.keys[2].value = b"F" * 16, b"M" * 16
    url = b"choose.url.com/ntag424?e=" + b"0" * 32 + b"&c=" + b"0" * 16
    tag.files[2].data[: len(url) + 7] = (len(url) + 5).to_bytes(2) + bytes([0xD1, 1, len(url) + 1]) + b"U\x04" + url
    tag.files[2].settings = FileSettings(CommMode.PLAIN, FREE, 0, 0, 0, sdm)
    foreign = ForeignTags("wristbands", sdm, b"F" * 16, b"M" * 16)
    found = asked(tag, replace(for_gateway(KEYRING), foreign=(foreign,)))
    assert str(found.credential) == f"ntag424:{UID.hex().upper()}" and found.counter == 1
    with pytest.raises(NotGenuine):
        asked(tag, replace(KEYRING, foreign=(replace(foreign, meta_read_key=b"X" * 16),)))


def silent(command: bytes) -> bytes:
    """A card that must not be asked."""
    raise AssertionError("asked")


def said(uid: str, sak: int = 0x20, keyring: CardKeyring | None = None) -> Identified:
    """What a card is taken for that answers nothing."""
    return run_dialogue(identify(bytes.fromhex(uid), sak, b"", keyring, WITH_UID), silent)


def test_bare_uids() -> None:
    """Without ISO 14443-4 or without keys, a card is asked nothing, and is its UID."""
    assert str(said("04A1B2C3D4E580", 0x00, KEYRING).credential) == "nfca:04A1B2C3D4E580"
    assert str(said("DEADBEEF", 0x08, KEYRING).credential) == "nfca:DEADBEEF"
    assert str(said("04A1B2C3D4E580").credential) == "nfca:04A1B2C3D4E580"
    with pytest.raises(NotGenuine, match="random"):
        said("08A1B2C3")
    with pytest.raises(CardProtocolError, match="5 bytes"):
        said("0102030405")
    with pytest.raises(NotGenuine, match="none of the applications"):
        run_dialogue(identify(UID, 0x08, b"", KEYRING, PROOFS), silent)


def test_only_what_is_wanted_is_asked_for() -> None:
    """A reader that takes one kind only does not even select the other's application."""
    for kind, card in ((CredentialKind.DESFIRE, ntag()), (CredentialKind.NTAG424, desfire())):
        with pytest.raises(NotGenuine, match="none of the applications"):
            asked(card, wanted=frozenset({kind}))


def test_a_card_that_hides_its_uid() -> None:
    """DESFire keys come from the UID, so a random one is refused with what to do."""
    card = desfire()
    card.uid = bytes.fromhex("08112233")
    with pytest.raises(NotGenuine, match="random ID"):
        asked(card)


def test_a_phone() -> None:
    """A card that knows neither application is refused, or is its UID."""
    with pytest.raises(NotGenuine, match="none of the applications"):
        run_dialogue(identify(UID, 0x20, b"", KEYRING, PROOFS), lambda command: b"\x6a\x82")


def test_no_secret_in_what_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the refusal nor its repr quotes UID, keys or text of the card."""
    for card in (ntag(keyring=STRANGERS), desfire(keyring=STRANGERS)):
        with pytest.raises(NotGenuine) as told:
            asked(card)
        assert UID.hex() not in repr(told.value).lower()
    key = KEYRING.current.ntag_key(NtagKey.SUN, UID)
    assert key.hex() not in capsys.readouterr().out
