"""One entitlement file, open to be written: it checks what it opens and applies entries, whole or not at all."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portillon_rules.row_mac import row_mac
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange, canonical_body

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.errors import EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy, StoreDamaged
from portillon_edge.store.connection import is_corrupt, open_writer, transaction
from portillon_edge.store.entitlement_schema import NAME, STEPS, write_position
from portillon_edge.store.schema import migrate

_SHAPE = "SELECT kind, key, body, mac, applied.revision, applied.root FROM feed_row, applied LIMIT 0"


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
            for change in entry.changes:
                self._put(change, digest)
            root = digest.root()
            if root != entry.root:
                raise RootMismatch(f"revision {entry.epoch}/{entry.revision} makes root {root}, signed is {entry.root}")
            write_position(self._connection, Position(entry.epoch, entry.revision, root), digest)
        self.position, self._digest = Position(entry.epoch, entry.revision, root), digest
        return self.position

    def roots(self) -> dict[int, str]:
        """The roots of the last revisions, for judging leases."""
        with sorted_errors(self.path):
            return dict(self._connection.execute("SELECT revision, root FROM applied"))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _put(self, change: RowChange, digest: Digest) -> None:
        kind, key = change.kind, change.key
        old = self._connection.execute("SELECT body FROM feed_row WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        if old is not None:
            digest.remove(kind, key, old[0].encode())
        if change.body is None:
            self._connection.execute("DELETE FROM feed_row WHERE kind = ? AND key = ?", (kind, key))
            return
        try:
            body = canonical_body(change.body)
        except ValueError as error:
            raise EntryRefused(f"{kind} {key!r} has a body that has no canonical form: {error}") from error
        digest.add(kind, key, body)
        self._connection.execute(
            "INSERT OR REPLACE INTO feed_row (kind, key, body, mac) VALUES (?, ?, ?, ?)",
            (kind, key, body.decode(), row_mac(kind, key, body, self._secret)),
        )

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
