"""The journal's hash chain: every way of changing rows by hand shows, and honest life never looks like it."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from edge.store.event_samples import at, event
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.events import EventKind
from portillon_edge.errors import JournalTampered
from portillon_edge.store.chain import ChainKey, chain_keys
from portillon_edge.store.chain_look import look_at_chains
from portillon_edge.store.journal import CHECK_ROWS, Journal
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_rules.credential import SiteKey

DAY_MS = 86_400_000
OLD, NEW = chain_keys((SiteKey("old", b"o" * 32), SiteKey("new", b"n" * 32)))
TAMPERINGS = {
    "a row changed": "UPDATE event SET body = replace(body, 'lane1', 'lane2') WHERE sequence = 3",
    "a kind changed": "UPDATE event SET kind = 'denied' WHERE sequence = 3",
    "a row removed": "DELETE FROM event WHERE sequence = 3",
    "the first rows removed": "DELETE FROM event WHERE sequence <= 2",
    "the last rows removed": "DELETE FROM event WHERE sequence >= 5",
    "all rows removed": "DELETE FROM event",
    "a row added": "INSERT INTO event SELECT 7, kind, replace(body, '\"sequence\":6', '\"sequence\":7'), link"
    " FROM event WHERE sequence = 6",
    "two rows swapped": "UPDATE event SET body = (SELECT body FROM event AS o WHERE o.sequence = 9 - event.sequence)"
    " WHERE sequence IN (4, 5)",
    "marked as sent": "UPDATE journal SET acknowledged = 6",
    "a beginning that fits what was removed": "DELETE FROM event WHERE sequence <= 2;"
    " UPDATE journal SET chain_first = 3",
}


def written(folder: Path, rows: int = 6, keys: Sequence[ChainKey] = (OLD,)) -> Path:
    journal = Journal(folder / "journal.db", keys=keys)
    for number in range(rows):
        journal.append([event(str(number))])
    journal.close()
    return journal.path


def by_hand(path: Path, sql: str) -> None:
    hand = sqlite3.connect(path)
    hand.executescript(sql)
    hand.close()


@pytest.mark.parametrize("what", TAMPERINGS)
def test_every_tampering_shows(tmp_path: Path, what: str) -> None:
    """Opening finds it, the technician's look finds it, and neither needs the cloud."""
    path = written(tmp_path)
    assert look_at_chains(tmp_path, (OLD,))[0].well
    by_hand(path, TAMPERINGS[what])
    with pytest.raises(JournalTampered, match=r"journal\.db"):
        Journal(path, keys=(OLD,))
    (look,) = look_at_chains(tmp_path, (OLD,))
    assert not look.well and "keep the file" in str(look)


def test_ablation_whoever_has_the_key_can_forge(tmp_path: Path) -> None:
    """The key is what holds: the same change, sealed again with it, is not found."""
    path = written(tmp_path)
    by_hand(path, "DELETE FROM event WHERE sequence = 6")
    forger = Journal.__new__(Journal)
    hand = sqlite3.connect(path, isolation_level=None)
    journal_id, first, before = hand.execute("SELECT journal_id, chain_first, chain_before FROM journal").fetchone()
    (link,) = hand.execute("SELECT link FROM event WHERE sequence = 5").fetchone()
    forger._connection, forger._keys = hand, (OLD,)
    forger.journal_id, forger.acknowledged, forger.epoch = journal_id, 0, 0
    forger._chain_first, forger._chain_before, forger._acknowledged_hour = first, before, None
    forger._write_ends(5, link)
    hand.close()
    assert look_at_chains(tmp_path, (OLD,))[0].well


def test_the_gateway_goes_on_in_a_new_file_raises_an_alarm_and_sends_everything(tmp_path: Path) -> None:
    """A row marked as sent by hand goes up all the same; the alarm names the file; a restart tells nothing new."""
    shelf = JournalShelf(tmp_path, reserve_bytes=0, keys=(OLD,))
    shelf.write([event("hidden"), event("changed")], at())
    shelf.close()
    by_hand(
        tmp_path / "journal.db", "UPDATE journal SET acknowledged = 2; UPDATE event SET body = 'x' WHERE sequence = 2"
    )
    again = JournalShelf(tmp_path, reserve_bytes=0, keys=(OLD,))
    again.write([event("after")], at(1))
    old, new = again.sources()
    assert old.acknowledged == 0
    hidden, changed = old.read(1, 10)
    assert hidden.detail == "hidden"
    assert (changed.sequence, changed.kind, changed.reason) == (2, "alarm", "journal_tampered")
    alarm, after = new.read(1, 10)
    assert (alarm.kind, alarm.reason) == (EventKind.ALARM, "journal_tampered")
    assert "journal.db" in (alarm.detail or "") and after.detail == "after"
    again.close()
    third = JournalShelf(tmp_path, reserve_bytes=0, keys=(OLD,))
    third.write([event("quiet")], at(2))
    assert [row.detail for row in third.sources()[-1].read(3, 10)] == ["quiet"]
    third.close()


def test_what_is_changed_under_a_running_gateway_is_found_in_a_quiet_moment(tmp_path: Path) -> None:
    """Rows are checked in turn while nothing happens: at the latest after one round the file is set aside."""
    shelf = JournalShelf(tmp_path, reserve_bytes=0, keys=(OLD,))
    shelf.write([event(str(number)) for number in range(CHECK_ROWS + 10)], at())
    by_hand(tmp_path / "journal.db", f"UPDATE event SET kind = 'denied' WHERE sequence = {CHECK_ROWS + 5}")
    shelf.tidy(None)
    assert len(shelf.sources()) == 1
    shelf.tidy(None)
    shelf.write([event("after")], at(1))
    assert [row.reason for row in shelf.sources()[-1].read(1, 10)] == ["journal_tampered", None]
    shelf.close()


def test_a_journal_of_a_version_without_a_chain_is_read_and_chained_from_there_on(tmp_path: Path) -> None:
    """Its rows stay, the numbering goes on, and it is said once that nobody can check the old ones."""
    path = written(tmp_path, rows=3)
    by_hand(
        path,
        "DROP VIEW readable; ALTER TABLE event DROP COLUMN link; ALTER TABLE journal DROP COLUMN chain_key;"
        " ALTER TABLE journal DROP COLUMN chain_first; ALTER TABLE journal DROP COLUMN chain_before;"
        " ALTER TABLE journal DROP COLUMN seal; DELETE FROM _sqlite_migrations WHERE name = 'm002_hash_chain'",
    )
    (look,) = look_at_chains(tmp_path, (OLD,))
    assert look.well and "without a hash chain" in str(look)
    journal = Journal(path, keys=(OLD,))
    assert journal.remark is not None and "up to 3" in journal.remark
    assert journal.append([event("new")]) == 4
    assert [row.detail for row in journal.pending()] == ["0", "1", "2", "new"]
    journal.close()
    by_hand(path, "UPDATE event SET kind = 'denied' WHERE sequence = 4")
    with pytest.raises(JournalTampered, match="row 4"):
        Journal(path, keys=(OLD,))


def test_a_rotated_key_checks_the_old_rows_and_chains_the_new_ones(tmp_path: Path) -> None:
    """While both keys are known nothing is said; a key that is gone is; and tampering before the rotation shows."""
    path = written(tmp_path)
    journal = Journal(path, keys=(NEW, OLD))
    assert journal.remark is None and journal.append([event()]) == 7
    journal.close()
    assert look_at_chains(tmp_path, (NEW,))[0].well
    other = tmp_path / "gone"
    other.mkdir()
    written(other)
    journal = Journal(other / "journal.db", keys=(NEW,))
    assert journal.remark is not None and "'old'" in journal.remark
    journal.close()
    changed = tmp_path / "changed"
    changed.mkdir()
    by_hand(written(changed), TAMPERINGS["a row changed"])
    with pytest.raises(JournalTampered, match="row 3"):
        Journal(changed / "journal.db", keys=(NEW, OLD))


def test_the_newest_rows_only_are_checked_at_the_start(tmp_path: Path) -> None:
    """Opening costs no more for a long journal; what lies further back is the quiet moments' and the technician's."""
    journal = Journal(tmp_path / "journal.db", keys=(OLD,))
    journal.append([event() for _ in range(CHECK_ROWS + 100)])
    journal.close()
    by_hand(journal.path, "UPDATE event SET kind = 'denied' WHERE sequence = 3")
    Journal(journal.path, keys=(OLD,)).close()
    assert not look_at_chains(tmp_path, (OLD,))[0].well


@settings(deadline=None)  # real files
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("append"), st.integers(1, 7)),
            st.tuples(st.just("acknowledge"), st.integers(0, 40)),
            st.tuples(st.just("prune"), st.integers(0, 60)),
            st.tuples(st.just("epoch"), st.integers(1, 3)),
            st.tuples(st.just("reopen"), st.just(0)),
            st.tuples(st.just("rotate"), st.just(0)),
        ),
        max_size=25,
    )
)
def test_honest_life_never_looks_like_tampering(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    """Whatever is appended, acknowledged, pruned, reopened and rotated: the chain holds after every step."""
    folder = tmp_path_factory.mktemp("journal")
    keys = (OLD, NEW)
    journal, day = Journal(folder / "journal.db", keys=keys), 100
    for step, value in steps:
        match step:
            case "append":
                journal.append([event() for _ in range(value)])
            case "acknowledge":
                journal.acknowledge(value, day * DAY_MS)
            case "prune":
                day += value
                journal.prune(day * DAY_MS)
            case "epoch":
                journal.begin_epoch(value)
            case _:
                keys = keys[::-1] if step == "rotate" else keys
                journal.close()
                journal = Journal(folder / "journal.db", keys=keys)
        journal.check_some()
        assert all(look.well for look in look_at_chains(folder, keys))
    journal.close()
