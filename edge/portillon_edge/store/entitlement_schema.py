"""The tables of an entitlement file."""

import sqlite3
from collections.abc import Iterable

import sqlite_utils
from portillon_wire.digest import Digest
from portillon_wire.rule_rows import EVERY_BUCKET

from portillon_edge.domain.position import Position

ROOTS_KEPT = 1_000
"""For so many revisions back the gateway can tell whether a lease speaks of the table that it had."""


def m001_rows_and_position(db: sqlite_utils.Database) -> None:
    db.execute(
        "CREATE TABLE feed_row (kind TEXT NOT NULL, key TEXT NOT NULL, body TEXT NOT NULL, mac BLOB NOT NULL,"
        " PRIMARY KEY (kind, key)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE position (one INTEGER PRIMARY KEY CHECK (one = 1), epoch INTEGER NOT NULL,"
        " revision INTEGER NOT NULL, root TEXT NOT NULL, digest BLOB NOT NULL)"
    )
    db.execute("CREATE TABLE applied (revision INTEGER PRIMARY KEY, root TEXT NOT NULL)")
    db.execute(
        "CREATE VIEW entitlement AS SELECT key AS credential, body ->> 'member' AS member, body ->> 'zones' AS zones,"
        " body ->> 'schedule' AS schedule, body ->> 'refusal' AS refusal,"
        " datetime((body ->> 'valid_until_ms') / 1000, 'unixepoch') AS valid_until_utc"
        " FROM feed_row WHERE kind = 'entitlement'"
    )


def m002_distrusted(db: sqlite_utils.Database) -> None:
    db.execute("CREATE TABLE distrusted (bucket INTEGER PRIMARY KEY)")


def m003_went(db: sqlite_utils.Database) -> None:
    db.execute("CREATE TABLE went (bucket INTEGER PRIMARY KEY, revision INTEGER NOT NULL)")
    db.execute("INSERT INTO went SELECT ?, revision FROM position", [EVERY_BUCKET])


NAME = "entitlements"
STEPS = (m001_rows_and_position, m002_distrusted, m003_went)


def write_position(
    connection: sqlite3.Connection, position: Position, digest: Digest, *, went: Iterable[int] = ()
) -> None:
    """Say, within the caller's transaction, that the rows are now those of `position`.

    `went`: the buckets (or EVERY_BUCKET) of which the feed has just said all that is in them, or that an order goes.
    """
    connection.execute(
        "INSERT OR REPLACE INTO position (one, epoch, revision, root, digest) VALUES (1, ?, ?, ?, ?)",
        (position.epoch, position.revision, position.root, digest.to_bytes()),
    )
    connection.execute(
        "INSERT OR REPLACE INTO applied (revision, root) VALUES (?, ?)", (position.revision, position.root)
    )
    connection.execute("DELETE FROM applied WHERE revision <= ?", (position.revision - ROOTS_KEPT,))
    connection.executemany(
        "INSERT OR REPLACE INTO went (bucket, revision) VALUES (?, ?)",
        [(bucket, position.revision) for bucket in went],
    )
