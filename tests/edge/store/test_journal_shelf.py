"""Events always find the best place there is: the file, a new file, memory; what had no place is counted."""

import errno
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from edge.store.event_samples import at, event
from edge.store.failing_disk import FailingDisk
from portillon_edge.domain.events import EventKind
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.room import RoomLimits
from portillon_wire.messages import JournalEvent


def everything(shelf: JournalShelf) -> list[JournalEvent]:
    """All rows of all journals that may go up."""
    return [row for source in shelf.sources() for row in source.read(1, source.last)]


def details(shelf: JournalShelf, kind: EventKind = EventKind.GRANTED) -> list[str | None]:
    return [row.detail for row in everything(shelf) if row.kind == kind]


def open_shelf(folder: Path, **more: object) -> JournalShelf:
    return JournalShelf(folder, reserve_bytes=0, **more)  # type: ignore[arg-type]


def test_a_failed_file_is_set_aside_and_a_new_one_begun(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """The event that met the failure is in the new file, once; the old one keeps its rows and is still sent."""
    shelf = open_shelf(tmp_path, factory=failing_disk)
    shelf.write([event("before")], at())
    failing_disk.on, failing_disk.broken = "COMMIT", True
    shelf.write([event("in memory")], at(1))  # the new file's first commit fails as well
    assert not shelf.writable
    failing_disk.broken = False
    shelf.write([event("after")], at(20))
    assert shelf.writable
    assert sorted(filter(None, details(shelf))) == ["after", "before", "in memory"]
    assert any("set aside" in (text or "") for text in details(shelf, EventKind.ALARM))
    assert (tmp_path / "journal.db").exists()
    assert len({source.journal_id for source in shelf.sources()}) == len(shelf.sources())
    shelf.close()


def test_set_aside_stays_so_after_a_restart(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """A failed file is not written again by the next process either; its unacknowledged rows are still sent."""
    shelf = open_shelf(tmp_path, factory=failing_disk)
    shelf.write([event("old")], at())
    failing_disk.broken = True
    shelf.write([event("gone")], at(1))
    failing_disk.broken = False
    content = (tmp_path / "journal.db").read_bytes()
    again = open_shelf(tmp_path)
    again.write([event("new")], at(2))
    assert (tmp_path / "journal.db").read_bytes() == content
    assert sorted(filter(None, details(again))) == ["new", "old"]
    oldest = again.sources()[0]
    again.acknowledge(oldest.journal_id, epoch=0, through=oldest.last, real_ms=None)
    again.close()
    shelf.close()
    third = open_shelf(tmp_path)
    assert third.sources()[0].acknowledged == oldest.last
    third.close()


def test_memory_is_bounded_and_what_it_drops_is_counted_and_reported(
    tmp_path: Path, failing_disk: type[FailingDisk]
) -> None:
    """With no file to write, the ring keeps what fits, numbers it without holes, and the loss becomes an alarm."""
    shelf = open_shelf(tmp_path, factory=failing_disk, memory_capacity=5)
    failing_disk.broken = True
    shelf.write([event(str(n)) for n in range(8)], at(0))
    assert shelf.lost > 0 and not shelf.writable
    (ring,) = shelf.sources()[-1:]
    assert [row.sequence for row in ring.read(1, 100)] == [1, 2, 3, 4, 5]
    ring.acknowledge(5, None)
    assert ring.read(1, 100) == []
    failing_disk.broken = False
    shelf.write([event("after")], at(20))
    assert any("events had no place" in (text or "") for text in details(shelf, EventKind.ALARM))
    shelf.close()


def test_a_new_file_is_not_tried_at_every_event(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """A broken disk is asked once in ten seconds, however many badges come."""
    shelf = open_shelf(tmp_path, factory=failing_disk)
    failing_disk.broken = True
    for n in range(50):
        shelf.write([event(str(n))], at(n / 10))
    assert failing_disk.attempts <= 2
    assert len(list(tmp_path.glob("journal*.db"))) <= 2
    failing_disk.broken = False
    shelf.write([], at(30))
    assert shelf.writable
    shelf.close()


def test_a_contested_journal_is_kept_but_never_sent(tmp_path: Path) -> None:
    """The cloud holds other content under these numbers: a new journal goes on, a person looks at the old one."""
    shelf = open_shelf(tmp_path)
    shelf.write([event("disputed")], at())
    shelf.contest(shelf.sources()[0].journal_id, "row 1 came with other content")
    shelf.write([event("fresh")], at(1))
    assert details(shelf) == ["fresh"]
    assert any("contested" in (text or "") for text in details(shelf, EventKind.ALARM))
    shelf.close()
    again = open_shelf(tmp_path)
    assert details(again) == ["fresh"]
    assert (tmp_path / "journal.db").exists()
    again.close()


def test_a_corrupt_journal_is_kept_and_a_new_one_begun(tmp_path: Path) -> None:
    """Junk under the journal's name does not stop the gateway, and is never overwritten or deleted."""
    (tmp_path / "journal.db").write_bytes(b"junk" * 2048)
    shelf = open_shelf(tmp_path)
    shelf.write([event("works")], at())
    assert details(shelf) == ["works"]
    assert (tmp_path / "journal.db").read_bytes() == b"junk" * 2048
    assert details(shelf, EventKind.ALARM)
    shelf.close()


def test_an_event_the_wire_would_refuse_becomes_an_alarm(tmp_path: Path) -> None:
    """One unreadable event takes no other with it, and is not swallowed."""
    shelf = open_shelf(tmp_path)
    shelf.write([event("good"), event("bad", door="no such: name!")], at())
    assert details(shelf) == ["good"]
    assert any("could not be written" in (text or "") for text in details(shelf, EventKind.ALARM))
    shelf.close()


def test_every_journal_is_sent_again_in_a_new_epoch(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """Set-aside files take part: what the lost cloud had acknowledged of them is pending again."""
    shelf = open_shelf(tmp_path, factory=failing_disk)
    shelf.write([event("old")], at())
    failing_disk.broken = True
    shelf.write([event("x")], at(1))
    failing_disk.broken = False
    shelf.write([event("new")], at(20))
    for source in shelf.sources():
        shelf.acknowledge(source.journal_id, epoch=0, through=source.last, real_ms=None)
    assert shelf.pending() == 0
    shelf.begin_epoch(2)
    files = [source for source in shelf.sources() if source.read(1, 1)]
    assert len(files) >= 2 and all(source.acknowledged == 0 for source in files)
    shelf.close()


def test_the_reserve_is_given_back_when_the_journal_fails(tmp_path: Path, failing_disk: type[FailingDisk]) -> None:
    """On a full disk everything else gives way first: the reserve makes room for the new file."""
    shelf = JournalShelf(tmp_path, factory=failing_disk, reserve_bytes=100_000)
    assert (tmp_path / "journal.reserve").stat().st_size == 100_000
    failing_disk.broken = True
    shelf.write([event()], at())
    assert not (tmp_path / "journal.reserve").exists()
    failing_disk.broken = False
    shelf.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_really_full_disk_loses_nothing_committed(small_disk: Path) -> None:
    """Filled to the last byte: committed rows stay, the reserve carries on, then memory; with room again, a file.

    Here the room is not watched (limits of 0): the disk fills between two looks.
    """
    unwatched = RoomLimits(tight_bytes=0, none_bytes=0)
    shelf = JournalShelf(small_disk, reserve_bytes=200_000, limits=unwatched)
    shelf.write([event("first")], at())
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, pytest.raises(OSError) as full:
        while True:
            os.write(file.fileno(), b"x" * 4096)
    assert full.value.errno == errno.ENOSPC
    for n in range(1_000):
        shelf.write([event("y" * 400)], at(n / 100))
    assert not shelf.writable
    committed = {source.journal_id: source.last for source in shelf.sources()}
    assert len(committed) >= 2, "the reserve held a second file"
    ballast.unlink()
    shelf.write([event("last")], at(100))
    assert shelf.writable
    rows = details(shelf)
    assert rows[0] == "first" and rows[-1] == "last"
    assert all(source.last >= committed[source.journal_id] for source in shelf.sources()[:-1])
    assert sum(source.last for source in shelf.sources()) + shelf.lost >= 1_002
    shelf.close()


def test_a_size_limit_of_the_system_is_survived(tmp_path: Path) -> None:
    """RLIMIT_FSIZE, the limit that needs no root: real write errors from the kernel, and no committed row is lost."""
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from edge.store.event_samples import at, event
        from portillon_edge.store.journal_shelf import JournalShelf
        shelf = JournalShelf(Path(sys.argv[1]), reserve_bytes=0)
        shelf.write([event("first")], at())
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))
        for n in range(400):
            shelf.write([event("z" * 400)], at(n))
        sources = shelf.sources()
        print(len(sources), sum(s.last for s in sources), shelf.lost, sources[0].read(1, 1)[0].detail)
    """)
    tests = Path(__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env=os.environ | {"PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    journals, rows, lost, first = ran.stdout.split()
    assert int(journals) >= 2 and int(rows) + int(lost) >= 401 and first == "first"
