"""The key file and what is sealed with it."""

import threading
from pathlib import Path

import pytest
from portillon_cloud.secrets import Keyring, SecretsError, load_keyring, load_or_create_keyring


def test_made_once_private_and_read_again(tmp_path: Path) -> None:
    """The first start makes the file for its owner alone; the next start finds the same keys."""
    path = tmp_path / "data" / "secrets.json"
    first = load_or_create_keyring(path)
    assert path.stat().st_mode & 0o777 == 0o600
    second = load_or_create_keyring(path)
    assert (second.data_key, second.blind_key, second.feed_key.public) == (
        first.data_key,
        first.blind_key,
        first.feed_key.public,
    )
    assert [found.name for found in path.parent.iterdir()] == ["secrets.json"]


def test_starting_together_gives_one_set_of_keys(tmp_path: Path) -> None:
    """Eight that start at once agree; none of them writes with keys that are then lost."""
    path = tmp_path / "secrets.json"
    start = threading.Barrier(8)
    found: list[bytes] = []

    def load() -> None:
        start.wait()
        found.append(load_or_create_keyring(path).data_key)

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_a_file_others_can_read_is_refused(tmp_path: Path) -> None:
    """The message says which command mends it."""
    path = tmp_path / "secrets.json"
    load_or_create_keyring(path)
    path.chmod(0o644)
    with pytest.raises(SecretsError, match="chmod 600"):
        load_or_create_keyring(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"data_key": "00", "blind_key": "00", "feed_key": {}}'])
def test_a_damaged_file_is_never_replaced(tmp_path: Path, text: str) -> None:
    """New keys would make the whole database unreadable: it stops and asks for the backup."""
    path = tmp_path / "secrets.json"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SecretsError, match="backup"):
        load_or_create_keyring(path)
    assert path.read_text() == text
    with pytest.raises(SecretsError, match="backup"):
        load_keyring(tmp_path / "absent.json")


def test_what_is_sealed_opens_only_for_its_purpose() -> None:
    """Other keys, another row's purpose or one changed bit: refused."""
    keyring = Keyring.generate()
    sealed = keyring.seal(b"em4100:0F0027A46B", purpose="credential:1")
    assert keyring.unseal(sealed, purpose="credential:1") == b"em4100:0F0027A46B"
    assert b"0F0027A46B" not in sealed
    assert keyring.seal(b"x", purpose="p") != keyring.seal(b"x", purpose="p")
    with pytest.raises(SecretsError):
        keyring.unseal(sealed, purpose="credential:2")
    with pytest.raises(SecretsError):
        Keyring.generate().unseal(sealed, purpose="credential:1")
    with pytest.raises(SecretsError):
        keyring.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), purpose="credential:1")
    with pytest.raises(SecretsError, match="newer"):
        keyring.unseal(b"\x09" + sealed[1:], purpose="credential:1")


def test_a_blind_index_is_equal_for_equal_values_only() -> None:
    """It finds a value again, tells tenants apart and needs the key."""
    keyring = Keyring.generate()
    index = keyring.blind_index("em4100:00", purpose="credential:1")
    assert index == keyring.blind_index("em4100:00", purpose="credential:1")
    assert index != keyring.blind_index("em4100:00", purpose="credential:2")
    assert index != Keyring.generate().blind_index("em4100:00", purpose="credential:1")


def test_keys_are_not_printed() -> None:
    """A keyring in a log or a traceback shows nothing."""
    keyring = Keyring.generate()
    assert keyring.data_key.hex() not in repr(keyring)
    assert "private" not in repr(keyring)
