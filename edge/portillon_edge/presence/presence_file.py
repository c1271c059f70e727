"""`presence.db`: who is where, kept over restarts.

Nobody gains much by its loss: a member of whom nothing is known passes, and is known again from then on. So nothing
waits for it. A full disk: what could not be written is written with the rest once there is room. Any other failure: the
file is put aside, and a new one begins with all of the book in memory. Each is one alarm. The file holds members' ids
and zones, no credential and no name.
"""

import logging
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import sqlite_utils

from portillon_edge.errors import StoreTooNew
from portillon_edge.presence.book import Changes, Nobodies, Place, PresenceBook
from portillon_edge.presence.memory import ForgetfulPresence
from portillon_edge.store.connection import open_reader, open_writer, transaction
from portillon_edge.store.schema import migrate

log = logging.getLogger(__name__)

FILE = "presence.db"
SCHEMA = "presence"
BUSY_MS_MAX = 50
"""Somebody who writes into the file by hand must not keep the doors waiting."""
_FULL_OR_BUSY = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_SUFFIXES = ("", "-wal", "-shm")


def m001_where_members_are(db: sqlite_utils.Database) -> None:
    db.execute("CREATE TABLE member (member TEXT PRIMARY KEY, zone TEXT, since_ms INTEGER NOT NULL) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE nobodies (zone TEXT PRIMARY KEY, count INTEGER NOT NULL, at_ms INTEGER NOT NULL) WITHOUT ROWID"
    )
    db.execute("CREATE TABLE doubt (zone TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) WITHOUT ROWID")
    db.execute("CREATE TABLE began (one INTEGER PRIMARY KEY CHECK (one = 1), began_ms INTEGER NOT NULL)")


STEPS = (m001_where_members_are,)


class PresenceFile:
    """The file in `data_dir`. A bad disk never keeps it from being made. Used by one thread."""

    def __init__(self, data_dir: Path, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> None:
        self._path = data_dir / FILE
        self._factory = factory
        self._db: sqlite3.Connection | None = None
        self._behind = False
        self._alarms: list[str] = []
        self._alarmed = ""

    def load(self) -> PresenceBook:
        """What was kept; no file is made before there is something to keep.

        Raises StoreTooNew for a file that a newer version wrote.
        """
        if not self._path.exists():
            return PresenceBook()
        try:
            self._db = self._open()
            return _read(self._db)
        except (sqlite3.Error, OSError) as error:
            self._lose(error)
            return PresenceBook()

    def save(self, book: PresenceBook) -> None:
        """Write what changed; all of it where the last time failed, and into a new file unless the disk was full."""
        changes = book.everything() if self._behind else book.take_changes()
        if not changes and not self._behind:
            return
        try:
            if self._db is None:
                if self._behind:
                    self._put_aside()
                self._db = self._open()
            self._write(self._db, changes, anew=self._behind)
            self._behind, self._alarmed = False, ""
        except (sqlite3.Error, OSError) as error:
            self._lose(error)

    def take_alarms(self) -> list[str]:
        """What happened to the file since the last call."""
        alarms, self._alarms = self._alarms, []
        return alarms

    def close(self) -> None:
        """Let go of the file."""
        if self._db is not None:
            with suppress(sqlite3.Error):
                self._db.close()
        self._db = None

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        db = open_writer(self._path, factory=self._factory)
        try:
            db.execute(f"PRAGMA busy_timeout={BUSY_MS_MAX}")
            migrate(db, path=self._path, name=SCHEMA, steps=STEPS)
        except (sqlite3.Error, OSError, StoreTooNew):
            db.close()
            raise
        return db

    def _write(self, db: sqlite3.Connection, changes: Changes, *, anew: bool = False) -> None:
        with transaction(db):
            if anew:
                db.execute("DELETE FROM member")
                db.execute("DELETE FROM nobodies")
                db.execute("DELETE FROM doubt")
            for member, place in changes.members.items():
                if place is None:
                    db.execute("DELETE FROM member WHERE member = ?", (member,))
                else:
                    row = (member, place.zone, place.since_ms)
                    db.execute("INSERT OR REPLACE INTO member VALUES (?, ?, ?)", row)
            for zone, one in changes.nobodies.items():
                if one is None:
                    db.execute("DELETE FROM nobodies WHERE zone = ?", (zone,))
                else:
                    db.execute("INSERT OR REPLACE INTO nobodies VALUES (?, ?, ?)", (zone, one.count, one.at_ms))
            for zone, at_ms in changes.doubts.items():
                if at_ms is None:
                    db.execute("DELETE FROM doubt WHERE zone = ?", (zone,))
                else:
                    db.execute("INSERT OR REPLACE INTO doubt VALUES (?, ?)", (zone, at_ms))
            if changes.began_ms is None:
                db.execute("DELETE FROM began")
            else:
                db.execute("INSERT OR REPLACE INTO began VALUES (1, ?)", (changes.began_ms,))

    def _lose(self, error: sqlite3.Error | OSError) -> None:
        self._behind = True
        code = getattr(error, "sqlite_errorcode", None)
        if code is None or code & 0xFF not in _FULL_OR_BUSY:
            self.close()  # nobody knows what is on the disk: the next save begins a new file
        text = f"{self._path}: who is inside cannot be kept ({error}); free the disk. Until then a restart forgets it"
        if text != self._alarmed:
            self._alarmed = text
            self._alarms.append(text)
            log.error("%s", text)

    def _put_aside(self) -> None:
        for suffix in _SUFFIXES:
            path = self._path.with_name(self._path.name + suffix)
            with suppress(FileNotFoundError):
                path.rename(path.with_name(f"{FILE}.bad{suffix}"))


class PresenceLook(ForgetfulPresence):
    """The file as it is, for looking on beside a running gateway; it is at most some seconds behind."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE

    def load(self) -> PresenceBook:
        """What is kept; nothing if it cannot be read."""
        if not self._path.exists():
            return PresenceBook()
        try:
            with closing(open_reader(self._path)) as db:
                return _read(db)
        except sqlite3.Error as error:
            log.warning("%s: cannot be looked into: %s", self._path, error)
            return PresenceBook()


def _read(db: sqlite3.Connection) -> PresenceBook:
    members = db.execute("SELECT member, zone, since_ms FROM member ORDER BY since_ms, member").fetchall()
    nobodies = db.execute("SELECT zone, count, at_ms FROM nobodies").fetchall()
    doubts = db.execute("SELECT zone, at_ms FROM doubt").fetchall()
    began = db.execute("SELECT began_ms FROM began").fetchone()
    return PresenceBook(
        ((member, Place(zone, since_ms)) for member, zone, since_ms in members),
        {zone: Nobodies(count, at_ms) for zone, count, at_ms in nobodies},
        dict(doubts),
        began[0] if began else None,
    )
