"""What a fire latched is there after a restart."""

from pathlib import Path

import pytest
from portillon_edge.errors import LatchUnwritable
from portillon_edge.store import fire_latch
from portillon_edge.store.fire_latch import FILE, FireLatchFile


def test_kept_over_restarts(tmp_path: Path) -> None:
    """What was saved last is what is loaded, and nothing before the first time."""
    assert FireLatchFile(tmp_path).load() == frozenset()
    FireLatchFile(tmp_path).save(frozenset({"stairs", "hall"}))
    assert FireLatchFile(tmp_path).load() == {"stairs", "hall"}
    FireLatchFile(tmp_path).save(frozenset())
    assert FireLatchFile(tmp_path).load() == frozenset()


@pytest.mark.parametrize("content", [b"", b"{", b"7", b'{"a": 1}', b"\xff"])
def test_what_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """A file that something else spoilt stops no gateway."""
    (tmp_path / FILE).write_bytes(content)
    assert FireLatchFile(tmp_path).load() == frozenset()


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is an error of the gateway's own tree that says what to do."""

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(fire_latch, "replace_file", full)
    with pytest.raises(LatchUnwritable, match=r"No space left.*free the disk"):
        FireLatchFile(tmp_path).save(frozenset({"hall"}))
