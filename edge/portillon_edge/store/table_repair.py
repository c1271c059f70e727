"""Putting the right rows in the place of a few buckets: what is there already stays untouched, the rest is written.

Damage need not leave text readable, nor the tree in order. So rows are called by the bytes that they have, and one that
cannot be reached by its own name condemns the file: a repair that left it there would say that all is well.
"""

import hashlib
import sqlite3
from collections.abc import Collection, Iterable, Mapping

from portillon_rules.row_mac import row_mac
from portillon_wire.digest import BUCKETS
from portillon_wire.rows import RowChange, canonical_body

from portillon_edge.errors import EntryRefused, StoreDamaged

Name = tuple[str, str]
_NAMES = "SELECT CAST(kind AS BLOB), CAST(key AS BLOB) FROM feed_row"
_FIND = "SELECT CAST(body AS BLOB), mac FROM feed_row WHERE kind = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_UPDATE = "UPDATE feed_row SET body = ?, mac = ? WHERE kind = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_DELETE = "DELETE FROM feed_row WHERE kind = CAST(? AS TEXT) AND key = CAST(? AS TEXT)"
_INSERT = "INSERT INTO feed_row (kind, key, body, mac) VALUES (?, ?, ?, ?)"


def stored_body(change: RowChange) -> bytes:
    """The body as it is stored and counted; raises EntryRefused for one that has no canonical form."""
    try:
        return canonical_body(change.body or {})
    except ValueError as error:
        raise EntryRefused(f"{change.kind} {change.key!r} has a body that has no canonical form: {error}") from error


def rows_as_stored(rows: Iterable[RowChange]) -> dict[Name, bytes]:
    """Canonical bodies by name. Raises EntryRefused."""
    return {(row.kind, row.key): stored_body(row) for row in rows}


def put_in_place(
    connection: sqlite3.Connection, buckets: Collection[int], fresh: Mapping[Name, bytes], secret: bytes
) -> None:
    """Within the caller's transaction: make `fresh` all that is in `buckets`, and trust them again.

    Raises sqlite3.Error, and StoreDamaged.
    """
    missing = {(kind.encode(), key.encode()): (kind, key, body) for (kind, key), body in fresh.items()}
    for name in _names_in(connection, frozenset(buckets)):
        wanted = missing.pop(name, None)
        if wanted is None:
            _one(connection.execute(_DELETE, name))
            continue
        body, mac = wanted[2], row_mac(*wanted, secret)
        if connection.execute(_FIND, name).fetchone() != (body, mac):
            _one(connection.execute(_UPDATE, (body.decode(), mac, *name)))
    rows = [(kind, key, body.decode(), row_mac(kind, key, body, secret)) for kind, key, body in missing.values()]
    try:
        connection.executemany(_INSERT, rows)
    except sqlite3.IntegrityError as error:
        raise StoreDamaged(f"a row that no walk over the table has met is there all the same: {error}") from error
    connection.executemany("DELETE FROM distrusted WHERE bucket = ?", [(bucket,) for bucket in buckets])


def _names_in(connection: sqlite3.Connection, buckets: frozenset[int]) -> list[tuple[bytes, bytes]]:
    # `bucket_of` spelled out over bytes, since a whole table is asked; a test holds the two equal.
    new_name, integer = hashlib.blake2b(digest_size=2).copy, int.from_bytes
    found = []
    for kind, key in connection.execute(_NAMES):
        name = new_name()
        name.update(kind + b"\0" + key)
        if integer(name.digest(), "big") % BUCKETS in buckets:
            found.append((kind, key))
    return found


def _one(done: sqlite3.Cursor) -> None:
    if done.rowcount != 1:
        raise StoreDamaged("a damaged row cannot be reached by its own name: the table is out of order")
