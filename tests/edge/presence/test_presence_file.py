"""The presence file on its disk: what it keeps, and that no bad disk costs more than what a restart forgets."""

import sqlite3
from pathlib import Path

import pytest
from edge.store.failing_disk import FailingDisk
from portillon_edge.domain.events import Way
from portillon_edge.errors import StoreTooNew
from portillon_edge.presence import presence_file
from portillon_edge.presence.book import Journey, Moment, PresenceBook
from portillon_edge.presence.presence_file import FILE, PresenceFile, PresenceLook
from portillon_rules.zone_rule import ZoneRule

NOW = Moment({"gym": ZoneRule(zone="gym")}, "UTC", 1_795_000_000_000)


@pytest.fixture(autouse=True)
def _mended_disk() -> None:
    FailingDisk.broken, FailingDisk.on = False, "COMMIT"


def enter(book: PresenceBook, *members: str) -> None:
    for member in members:
        book.passes(Journey(member=member, credential=member, door="lane1", zone="gym", way=Way.ENTRY), NOW)


def inside(data_dir: Path) -> frozenset[str]:
    """What another process would find."""
    file = PresenceFile(data_dir)
    found = file.load().inside("gym", NOW)
    file.close()
    return found


def test_what_is_saved_is_there_after_a_restart(tmp_path: Path) -> None:
    """Members, passages of nobody, doubts, and since when it watches; only what changed is written."""
    file = PresenceFile(tmp_path)
    book = file.load()
    enter(book, "anne", "bea")
    book.door_stands("gate", "spa", free=True, moment=NOW)
    book.nobody_passes("gym", Way.ENTRY, NOW)
    file.save(book)
    book.passes(Journey(member="bea", credential="bea", door="lane1", zone="gym", way=Way.EXIT), NOW)
    file.save(book)
    file.close()
    again = PresenceFile(tmp_path)
    found = again.load()
    assert found.counts(NOW) == {"gym": 2} and found.inside("gym", NOW) == {"anne"}
    assert found.everything() == book.everything()
    assert again.take_alarms() == []


def test_what_is_forgotten_is_gone_from_the_file(tmp_path: Path) -> None:
    """Rows of zones taken back: nothing of anybody's whereabouts stays on the disk."""
    file = PresenceFile(tmp_path)
    book = file.load()
    enter(book, "anne")
    book.nobody_passes("gym", Way.ENTRY, NOW)
    book.door_stands("gate", "gym", free=True, moment=NOW)
    file.save(book)
    book.forget()
    file.save(book)
    file.close()
    assert PresenceFile(tmp_path).load().empty


def test_where_nothing_is_known_there_is_no_file(tmp_path: Path) -> None:
    """A site without rules for zones has one file less."""
    file = PresenceFile(tmp_path)
    file.save(file.load())
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_where_nothing_changed(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """No wear of the card."""
    file = PresenceFile(tmp_path, factory=failing_disk)
    book = file.load()
    enter(book, "anne")
    file.save(book)
    failing_disk.broken, failing_disk.on = True, "BEGIN"
    file.save(book)
    assert failing_disk.attempts == 0


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to have a header of some kind" * 20])
def test_a_file_that_cannot_be_read_is_put_aside(tmp_path: Path, content: bytes) -> None:
    """One alarm, an empty book, and a new file with what happens from then on; an empty file is none at all."""
    (tmp_path / FILE).write_bytes(content)
    file = PresenceFile(tmp_path)
    book = file.load()
    assert book.empty
    enter(book, "anne")
    file.save(book)
    file.close()
    assert len(file.take_alarms()) == (1 if content else 0)
    assert inside(tmp_path) == {"anne"}
    if content:
        assert (tmp_path / f"{FILE}.bad").read_bytes() == content


def test_after_a_failed_write_all_of_it_goes_into_a_new_file(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """Also what was saved before, and what happened while the disk was bad; one alarm for all tries."""
    file = PresenceFile(tmp_path, factory=failing_disk)
    book = file.load()
    enter(book, "anne")
    file.save(book)
    failing_disk.broken = True
    for member in ("bea", "carl"):
        enter(book, member)
        file.save(book)
    assert len(file.take_alarms()) == 1
    failing_disk.broken = False
    file.save(book)
    file.close()
    assert inside(tmp_path) == {"anne", "bea", "carl"} and file.take_alarms() == []


class FullDisk(FailingDisk):
    """Full at each insert while broken."""

    def execute(self, sql: str, *parameters: object) -> sqlite3.Cursor:
        if FullDisk.broken and sql.startswith("INSERT"):
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        return super().execute(sql, *parameters)


def test_a_full_disk_costs_nothing_that_is_on_it(tmp_path: Path) -> None:
    """The file stays as it was, and takes the rest once there is room; what was deleted meanwhile is deleted then."""
    file = PresenceFile(tmp_path, factory=FullDisk)
    book = file.load()
    enter(book, "anne")
    file.save(book)
    FullDisk.broken = True
    enter(book, "bea")
    file.save(book)
    assert inside(tmp_path) == {"anne"} and not (tmp_path / f"{FILE}.bad").exists()
    book.forget()
    enter(book, "carl")
    file.save(book)
    FullDisk.broken = False
    file.save(book)
    file.close()
    assert inside(tmp_path) == {"carl"} and len(file.take_alarms()) == 1


def test_a_second_trouble_is_told_again(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """An alarm ends with the next write that succeeds."""
    file = PresenceFile(tmp_path, factory=failing_disk)
    book = file.load()
    alarms = 0
    for member, broken in (("anne", True), ("bea", False), ("carl", True)):
        failing_disk.broken = broken
        enter(book, member)
        file.save(book)
        alarms += len(file.take_alarms())
    assert alarms == 2


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path) -> None:
    """A file where the folder should be: an alarm, and a book in memory."""
    (tmp_path / "data").write_text("")
    file = PresenceFile(tmp_path / "data")
    book = file.load()
    enter(book, "anne")
    file.save(book)
    assert book.inside("gym", NOW) == {"anne"} and len(file.take_alarms()) >= 1


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway does not start on what it cannot understand, as with its other stores."""

    def m002_of_tomorrow(db: object) -> None:
        """Nothing yet."""

    with monkeypatch.context() as tomorrow:
        tomorrow.setattr(presence_file, "STEPS", (*presence_file.STEPS, m002_of_tomorrow))
        newer = PresenceFile(tmp_path)
        book = newer.load()
        enter(book, "anne")
        newer.save(book)
        newer.close()
    with pytest.raises(StoreTooNew):
        PresenceFile(tmp_path).load()


def test_looking_on_changes_nothing(tmp_path: Path) -> None:
    """Beside a running gateway: what was saved; no file and no alarm where there is none, or none that can be read."""
    assert PresenceLook(tmp_path).load().empty and list(tmp_path.iterdir()) == []
    file = PresenceFile(tmp_path)
    book = file.load()
    enter(book, "anne")
    file.save(book)
    look = PresenceLook(tmp_path)
    seen = look.load()
    enter(seen, "bea")
    look.save(seen)
    assert seen.inside("gym", NOW) == {"anne", "bea"} and PresenceLook(tmp_path).load().inside("gym", NOW) == {"anne"}
    file.close()
    (tmp_path / FILE).write_bytes(b"no database" * 1_000)
    assert PresenceLook(tmp_path).load().empty and (tmp_path / FILE).exists()
