"""Whether the site has other gateways is remembered: after a restart offline nobody pretends to know what they saw."""

from pathlib import Path

import pytest
from portillon_edge.presence.others_file import FILE, OthersFile


def test_who_never_heard_of_others_has_none(tmp_path: Path) -> None:
    """A site with one gateway, off line from the first day."""
    assert not OthersFile(tmp_path).load()


def test_it_is_remembered_both_ways(tmp_path: Path) -> None:
    """The second gateway came, and went."""
    for others in (True, False):
        OthersFile(tmp_path).save(others)
        assert OthersFile(tmp_path).load() is others


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff"])
def test_what_cannot_be_read_is_a_doubt(tmp_path: Path, content: bytes) -> None:
    """Presence is in doubt then, until the cloud says; never the other way round."""
    (tmp_path / FILE).write_bytes(content)
    assert OthersFile(tmp_path).load()


def test_a_disk_that_fails_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is told; the cloud tells it again after the next start."""
    (tmp_path / "data").write_text("no folder")
    OthersFile(tmp_path / "data").save(True)
    assert "cannot be written" in caplog.text
