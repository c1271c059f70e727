"""The writer's thread: events handed over are committed in groups, promptly, and none is lost at the end."""

import threading
from pathlib import Path

from edge.store.event_samples import at, event
from edge.store.failing_disk import FailingDisk
from portillon_edge.domain.events import EventKind
from portillon_edge.store.journal import Journal
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.journal_writer import JournalWriter


def test_what_was_handed_over_is_committed_before_the_end(tmp_path: Path) -> None:
    """stop() writes everything that was submitted, in order."""
    writer = JournalWriter(JournalShelf(tmp_path, reserve_bytes=0), stamp=at)
    writer.start()
    for n in range(1_000):
        assert writer.submit(event(str(n)))
    assert writer.stop()
    journal = Journal(tmp_path / "journal.db")
    assert journal.last == 1_000
    assert [e.detail for e in journal.read(1, 500)] == [str(n) for n in range(500)]
    journal.close()


def test_a_lone_event_is_committed_at_once(tmp_path: Path) -> None:
    """Nobody waits for a group to fill: one event is on the disk and announced without another one coming."""
    committed = threading.Event()
    shelf = JournalShelf(tmp_path, reserve_bytes=0)
    writer = JournalWriter(shelf, stamp=at, on_committed=committed.set)
    writer.start()
    writer.submit(event())
    assert committed.wait(5)
    assert shelf.sources()[0].last == 1
    writer.stop()


def test_it_is_settled_once_everything_is_where_it_will_stay(tmp_path: Path) -> None:
    """Not while an event is on its way to the disk: whoever asks must not believe that the cloud has all of them."""
    writer = JournalWriter(JournalShelf(tmp_path, reserve_bytes=0), stamp=at)
    assert writer.settled
    writer.submit(event())
    assert not writer.settled
    writer.start()
    assert writer.stop() and writer.settled


def test_orders_from_other_threads_reach_the_files(tmp_path: Path) -> None:
    """Acknowledging, a new epoch and a conflict are carried out in the order in which they were given."""
    writer = JournalWriter(JournalShelf(tmp_path, reserve_bytes=0), stamp=at)
    writer.start()
    writer.submit(event("a"))
    assert writer.flush()
    journal_id = writer.sources()[0].journal_id
    writer.begin_epoch(1)
    writer.acknowledge(journal_id, epoch=1, through=1)
    assert writer.flush() and writer.pending == 0
    writer.begin_epoch(2)
    writer.acknowledge(journal_id, epoch=1, through=1)
    assert writer.flush() and writer.pending == 1, "what an earlier cloud acknowledged says nothing about this one"
    writer.contest(journal_id, "other content")
    writer.submit(event("b"))
    assert writer.flush()
    assert [source.journal_id == journal_id for source in writer.sources()] == [False]
    writer.stop()


def test_a_full_queue_refuses_counts_and_reports(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """A doors' loop never waits for the disk: beyond the bound the event is refused, and the journal says how many."""
    writer = JournalWriter(JournalShelf(tmp_path, reserve_bytes=0), stamp=at, queue_max=3)
    taken = [writer.submit(event(str(n))) for n in range(5)]
    assert taken == [True, True, True, False, False]
    assert writer.lost == 2 and not writer.writable
    writer.start()
    assert writer.stop()
    journal = Journal(tmp_path / "journal.db")
    alarms = [row.detail for row in journal.read(1, 10) if row.kind == EventKind.ALARM]
    journal.close()
    assert alarms == ["2 events had no place and are lost"]
