"""Writing cards: what they prove afterwards, interrupted and begun again, and what no fake gets out of it."""

import itertools
from typing import Any

import pytest
from drivers.cards.card_field import (
    KEYRING,
    OTHER_UID,
    STRANGERS,
    UID,
    CardLeft,
    asked,
    present,
    seeded,
    taken_away_after,
)
from portillon_drivers.cards.cipher import FACTORY_KEY
from portillon_drivers.cards.desfire_emulated import DesfireEmulated, StoredApplication
from portillon_drivers.cards.desfire_layout import native_aid
from portillon_drivers.cards.dialogue import Dialogue, run_dialogue
from portillon_drivers.cards.emulated import EmulatedCard
from portillon_drivers.cards.emulated_apdu import StoredKey
from portillon_drivers.cards.errors import CardRefused, NotGenuine, ProvisioningError
from portillon_drivers.cards.identify import Identified
from portillon_drivers.cards.keyring import CardKeyring, DesfireKey, NtagKey
from portillon_drivers.cards.keyring_file import CardKeyringError
from portillon_drivers.cards.keyring_making import for_gateway, retired, rotated
from portillon_drivers.cards.ntag424_emulated import Ntag424Emulated
from portillon_drivers.cards.provision_desfire import provision_desfire
from portillon_drivers.cards.provision_ntag424 import provision_ntag424

TWICE = rotated(KEYRING, random=seeded(21))


def blank(kind: str, uid: bytes = UID) -> Ntag424Emulated | DesfireEmulated:
    """A card as from the factory."""
    if kind == "ntag424":
        return Ntag424Emulated(uid, random=seeded(22))
    return DesfireEmulated(uid, generation=int(kind[-1]), random=seeded(23))


KINDS = ("ntag424", "desfire 1", "desfire 2")


def writing(card: EmulatedCard, keyring: CardKeyring = KEYRING, **options: Any) -> Dialogue[Identified]:
    """The dialogue that writes this card."""
    options = {"random": seeded(24)} | options
    if isinstance(card, Ntag424Emulated):
        return provision_ntag424(card.uid, keyring, **options)
    return provision_desfire(card.uid, keyring, **options)


def keys_of(card: Ntag424Emulated | DesfireEmulated) -> list[StoredKey]:
    """The keys in the card."""
    return card.keys if isinstance(card, Ntag424Emulated) else card.applications[native_aid()].keys


@pytest.mark.parametrize("kind", KINDS)
def test_a_blank_card(kind: str) -> None:
    """Afterwards it proves at a gateway what was told, and every factory key has given way to the keyring's version."""
    card, steps = blank(kind), list[str]()
    written = present(card, writing(card, progress=steps.append))
    assert asked(card, for_gateway(KEYRING)).credential == written.credential
    assert {key.version for key in keys_of(card)} == {1}
    assert FACTORY_KEY not in {key.value for key in keys_of(card)}
    assert len(steps) == 6 and steps[0] == "looking at the card"


@pytest.mark.parametrize("kind", KINDS)
def test_written_again(kind: str) -> None:
    """Writing a written card changes nothing of what it proves."""
    card = blank(kind)
    first = present(card, writing(card))
    again = present(card, writing(card, random=seeded(77), may_be_blank=lambda: False))
    assert again.credential == first.credential


@pytest.mark.parametrize("kind", KINDS)
def test_renewed(kind: str) -> None:
    """A card of the previous version gets the current one's keys and remains the same credential."""
    card = blank(kind)
    first = present(card, writing(card))
    assert present(card, writing(card, TWICE, random=seeded(78))).credential == first.credential
    assert {key.version for key in keys_of(card)} == {2}
    assert asked(card, retired(TWICE, 1)).credential == first.credential


@pytest.mark.parametrize("keyring", [KEYRING, TWICE], ids=["new", "renewed"])
@pytest.mark.parametrize("kind", KINDS)
def test_taken_away_at_any_moment(kind: str, keyring: CardKeyring) -> None:
    """Whenever the card is taken away, writing it again ends well, and a half-written card opens nothing by halves."""
    for count in itertools.count(1):
        card = blank(kind)
        if keyring is TWICE:
            present(card, writing(card))
        card.select()
        try:
            run_dialogue(writing(card, keyring), taken_away_after(card, count))
        except CardLeft:
            written = present(card, writing(card, keyring, random=seeded(25)))
            assert asked(card, for_gateway(keyring)).credential == written.credential
        else:
            break
    assert count > 15


@pytest.mark.parametrize("kind", KINDS)
def test_another_sites_card(kind: str) -> None:
    """A card with unknown versions or other keys is left alone, with the advice to take another one."""
    card = blank(kind)
    present(card, writing(card, rotated(STRANGERS, random=seeded(1))))
    with pytest.raises(ProvisioningError, match="version 2, which is not in the keyring"):
        present(card, writing(card))
    present(other := blank(kind), writing(other, STRANGERS))
    with pytest.raises(ProvisioningError, match="neither the factory's keys nor this site's"):
        present(other, writing(other))


def sent_while_writing(card: EmulatedCard, dialogue: Dialogue[Identified]) -> list[bytes]:
    """All commands of a dialogue that a card sees, to its end."""
    commands: list[bytes] = []

    def exchange(command: bytes) -> bytes:
        commands.append(command)
        return card.apdu(command)

    card.select()
    run_dialogue(dialogue, exchange)
    return commands


@pytest.mark.parametrize("kind", KINDS)
def test_a_fake_blank_card_learns_no_site_key(kind: str) -> None:
    """A fake that opens all that it is sent has the keys of its own UID, and with them is nobody else at any door."""
    fake = blank(kind)
    present(fake, writing(fake))
    learned = {key.value for key in keys_of(fake)}
    version = KEYRING.current
    assert version.admin_key is not None and version.issuer is not None
    assert not learned & {version.reader_key, version.admin_key, version.issuer.secret}
    others = {version.ntag_key(key, OTHER_UID) for key in NtagKey}
    assert not learned & (others | {version.desfire_key(key, OTHER_UID) for key in DesfireKey})
    victim = blank(kind, OTHER_UID)
    present(victim, writing(victim))
    fake.uid = OTHER_UID  # with all that it learned, it now says that it is the victim
    with pytest.raises(NotGenuine):
        asked(fake)


@pytest.mark.parametrize("kind", KINDS)
def test_a_fake_with_a_written_cards_uid(kind: str) -> None:
    """A blank card with the UID of a card that was written before gets not one key; without that memory it would."""
    fake = blank(kind)
    commands: list[bytes] = []

    def exchange(command: bytes) -> bytes:
        commands.append(command)
        return fake.apdu(command)

    with pytest.raises(ProvisioningError, match="fake"):
        run_dialogue(writing(fake, may_be_blank=lambda: False), exchange)
    assert not [command for command in commands if command[1] in (0xC4, 0x3D, 0x8D)]
    assert {key.value for key in keys_of(fake)} == {FACTORY_KEY}
    present(fake, writing(fake, may_be_blank=lambda: True))
    assert FACTORY_KEY not in {key.value for key in keys_of(fake)}


def test_no_key_travels_in_clear() -> None:
    """Nothing on the air, between reader and a blank card, is a key of the card."""
    for kind in KINDS:
        card = blank(kind)
        heard = b"".join(sent_while_writing(card, writing(card)))
        assert not [key for key in keys_of(card) if key.value in heard]


@pytest.mark.parametrize("kind", KINDS)
def test_a_gateways_keyring_writes_nothing(kind: str) -> None:
    """Without the desk's keyring no key is changed."""
    card = blank(kind)
    with pytest.raises(CardKeyringError, match="desk's keyring"):
        present(card, writing(card, for_gateway(KEYRING)))
    if isinstance(card, Ntag424Emulated):
        assert {key.version for key in card.keys} == {0}


def test_the_wrong_type_of_card() -> None:
    """A card of the other type, or one that shows another UID than it has inside, is left alone."""
    with pytest.raises(ProvisioningError, match="no NTAG 424 DNA"):
        present(card := blank("desfire 2"), provision_ntag424(card.uid, KEYRING))
    with pytest.raises(ProvisioningError, match="no DESFire"):
        present(tag := blank("ntag424"), provision_desfire(tag.uid, KEYRING))
    for provision in (provision_ntag424, provision_desfire):
        card = blank("ntag424" if provision is provision_ntag424 else "desfire 2")
        with pytest.raises(ProvisioningError, match="another UID"):
            present(card, provision(OTHER_UID, KEYRING))


def test_a_desfire_whose_owner_allows_nothing() -> None:
    """A card that refuses to make an application is told as such."""
    card = blank("desfire 2")

    def exchange(command: bytes) -> bytes:
        return b"\x91\x9d" if command[1] == 0xCA else card.apdu(command)

    with pytest.raises(ProvisioningError, match="take one from the factory"):
        run_dialogue(writing(card), exchange)
    with pytest.raises(CardRefused, match="910E, no memory left"):
        run_dialogue(writing(card), lambda command: b"\x91\x0e" if command[1] == 0xCA else card.apdu(command))


def test_an_application_that_lay_in_wait() -> None:
    """An application of ours that a stranger made beforehand, with a file that anybody may read, comes to no use."""
    card = blank("desfire 2")
    assert isinstance(card, DesfireEmulated)
    card.applications[native_aid()] = StoredApplication(0x0F, [StoredKey(), StoredKey()])
    card.apdu(bytes.fromhex("905A000003") + native_aid() + b"\0")
    assert card.apdu(bytes.fromhex("90CD000007" + "0100EEEE" + "590000" + "00")) == b"\x91\x00"
    with pytest.raises((ProvisioningError, NotGenuine, CardRefused)):
        present(card, writing(card))


@pytest.mark.parametrize(
    "url", ["http://gym.example", "https://gym.example/?a=1", "https://gÿm.example", "https://" + "a" * 200]
)
def test_addresses_that_do_not_fit(url: str) -> None:
    """An address that cannot carry the message is refused before anything is written."""
    tag = blank("ntag424")
    with pytest.raises(ValueError, match="address"):
        present(tag, provision_ntag424(tag.uid, KEYRING, url=url))
    assert isinstance(tag, Ntag424Emulated) and not any(tag.files[2].data)


def test_the_sites_own_address() -> None:
    """What a phone reads is the site's address, with the message after it, and the settings are the documented ones."""
    tag = blank("ntag424")
    assert isinstance(tag, Ntag424Emulated)
    present(tag, provision_ntag424(tag.uid, KEYRING, url="https://gym.example/c"))
    assert b"\x04gym.example/c?u=" in tag.files[2].data
    assert tag.files[2].settings.encode().hex().upper().startswith("4000E0C1FFE1")


def test_the_counter_of_a_written_tag_only_rises() -> None:
    """Writing a tag again, or renewing its keys, leaves its address, and its counter goes on: doors remember it."""
    tag = blank("ntag424")
    assert isinstance(tag, Ntag424Emulated)
    counters = []
    for keyring, url in (
        (KEYRING, "https://gym.example/card"),
        (KEYRING, "https://other.example"),
        (TWICE, "https://g.example"),
    ):
        present(tag, provision_ntag424(tag.uid, keyring, url=url))
        counters += [asked(tag, keyring).counter for _ in range(3)]
    assert counters == sorted(set(counters))
    assert b"gym.example/card?u=" in tag.files[2].data


def test_nobody_reads_or_writes_a_written_card() -> None:
    """With the factory's keys, and without any, a written card lets nobody change it."""
    tag, card = blank("ntag424"), blank("desfire 2")
    for target in (tag, card):
        present(target, writing(target))
    for apdu, status in (
        ("908D000008" + "02000000010000" + "41" + "00", "919D"),  # write without a key
        ("905F0000040200E0EE00", "91AE"),  # settings without a key
    ):
        present(tag, _select_ndef())
        assert tag.apdu(bytes.fromhex(apdu)).hex().upper() == status
    card.select()
    card.apdu(bytes.fromhex("905A000003") + native_aid() + b"\0")
    for apdu, status in (
        ("90BD000007" + "01000000590000" + "00", "91AE"),
        ("903D000008" + "01000000010000" + "41" + "00", "91AE"),
        ("90CD000007" + "0200EEEE" + "100000" + "00", "91AE"),
    ):
        assert card.apdu(bytes.fromhex(apdu)).hex().upper() == status


def _select_ndef() -> Dialogue[None]:
    yield bytes.fromhex("00A4040C07D276000085010100")
