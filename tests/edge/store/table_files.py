"""The table's files, as tests open and fill them."""

from pathlib import Path

from edge.feed_maker import SECRET, FeedMaker
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.snapshot_build import build_snapshot


def open_store(folder: Path, **more: object) -> EntitlementStore:
    return EntitlementStore(folder / "entitlements.db", SECRET, **more)  # type: ignore[arg-type]


def fill(store: EntitlementStore, feed: FeedMaker, folder: Path) -> Path:
    """Put a snapshot of the feed in force."""
    offer, body = feed.snapshot()
    compressed = folder / "snapshot.zst"
    compressed.write_bytes(body)
    target = store.snapshot_path(offer.epoch, offer.revision)
    build_snapshot(compressed, target, offer=offer, secret=SECRET, cancelled=lambda: False)
    store.switch(target)
    return target
