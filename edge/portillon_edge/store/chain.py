"""The hash chain over a journal's rows, so that tampering shows.

1. Each row's link covers the row and the link before it: a row changed, removed, added or moved breaks the chain there.
2. One seal covers both ends of the chain and what the cloud is said to have: no row can be cut off at the beginning or
   the end, and none marked as sent, by anybody without the site's key.
3. The key is derived from the site's credential key. Where that was rotated, or the file has rows of a version without
   a chain, the chain begins anew at the next row, and that is said; rows before it stay readable.

What it cannot show: an old copy of the whole file put back (the cloud sees numbers come again with other content and
contests them), and what somebody writes who holds the site's key.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from portillon_rules.credential import SiteKey

LINK_BYTES = 16


@dataclass(frozen=True, slots=True)
class ChainKey:
    """What links are made with, by the name of the site key that it comes from."""

    key_id: str
    secret: bytes = field(repr=False)


UNKEYED = ChainKey("", b"")
"""Finds accidents, but anybody can forge it: for journals of tests."""


def chain_keys(site_keys: Iterable[SiteKey]) -> tuple[ChainKey, ...]:
    """A chain key of each site key, in the same order."""
    return tuple(
        ChainKey(key.key_id, hashlib.blake2b(b"portillon journal chain", key=key.secret, digest_size=32).digest())
        for key in site_keys
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Both ends of a journal's chain, and what the cloud has of it: all that the seal covers.

    `before` is the link of the row before `first`, `link` that of row `last` (of the one before `first` if none).
    """

    journal_id: str
    first: int
    before: bytes
    last: int
    link: bytes
    acknowledged: int
    epoch: int

    def seal(self, key: ChainKey) -> bytes:
        """The MAC over all of it."""
        numbers = f"{self.journal_id}\0{self.first}\0{self.last}\0{self.acknowledged}\0{self.epoch}\0"
        return _mac(key, b"seal\0" + numbers.encode() + self.before + b"\0" + self.link)


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a look at a chain found: rows checked, the first row that it covers, and what is wrong."""

    rows: int
    first: int
    last: int
    fault: str | None


def next_link(key: ChainKey, before: bytes, sequence: int, kind: str, body: str) -> bytes:
    """The link of a row, from the row and the link before it."""
    return _mac(key, b"\0".join((before, str(sequence).encode(), kind.encode(), body.encode())))


def verify(
    connection: sqlite3.Connection, keys: Sequence[ChainKey], *, start: int = 0, rows_max: int | None = None
) -> ChainReport:
    """Check the seal, and the rows from `start` on, at most `rows_max`. Raises sqlite3.Error.

    The caller sees to it that nobody writes meanwhile (a read transaction, or being the writer).
    """
    journal_id, acknowledged, epoch, key_id, first, before, seal = connection.execute(
        "SELECT journal_id, acknowledged, epoch, chain_key, chain_first, chain_before, seal FROM journal"
    ).fetchone()
    last, newest = connection.execute("SELECT sequence, link FROM event ORDER BY sequence DESC LIMIT 1").fetchone() or (
        0,
        b"",
    )
    if key_id is None:
        return ChainReport(0, last + 1, last, None)
    key = next((key for key in keys if key.key_id == key_id), None)
    if key is None:
        return ChainReport(0, first, last, f"its chain was made with key {key_id!r}, which is not here any more")
    link = newest if last >= first else before
    ends = Ends(
        journal_id=journal_id,
        first=first,
        before=before,
        last=last,
        link=link or b"",
        acknowledged=acknowledged,
        epoch=epoch,
    )
    if ends.seal(key) != seal:
        return ChainReport(0, first, last, f"its seal does not fit: rows before {first} or after {last} were removed")
    return _walk(connection, key, ends, start=max(start, first), rows_max=rows_max)


def _walk(
    connection: sqlite3.Connection, key: ChainKey, ends: Ends, *, start: int, rows_max: int | None
) -> ChainReport:
    link, expected, rows = ends.before, ends.first, 0
    if start > ends.first:
        found = connection.execute("SELECT link FROM event WHERE sequence = ?", (start - 1,)).fetchone()
        if found is None:
            return ChainReport(0, ends.first, ends.last, f"row {start - 1} is missing")
        link, expected = found[0] or b"", start
    for sequence, kind, body, stored in connection.execute(
        "SELECT sequence, kind, body, link FROM event WHERE sequence >= ? ORDER BY sequence LIMIT ?",
        (start, -1 if rows_max is None else rows_max),
    ):
        if sequence != expected:
            return ChainReport(rows, ends.first, ends.last, f"row {expected} is missing")
        link = next_link(key, link, sequence, str(kind), str(body))
        if link != stored:
            return ChainReport(rows, ends.first, ends.last, f"row {sequence} is not as it was written")
        expected, rows = expected + 1, rows + 1
    return ChainReport(rows, ends.first, ends.last, None)


def _mac(key: ChainKey, message: bytes) -> bytes:
    return hashlib.blake2b(message, key=key.secret, digest_size=LINK_BYTES).digest()
