"""Transactions on both engines, and what SQLite's single writer promises."""

import os
import threading
from pathlib import Path

import pytest
from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.database.errors import DatabaseInUseError, DatabaseUrlError, NestedWriteError
from portillon_cloud.members.tables import organisation
from sqlalchemy import insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError


def _organisation(name: str = "Gym", mode: str = "live") -> dict[str, object]:
    return {
        "mode": mode,
        "name": name,
        "country": "CA",
        "language": "fr",
        "time_zone": "America/Toronto",
        "created_at_real_ms": 0,
    }


def test_commits_at_the_end_and_rolls_back_on_an_error(db: Database) -> None:
    """A write transaction is all or nothing."""
    with db.write() as conn:
        conn.execute(insert(organisation), [_organisation("kept")])
    with pytest.raises(RuntimeError, match="crash"), db.write() as conn:
        conn.execute(insert(organisation), [_organisation("lost")])
        raise RuntimeError("crash")
    with db.read() as conn:
        assert conn.execute(select(organisation.c.name)).scalars().all() == ["kept"]


def test_a_reader_cannot_write(db: Database) -> None:
    """Reads and writes go separate ways on both engines."""
    with pytest.raises(DBAPIError, match=r"readonly|read-only"), db.read() as conn:
        conn.execute(update(organisation).values(name="x"))
    with db.write() as conn:
        conn.execute(insert(organisation), [_organisation()])


def test_a_reader_sees_one_snapshot(db: Database) -> None:
    """What another transaction commits meanwhile is not seen halfway through a report."""
    with db.read() as conn:
        assert conn.execute(select(organisation.c.id)).all() == []
        with db.write() as writer:
            writer.execute(insert(organisation), [_organisation()])
        assert conn.execute(select(organisation.c.id)).all() == []


def test_nested_write_is_refused_not_a_deadlock(db: Database) -> None:
    """The mistake is named at once, and the database is usable afterwards."""
    with pytest.raises(NestedWriteError, match="pass its connection"), db.write(), db.write():
        pass
    with db.write() as conn:
        conn.execute(insert(organisation), [_organisation()])


def test_the_bell_rings_after_commit_only(db: Database) -> None:
    """A rolled back transaction made no work; a committed one wakes the worker."""
    with pytest.raises(RuntimeError), db.write() as conn:
        wake_after_commit(conn)
        raise RuntimeError
    assert not db.wake.wait(0)
    with db.write() as conn:
        wake_after_commit(conn)
        assert not db.wake.wait(0)
    assert db.wake.wait(0)
    with db.write():
        pass
    assert not db.wake.wait(0)


def test_the_mode_of_an_organisation_never_changes(db: Database) -> None:
    """The database itself holds live apart from test."""
    with db.write() as conn:
        conn.execute(insert(organisation), [_organisation()])
    with pytest.raises(IntegrityError, match="never changes"), db.write() as conn:
        conn.execute(update(organisation).values(mode="test"))


def test_sqlite_writer_settings(sqlite_db: Database) -> None:
    """Money is written with WAL and a flush per commit, with foreign keys held."""
    with sqlite_db.write() as conn:
        found = {
            name: conn.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_sqlite_threads_take_turns_on_one_writer(sqlite_db: Database) -> None:
    """Eight threads that read and then write lose nothing and never meet a busy database."""
    with sqlite_db.write() as conn:
        conn.execute(insert(organisation), [_organisation("0")])

    def count_up() -> None:
        for _ in range(20):
            with sqlite_db.write() as conn:
                value = int(conn.execute(select(organisation.c.name)).scalar_one())
                conn.execute(update(organisation).values(name=str(value + 1)))

    threads = [threading.Thread(target=count_up) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite_db.read() as conn:
        assert conn.execute(select(organisation.c.name)).scalar_one() == "160"


@pytest.mark.parametrize("url", ["nonsense", "mysql://x/y", "sqlite://", "sqlite:///:memory:"])
def test_a_url_that_names_no_usable_database_is_refused(url: str) -> None:
    """The message says what to write instead."""
    with pytest.raises(DatabaseUrlError, match=r"use |name a file"):
        Database(url)


def test_one_process_owns_a_sqlite_file(sqlite_url: str) -> None:
    """A second one is refused by name, and can have it once the first is gone."""
    first = Database(sqlite_url)
    with pytest.raises(DatabaseInUseError, match=f"process {os.getpid()}"):
        Database(sqlite_url)
    first.close()
    Database(sqlite_url).close()


def test_every_waiting_thread_hears_the_bell(sqlite_db: Database) -> None:
    """The worker and the broker's sequencer both wake; neither takes the ring from the other."""
    heard: list[bool] = []
    threads = [threading.Thread(target=lambda: heard.append(sqlite_db.wake.wait(10))) for _ in range(3)]
    for thread in threads:
        thread.start()
    with sqlite_db.write() as conn:
        wake_after_commit(conn)
    for thread in threads:
        thread.join()
    assert heard == [True, True, True]


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    """Opening fails with the path in the message, not with a traceback from the driver."""
    with pytest.raises(DatabaseUrlError, match="nowhere"):
        Database(f"sqlite:///{tmp_path}/nowhere/a.db")
