"""What the session asks to be done to the table, done, and told in its words. Belongs to the thread that writes it."""

import logging
from pathlib import Path

from portillon_wire.messages import FeedEntry
from portillon_wire.repair import BucketSums

from portillon_edge.domain.position import Position
from portillon_edge.errors import EdgeError, RootMismatch, StoreBusy, StoreDamaged
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.sync.effects import RepairTable, SwitchSnapshot
from portillon_edge.sync.inputs import (
    Applied,
    ApplyFailed,
    BucketsCompared,
    Repaired,
    RepairFailed,
    RowDamageFound,
    SessionInput,
    SnapshotFailed,
    Switched,
    TableLost,
)

log = logging.getLogger(__name__)


class TableWork:
    """The writing side of the entitlement table, as the session sees it."""

    def __init__(self, store: EntitlementStore) -> None:
        self._store = store

    def apply(self, entry: FeedEntry) -> SessionInput:
        """Commit one entry."""
        try:
            return Applied(self._store.apply(entry))
        except StoreDamaged as error:
            return self.lose(str(error))
        except RootMismatch as error:
            return ApplyFailed(str(error), transient=False, buckets=error.buckets)
        except EdgeError as error:
            return ApplyFailed(str(error), transient=isinstance(error, StoreBusy))

    def compare(self, sums: BucketSums) -> SessionInput:
        """Where the cloud has other rows."""
        target = Position(sums.epoch, sums.revision, sums.root)
        return BucketsCompared(target, self._store.differing(sums.digest))

    def repair(self, effect: RepairTable) -> SessionInput:
        """Put rows in the place of those in doubt."""
        try:
            return Repaired(self._store.repair(effect.target, effect.buckets, effect.rows))
        except StoreDamaged as error:
            return self.lose(str(error))
        except EdgeError as error:
            return RepairFailed(str(error), transient=isinstance(error, StoreBusy))

    def switch(self, effect: SwitchSnapshot, built: Path) -> SessionInput:
        """Put a built table in force."""
        try:
            position = self._store.switch(built, effect.catch_up)
        except EdgeError as error:
            return SnapshotFailed(effect.offer, str(error), transient=isinstance(error, StoreBusy))
        return Switched(position, self._store.roots())

    def damage(self, now_ns: int) -> SessionInput | None:
        """What a reader or the daily scrub has met since the last call."""
        damage = self._store.take_damage() or self._store.scrub(now_ns)
        if damage is None:
            return None
        return self.lose(damage.detail) if damage.whole_file else RowDamageFound(damage.detail, damage.buckets)

    def lose(self, why: str) -> SessionInput:
        """Put the table aside and go on with an empty one."""
        try:
            self._store.quarantine(why)
        except StoreBusy as error:
            log.error("the damaged table cannot be put aside: %s", error)
        self._store.take_alarms()  # the session tells the same
        return TableLost(why)
