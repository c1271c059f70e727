"""The anti-entropy digest over rows: 1,024 buckets, order-independent, kept incrementally by both sides.

A row's 128-bit hash is added to its bucket modulo 2**128 and subtracted when the row goes, so equal sets of rows have
equal digests however they came about. It finds accidents; signatures authenticate (DESIGN §4, Digest).
"""

import hashlib
from collections.abc import Iterable

BUCKETS = 1024
_BYTES = 16
_MODULUS = 1 << (8 * _BYTES)


class Digest:
    """Mutable sums of row hashes. `remove` undoes an `add` of the very same row; nothing checks that it was there."""

    __slots__ = ("_raw",)

    def __init__(self, raw: bytes | None = None) -> None:
        if raw is not None and len(raw) != BUCKETS * _BYTES:
            raise ValueError(f"a digest has {BUCKETS * _BYTES} bytes, not {len(raw)}")
        self._raw = bytearray(raw if raw is not None else BUCKETS * _BYTES)

    @classmethod
    def empty(cls) -> "Digest":
        """The digest of no rows."""
        return cls()

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Digest":
        """Rebuild from `to_bytes`; raises ValueError for another length."""
        return cls(raw)

    def to_bytes(self) -> bytes:
        """16 KiB: the buckets in order, each 16 bytes, big-endian."""
        return bytes(self._raw)

    def copy(self) -> "Digest":
        """An independent digest of the same rows."""
        return Digest(bytes(self._raw))

    def add(self, kind: str, key: str, body: bytes) -> None:
        """Count a row in; `body` is its canonical body."""
        self._shift(kind, key, body, 1)

    def remove(self, kind: str, key: str, body: bytes) -> None:
        """Count a row out again."""
        self._shift(kind, key, body, -1)

    def bucket(self, number: int) -> str:
        """One bucket as hex, for repair by bucket."""
        return self._raw[number * _BYTES : (number + 1) * _BYTES].hex()

    def differing(self, other: "Digest") -> frozenset[int]:
        """The buckets in which the two count other rows."""
        return frozenset(number for number in range(BUCKETS) if self.bucket(number) != other.bucket(number))

    def empty_bucket(self, number: int) -> None:
        """Count no rows in this bucket any more, so that those which it must have can be counted in."""
        self._raw[number * _BYTES : (number + 1) * _BYTES] = bytes(_BYTES)

    def root(self) -> str:
        """32 hex digits over all buckets; the name of a whole table's content."""
        return hashlib.blake2b(self._raw, digest_size=_BYTES).hexdigest()

    def _shift(self, kind: str, key: str, body: bytes, sign: int) -> None:
        at = bucket_of(kind, key) * _BYTES
        row = hashlib.blake2b(b"\0".join((kind.encode(), key.encode(), body)), digest_size=_BYTES).digest()
        total = int.from_bytes(self._raw[at : at + _BYTES], "big") + sign * int.from_bytes(row, "big")
        self._raw[at : at + _BYTES] = (total % _MODULUS).to_bytes(_BYTES, "big")


class DigestBuilder:
    """The digest of a whole table, counted in bulk: the same sums as `Digest.add` makes, at about half the cost."""

    __slots__ = ("_sums",)

    def __init__(self) -> None:
        self._sums = [0] * BUCKETS

    def add_many(self, rows: Iterable[tuple[bytes, bytes, bytes]]) -> None:
        """Count rows in: kind, key and canonical body of each, all as UTF-8 bytes."""
        # Copying an empty hash costs less than making one, and sums are reduced once, at the end.
        sums, integer = self._sums, int.from_bytes
        new_name, new_row = hashlib.blake2b(digest_size=2).copy, hashlib.blake2b(digest_size=_BYTES).copy
        for kind, key, body in rows:
            spelled = kind + b"\0" + key
            name, row = new_name(), new_row()
            name.update(spelled)
            row.update(spelled + b"\0" + body)
            sums[integer(name.digest(), "big") % BUCKETS] += integer(row.digest(), "big")

    def digest(self) -> Digest:
        """The digest of the rows counted so far."""
        return Digest(b"".join((total % _MODULUS).to_bytes(_BYTES, "big") for total in self._sums))


def bucket_of(kind: str, key: str) -> int:
    """Which of the 1,024 buckets a row falls into: ten bits of a hash of its name, so that puts and deletes agree."""
    name = hashlib.blake2b(b"\0".join((kind.encode(), key.encode())), digest_size=2).digest()
    return int.from_bytes(name, "big") % BUCKETS
