"""One entitlement file, open to be written: it checks what it opens; entries and repairs go in whole or not at all."""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from portillon_rules.row_mac import row_mac
from portillon_wire.digest import Digest, bucket_of
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange, RowKind

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.errors import EntryOutOfOrder, RootMismatch, StoreBusy, StoreDamaged
from portillon_edge.store.connection import is_corrupt, open_writer, transaction
from portillon_edge.store.entitlement_schema import NAME, STEPS, write_position
from portillon_edge.store.schema import migrate
from portillon_edge.store.table_repair import put_in_place, rows_as_stored, stored_body

_SHAPE = (
    "SELECT kind, key, body, mac, applied.revision, applied.root, distrusted.bucket, went.revision"
    " FROM feed_row, applied, distrusted, went LIMIT 0"
)
# Damaged text need not be UTF-8; as bytes it can be read and compared all the same.
_OLD = "SELECT CAST(body AS BLOB), mac FROM feed_row WHERE kind = ? AND key = ?"


class EntitlementTable:
    """The one writer of one file."""

    def __init__(self, path: Path, secret: bytes, *, factory: type[sqlite3.Connection] = sqlite3.Connection) -> None:
        """Open or make the file. Raises StoreDamaged, StoreTooNew or StoreBusy."""
        self.path = path
        self._secret = secret
        with sorted_errors(path):
            self._connection = open_writer(path, factory=factory)
        try:
            with sorted_errors(path):
                try:
                    migrate(self._connection, path=path, name=NAME, steps=STEPS)
                    self._connection.execute(_SHAPE)
                    self.position, self._digest = self._read_position()
                except sqlite3.OperationalError as error:
                    if (
                        getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR
                    ):  # a table or column is not there, or is already
                        raise StoreDamaged(f"{path}: its tables are not whole, half a migration: {error}") from error
                    raise
        except BaseException:
            self._connection.close()
            raise

    def apply(self, entry: FeedEntry) -> Position:
        """Commit one entry whole. Raises EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy or StoreDamaged;
        then nothing of it is in."""
        here = self.position
        if (entry.epoch, entry.revision) != (here.epoch, here.revision + 1):
            raise EntryOutOfOrder(
                f"entry {entry.epoch}/{entry.revision} does not follow revision {here.epoch}/{here.revision}"
            )
        digest = self._digest.copy()
        with sorted_errors(self.path), transaction(self._connection):
            damaged = {bucket for change in entry.changes if (bucket := self._put(change, digest)) is not None}
            root = digest.root()
            if root != entry.root:
                touched = {bucket_of(change.kind, change.key) for change in entry.changes}
                raise RootMismatch(
                    f"revision {entry.epoch}/{entry.revision} makes root {root}, signed is {entry.root}",
                    frozenset(damaged or touched),
                )
            went = {bucket_of(one.kind, one.key) for one in entry.changes if _withdraws(one)}
            write_position(self._connection, Position(entry.epoch, entry.revision, root), digest, went=went)
        self.position, self._digest = Position(entry.epoch, entry.revision, root), digest
        return self.position

    def differing(self, other: Digest) -> frozenset[int]:
        """The buckets in which this table is to have other rows than `other` counts."""
        return self._digest.differing(other)

    def repair(self, target: Position, buckets: Collection[int], rows: Sequence[RowChange]) -> Position:
        """Make `rows` all that is in `buckets`, if that makes the table of `target`: this revision, or a later one.

        Raises EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy or StoreDamaged; then nothing was changed.
        """
        here = self.position
        if target.epoch != here.epoch or target.revision < here.revision:
            raise EntryOutOfOrder(
                f"a repair for {target.epoch}/{target.revision} does not lead on from {here.epoch}/{here.revision}"
            )
        fresh = rows_as_stored(rows)
        digest = self._digest.copy()
        for bucket in buckets:
            digest.empty_bucket(bucket)
        for (kind, key), body in fresh.items():
            digest.add(kind, key, body)
        if digest.root() != target.root:
            raise RootMismatch(
                f"the repaired table of {target.epoch}/{target.revision} has root {digest.root()}, not {target.root}"
            )
        with sorted_errors(self.path), transaction(self._connection):
            put_in_place(self._connection, buckets, fresh, self._secret)
            write_position(self._connection, target, digest, went=buckets)
        self.position, self._digest = target, digest
        return target

    def distrust(self, buckets: Collection[int]) -> None:
        """Note that nothing in these buckets is to be believed until they are repaired. Raises StoreBusy."""
        with sorted_errors(self.path), transaction(self._connection):
            self._connection.executemany(
                "INSERT OR IGNORE INTO distrusted (bucket) VALUES (?)", [(bucket,) for bucket in buckets]
            )

    def distrusted(self) -> frozenset[int]:
        """The buckets that were not repaired yet."""
        with sorted_errors(self.path):
            return frozenset(bucket for (bucket,) in self._connection.execute("SELECT bucket FROM distrusted"))

    def roots(self) -> dict[int, str]:
        """The roots of the last revisions, for judging leases."""
        with sorted_errors(self.path):
            return dict(self._connection.execute("SELECT revision, root FROM applied"))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _put(self, change: RowChange, digest: Digest) -> int | None:
        """Returns the bucket in which the row was damaged before, if it was."""
        kind, key = change.kind, change.key
        damaged = None
        old = self._connection.execute(_OLD, (kind, key)).fetchone()
        if old is not None:
            digest.remove(kind, key, old[0])
            damaged = None if row_mac(kind, key, old[0], self._secret) == old[1] else bucket_of(kind, key)
        if change.body is None:
            self._connection.execute("DELETE FROM feed_row WHERE kind = ? AND key = ?", (kind, key))
            return damaged
        body = stored_body(change)
        digest.add(kind, key, body)
        self._connection.execute(
            "INSERT OR REPLACE INTO feed_row (kind, key, body, mac) VALUES (?, ?, ?, ?)",
            (kind, key, body.decode(), row_mac(kind, key, body, self._secret)),
        )
        return damaged

    def _read_position(self) -> tuple[Position, Digest]:
        row = self._connection.execute("SELECT epoch, revision, root, digest FROM position").fetchone()
        if row is None:
            return EMPTY, Digest.empty()
        try:
            position, digest = Position(*row[:3]), Digest.from_bytes(row[3])
        except (TypeError, ValueError) as error:
            raise StoreDamaged(f"{self.path}: its position cannot be read: {error}") from error
        if digest.root() != position.root:
            raise StoreDamaged(f"{self.path}: its digest does not make the root of its revision")
        return position, digest


def _withdraws(change: RowChange) -> bool:
    return change.kind == RowKind.DOOR_ORDER and change.body is None


@contextmanager
def sorted_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the system raise into the two things that a caller can act on."""
    try:
        yield
    except sqlite3.Error as error:
        if is_corrupt(error):
            raise StoreDamaged(f"{path}: {error}") from error
        raise StoreBusy(f"{path}: {error}; nothing was changed") from error
    except OSError as error:
        raise StoreBusy(f"{path}: {error}; nothing was changed") from error
