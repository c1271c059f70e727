"""The cloud's end of a feed, a few lines long: rows, revisions, roots, snapshots and leases, rightly signed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import zstandard
from portillon_rules.entitlement import Entitlement
from portillon_rules.policy import SITE, SitePolicy
from portillon_wire.digest import Digest, bucket_of
from portillon_wire.messages import FeedEntry, Lease, SignedMessage, SnapshotOffer, WantedRows
from portillon_wire.repair import BucketRows, BucketSums
from portillon_wire.rows import RowChange, RowKind, canonical_body
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys, SigningKey, sign

GATEWAY = "gw1"
SECRET = b"s" * 32
NOON_MS = 1_790_000_000_000
KEY = SigningKey.from_bytes("k1", b"c" * 32)
KEYS = PublicKeys({"k1": PublicKey(KEY.public, frozenset(KeyUse))})


def credential(number: int) -> str:
    """The hash of the card with that number."""
    return f"k1.{hashlib.sha256(str(number).encode()).hexdigest()}"


def entitled(number: int, **changes: Any) -> RowChange:
    """Member `number` may pass."""
    base: dict[str, Any] = {
        "credential": credential(number), "member": f"m{number}", "zones": ("gym",), "schedule": "always",
        "valid_from_ms": 0, "valid_until_ms": NOON_MS * 2,
    }  # fmt: skip
    row = Entitlement(**(base | changes))
    return RowChange(kind=RowKind.ENTITLEMENT, key=row.credential, body=row.to_body())


def removed(number: int) -> RowChange:
    """Member `number` is gone."""
    return RowChange(kind=RowKind.ENTITLEMENT, key=credential(number), body=None)


def policy(time_zone: str = "America/Toronto") -> RowChange:
    """The site's policy."""
    return RowChange(kind=RowKind.POLICY, key=SITE, body=SitePolicy(time_zone=time_zone).to_body())


class FeedMaker:
    """What one gateway must know, and every message that says so."""

    def __init__(self, epoch: int = 1, revision: int = 0) -> None:
        self.epoch = epoch
        self.revision = revision
        self.rows: dict[tuple[str, str], bytes] = {}
        self.digest = Digest.empty()
        self.entries: dict[int, FeedEntry] = {}
        self.counter = 0

    def put(self, *changes: RowChange) -> None:
        """Change rows without an entry, for the content of a snapshot."""
        for change in changes:
            old = self.rows.pop((change.kind, change.key), None)
            if old is not None:
                self.digest.remove(change.kind, change.key, old)
            if change.body is not None:
                body = canonical_body(change.body)
                self.rows[change.kind, change.key] = body
                self.digest.add(change.kind, change.key, body)

    def entry(self, *changes: RowChange) -> FeedEntry:
        """The next revision."""
        self.put(*changes)
        self.revision += 1
        made = FeedEntry(
            gateway=GATEWAY, epoch=self.epoch, revision=self.revision, changes=changes, root=self.digest.root(),
            issued_ms=NOON_MS,
        )  # fmt: skip
        self.entries[self.revision] = made
        return made

    def snapshot(self, **changes: Any) -> tuple[SnapshotOffer, bytes]:
        """An offer of the table as it is now, and its bytes."""
        lines = b"".join(
            b'{"kind":"%s","key":"%s","body":%s}\n' % (kind.encode(), key.encode(), body)
            for (kind, key), body in sorted(self.rows.items())
        )
        body = zstandard.ZstdCompressor().compress(lines)
        base: Mapping[str, Any] = {
            "gateway": GATEWAY, "epoch": self.epoch, "revision": self.revision, "root": self.digest.root(),
            "url": f"http://127.0.0.1/{self.epoch}-{self.revision}", "size": len(body),
            "sha256": hashlib.sha256(body).hexdigest(), "rows": len(self.rows), "issued_ms": NOON_MS,
        }  # fmt: skip
        return SnapshotOffer(**{**base, **changes}), body

    def answer(self, asked: WantedRows, *, most: int = 1000) -> BucketRows | BucketSums:
        """What the cloud says to a wish for rows; `most` of them at once."""
        if (asked.epoch, asked.revision, asked.root) != (self.epoch, self.revision, self.digest.root()):
            return BucketSums.of(self.digest, gateway=GATEWAY, epoch=self.epoch, revision=self.revision)
        wanted = sorted(
            (bucket_of(*name), *name, body) for name, body in self.rows.items() if bucket_of(*name) in asked.buckets
        )
        if asked.after is not None:
            last = (bucket_of(asked.after.kind, asked.after.key), asked.after.kind, asked.after.key)
            wanted = [row for row in wanted if row[:3] > last]
        rows = tuple(RowChange(kind=kind, key=key, body=json.loads(body)) for _, kind, key, body in wanted[:most])
        return BucketRows(gateway=GATEWAY, asked=asked, rows=rows, more=len(wanted) > most)

    def lease(self, **changes: Any) -> Lease:
        """The next lease, for the revision as it is now."""
        self.counter += 1
        base: Mapping[str, Any] = {
            "gateway": GATEWAY, "epoch": self.epoch, "revision": self.revision, "root": self.digest.root(),
            "issued_ms": NOON_MS, "duration_s": 72 * 3600, "counter": self.counter, "business_ms": NOON_MS,
            "clock_rev": 0, "rate": 1, "mode": "live",
        }  # fmt: skip
        return Lease(**{**base, **changes})


def signed(message: SignedMessage, key: SigningKey = KEY) -> bytes:
    """The token that travels."""
    return sign(message, key)
