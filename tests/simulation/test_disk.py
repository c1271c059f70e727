"""The disk of the simulation itself: what it forgets, what it keeps, and that SQLite really goes through it."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from portillon_edge.store.connection import open_writer
from portillon_edge.store.durable_file import replace_file, sync_folder
from simulation.disk import SECTOR, Disk, Inode, Step, Trouble, Written, apply
from simulation.mounted_disk import mounted

SEEDS = range(40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "disk").mkdir()
    return tmp_path / "disk"


@pytest.fixture
def disk(folder: Path) -> Iterator[Disk]:
    made = Disk(folder, random.Random(1))
    with mounted(made):
        yield made


def rows_after_cuts(folder: Path, synchronous: str, *, lies: bool = False) -> list[tuple[int, int]]:
    """(committed, found) for one power cut each, at any step."""
    seen = []
    for seed in SEEDS:
        home = folder / f"{synchronous}{seed}{lies}"
        home.mkdir()
        disk = Disk(home, random.Random(seed))
        disk.lies = lies
        with mounted(disk):
            committed = insert_until_death(disk, home / "x.db", synchronous)
            disk.cut_power()
            disk.revive()
            with closing(sqlite3.connect(home / "x.db")) as db:
                there = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 't'").fetchone()[0]
                seen.append((committed, db.execute("SELECT count(*) FROM t").fetchone()[0] if there else 0))
    return seen


def insert_until_death(disk: Disk, path: Path, synchronous: str) -> int:
    """Commit row after row until a step is the last; returns how many commits returned."""
    db = open_writer(path)
    committed = 0
    try:
        db.execute(f"PRAGMA synchronous={synchronous}")
        db.execute("CREATE TABLE t (i INTEGER PRIMARY KEY, content BLOB)")
        sync_folder(path.parent)
        disk.die_at(disk.random.randint(1, 200), lambda: None)
        while True:
            db.execute("INSERT INTO t (content) VALUES (randomblob(300))")
            committed += 1
    except sqlite3.Error:
        return committed
    finally:
        db.close()


def test_committed_rows_survive_power_cuts(folder: Path) -> None:
    """With synchronous=FULL every row whose commit returned is there after a cut at any step, and at most one more."""
    assert all(found - committed in (0, 1) for committed, found in rows_after_cuts(folder, "FULL"))


def test_unsynced_commits_are_lost(folder: Path) -> None:
    """With synchronous=NORMAL, and on a disk whose syncs lie, rows whose commit returned are gone: the cuts do cut."""
    assert any(found < committed for committed, found in rows_after_cuts(folder, "NORMAL"))
    assert any(found < committed for committed, found in rows_after_cuts(folder, "FULL", lies=True))


def test_a_full_disk_fails_as_sqlite_fails(disk: Disk, folder: Path) -> None:
    """A full disk is SQLITE_FULL, a broken one SQLITE_IOERR, and nothing of the statement is in."""
    with closing(open_writer(folder / "x.db")) as db:
        db.execute("CREATE TABLE t (i)")
        for trouble, code in ((Trouble.FULL, sqlite3.SQLITE_FULL), (Trouble.BROKEN, sqlite3.SQLITE_IOERR)):
            disk.fail_at(1, trouble=trouble)
            with pytest.raises(sqlite3.OperationalError) as caught:
                db.execute("INSERT INTO t VALUES (1)")
            assert caught.value.sqlite_errorcode & 0xFF == code
            disk.mend()
        assert db.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_small_file_is_replaced_whole_or_not_at_all(folder: Path) -> None:
    """After a cut at any step of `replace_file` the old content is there or the new; once it returned, the new."""
    for seed in SEEDS:
        home = folder / str(seed)
        home.mkdir()
        disk = Disk(home, random.Random(seed))
        with mounted(disk):
            replace_file(home / "f", b"old" * 400)
            disk.die_at(1 + seed % 6, lambda: None)
            returned = False
            try:
                replace_file(home / "f", b"new" * 600)
                returned = not disk.dead
            except OSError:
                pass
            disk.cut_power()
            assert (home / "f").read_bytes() in ([] if returned else [b"old" * 400]) + [b"new" * 600]


def test_a_file_without_fsync_may_come_back_empty_or_torn(folder: Path) -> None:
    """Content that nobody synced is old, new, or a mixture of sectors: nobody may rely on it."""
    found = set()
    for seed in SEEDS:
        home = folder / str(seed)
        home.mkdir()
        disk = Disk(home, random.Random(seed))
        with mounted(disk):
            (home / "f").write_bytes(b"x" * SECTOR * 4)
            sync_folder(home)
            disk.cut_power()
            found.add((home / "f").read_bytes())
    assert b"" in found
    assert len(found) > 2


def test_a_failed_sync_brings_nothing_to_the_disk_ever(disk: Disk) -> None:
    """What was written before a failed sync stays off the disk however often somebody syncs again."""
    inode = Inode(watched=True)
    inode.pending.append(Written(0, b"x"))
    disk.synced(inode, Trouble.BROKEN)
    disk.synced(inode, None)
    assert inode.durable == b""
    inode.pending.append(Written(0, b"y"))
    disk.synced(inode, None)
    assert inode.durable == b"y"


def test_nothing_moves_once_the_process_is_dead(disk: Disk, folder: Path) -> None:
    """After the end no operation of the old process changes a file, a name, or what would survive."""
    replace_file(folder / "f", b"before")
    disk.kill()
    with pytest.raises(OSError, match="error"):
        replace_file(folder / "f", b"after")
    with pytest.raises(sqlite3.Error):
        open_writer(folder / "x.db")
    assert [path.name for path in folder.iterdir()] == ["f"]
    assert (folder / "f").read_bytes() == b"before"


def test_truncating_beyond_the_end_fills_with_zeros() -> None:
    """A file that is made longer, or written beyond its end, holds zeros between."""
    content = bytearray(b"ab")
    apply(content, Written(4, None))
    apply(content, Written(6, b"c"))
    assert content == b"ab\0\0\0\0c"


@pytest.mark.parametrize("step", Step)
def test_each_kind_of_step_can_be_the_last(step: Step, folder: Path) -> None:
    """The process may end at any kind of step, and is told of it once."""
    disk = Disk(folder, random.Random(1))
    deaths: list[Step] = []
    disk.die_at(2, lambda: deaths.append(step))
    assert disk.step(step) is None
    assert disk.step(step) is Trouble.BROKEN
    assert disk.step(step) is Trouble.BROKEN
    assert deaths == [step]
