"""How a damaged table is mended for kilobytes: which buckets differ, then their rows (DESIGN §4, Digest).

A gateway that knows which buckets are in doubt asks for their rows (`SyncReport.want_rows`) as they are at a position.
Is that the cloud's own position, the rows come, a part at a time; is it not, the sums of all buckets come instead, and
the gateway asks again for what differs. Both answers name the position that they are for: the rows are put in place of
the old ones only if the whole table then has its root.
"""

import base64
import binascii
from functools import cached_property
from typing import Annotated, Self

from pydantic import Field, model_validator

from portillon_wire.digest import Digest, bucket_of
from portillon_wire.messages import Counter, Root, SignedMessage, WantedRows
from portillon_wire.rows import RowChange

_SUMS_CHARS = 21_848
"""16 KiB in base64."""


class BucketSums(SignedMessage):
    """The sums of all buckets, in order, as base64; they make `root`."""

    epoch: Counter
    revision: Counter
    root: Root
    sums: Annotated[str, Field(min_length=_SUMS_CHARS, max_length=_SUMS_CHARS)]

    @classmethod
    def of(cls, digest: Digest, *, gateway: str, epoch: int, revision: int) -> "BucketSums":
        """What the digest of a position says."""
        sums = base64.b64encode(digest.to_bytes()).decode()
        return cls(gateway=gateway, epoch=epoch, revision=revision, root=digest.root(), sums=sums)

    @cached_property
    def digest(self) -> Digest:
        """The sums, to be compared."""
        return Digest.from_bytes(base64.b64decode(self.sums, validate=True))

    @model_validator(mode="after")
    def _makes_its_root(self) -> Self:
        try:
            root = self.digest.root()
        except binascii.Error as error:
            raise ValueError(f"the sums are no base64: {error}") from None
        if root != self.root:
            raise ValueError(f"the sums make root {root}, not {self.root}")
        return self


class BucketRows(SignedMessage):
    """What was asked for, from where it was asked on; `more`: ask again after the last of these rows."""

    asked: WantedRows
    rows: tuple[RowChange, ...] = Field(max_length=1000)
    more: bool = False

    @model_validator(mode="after")
    def _is_what_was_asked_for(self) -> Self:
        asked = set(self.asked.buckets)
        for row in self.rows:
            if row.body is None or bucket_of(row.kind, row.key) not in asked:
                raise ValueError(f"{row.kind} {row.key[:16]!r} is no row of the buckets asked for")
        if self.more and not self.rows:
            raise ValueError("more rows after none: nobody could ask for them")
        return self
