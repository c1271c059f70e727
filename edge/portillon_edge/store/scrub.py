"""The daily scrub: the digest counted anew from the rows on the disk. Kept incrementally, it remembers history only.

1. A walk goes over one state of the file, a slice at a time, so that nobody waits for it; entries may be applied.
2. A row whose MAC does not fit is damaged; it is refused already, and its bucket is repaired.
3. A digest that differs in a bucket without such a row means that whole good rows are missing, old or too many. Nobody
   can say which, so nothing in that bucket is believed until it is repaired.
4. With more than REPAIR_BUCKETS_MAX buckets in doubt, or a digest that is not that of its revision, the file is not to
   be trusted at all.
5. A walk over a file that is no longer in force, or that was repaired meanwhile, says nothing.
"""

import hashlib
import sqlite3
from pathlib import Path

from portillon_rules.row_mac import MAC_BYTES
from portillon_wire.digest import BUCKETS, Digest, DigestBuilder
from portillon_wire.messages import REPAIR_BUCKETS_MAX

from portillon_edge.store.connection import is_corrupt, open_reader
from portillon_edge.store.entitlement_reader import Damage
from portillon_edge.store.pointer import Pointer

SLICE_ROWS = 2_000
"""About 60 ms of a Raspberry Pi 3; one million rows are walked over in some four minutes."""
FIRST_NS = 600_000_000_000
EVERY_NS = 86_400_000_000_000


class Scrub:
    """One walk. `step` until it says something other than None; `close` in the end."""

    def __init__(self, path: Path, secret: bytes) -> None:
        """Raises sqlite3.Error."""
        self._new_mac = hashlib.blake2b(key=secret, digest_size=MAC_BYTES).copy
        self._counted = DigestBuilder()
        self._damaged = DigestBuilder()
        self._damaged_rows = 0
        self._first = ""
        self._connection = open_reader(path)
        self._connection.text_factory = bytes  # damaged text need not be UTF-8
        try:
            self._connection.execute("BEGIN")
            row = self._connection.execute("SELECT root, digest FROM position").fetchone()
            self._root: str = row[0].decode() if row else ""
            self._digest = Digest.from_bytes(row[1]) if row else Digest.empty()
            self._rows = self._connection.execute("SELECT kind, key, body, mac FROM feed_row")
        except BaseException:
            self._connection.close()
            raise

    def step(self) -> Damage | bool:
        """Look at the next rows: the damage found; True: all is well; False: there are more. Raises sqlite3.Error."""
        rows = self._rows.fetchmany(SLICE_ROWS)
        whole = [(kind, key, body) for kind, key, body, mac in rows if self._fits(kind, key, body, mac)]
        self._counted.add_many(whole)
        return False if rows else self._verdict()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def _fits(self, kind: bytes, key: bytes, body: bytes, mac: bytes) -> bool:
        # `row_mac` spelled out over bytes, its keyed beginning made once; a test holds the two equal.
        own = self._new_mac()
        own.update(b"\0".join((kind, key, body)))
        if own.digest() == mac:
            return True
        self._damaged.add_many([(kind, key, body)])
        self._damaged_rows += 1
        self._first = self._first or f"{kind.decode(errors='replace')} {key[:16].decode(errors='replace')}…"
        return False

    def _verdict(self) -> Damage | bool:
        differing = self._counted.digest().differing(self._digest)
        damaged = self._damaged.digest().differing(Digest.empty())
        unexplained, doubtful = differing - damaged, differing | damaged
        if self._root and self._digest.root() != self._root:
            return Damage("its digest does not make the root of its revision", whole_file=True)
        if not doubtful:
            return True
        found = []
        if unexplained:
            found.append(f"{len(unexplained)} of {BUCKETS} buckets of the digest are out of step with the rows")
        if damaged:
            found.append(f"{self._damaged_rows} damaged rows, the first is {self._first}")
        return Damage(
            "; ".join(found),
            whole_file=len(doubtful) > REPAIR_BUCKETS_MAX,
            buckets=doubtful,
            out_of_step=unexplained,
        )


class DailyScrub:
    """Walks over the table in force, first ten minutes after the start and then each day. Belongs to one thread."""

    def __init__(self, pointer: Pointer, secret: bytes) -> None:
        self._pointer = pointer
        self._secret = secret
        self._due_ns: int | None = None
        self._walk: Scrub | None = None
        self._walked = -1

    def step(self, now_ns: int) -> Damage | None:
        """Do a little of what is due; returns what was found, once."""
        if self._due_ns is None:
            self._due_ns = now_ns + FIRST_NS
        number, path = self._pointer.in_force
        if self._walk is not None and self._walked != number:
            self.close()
        if self._walk is None and now_ns < self._due_ns:
            return None
        try:
            if self._walk is None:
                self._walk, self._walked = Scrub(path, self._secret), number
            found = self._walk.step()
        except (sqlite3.Error, TypeError, ValueError, AttributeError) as error:
            # An error of the disk is met again by whoever reads the row; here only damage counts.
            whole = not isinstance(error, sqlite3.Error) or is_corrupt(error)
            found = Damage(f"scrubbing {path.name}: {error}", whole_file=True) if whole else True
        if found is False:
            return None
        self.close()
        self._due_ns = now_ns + EVERY_NS
        return found if isinstance(found, Damage) else None

    def close(self) -> None:
        """Give up a walk that is under way."""
        if self._walk is not None:
            self._walk.close()
            self._walk = None
