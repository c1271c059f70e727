"""Building an entitlement file from a snapshot: streamed, in bounded memory, and worth nothing until its root fits.

A snapshot is zstd over lines `{"kind":"…","key":"…","body":{…}}`, spelled so, one per row, the body in its canonical
form: then its bytes are hashed and stored as they are. A line spelled otherwise is read the slow way.

Rows go in batches: what a call into SQLite or a hash costs before it does any work is then paid once for many rows.
"""

import hashlib
import io
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import zstandard
from portillon_rules.row_mac import MAC_BYTES
from portillon_wire.digest import DigestBuilder
from portillon_wire.messages import SnapshotOffer
from portillon_wire.rows import canonical_body
from portillon_wire.rule_rows import EVERY_BUCKET

from portillon_edge.domain.position import Position
from portillon_edge.errors import SnapshotRefused, StoreBusy
from portillon_edge.store.connection import CACHE_KIB
from portillon_edge.store.durable_file import sync_file, sync_folder
from portillon_edge.store.entitlement_schema import NAME, STEPS, write_position
from portillon_edge.store.schema import migrate

LINE_BYTES_MAX = 65_536
WINDOW_BYTES_MAX = 8 * 1024 * 1024
"""zstd's own limit for decoders that must run anywhere (RFC 8878 §3.1.1.1.2)."""
BATCH_ROWS = 64
"""Few, since a badge read meanwhile waits up to a batch for the interpreter; more rows at once gain nothing."""
_INSERT = "INSERT INTO feed_row (kind, key, body, mac) VALUES (?, ?, ?, ?)"
_ONE_MORE = ", (?, ?, ?, ?)"
_Row = tuple[bytes, bytes, bytes]
"""Kind, key and canonical body, as UTF-8."""
_SPELLED = re.compile(rb'\{"kind":"([a-z_]{1,32})","key":"([^"\\\x00-\x1f]{1,200})","body":(\{.*\})\}\n?')


def build_snapshot(
    compressed: Path, target: Path, *, offer: SnapshotOffer, secret: bytes, cancelled: Callable[[], bool]
) -> None:
    """Make `target` out of a downloaded snapshot. Raises SnapshotRefused, or StoreBusy; then `target` is gone again."""
    try:
        _build(compressed, target, offer=offer, secret=secret, cancelled=cancelled)
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def _build(
    compressed: Path, target: Path, *, offer: SnapshotOffer, secret: bytes, cancelled: Callable[[], bool]
) -> None:
    digest = DigestBuilder()
    try:
        connection = sqlite3.connect(target, isolation_level=None)
        try:
            # Nobody reads this file before it is whole and synced: a crash in between leaves one to be thrown away.
            connection.execute("PRAGMA journal_mode=OFF")
            connection.execute("PRAGMA synchronous=OFF")
            connection.execute(f"PRAGMA cache_size=-{CACHE_KIB}")
            migrate(connection, path=target, name=NAME, steps=STEPS)
            connection.execute("BEGIN IMMEDIATE")
            for batch in _batches(compressed, offer=offer, cancelled=cancelled):
                digest.add_many(batch)
                connection.execute(_INSERT + _ONE_MORE * (len(batch) - 1), _values(batch, secret))
            whole = digest.digest()
            root = whole.root()
            if root != offer.root:
                raise SnapshotRefused(
                    f"snapshot {offer.epoch}/{offer.revision}: rows make root {root}, not {offer.root}"
                )
            position = Position(offer.epoch, offer.revision, root)
            write_position(connection, position, whole, went=[EVERY_BUCKET])
            connection.execute("COMMIT")
        finally:
            connection.close()
        sync_file(target)
        sync_folder(target.parent)
    except sqlite3.IntegrityError as error:
        raise SnapshotRefused(f"snapshot {offer.epoch}/{offer.revision}: a row comes twice: {error}") from error
    except (sqlite3.Error, OSError) as error:
        raise StoreBusy(f"{target}: the snapshot cannot be built: {error}") from error


def _batches(compressed: Path, *, offer: SnapshotOffer, cancelled: Callable[[], bool]) -> Iterator[list[_Row]]:
    count, lines = 0, _lines(compressed)
    while batch := [_row(line, count + number) for number, line in enumerate(islice(lines, BATCH_ROWS), 1)]:
        count += len(batch)
        if count > offer.rows:
            raise SnapshotRefused(f"snapshot {offer.epoch}/{offer.revision}: more than the {offer.rows} rows offered")
        if cancelled():
            raise StoreBusy("building the snapshot was cancelled")
        yield batch
    if count != offer.rows:
        raise SnapshotRefused(f"snapshot {offer.epoch}/{offer.revision}: {count} rows, {offer.rows} were offered")


def _values(batch: list[_Row], secret: bytes) -> list[str | bytes]:
    # `row_mac` spelled out over bytes, its keyed beginning made once; a test holds the two equal.
    keyed = hashlib.blake2b(key=secret, digest_size=MAC_BYTES)
    values: list[str | bytes] = []
    try:
        for kind, key, body in batch:
            mac = keyed.copy()
            mac.update(b"\0".join((kind, key, body)))
            values += (kind.decode(), key.decode(), body.decode(), mac.digest())
    except UnicodeDecodeError as error:
        raise SnapshotRefused(f"a row of the snapshot is no UTF-8: {error}") from error
    return values


def _row(line: bytes, number: int) -> _Row:
    if spelled := _SPELLED.fullmatch(line):
        return spelled[1], spelled[2], spelled[3]
    try:
        content = json.loads(line)
        return str(content["kind"]).encode(), str(content["key"]).encode(), canonical_body(content["body"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SnapshotRefused(f"line {number} of the snapshot is no row: {error!r}") from error


def _lines(compressed: Path) -> Iterator[bytes]:
    with compressed.open("rb") as file:
        stream = zstandard.ZstdDecompressor(max_window_size=WINDOW_BYTES_MAX).stream_reader(file)
        buffered = io.BufferedReader(stream, 1 << 18)
        try:
            while line := buffered.readline(LINE_BYTES_MAX):
                if len(line) == LINE_BYTES_MAX and not line.endswith(b"\n"):
                    raise SnapshotRefused(f"a line of the snapshot is longer than {LINE_BYTES_MAX} bytes")
                yield line
        except zstandard.ZstdError as error:
            raise SnapshotRefused(f"the snapshot is no readable zstd: {error}") from error
