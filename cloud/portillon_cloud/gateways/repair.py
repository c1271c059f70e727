"""Answer a gateway that mends its table: the rows of a few buckets, or what all buckets sum up to.

Who asks this holds the lock on the feed's state: rows, revision and root are of one moment, whoever else sequences.
"""

import json

from portillon_wire.digest import Digest, bucket_of
from portillon_wire.messages import WantedRows
from portillon_wire.repair import BucketRows, BucketSums
from portillon_wire.rows import RowChange
from portillon_wire.signature import sign
from sqlalchemy import Connection, select, tuple_

from portillon_cloud.gateways import outgoing
from portillon_cloud.gateways.differences import ENTRY_BYTES
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_row
from portillon_cloud.secrets import Keyring

ANSWER_ROWS = 1_000


def answer_wish(conn: Connection, keyring: Keyring, state: State, asked: WantedRows) -> list[Outgoing]:
    """What to say to a wish for rows; `state` is locked and ready."""
    message: BucketRows | BucketSums
    if (asked.epoch, asked.revision, asked.root) == (state.epoch, state.revision, state.root):
        rows, more = _rows(conn, state.gateway_id, asked)
        message = BucketRows(gateway=state.gateway_id, asked=asked, rows=tuple(rows), more=more)
    else:
        message = BucketSums.of(
            Digest.from_bytes(state.digest), gateway=state.gateway_id, epoch=state.epoch, revision=state.revision
        )
    return [outgoing.feed(state.gateway_id, sign(message, keyring.feed_key))]


def _rows(conn: Connection, gateway_id: str, asked: WantedRows) -> tuple[list[RowChange], bool]:
    """The next rows, by bucket, kind and key, ENTRY_BYTES of them at the most (one alone may be larger); are there
    more?"""
    row = feed_row.c
    query = (
        select(row.kind, row.key, row.body)
        .where(row.gateway_id == gateway_id, row.bucket.in_(asked.buckets))
        .order_by(row.bucket, row.kind, row.key)
        .limit(ANSWER_ROWS + 1)
    )
    if asked.after is not None:
        last = asked.after
        after = (bucket_of(last.kind, last.key), last.kind, last.key)
        query = query.where(tuple_(row.bucket, row.kind, row.key) > after)
    rows: list[RowChange] = []
    size = 0
    for kind, key, body in conn.execute(query):
        size += len(kind) + len(key) + len(body)
        if rows and (len(rows) == ANSWER_ROWS or size > ENTRY_BYTES):
            return rows, True
        rows.append(RowChange(kind=kind, key=key, body=json.loads(body)))
    return rows, False
