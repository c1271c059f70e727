"""A gateway's whole table as one file: zstd of NDJSON rows, made in pieces, kept for an hour, fetched over HTTP.

Neither making nor serving it ever holds more than a piece in memory.
"""

import hashlib
import json
import secrets
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

import zstandard
from portillon_wire.digest import Digest
from portillon_wire.messages import SnapshotOffer
from portillon_wire.signature import sign
from sqlalchemy import Connection, delete, func, insert, select

from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.alarms import AlarmKind, raise_alarm
from portillon_cloud.gateways.errors import SnapshotGoneError
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_row, feed_state, snapshot, snapshot_chunk
from portillon_cloud.secrets import Keyring

CHUNK_BYTES = 1_048_576
LIFE_MS = 3_600_000
"""How long the URL works; a gateway that comes later gets another offer."""

OFFER_LIFE_MS = 1_800_000
"""How long the same snapshot is offered again instead of a new one: half its life; a fetch has the other half."""

PATH = "/gateway/v1/snapshot/"
_ROWS_PER_READ = 2_000
_GATEWAYS_PER_ROUND = 4
_TOKEN_BYTES = 32
_WANTED = (
    store.STATE.where(feed_state.c.snapshot_wanted_from.is_not(None), feed_state.c.ready)
    .order_by(feed_state.c.acked_at_ms, feed_state.c.gateway_id)
    .limit(_GATEWAYS_PER_ROUND)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A snapshot that can be fetched."""

    id: int
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What was read and packed; `root` is that of the rows themselves, `said_root` what the feed's state says."""

    epoch: int
    revision: int
    said_root: str
    digest: Digest
    rows: int
    size: int
    sha256: str


def offer_snapshots(
    db: Database,
    keyring: Keyring,
    *,
    base_url: str,
    now_ms: int,
    new_token: Callable[[], str] = lambda: secrets.token_urlsafe(_TOKEN_BYTES),
) -> list[Outgoing]:
    """Make, or take from the shelf, the snapshots that gateways want, and offer them."""
    with db.read() as conn:
        waiting = conn.execute(_WANTED).all()
    messages: list[Outgoing] = []
    for one in waiting:
        again = _offer_again(db, keyring, one, base_url=base_url, now_ms=now_ms)
        if again is not None:
            messages.append(again)
            continue
        with tempfile.TemporaryFile() as file:
            made = _make(db, one.gateway_id, file)
            messages += _keep(
                db, keyring, one.gateway_id, made, file, base_url=base_url, now_ms=now_ms, token=new_token()
            )
    return messages


def find(conn: Connection, token: str, *, now_ms: int) -> Stored:
    """The snapshot of a token; raises SnapshotGoneError."""
    row = conn.execute(
        select(snapshot.c.id, snapshot.c.size, snapshot.c.sha256).where(
            snapshot.c.token == token, snapshot.c.expires_at_ms > now_ms
        )
    ).one_or_none()
    if row is None:
        raise SnapshotGoneError("there is no such snapshot, or no more: ask for a new offer")
    return Stored(id=row.id, size=row.size, sha256=row.sha256)


def read(db: Database, stored: Stored, start: int = 0, end: int | None = None) -> Iterator[bytes]:
    """The bytes `start`..`end` (half-open), one piece and one short transaction at a time."""
    end = stored.size if end is None else end
    for number in range(start // CHUNK_BYTES, (end - 1) // CHUNK_BYTES + 1):
        with db.read() as conn:
            piece = conn.execute(
                select(snapshot_chunk.c.body).where(
                    snapshot_chunk.c.snapshot_id == stored.id, snapshot_chunk.c.number == number
                )
            ).scalar()
        if piece is None:
            raise SnapshotGoneError("the snapshot ran out while it was being fetched: ask for a new offer")
        at = number * CHUNK_BYTES
        yield bytes(piece[max(0, start - at) : end - at])


def _make(db: Database, gateway_id: str, file: IO[bytes]) -> Made:
    """Read all rows in one transaction and write them, packed, to `file`."""
    hashed, digest, rows, size = hashlib.sha256(), Digest.empty(), 0, 0
    packer = zstandard.ZstdCompressor(level=6).chunker(chunk_size=CHUNK_BYTES)

    def write(pieces: Iterator[bytes]) -> None:
        nonlocal size
        for piece in pieces:
            file.write(piece)
            hashed.update(piece)
            size += len(piece)

    with db.read() as conn:
        state = conn.execute(store.STATE.where(feed_state.c.gateway_id == gateway_id)).one()
        row = feed_row.c
        found = conn.execute(
            select(row.kind, row.key, row.body)
            .where(row.gateway_id == gateway_id)
            .order_by(row.kind, row.key)
            .execution_options(yield_per=_ROWS_PER_READ)
        )
        for kind, key, body in found:
            digest.add(kind, key, body)
            rows += 1
            write(packer.compress(b'{"kind":%b,"key":%b,"body":%b}\n' % (_json(kind), _json(key), body)))
        write(packer.finish())  # type: ignore[no-untyped-call]  # the one untyped method of zstandard's stubs
    return Made(
        epoch=state.epoch,
        revision=state.revision,
        said_root=state.root,
        digest=digest,
        rows=rows,
        size=size,
        sha256=hashed.hexdigest(),
    )


def _json(text: str) -> bytes:
    return json.dumps(text, ensure_ascii=False).encode()


def _keep(
    db: Database,
    keyring: Keyring,
    gateway_id: str,
    made: Made,
    file: IO[bytes],
    *,
    base_url: str,
    now_ms: int,
    token: str,
) -> list[Outgoing]:
    with db.write() as conn:
        state = store.lock(conn, gateway_id)
        if state is None or state.epoch != made.epoch or state.snapshot_wanted_from is None:
            return []  # overtaken; the next round looks again
        if made.digest.root() != made.said_root:
            _repair(conn, keyring, state, made, now_ms)
            return []
        conn.execute(delete(snapshot).where(snapshot.c.expires_at_ms <= now_ms))
        values = {
            "organisation_id": state.organisation_id,
            "gateway_id": gateway_id,
            "token": token,
            "epoch": made.epoch,
            "revision": made.revision,
            "root": made.said_root,
            "rows": made.rows,
            "size": made.size,
            "sha256": made.sha256,
            "made_at_ms": now_ms,
            "expires_at_ms": now_ms + LIFE_MS,
        }
        snapshot_id = conn.execute(insert(snapshot).values(values).returning(snapshot.c.id)).scalar_one()
        file.seek(0)
        number = 0
        while piece := file.read(CHUNK_BYTES):
            conn.execute(
                insert(snapshot_chunk).values(
                    snapshot_id=snapshot_id, number=number, organisation_id=state.organisation_id, body=piece
                )
            )
            number += 1
        store.change(conn, gateway_id, snapshot_wanted_from=None)
        kept = conn.execute(select(snapshot).where(snapshot.c.id == snapshot_id)).one()
    return [_offer(keyring, kept, base_url=base_url, now_ms=now_ms)]


def _offer_again(db: Database, keyring: Keyring, state: State, *, base_url: str, now_ms: int) -> Outgoing | None:
    """The gateway's newest snapshot, if it is good for what it wants and entries from there on are kept."""
    with db.read() as conn:
        kept = conn.execute(
            select(snapshot)
            .where(
                snapshot.c.gateway_id == state.gateway_id,
                snapshot.c.epoch == state.epoch,
                snapshot.c.revision >= state.snapshot_wanted_from,
                snapshot.c.made_at_ms > now_ms - OFFER_LIFE_MS,
            )
            .order_by(snapshot.c.id.desc())
            .limit(1)
        ).one_or_none()
        if kept is None or kept.revision + 1 < store.issued(conn, state).oldest_kept:
            return None
    with db.write() as conn:
        locked = store.lock(conn, state.gateway_id)
        if locked is None or locked.epoch != kept.epoch:
            return None
        store.change(conn, state.gateway_id, snapshot_wanted_from=None)
    return _offer(keyring, kept, base_url=base_url, now_ms=now_ms)


def _offer(keyring: Keyring, kept: State, *, base_url: str, now_ms: int) -> Outgoing:
    message = SnapshotOffer(
        gateway=kept.gateway_id,
        epoch=kept.epoch,
        revision=kept.revision,
        root=kept.root,
        url=f"{base_url.rstrip('/')}{PATH}{kept.token}",
        size=kept.size,
        sha256=kept.sha256,
        rows=kept.rows,
        issued_ms=now_ms,
    )
    return outgoing.feed(kept.gateway_id, sign(message, keyring.feed_key))


def _repair(conn: Connection, keyring: Keyring, state: State, made: Made, now_ms: int) -> None:
    """The running digest remembers history, the rows are the truth: go on from them in a new epoch."""
    raise_alarm(
        conn,
        organisation_id=state.organisation_id,
        gateway_id=state.gateway_id,
        kind=AlarmKind.DIGEST_REPAIRED,
        detail=f"the feed said root {made.said_root}, its rows have {made.digest.root()}",
        now_ms=now_ms,
    )
    if state.revision == made.revision:  # else rows changed since they were read: the next round reads them again
        store.open_epoch(conn, state, epoch=state.epoch + 1, digest=made.digest, now_ms=now_ms, key=keyring.feed_key)


def kept_snapshots(conn: Connection) -> int:
    """How many snapshots are on the shelf, expired ones included."""
    return conn.execute(select(func.count()).select_from(snapshot)).scalar_one()
