"""Open a database and hand out transactions. On SQLite one connection writes and checkpoints; readers cannot write."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, OperationalError
from sqlalchemy.pool import QueuePool, StaticPool

from portillon_cloud.database.errors import DatabaseBusyError, DatabaseUrlError, NestedWriteError
from portillon_cloud.database.ownership import own
from portillon_cloud.database.wake import Wake

BUSY_MS = 30_000  # how long a writer waits for another process (a migration, a technician's query) before it gives up
READERS = 8
WRITER_CACHE_KIB = 65_536  # a night's invoices touch the same index pages again and again: at 2 MB they are read anew
_WAKE = "portillon.wake"


def wake_after_commit(conn: Connection) -> None:
    """Ring the worker's bell once the transaction of `conn` has committed (not if it rolls back)."""
    conn.info[_WAKE] = True


class Database:
    """Transactions on one URL: `write()` and `read()` each give a connection inside a transaction of its own."""

    def __init__(self, url: str) -> None:
        try:
            self.url = make_url(url)
        except ArgumentError as error:
            raise DatabaseUrlError(
                f"{url!r} is no database URL; use sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"
            ) from error
        self.dialect = self.url.get_backend_name()
        self.wake = Wake()
        self._writing = threading.local()
        self._lock = threading.Lock()
        self._owned: IO[str] | None = None
        self._writer: Engine
        self._reader: Engine
        if self.dialect == "sqlite":
            self._open_sqlite(url)
        elif self.dialect == "postgresql":
            self._writer = create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True)
            self._reader = self._writer.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
        else:
            raise DatabaseUrlError(f"{self.dialect!r} is not supported; use sqlite or postgresql+psycopg")

    @property
    def embedded(self) -> bool:
        """True for SQLite, which one process owns."""
        return self.dialect == "sqlite"

    def _open_sqlite(self, url: str) -> None:
        if self.url.database in (None, "", ":memory:"):
            raise DatabaseUrlError("an in-memory SQLite database has no second connection to read from; name a file")
        arguments = {"timeout": BUSY_MS / 1000, "isolation_level": None, "check_same_thread": False}
        self._writer = create_engine(url, connect_args=arguments, poolclass=StaticPool)
        self._reader = create_engine(
            url, connect_args=arguments, poolclass=QueuePool, pool_size=READERS, max_overflow=READERS
        )
        event.listen(self._writer, "connect", _prepare_writer)
        event.listen(self._reader, "connect", _prepare_reader)
        # A plain BEGIN that reads and then writes fails at once with SQLITE_BUSY_SNAPSHOT, which no waiting cures.
        event.listen(self._writer, "begin", lambda conn: _begin(conn, "BEGIN IMMEDIATE"))
        event.listen(self._reader, "begin", lambda conn: _begin(conn, "BEGIN"))
        self._owned = own(Path(str(self.url.database)))
        try:
            with self._writer.connect():
                pass  # WAL and the file exist before any reader opens it
        except OperationalError as error:
            self._owned.close()
            raise DatabaseUrlError(f"cannot open {self.url.database}: {error.orig}; does its folder exist?") from error

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A write transaction: commits at the end, rolls back on any exception; no network call inside, no nesting."""
        if getattr(self._writing, "now", False):
            raise NestedWriteError("a write transaction is already open in this thread; pass its connection on instead")
        self._writing.now, self._writing.woken = True, False
        try:
            with self._lock if self.embedded else nullcontext(), self._transaction() as conn:
                yield conn
        finally:
            self._writing.now = False
        if self._writing.woken:
            self.wake.set()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._writer.connect() as conn:
                conn.info.pop(_WAKE, None)
                with conn.begin():
                    yield conn
                self._writing.woken = conn.info.pop(_WAKE, False)
        except (OperationalError, sqlite3.OperationalError) as error:
            if _is_busy(error):
                raise DatabaseBusyError(
                    f"{self.url.database} stayed locked by another process for {BUSY_MS} ms; "
                    "end that process (one process owns a SQLite file) and try again"
                ) from error
            raise

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent snapshot; any attempt to write in it is an error."""
        with self._reader.connect() as conn, conn.begin():
            yield conn

    def close(self) -> None:
        """Close every connection, the writer last: on SQLite it is the one that may checkpoint."""
        self._reader.dispose()
        self._writer.dispose()
        if self._owned is not None:
            self._owned.close()


def _prepare_writer(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
        f"cache_size=-{WRITER_CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: sqlite3.Connection, _record: Any) -> None:
    for pragma in (f"busy_timeout={BUSY_MS}", "query_only=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(conn: Connection, statement: str) -> None:
    """By the driver itself: through SQLAlchemy it takes longer than all else that an empty transaction does."""
    driver: Any = conn.connection.dbapi_connection
    driver.execute(statement)


def _is_busy(error: OperationalError | sqlite3.OperationalError) -> bool:
    cause = error.orig if isinstance(error, OperationalError) else error
    return isinstance(cause, sqlite3.OperationalError) and "locked" in str(cause)
