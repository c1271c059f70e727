"""The file of card keys: who may read it, what is in it, how it changes."""

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from drivers.cards.card_field import KEYRING, OTHER_UID, UID, seeded
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.cards.file_settings import FREE, FileSettings
from portillon_drivers.cards.keyring import CardKeyring, DesfireKey, ForeignTags, NtagKey, load_card_keys
from portillon_drivers.cards.keyring_file import CardKeyringError, write_private
from portillon_drivers.cards.keyring_making import for_gateway, keyring_text, new_keyring, retired, rotated
from portillon_drivers.errors import PermanentDeviceError

SDM = FileSettings.decode(bytes.fromhex("4000E0C1F121200000430000430000")).sdm
assert SDM is not None
FOREIGN = ForeignTags('wrist "bands"', SDM, b"F" * 16, b"M" * 16, b"suffix")


def written(tmp_path: Path, text: str) -> Path:
    """A keyring file with that text."""
    path = tmp_path / "cards.keys"
    write_private(path, text, replace=True)
    return path


def loaded(tmp_path: Path, text: str) -> CardKeyring:
    """The keyring in that text."""
    return load_card_keys(written(tmp_path, text))


@pytest.mark.parametrize("keyring", [KEYRING, for_gateway(KEYRING), rotated(KEYRING, random=seeded(9))])
def test_what_was_written_is_read(tmp_path: Path, keyring: CardKeyring) -> None:
    """A desk's keyring, a gateway's and a rotated one come back as they were, foreign tags too."""
    keyring = replace(keyring, foreign=(FOREIGN,))
    assert loaded(tmp_path, keyring_text(keyring)) == keyring


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    """A new file has mode 0600; with any right for others it is refused, and the message says what to do."""
    path = written(tmp_path, keyring_text(KEYRING))
    assert path.stat().st_mode & 0o777 == 0o600
    for mode in (0o640, 0o604, 0o620):
        path.chmod(mode)
        with pytest.raises(CardKeyringError, match="chmod 600"):
            load_card_keys(path)


def test_a_keyring_is_never_overwritten(tmp_path: Path) -> None:
    """Keys that are on cards are not lost to a second `new`; no half-written file stays behind."""
    path = written(tmp_path, "first")
    with pytest.raises(CardKeyringError, match="exists already"):
        write_private(path, "second", replace=False)
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(CardKeyringError, match="cannot be written"):
        write_private(tmp_path / "missing" / "cards.keys", "text", replace=False)


def test_no_key_shows_in_a_repr() -> None:
    """Neither a keyring nor its parts tell their secrets."""
    keyring = replace(KEYRING, foreign=(FOREIGN,))
    version = KEYRING.current
    assert version.admin_key is not None and version.issuer is not None
    shown = repr(keyring) + repr(version) + repr(version.issuer) + repr(FOREIGN)
    for secret in (version.reader_key, version.admin_key, version.issuer.secret, b"F" * 16, b"M" * 16):
        assert secret.hex() not in shown and repr(secret)[2:-1] not in shown


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 2", "format must be 1"),
        ("current = 1", "current = 7", "current names version 7"),
        ("version = 1", "version = 0", "from 1 to 255"),
        ("version = 1", 'version = "1"', "version is missing or of another type"),
        ('reader_key = "', 'reader_key = "zz', "reader_key must be written in hex"),
        ('reader_key = "', 'reader_key = "00', "reader_key must have 16 bytes; it has 17"),
        ('issuer_public = "', 'public = "', "issuer_public is missing"),
        ("[[versions]]", "colour = 1\n[[versions]]", "unknown keys in the file: colour"),
        ("[[versions]]", "versions = 5\n", "versions is missing or of another type"),
        ("[[versions]]", "[[versions", "no TOML"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Each mistake is named without quoting the file, as an error that trying again cannot help."""
    text = keyring_text(KEYRING)
    with pytest.raises(PermanentDeviceError, match=says) as told:
        loaded(tmp_path, text.replace(old, new, 1))
    assert KEYRING.current.reader_key.hex() not in str(told.value)
    assert "cards.keys" in str(told.value)


def test_an_issuer_that_does_not_fit(tmp_path: Path) -> None:
    """A public key that is not the secret key's would make cards that no door believes."""
    other = new_keyring(random=seeded(5)).current.issuer_public.hex()
    text = keyring_text(KEYRING).replace(KEYRING.current.issuer_public.hex(), other)
    with pytest.raises(CardKeyringError, match="does not belong"):
        loaded(tmp_path, text)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('settings = "40', 'settings = "80', "unknown bits"),
        ('settings = "40', 'settings = "00', "more bytes"),
        ("meta_read_key", "#", "meta_read_key is needed"),
        ('diversified_with = "', f'diversified_with = "{"00" * 25}', "at most 24 bytes"),
    ],
)
def test_mistakes_in_foreign_tags(tmp_path: Path, old: str, new: str, says: str) -> None:
    """Tags of somebody else are described wholly or not at all."""
    text = keyring_text(replace(KEYRING, foreign=(FOREIGN,)))
    with pytest.raises(CardKeyringError, match=says):
        loaded(tmp_path, text.replace(old, new, 1))


def test_missing_and_binary_files(tmp_path: Path) -> None:
    """A missing file and one that is no text are told as such."""
    with pytest.raises(CardKeyringError, match="card keys new"):
        load_card_keys(tmp_path / "none.keys")
    path = written(tmp_path, "x")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CardKeyringError, match="no text"):
        load_card_keys(path)


@given(text=st.text(max_size=200))
def test_any_text_is_a_keyring_or_an_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """No text makes the loader raise anything else."""
    try:
        loaded(tmp_path_factory.mktemp("keys"), text)
    except CardKeyringError:
        return
    pytest.fail("random text was a keyring")


def test_rotation_with_overlap() -> None:
    """New cards get the new version, the old one stays accepted until it is retired; the current one cannot be."""
    twice = rotated(KEYRING, random=seeded(6))
    assert (twice.current.version, KEYRING.current in twice.versions) == (2, True)
    assert twice.current.reader_key != KEYRING.current.reader_key
    with pytest.raises(CardKeyringError, match="rotate first"):
        retired(twice, 2)
    with pytest.raises(CardKeyringError, match="no version 9"):
        retired(twice, 9)
    assert retired(twice, 1).versions == (twice.current,)


def test_rotation_is_bounded() -> None:
    """Nobody keeps more generations than a reader tries at a tap."""
    keyring = KEYRING
    for _ in range(7):
        keyring = rotated(keyring, random=seeded(6))
    with pytest.raises(CardKeyringError, match="retire one"):
        rotated(keyring, random=seeded(6))


def test_a_gateway_cannot_write_cards() -> None:
    """A gateway's keyring has no key that changes a card, cannot sign and cannot be rotated."""
    gateway = for_gateway(KEYRING)
    assert gateway.current.ntag_key(NtagKey.SUN, UID) == KEYRING.current.ntag_key(NtagKey.SUN, UID)
    assert gateway.current.desfire_key(DesfireKey.READ, UID) == KEYRING.current.desfire_key(DesfireKey.READ, UID)
    text = keyring_text(gateway)
    assert "admin_key" not in text and "issuer_secret" not in text
    for key in NtagKey:
        if key is not NtagKey.SUN:
            with pytest.raises(CardKeyringError, match="desk's keyring"):
                gateway.current.ntag_key(key, UID)
    with pytest.raises(CardKeyringError, match="desk's keyring"):
        gateway.current.desfire_key(DesfireKey.ADMIN, UID)
    with pytest.raises(CardKeyringError, match="desk's"):
        rotated(gateway)


def test_every_key_of_every_card_is_another() -> None:
    """No two keys are equal: of one card, of two cards, of two kinds of card, of two generations."""
    versions = rotated(KEYRING, random=lambda n: bytes(n)).versions
    # The second generation has equal masters for reading and administering, so only the inputs part the keys.
    keys = [
        key
        for version, uid in itertools.product(versions, (UID, OTHER_UID))
        for key in (
            *(version.ntag_key(number, uid) for number in NtagKey),
            *(version.desfire_key(number, uid) for number in DesfireKey),
        )
    ]
    assert len(set(keys)) == len(keys) == 28


def test_foreign_keys() -> None:
    """Foreign tags share a key, or have one each where the site that wrote them diversified it."""
    shared = replace(FOREIGN, suffix=None)
    assert shared.key_of(UID) == shared.key_of(OTHER_UID) == b"F" * 16
    assert FOREIGN.key_of(UID) != FOREIGN.key_of(OTHER_UID)
    assert FOREIGN.sdm.meta_read != FREE
