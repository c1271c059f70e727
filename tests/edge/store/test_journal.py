"""One journal file: numbers without holes, commits that last, and never a second try after a failed one."""

import sqlite3
from pathlib import Path

import pytest
import sqlite_utils
from edge.store.event_samples import event
from edge.store.failing_disk import FailingDisk
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.errors import JournalUnwritable, StoreTooNew
from portillon_edge.store.connection import open_reader
from portillon_edge.store.journal import Journal

DAY_MS = 86_400_000


def test_events_get_the_next_numbers_and_survive_reopening(tmp_path: Path) -> None:
    """What was appended is read back in order, numbered from 1, by a process that opens the file later."""
    journal = Journal(tmp_path / "journal.db")
    assert journal.append([event("a"), event("b")]) == 2
    assert journal.append([event("c")]) == 3
    journal.close()
    again = Journal(tmp_path / "journal.db")
    assert [(e.sequence, e.detail) for e in again.pending()] == [(1, "a"), (2, "b"), (3, "c")]
    assert again.journal_id == journal.journal_id
    assert again.append([event("d")]) == 4
    again.close()


def test_each_file_has_its_own_random_id(tmp_path: Path) -> None:
    """Two new journals never share an id, so that no number is used twice unseen."""
    first, second = Journal(tmp_path / "a.db"), Journal(tmp_path / "b.db")
    assert first.journal_id != second.journal_id
    first.close()
    second.close()


def test_a_commit_is_on_the_disk_before_append_returns(tmp_path: Path) -> None:
    """WAL with synchronous=FULL, the setting under which no power cut loses a committed row."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event()])
    assert journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    other = open_reader(tmp_path / "journal.db")
    assert other.execute("SELECT count(*) FROM event").fetchone() == (1,)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        other.execute("DELETE FROM event")
    other.close()
    journal.close()


def test_a_failed_commit_is_never_tried_again(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """After one failed flush the file refuses everything, even on a mended disk; what was committed stays readable."""
    journal = Journal(tmp_path / "journal.db", factory=failing_disk)
    journal.append([event("kept")])
    failing_disk.broken = True
    with pytest.raises(JournalUnwritable, match="disk I/O error"):
        journal.append([event("refused")])
    failing_disk.broken = False
    with pytest.raises(JournalUnwritable, match="failed before"):
        journal.append([event("later")])
    assert failing_disk.attempts == 1
    assert [e.detail for e in journal.read(1, 10)] == ["kept"]
    journal.close()


def test_closing_a_failed_file_writes_nothing_to_it(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """No checkpoint runs on a failed file: its write-ahead log is still there, byte for byte."""
    journal = Journal(tmp_path / "journal.db", factory=failing_disk)
    journal.append([event("kept")])
    failing_disk.broken = True
    with pytest.raises(JournalUnwritable):
        journal.append([event("refused")])
    before = [(tmp_path / name).read_bytes() for name in ("journal.db", "journal.db-wal")]
    journal.close()
    assert [(tmp_path / name).read_bytes() for name in ("journal.db", "journal.db-wal")] == before


def test_a_full_disk_refuses_the_whole_group(tmp_path: Path) -> None:
    """When the file may not grow, none of a group is in it, and what was committed before still is."""
    journal = Journal(tmp_path / "journal.db", page_limit=12)
    journal.append([event("kept")])
    with pytest.raises(JournalUnwritable, match="full"):
        journal.append([event("x" * 400) for _ in range(200)])
    journal.close()
    reader = open_reader(tmp_path / "journal.db")
    assert reader.execute("SELECT count(*) FROM event").fetchone() == (1,)
    reader.close()


def test_acknowledgements_last_and_only_move_forward(tmp_path: Path) -> None:
    """An acknowledged row is not pending any more; an old or impossible acknowledgement changes nothing."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event(str(n)) for n in range(5)])
    journal.acknowledge(3, DAY_MS)
    journal.acknowledge(2, DAY_MS)
    journal.acknowledge(99, DAY_MS)
    assert [e.sequence for e in journal.pending()] == [4, 5]
    journal.close()
    again = Journal(tmp_path / "journal.db")
    assert again.acknowledged == 3
    again.close()


def test_a_new_epoch_sends_everything_kept_again_once(tmp_path: Path) -> None:
    """A new epoch makes acknowledged rows pending; the same epoch again, even after a restart, does not."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event(), event()])
    journal.begin_epoch(1)
    journal.acknowledge(2, DAY_MS)
    journal.begin_epoch(1)
    assert journal.pending() == []
    journal.begin_epoch(2)
    assert [e.sequence for e in journal.pending()] == [1, 2]
    journal.acknowledge(2, DAY_MS)
    journal.close()
    again = Journal(tmp_path / "journal.db")
    again.begin_epoch(2)
    assert again.pending() == []
    again.close()


def test_rows_stay_for_seven_days_after_they_were_acknowledged(tmp_path: Path) -> None:
    """Younger than a week, unacknowledged, or the newest one: kept. Numbers go on where they were."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event(str(n)) for n in range(10)])
    journal.acknowledge(4, 100 * DAY_MS)
    journal.append([event()])
    journal.acknowledge(11, 103 * DAY_MS)
    journal.save_acknowledged()
    assert journal.prune(107 * DAY_MS) == 0
    assert journal.prune(108 * DAY_MS) == 4
    assert [e.sequence for e in journal.read(1, 100)] == [5, 6, 7, 8, 9, 10, 11]
    assert journal.prune(200 * DAY_MS) == 6
    journal.close()
    again = Journal(tmp_path / "journal.db")
    assert again.append([event()]) == 12
    again.close()


def test_unacknowledged_rows_are_never_pruned(tmp_path: Path) -> None:
    """However old: what the cloud does not have stays."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event(), event()])
    assert journal.prune(10_000 * DAY_MS) == 0
    journal.close()


def test_a_file_of_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    """A schema step that this version does not know is told, with what to do."""
    journal = Journal(tmp_path / "journal.db")
    journal.close()
    db = sqlite_utils.Database(tmp_path / "journal.db")
    db.table("_sqlite_migrations").insert({"migration_set": "journal", "name": "m999_later", "applied_at": "later"})
    db.close()
    with pytest.raises(StoreTooNew, match="m999_later"):
        Journal(tmp_path / "journal.db")


def test_something_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    """Junk under the journal's name raises; nothing overwrites it."""
    (tmp_path / "journal.db").write_bytes(b"junk" * 4096)
    with pytest.raises(JournalUnwritable, match=r"journal\.db"):
        Journal(tmp_path / "journal.db")
    assert (tmp_path / "journal.db").read_bytes() == b"junk" * 4096


def test_a_technician_can_read_it(tmp_path: Path) -> None:
    """The `readable` view answers to sqlite-utils without knowing the body's form."""
    journal = Journal(tmp_path / "journal.db")
    journal.append([event("hello", reason="expired")])
    journal.close()
    db = sqlite_utils.Database(tmp_path / "journal.db")
    row = next(iter(db.query("SELECT kind, door, reason, detail, business_utc FROM readable")))
    db.close()
    assert row == {
        "kind": "granted",
        "door": "lane1",
        "reason": "expired",
        "detail": "hello",
        "business_utc": "2026-09-21 14:13:20",
    }


@settings(deadline=None)  # real files
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 7)),
            st.tuples(st.just("acknowledge"), st.integers(0, 40)),
            st.tuples(st.just("prune"), st.integers(0, 60)),
            st.tuples(st.just("epoch"), st.integers(1, 3)),
            st.tuples(st.just("reopen"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_the_sequence_never_has_a_hole(tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]) -> None:
    """Whatever is appended, acknowledged, pruned and reopened: kept rows are consecutive and end at the last number."""
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    journal, appended, day = Journal(path), 0, 100
    for step, value in steps:
        if step == "append":
            journal.append([event() for _ in range(value)])
            appended += value
        elif step == "acknowledge":
            journal.acknowledge(value, day * DAY_MS)
        elif step == "prune":
            day += value
            journal.prune(day * DAY_MS)
        elif step == "epoch":
            journal.begin_epoch(value)
        else:
            journal.close()
            journal = Journal(path)
        kept = [e.sequence for e in journal.read(1, 1_000)]
        assert kept == list(range(appended - len(kept) + 1, appended + 1))
        assert journal.last == appended
        assert appended == 0 or kept
        assert [e.sequence for e in journal.pending()] == list(range(journal.acknowledged + 1, appended + 1))
    journal.close()
