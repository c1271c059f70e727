"""A snapshot is built aside, streamed, and worth nothing unless it is what its signed offer says."""

import json
import resource
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import zstandard
from edge.feed_maker import SECRET, FeedMaker, credential, entitled, policy
from portillon_edge.errors import SnapshotRefused, StoreBusy
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.snapshot_build import BATCH_ROWS, build_snapshot
from portillon_rules.row_mac import row_mac
from portillon_wire.digest import Digest
from portillon_wire.messages import SnapshotOffer


def build(folder: Path, offer: SnapshotOffer, body: bytes, **more: Any) -> Path:
    (folder / "s.zst").write_bytes(body)
    target = folder / "entitlements-1-1.db"
    arguments: dict[str, Any] = {"offer": offer, "secret": SECRET, "cancelled": lambda: False} | more
    build_snapshot(folder / "s.zst", target, **arguments)
    return target


@pytest.fixture
def feed() -> FeedMaker:
    made = FeedMaker()
    made.entry(policy(), *(entitled(number, member=f"É{number}") for number in range(50)))
    return made


def test_a_snapshot_spelled_another_way_makes_the_same_table(tmp_path: Path, feed: FeedMaker) -> None:
    """Spaces, another order of keys and escapes are read the slow way, to the same root."""
    store = EntitlementStore(tmp_path / "entitlements.db", SECRET)
    offer, _ = feed.snapshot()
    lines = [
        json.dumps({"body": json.loads(body), "kind": kind, "key": key}, indent=None)
        for (kind, key), body in feed.rows.items()
    ]
    target = build(tmp_path, offer, zstandard.compress("\n".join(lines).encode()))
    store.switch(target)
    assert store.lookup(credential(7)) is not None and store.position().root == offer.root
    store.close()


@pytest.mark.parametrize("members", [0, BATCH_ROWS - 1, BATCH_ROWS, 2 * BATCH_ROWS + 1])
def test_what_is_stored_is_what_was_sent(tmp_path: Path, members: int) -> None:
    """However many batches it takes: every row, with the MAC that `row_mac` gives it, and the digest of all."""
    feed = FeedMaker()
    feed.put(*(entitled(number, member=f"É{number}") for number in range(members)))
    target = build(tmp_path, *feed.snapshot())
    connection = sqlite3.connect(target)
    stored = connection.execute("SELECT kind, key, body, mac, typeof(body), typeof(mac) FROM feed_row").fetchall()
    (digest,) = connection.execute("SELECT digest FROM position").fetchone()
    connection.close()
    expected = Digest.empty()
    for (kind, key), body in feed.rows.items():
        expected.add(kind, key, body)
    assert {(kind, key): body.encode() for kind, key, body, *_ in stored} == dict(feed.rows)
    assert all(mac == row_mac(kind, key, body.encode(), SECRET) for kind, key, body, mac, *_ in stored)
    assert all(row[4:] == ("text", "blob") for row in stored)
    assert digest == expected.to_bytes()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"root": "0" * 32}, "make root"),
        ({"rows": 10}, "more than the 10 rows"),
        ({"rows": 99}, "51 rows, 99 were offered"),
    ],
)
def test_a_table_other_than_the_offered_one_is_refused(
    tmp_path: Path, feed: FeedMaker, changes: dict[str, Any], message: str
) -> None:
    """Another root, more rows or fewer: refused, and no file is left."""
    offer, body = feed.snapshot(**changes)
    with pytest.raises(SnapshotRefused, match=message):
        build(tmp_path, offer, body)
    assert not list(tmp_path.glob("entitlements*"))


@pytest.mark.parametrize(
    "content",
    [b"no zstd", zstandard.compress(b"no json\n"), zstandard.compress(b'{"kind":"a"}\n'),
     zstandard.compress(b"x" * 100_000), zstandard.compress(b'{"kind":"a","key":"\xff","body":{}}\n'),
     zstandard.compress(b'{"kind":"a","key":"k","body":{"a":"\xff"}}\n'),
     zstandard.compress(b"[" * 60_000 + b"\n")],
)  # fmt: skip
def test_junk_is_refused(tmp_path: Path, feed: FeedMaker, content: bytes) -> None:
    """Bytes that are no zstd, lines that are no rows and lines without end raise one error, and leave no file."""
    offer, _ = feed.snapshot()
    with pytest.raises(SnapshotRefused):
        build(tmp_path, offer, content)
    assert not list(tmp_path.glob("entitlements*"))


def test_a_row_that_comes_twice_is_refused(tmp_path: Path, feed: FeedMaker) -> None:
    """One credential has one row."""
    offer, body = feed.snapshot(rows=102)
    lines = zstandard.decompress(body)
    with pytest.raises(SnapshotRefused, match="twice"):
        build(tmp_path, offer, zstandard.compress(lines + lines))


def test_building_can_be_cancelled(tmp_path: Path) -> None:
    """A newer offer or the end of the process stops a long build, and no half table is left."""
    feed = FeedMaker()
    feed.put(*(entitled(number) for number in range(5_000)))
    offer, body = feed.snapshot()
    with pytest.raises(StoreBusy, match="cancelled"):
        build(tmp_path, offer, body, cancelled=lambda: True)
    assert not list(tmp_path.glob("entitlements*"))


def test_memory_stays_bounded(tmp_path: Path) -> None:
    """Sixty thousand rows, 20 MB of them, grow the process by a fraction of that."""
    feed = FeedMaker()
    feed.put(*(entitled(number, member="m" * 200) for number in range(60_000)))
    offer, body = feed.snapshot()
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    build(tmp_path, offer, body)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 12_000 + 8_192
