"""How the site stood by order is there after a restart, and believed only as it was written."""

from pathlib import Path

import pytest
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.kept import Kept, kept_in
from portillon_edge.doors.lockdown_watch import Lockdown
from portillon_edge.doors.standing_orders import StandingOrders
from portillon_edge.errors import StandingUnwritable
from portillon_edge.store import standing_file
from portillon_edge.store.standing_file import FILE, StandingFile
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing

SECRET, NEXT = b"s" * 32, b"n" * 32
ORDERS = StandingOrders({EVERY_DOOR: DoorOrder(EVERY_DOOR, Standing.LOCKDOWN, "staff:1", 7)}, epoch=2, revision=9)
KEPT = Kept(ORDERS, frozenset({Lockdown(Why.ORDER, EVERY_DOOR, None, "staff:1")}))


def test_kept_over_restarts(tmp_path: Path) -> None:
    """What was saved last is what is loaded, and nothing before the first time."""
    assert kept_in(StandingFile(tmp_path, [SECRET])) == Kept()
    StandingFile(tmp_path, [SECRET]).save(KEPT.to_body())
    assert kept_in(StandingFile(tmp_path, [SECRET])) == KEPT


def test_a_change_of_keys_ends_nothing(tmp_path: Path) -> None:
    """While the old key is still configured the file is believed, and written anew with the new one."""
    StandingFile(tmp_path, [SECRET]).save(KEPT.to_body())
    file = StandingFile(tmp_path, [NEXT, SECRET])
    assert kept_in(file) == KEPT
    file.save(KEPT.to_body())
    assert kept_in(StandingFile(tmp_path, [NEXT])) == KEPT


@pytest.mark.parametrize("content", [b"", b"{", b"7", b"[]", b'{"standing": 7, "mac": "0"}', b"\xff"])
def test_what_cannot_be_read_is_nothing(tmp_path: Path, content: bytes) -> None:
    """A file that something else spoilt stops no gateway."""
    (tmp_path / FILE).write_bytes(content)
    assert kept_in(StandingFile(tmp_path, [SECRET])) == Kept()


def test_a_hand_edit_is_nothing(tmp_path: Path) -> None:
    """Nobody locks a site down, or ends that, with a text editor."""
    StandingFile(tmp_path, [SECRET]).save(KEPT.to_body())
    file = tmp_path / FILE
    file.write_bytes(file.read_bytes().replace(b"staff:1", b"staff:2"))
    assert kept_in(StandingFile(tmp_path, [SECRET])) == Kept()


def test_a_body_of_another_version_is_nothing(tmp_path: Path) -> None:
    """A gateway that went back to an older version starts all the same."""
    StandingFile(tmp_path, [SECRET]).save({"orders": {"lane1": {"standing": "ajar"}}})
    assert kept_in(StandingFile(tmp_path, [SECRET])) == Kept()


def test_a_full_disk_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be written is an error of the gateway's own tree that says what to do."""

    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(standing_file, "replace_file", full)
    with pytest.raises(StandingUnwritable, match=r"No space left.*free the disk"):
        StandingFile(tmp_path, [SECRET]).save(KEPT.to_body())
