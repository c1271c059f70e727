"""The journal: what happened at the doors, numbered without holes, each commit on the disk before it returns.

A file is written by one `Journal` only. A write that fails is never tried again on the same file: after a failed fsync
the kernel calls pages clean that never reached the disk, so the next success would prove nothing (ATC '20, "Can
Applications Recover from fsync Failures?"). What the file then still gives is what was committed before.

Rows are chained by hashes (chain.py): a file that was tampered with is found out, and not written any more either.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import sqlite_utils
from portillon_rules.decision import TimeQuality
from portillon_wire.messages import EventKind, EventTime, JournalEvent
from pydantic import ValidationError

from portillon_edge.domain.events import NewEvent
from portillon_edge.errors import JournalTampered, JournalUnwritable
from portillon_edge.store.chain import UNKEYED, ChainKey, ChainReport, Ends, next_link, verify
from portillon_edge.store.connection import open_reader, open_writer, transaction
from portillon_edge.store.durable_file import sync_folder
from portillon_edge.store.schema import migrate

KEEP_ACKNOWLEDGED_MS = 7 * 86_400_000
PRUNE_ROWS_MAX = 10_000
READ_ROWS_MAX = 500
CHECK_ROWS = 5_000
"""How many rows of the chain are checked at a time: the newest ones at the start, then all of them in turn."""
_MS_PER_HOUR = 3_600_000


def m001_events_and_what_the_cloud_has(db: sqlite_utils.Database) -> None:
    db.execute("CREATE TABLE event (sequence INTEGER PRIMARY KEY, kind TEXT NOT NULL, body TEXT NOT NULL)")
    db.execute(
        "CREATE TABLE journal (one INTEGER PRIMARY KEY CHECK (one = 1), journal_id TEXT NOT NULL,"
        " acknowledged INTEGER NOT NULL, epoch INTEGER NOT NULL)"
    )
    # Which row was the last acknowledged one in which hour: enough to know what has been acknowledged for a week.
    db.execute("CREATE TABLE acknowledged_by_hour (hour INTEGER PRIMARY KEY, through INTEGER NOT NULL)")
    db.execute(
        "CREATE VIEW readable AS SELECT sequence, kind, body ->> 'door' AS door, body ->> 'member' AS member,"
        " body ->> 'reason' AS reason, body ->> 'flags' AS flags, body ->> 'detail' AS detail,"
        " datetime((body ->> '$.at.business_ms') / 1000, 'unixepoch') AS business_utc FROM event"
    )


def m002_hash_chain(db: sqlite_utils.Database) -> None:
    db.execute("ALTER TABLE event ADD COLUMN link BLOB")
    for column in ("chain_key TEXT", "chain_first INTEGER", "chain_before BLOB", "seal BLOB"):
        db.execute(f"ALTER TABLE journal ADD COLUMN {column}")


STEPS = (m001_events_and_what_the_cloud_has, m002_hash_chain)


class JournalSource(Protocol):
    """A journal as the uplink sees it: rows `acknowledged + 1 … last` are still to be sent."""

    journal_id: str
    epoch: int
    last: int
    acknowledged: int

    @property
    def oldest(self) -> int:
        """The lowest number of a row that is still kept; of the next row if there is none."""
        ...

    def read(self, first: int, last: int) -> list[JournalEvent]:
        """The rows with these sequence numbers that are still kept, ascending; at most READ_ROWS_MAX."""
        ...

    def acknowledge(self, through: int, real_ms: int | None) -> None:
        """The cloud has committed every row up to `through`."""
        ...

    def begin_epoch(self, epoch: int) -> None:
        """The cloud starts from another state: what it acknowledged in an earlier epoch is to be sent again."""
        ...


def random_journal_id() -> str:
    """128 random bits in hex: no new or restored journal ever continues numbers that somebody saw."""
    return secrets.token_hex(16)


class JournalReader:
    """Reads one journal file; may be used beside its writer, from one other thread."""

    def __init__(self, path: Path) -> None:
        self._connection = open_reader(path)

    def read(self, first: int, last: int) -> list[JournalEvent]:
        """Rows `first … last` that are still kept, ascending; at most READ_ROWS_MAX."""
        rows = self._connection.execute(
            "SELECT sequence, body FROM event WHERE sequence BETWEEN ? AND ? ORDER BY sequence LIMIT ?",
            (first, last, READ_ROWS_MAX),
        )
        return [_event(sequence, body) for sequence, body in rows]

    def header(self) -> tuple[str, int, int, int, int]:
        """(journal id, acknowledged, epoch, first kept sequence, last sequence)."""
        journal_id, acknowledged, epoch = self._connection.execute(
            "SELECT journal_id, acknowledged, epoch FROM journal"
        ).fetchone()
        first, last = self._connection.execute("SELECT min(sequence), max(sequence) FROM event").fetchone()
        return journal_id, acknowledged, epoch, first or 1, last or 0

    def chain(self, keys: Sequence[ChainKey]) -> ChainReport | None:
        """What a look at the whole hash chain finds; None: an older version wrote this file, without one."""
        if not any(name == "link" for _, name, *_ in self._connection.execute("PRAGMA table_info(event)")):
            return None
        self._connection.execute("BEGIN")  # one state of the file, whatever its writer does meanwhile
        try:
            return verify(self._connection, keys)
        finally:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Close without checkpointing."""
        self._connection.close()


class Journal:
    """The journal file that is written now. `append`, `acknowledge`, `begin_epoch` and `prune` belong to one thread;
    `read` may be called from one other."""

    def __init__(
        self,
        path: Path,
        *,
        new_id: Callable[[], str] = random_journal_id,
        factory: type[sqlite3.Connection] = sqlite3.Connection,
        page_limit: int | None = None,
        keys: Sequence[ChainKey] = (UNKEYED,),
    ) -> None:
        """Open or make the file; the first key chains what is written, the others what was. `remark`: what is to be
        known of its chain. Raises JournalUnwritable, JournalTampered, or StoreTooNew for a file of a newer version."""
        self.path = path
        self.failed = False
        self.remark: str | None = None
        self._keys = keys
        self._checked_through = 0
        self._chain_first, self._chain_before, self._link = 1, b"", b""
        try:
            if not path.exists():
                _make(path, new_id())
            self._connection = open_writer(path, factory=factory, page_limit=page_limit)
            try:
                migrate(self._connection, path=path, name="journal", steps=STEPS)
                self._reader = JournalReader(path)
                try:
                    header = self._reader.header()
                    self.journal_id, self.acknowledged, self.epoch, self.oldest, self.last = header
                    self._acknowledged_saved = self.acknowledged
                    self._acknowledged_hour: int | None = None
                    self._open_chain()
                except BaseException:
                    self._reader.close()
                    raise
            except BaseException:
                self._connection.close()
                raise
        except (sqlite3.Error, OSError, TypeError) as error:
            raise JournalUnwritable(f"{path}: the journal cannot be opened: {error}") from error

    def append(self, events: Sequence[NewEvent]) -> int:
        """Commit the events under the next numbers and return the last one. Raises JournalUnwritable: none is in."""
        numbered = [event.numbered(self.last + n) for n, event in enumerate(events, start=1)]
        rows, link = [], self._link
        for event in numbered:
            body = event.model_dump_json(exclude_defaults=True)
            link = next_link(self._keys[0], link, event.sequence, event.kind, body)
            rows.append((event.sequence, event.kind, body, link))
        with self._committing():
            self._connection.executemany("INSERT INTO event (sequence, kind, body, link) VALUES (?, ?, ?, ?)", rows)
            self._write_ends(self.last + len(rows), link)
        self._acknowledged_saved = self.acknowledged
        self.last, self._link = self.last + len(rows), link
        return self.last

    def read(self, first: int, last: int) -> list[JournalEvent]:
        """Rows `first … last` that are still kept, ascending; at most READ_ROWS_MAX."""
        return self._reader.read(first, last)

    def pending(self, after: int | None = None, limit: int = READ_ROWS_MAX) -> list[JournalEvent]:
        """The next rows that the cloud has not acknowledged, or the next ones after `after`."""
        start = self.acknowledged if after is None else after
        return self.read(start + 1, min(self.last, start + limit))

    def acknowledge(self, through: int, real_ms: int | None) -> None:
        """The cloud has committed every row up to `through`; `real_ms` (if known) starts the week of keeping them.

        Rides along with the next commit: an acknowledgement lost to a power cut costs a second sending, nothing more.
        """
        if not self.acknowledged < through <= self.last:
            return
        self.acknowledged = through
        self._acknowledged_hour = None if real_ms is None else real_ms // _MS_PER_HOUR

    def begin_epoch(self, epoch: int) -> None:
        """In a new epoch every kept row counts as not acknowledged. Raises JournalUnwritable."""
        if epoch == self.epoch:
            return
        # In this order: who sees the new epoch sees the new count as well.
        self.acknowledged = self.oldest - 1
        self.epoch = epoch
        with self._committing():
            self._connection.execute("DELETE FROM acknowledged_by_hour")
            self._write_ends(self.last, self._link)
        self._acknowledged_saved = self.acknowledged

    def save_acknowledged(self) -> None:
        """Write down a pending acknowledgement, for a quiet moment or the end. Raises JournalUnwritable."""
        if self.failed or self._acknowledged_saved == self.acknowledged:
            return
        with self._committing():
            self._write_ends(self.last, self._link)
        self._acknowledged_saved = self.acknowledged

    def prune(self, real_ms: int) -> int:
        """Delete rows acknowledged more than seven days ago, at most PRUNE_ROWS_MAX; returns how many.

        The newest row always stays: it is where the numbering goes on.
        """
        oldest_hour = (real_ms - KEEP_ACKNOWLEDGED_MS) // _MS_PER_HOUR
        (through,) = self._connection.execute(
            "SELECT max(through) FROM acknowledged_by_hour WHERE hour < ?", (oldest_hour,)
        ).fetchone()
        return self._delete_through(through or 0, oldest_hour)

    def shed(self) -> int:
        """Delete acknowledged rows before their week is over, at most PRUNE_ROWS_MAX: new ones need the room more."""
        return self._delete_through(self.acknowledged, -1)

    def extent(self) -> tuple[int, int]:
        """Bytes that the file has or will have once its write-ahead log is in it, and those of them that deleted rows
        have left for new ones. Raises JournalUnwritable."""
        try:
            asked = ("PRAGMA page_size", "PRAGMA page_count", "PRAGMA freelist_count")
            page_bytes, pages, free = (self._connection.execute(pragma).fetchone()[0] for pragma in asked)
        except sqlite3.Error as error:
            self.failed = True
            raise JournalUnwritable(f"{self.path}: the journal cannot be read: {error}") from error
        return page_bytes * pages, page_bytes * free

    def check_some(self) -> None:
        """Check the next CHECK_ROWS rows of the chain, from the first again after the last. Raises JournalTampered."""
        try:
            report = verify(self._connection, self._keys, start=self._checked_through + 1, rows_max=CHECK_ROWS)
        except sqlite3.Error as error:
            self.failed = True
            raise JournalUnwritable(f"{self.path}: the journal cannot be read: {error}") from error
        if report.fault is not None:
            raise JournalTampered(f"{self.path}: {report.fault}")
        self._checked_through = max(self._checked_through, self._chain_first - 1) + report.rows
        if self._checked_through >= self.last:
            self._checked_through = 0

    def close(self) -> None:
        """Save a pending acknowledgement and close. A failed file is closed without a checkpoint, which would write."""
        try:
            self.save_acknowledged()
        finally:
            if not self.failed:
                self._reader.close()
            self._connection.close()  # SQLite checkpoints only when the last connection closes
            self._reader.close()

    @contextmanager
    def _committing(self) -> Iterator[None]:
        """One durable commit; whatever makes it fail makes this file fail for good."""
        if self.failed:
            raise JournalUnwritable(f"{self.path}: failed before and takes nothing any more")
        try:
            with transaction(self._connection):
                yield
        except sqlite3.Error as error:
            self.failed = True
            raise JournalUnwritable(f"{self.path}: the journal cannot be written: {error}") from error

    def _delete_through(self, through: int, oldest_hour: int) -> int:
        until = min(through, self.last - 1, self.oldest + PRUNE_ROWS_MAX - 1)
        if until < self.oldest:
            return 0
        with self._committing():
            if until >= self._chain_first:
                (self._chain_before,) = self._connection.execute(
                    "SELECT link FROM event WHERE sequence = ?", (until,)
                ).fetchone()
                self._chain_first = until + 1
            deleted = self._connection.execute("DELETE FROM event WHERE sequence <= ?", (until,)).rowcount
            self._connection.execute(
                "DELETE FROM acknowledged_by_hour WHERE through <= ? AND hour < ?", (until, oldest_hour)
            )
            self._write_ends(self.last, self._link)
        self._acknowledged_saved = self.acknowledged
        self.oldest = until + 1
        return deleted

    def _open_chain(self) -> None:
        key_id, first, before = self._connection.execute(
            "SELECT chain_key, chain_first, chain_before FROM journal"
        ).fetchone()
        known = any(key.key_id == key_id for key in self._keys)
        if known:
            report = verify(self._connection, self._keys, start=self.last - CHECK_ROWS, rows_max=CHECK_ROWS)
            if report.fault is not None:
                raise JournalTampered(f"{self.path}: {report.fault}")
        if key_id == self._keys[0].key_id:
            newest = self._connection.execute("SELECT link FROM event WHERE sequence = ?", (self.last,)).fetchone()
            self._chain_first, self._chain_before = first, before
            self._link = newest[0] if newest and self.last >= first else before
            return
        if self.last and not known:
            how = "without a hash chain" if key_id is None else f"with the key {key_id!r}, which is not here any more"
            self.remark = f"{self.path.name}: rows up to {self.last} were written {how}; nobody can check them"
        self._chain_first, self._chain_before, self._link = self.last + 1, b"", b""
        with transaction(self._connection):
            self._write_ends(self.last, self._link)

    def _write_ends(self, last: int, link: bytes) -> None:
        ends = Ends(
            journal_id=self.journal_id,
            first=self._chain_first,
            before=self._chain_before,
            last=last,
            link=link,
            acknowledged=self.acknowledged,
            epoch=self.epoch,
        )
        key = self._keys[0]
        self._connection.execute(
            "UPDATE journal SET acknowledged = ?, epoch = ?,"
            " chain_key = ?, chain_first = ?, chain_before = ?, seal = ?",
            (ends.acknowledged, ends.epoch, key.key_id, ends.first, ends.before, ends.seal(key)),
        )
        if self._acknowledged_hour is not None and self.acknowledged != self._acknowledged_saved:
            self._connection.execute(
                "INSERT OR REPLACE INTO acknowledged_by_hour (hour, through) VALUES (?, ?)",
                (self._acknowledged_hour, self.acknowledged),
            )


def _event(sequence: int, body: str) -> JournalEvent:
    """The event of a row; one that nobody can read any more is told as that, so that the rows after it still go up."""
    try:
        event = JournalEvent.model_validate_json(body)
        if event.sequence == sequence:
            return event
        detail = f"this row bears the number of row {event.sequence}"
    except (ValidationError, TypeError):
        detail = "this row of the journal can no longer be read"
    at = EventTime(boot_id="unknown", boot_ns=0, real_ms=None, business_ms=None, quality=TimeQuality.UNKNOWN)
    return JournalEvent(sequence=sequence, kind=EventKind.ALARM, at=at, reason="journal_tampered", detail=detail)


def _make(path: Path, journal_id: str) -> None:
    """Make a whole new file or none: half a journal, made on a full disk, would be in the way of the next try."""
    unfinished = path.with_name(f"{path.name}.making")
    unfinished.unlink(missing_ok=True)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        migrate(connection, path=path, name="journal", steps=STEPS)
        connection.execute(
            "INSERT INTO journal (one, journal_id, acknowledged, epoch) VALUES (1, ?, 0, 0)", (journal_id,)
        )
        connection.close()
        unfinished.rename(path)
    except (sqlite3.Error, OSError):
        connection.close()
        unfinished.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)
