"""The files of one reader: secret, durable, and never without a key that the reader has."""

from pathlib import Path

import pytest
from portillon_drivers.osdp.errors import KeyFileError, WeakKeyError
from portillon_drivers.osdp.identity import Capabilities, Capability, Identity
from portillon_drivers.osdp.key_file import CommissionedReader, ReaderFiles
from portillon_drivers.osdp.keys import SCBK_D

KEY, NEXT = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590"), bytes.fromhex("0b8e62d9f1a347c85d20e6b7941f3ac2")
IDENTITY = Identity(vendor=0xA1B2C3, model=2, version=1, serial=7, firmware=(1, 2, 3))
CAPABILITIES = Capabilities((Capability(9, 1, 0), Capability(4, 4, 2)))


def files(folder: Path, key: bytes | None = KEY) -> ReaderFiles:
    path = folder / "lane1.key"
    if key is not None:
        path.write_text(f"{key.hex()}\n")
        path.chmod(0o600)
    return ReaderFiles(path)


def test_a_key_alone_is_enough(tmp_path: Path) -> None:
    """A reader whose identity nobody recorded has a key and nothing else."""
    assert files(tmp_path).load() == CommissionedReader(KEY)


def test_the_identity_comes_back(tmp_path: Path) -> None:
    """Who was commissioned is read as it was recorded."""
    reader = files(tmp_path)
    reader.record(IDENTITY, CAPABILITIES)
    assert reader.load() == CommissionedReader(KEY, None, IDENTITY, CAPABILITIES)


def test_a_change_of_keys_keeps_both_until_one_is_proved(tmp_path: Path) -> None:
    """Between preparing and proving, both keys are there; then the new one alone."""
    reader = files(tmp_path)
    reader.prepare(NEXT)
    assert reader.load() == CommissionedReader(KEY, NEXT)
    reader.promote()
    assert reader.load() == CommissionedReader(NEXT)
    reader.prepare(KEY)
    reader.forget_next()
    assert reader.load() == CommissionedReader(NEXT)


def test_what_is_written_is_for_the_owner_only(tmp_path: Path) -> None:
    """Every file is made with mode 0600, whatever the umask says."""
    reader = files(tmp_path, None)
    reader.prepare(NEXT)
    reader.promote()
    reader.record(IDENTITY, CAPABILITIES)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_a_key_that_others_can_read_is_no_key(tmp_path: Path) -> None:
    """The message says what to do, and never the key."""
    reader = files(tmp_path)
    reader.key_file.chmod(0o640)
    with pytest.raises(KeyFileError, match=r"mode 0640\): chmod 600 .*lane1\.key") as refused:
        reader.load()
    assert KEY.hex() not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("", WeakKeyError, "0 bytes instead of 16"),
        ("not hex", KeyFileError, "32 hex digits"),
        ("5ac9", WeakKeyError, "2 bytes instead of 16"),
        (SCBK_D.hex(), WeakKeyError, "SCBK-D"),
        ("00" * 16, WeakKeyError, "equal"),
        (bytes(range(16)).hex(), WeakKeyError, "count"),
    ],
)
def test_what_is_no_good_key_is_refused(tmp_path: Path, text: str, error: type[Exception], message: str) -> None:
    """Anything but sixteen unguessable bytes is refused in words."""
    reader = files(tmp_path)
    reader.key_file.write_text(text)
    with pytest.raises(error, match=message):
        reader.load()


def test_no_file_says_how_to_get_one(tmp_path: Path) -> None:
    """A reader that was never commissioned names the command that does it."""
    with pytest.raises(KeyFileError, match="osdp commission"):
        files(tmp_path, None).load()


def test_a_broken_identity_is_said(tmp_path: Path) -> None:
    """A damaged record is not taken for an exchanged reader."""
    reader = files(tmp_path)
    (tmp_path / "lane1.key.identity").write_text("{}")
    with pytest.raises(KeyFileError, match="commission the reader again"):
        reader.load()


def test_nothing_shows_a_key() -> None:
    """Neither key appears when the record is printed."""
    assert KEY.hex() not in repr(CommissionedReader(KEY, NEXT)) and repr(KEY) not in repr(CommissionedReader(KEY, NEXT))
