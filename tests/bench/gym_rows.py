"""A made-up table of entitlements of any size, as the cloud would send it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import zstandard
from portillon_rules.credential import Credential, CredentialKind, SiteKey, credential_hash
from portillon_rules.entitlement import ALWAYS, Entitlement
from portillon_rules.policy import SITE, SitePolicy
from portillon_wire.digest import Digest
from portillon_wire.messages import SnapshotOffer
from portillon_wire.rows import RowKind, canonical_body

KEY = SiteKey("k1", bytes(range(32)))
NOW_MS = 1_790_000_000_000
DAY_MS = 86_400_000


def card(number: int) -> Credential:
    """The card of member `number`."""
    return Credential(CredentialKind.EM4100, f"{number:010X}")


def hashed(number: int) -> str:
    """What the gateway knows that card by."""
    return credential_hash(card(number), KEY)


def rows(members: int) -> Iterator[tuple[str, str, bytes]]:
    """(kind, key, canonical body) of the policy and of every member, ascending by key as the cloud sends them."""
    for key in sorted(hashed(number) for number in range(members)):
        row = Entitlement(
            credential=key,
            member=key[3:15],
            zones=("gym", "spa"),
            schedule=ALWAYS,
            valid_from_ms=NOW_MS - DAY_MS,
            valid_until_ms=NOW_MS + 30 * DAY_MS,
        )
        yield RowKind.ENTITLEMENT.value, key, canonical_body(row.to_body())
    yield RowKind.POLICY.value, SITE, canonical_body(SitePolicy(time_zone="America/Montreal").to_body())


def snapshot(path: Path, members: int) -> SnapshotOffer:
    """Write the compressed table to `path` and return its offer."""
    digest, count = Digest.empty(), 0
    with path.open("wb") as file, zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False) as stream:
        for kind, key, body in rows(members):
            digest.add(kind, key, body)
            stream.write(b'{"kind":"%s","key":"%s","body":%s}\n' % (kind.encode(), key.encode(), body))
            count += 1
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return SnapshotOffer(
        gateway="gw1", epoch=1, revision=1, root=digest.root(), url="/s", size=path.stat().st_size, sha256=sha256,
        rows=count, issued_ms=NOW_MS,
    )  # fmt: skip
