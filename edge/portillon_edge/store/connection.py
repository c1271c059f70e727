"""How SQLite is opened here: one connection per file writes and checkpoints, every other one only reads.

SQLite before 3.51.3 (3.50.7, 3.44.6) can lose committed writes when two connections write and checkpoint at the same
instant ("WAL-reset"), and Debian 12 ships 3.40. So nothing here ever opens a second writer, and readers are opened
`mode=ro`, which keeps even their closing from checkpointing.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

BUSY_TIMEOUT_S = 5.0
CACHE_KIB = 8_192
CHECKPOINT_PAGES = 256
"""A write-ahead log of 1 MB: four times smaller than SQLite's default, so that a nearly full card holds it too."""
_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_NOT_TEXT = "Could not decode to UTF-8"
"""How Python's sqlite3 begins when a text in a row is none; it gives no code with it."""


@dataclass(frozen=True, slots=True)
class SqliteReport:
    """The SQLite in use, for the log and the health report."""

    version: str
    wal_reset_bug: bool

    def __str__(self) -> str:
        return f"SQLite {self.version}{' (WAL-reset bug: one writer per file keeps clear of it)' * self.wal_reset_bug}"


def sqlite_report(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> SqliteReport:
    """Which SQLite this is and whether it carries the WAL-reset bug (sqlite.org, release 3.51.3)."""
    major_minor = version[:2]
    fixed = version >= (3, 51, 3) or (major_minor == (3, 50) and version >= (3, 50, 7))
    fixed = fixed or (major_minor == (3, 44) and version >= (3, 44, 6)) or version < (3, 7, 0)
    return SqliteReport(".".join(map(str, version)), not fixed)


def open_writer(
    path: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection, page_limit: int | None = None
) -> sqlite3.Connection:
    """The one connection that writes and checkpoints `path`: WAL, synchronous=FULL. Raises sqlite3.Error.

    `page_limit` bounds the file's size; the file then behaves as on a full disk.
    """
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_S, factory=factory
    )
    try:
        with _told_in_utf8(path):
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit={CHECKPOINT_PAGES * 4096}")
        connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
        if page_limit is not None:
            connection.execute(f"PRAGMA max_page_count={page_limit:d}")
        # What a sync refused may still stand in the log, read from memory and never on the disk: whatever is committed
        # behind it would go with it at the next power cut. So each start begins with an empty log.
        with suppress(sqlite3.OperationalError):  # a full disk: as safe as the log was
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """A connection that can neither write nor checkpoint nor create `path`. Raises sqlite3.Error."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_TIMEOUT_S,
    )
    try:
        with _told_in_utf8(path):
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One write transaction: committed at the end of the block, rolled back by any exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def is_corrupt(error: sqlite3.Error) -> bool:
    """Whether the file itself is bad, as opposed to a full disk, a lock or an I/O error."""
    code: int | None = getattr(error, "sqlite_errorcode", None)
    return str(error).startswith(_NOT_TEXT) if code is None else (code & 0xFF) in _CORRUPT


@contextmanager
def _told_in_utf8(path: Path) -> Iterator[None]:
    """A damaged name in the schema stands in SQLite's own message, which Python then cannot read: say what it means."""
    try:
        yield
    except UnicodeDecodeError as error:
        corrupt = sqlite3.DatabaseError(f"{path}: its schema is damaged: {error.object!r}")
        corrupt.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise corrupt from error
