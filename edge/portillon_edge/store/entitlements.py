"""Who may pass, on disk: the table that the feed makes, revision by revision, each applied whole or not at all.

It can always be rebuilt from the cloud: what is corrupt is quarantined, an empty table takes its place, and the gateway
asks for a snapshot. A snapshot is built in a file of its own and put in force by switching a name.
"""

import logging
import sqlite3
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from portillon_rules.decision import Lookup, RowDamaged, SiteRules
from portillon_rules.visits import VisitRow
from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange

from portillon_edge.domain.position import EMPTY, Position
from portillon_edge.domain.timekeeping import SavedLease
from portillon_edge.errors import EdgeError, StoreBusy, StoreDamaged, StoreTooNew
from portillon_edge.store.entitlement_reader import Damage, EntitlementReader
from portillon_edge.store.entitlement_table import EntitlementTable, sorted_errors
from portillon_edge.store.lease_file import LeaseFile
from portillon_edge.store.pointer import Pointer
from portillon_edge.store.scrub import DailyScrub

log = logging.getLogger(__name__)

QUARANTINED_MAX = 2
"""Corrupt tables kept for somebody to look at; they hold nothing that the cloud has not."""


class EntitlementStore:
    """The table in force, its readers and the lease.

    `apply`, `switch`, `quarantine` and the lease belong to one thread; `lookup` and `site_rules` to one other; each
    further thread asks for a `reader()` of its own.
    """

    def __init__(
        self, path: Path, row_mac_secret: bytes, *, factory: type[sqlite3.Connection] = sqlite3.Connection
    ) -> None:
        """`path` is `entitlements.db`; the files of snapshots, the pointer and the lease lie beside it.

        Raises StoreBusy if the disk gives nothing; a damaged table is quarantined instead.
        """
        self._secret = row_mac_secret
        self._factory = factory
        self._pointer = Pointer(path)
        self._lease_file = LeaseFile(path.with_suffix(".lease"), row_mac_secret)
        self._damage: Damage | None = None
        self._alarms: list[str] = []
        try:
            self._table = self._open(self._pointer.current)
        except (StoreDamaged, StoreTooNew) as error:
            self._replace_by_empty(str(error))
        self._quarantine_old_copy()
        self._doubt_as_before()
        self._scrub = DailyScrub(self._pointer, row_mac_secret)
        self._reader = self.reader()
        self._remove(self._pointer.others())

    def lookup(self, credential: str) -> Lookup:
        """The row of a credential hash; RowDamaged if there is one that cannot be trusted; None if there is none."""
        return self._reader.lookup(credential)

    def visits(self, member: str) -> VisitRow | RowDamaged | None:
        """What limits a member's visits: its row, RowDamaged or None."""
        return self._reader.visits(member)

    def site_rules(self) -> SiteRules:
        """Policy and schedules of the revision in force."""
        return self._reader.site_rules()

    def reader(self) -> EntitlementReader:
        """A reader for one more thread."""
        return EntitlementReader(self._pointer, self._secret, on_damage=self._note_damage)

    def position(self) -> Position:
        """The revision in force."""
        return self._table.position

    def roots(self) -> dict[int, str]:
        """The roots of the last revisions, for judging leases. Raises StoreBusy or StoreDamaged."""
        return self._table.roots()

    def apply(self, entry: FeedEntry) -> Position:
        """Commit one entry whole. Raises EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy or StoreDamaged;
        then nothing of it is in."""
        return self._table.apply(entry)

    def differing(self, other: Digest) -> frozenset[int]:
        """The buckets in which the revision in force has other rows than `other` counts."""
        return self._table.differing(other)

    def repair(self, target: Position, buckets: Collection[int], rows: Sequence[RowChange]) -> Position:
        """Make `rows` all that is in `buckets`, if that makes the table of `target`, and believe them again.

        Raises EntryOutOfOrder, EntryRefused, RootMismatch, StoreBusy or StoreDamaged; then nothing was changed.
        """
        position = self._table.repair(target, buckets, rows)
        self._pointer.look_anew()
        return position

    def snapshot_path(self, epoch: int, revision: int) -> Path:
        """A free name for the file in which a snapshot is to be built. Raises OSError."""
        return self._pointer.free_path(f"{epoch}-{revision}")

    def switch(self, built: Path, catch_up: Sequence[FeedEntry] = ()) -> Position:
        """Apply what came since the snapshot to `built`, then put it in force.

        Raises what `apply` raises, and StoreBusy if the pointer cannot be written; then the old table stays in force.
        """
        table = self._open(built)
        try:
            if table.position == EMPTY:
                raise StoreBusy(f"{built}: the table built there is gone; a snapshot must be built anew")
            for entry in catch_up:
                table.apply(entry)
            self._put_in_force(table)
        except BaseException:
            if self._table is not table:
                table.close()
            raise
        return table.position

    def quarantine(self, why: str) -> Position:
        """Put the table in force aside and go on with an empty one. Raises StoreBusy."""
        self._table.close()
        self._replace_by_empty(why)
        return self.position()

    def reset(self) -> Position:
        """Begin anew with an empty table. Raises StoreBusy."""
        with sorted_errors(self._pointer.current):
            empty = self._open(self._pointer.free_path("empty"))
        self._put_in_force(empty)
        return self.position()

    def save_lease(self, saved: SavedLease) -> None:
        """Write the lease down. Raises StoreBusy; then the one before is still there."""
        try:
            self._lease_file.save(saved)
        except OSError as error:
            raise StoreBusy(f"the lease cannot be saved: {error}") from error

    def load_lease(self) -> SavedLease | None:
        """The lease saved last, if it can be trusted."""
        return self._lease_file.load()

    def take_damage(self) -> Damage | None:
        """The first damage that a reader met since the last call."""
        damage, self._damage = self._damage, None
        return damage

    def scrub(self, now_ns: int) -> Damage | None:
        """Do a little of the daily scrub; returns what it found, once. Belongs to the thread of `apply`.

        From then on nothing is believed of what is out of step.
        """
        damage = self._scrub.step(now_ns)
        if damage is None or damage.whole_file or not damage.out_of_step:
            return damage
        try:
            self._table.distrust(damage.out_of_step)
        except EdgeError as error:
            return replace(damage, detail=f"{damage.detail}; that cannot be noted: {error}", whole_file=True)
        self._pointer.look_anew()
        return damage

    def take_alarms(self) -> list[str]:
        """What happened to the files since the last call, for the journal."""
        alarms, self._alarms = self._alarms, []
        return alarms

    def close(self) -> None:
        """Close everything."""
        self._scrub.close()
        self._reader.close()
        self._table.close()

    def _open(self, path: Path) -> EntitlementTable:
        return EntitlementTable(path, self._secret, factory=self._factory)

    def _doubt_as_before(self) -> None:
        """What was in doubt when the last process ended is to be repaired now, not when the scrub meets it again."""
        buckets = self._table.distrusted()
        if buckets:
            detail = f"{len(buckets)} buckets were in doubt before this start"
            self._note_damage(Damage(detail, whole_file=False, buckets=buckets))

    def _quarantine_old_copy(self) -> None:
        """A lease is only saved for a revision in force: a table behind it was put back from an old copy."""
        lease, here = self.load_lease(), self.position()
        if lease is None or here == EMPTY or (lease.epoch, lease.revision) <= (here.epoch, here.revision):
            return
        self.quarantine(
            f"{self._pointer.current}: an old copy: it holds revision {here.epoch}/{here.revision},"
            f" and {lease.epoch}/{lease.revision} was in force here"
        )

    def _put_in_force(self, table: EntitlementTable) -> None:
        with sorted_errors(table.path):
            self._pointer.switch(table.path)
        old, self._table = self._table, table
        old.close()
        self._remove(self._pointer.others())

    def _replace_by_empty(self, why: str) -> None:
        bad = self._pointer.current
        log.error("%s; it is quarantined, and a snapshot is asked for", why)
        self._alarms.append(f"{why}; quarantined, snapshot asked for")
        with sorted_errors(bad):
            quarantined = bad.with_name(f"{bad.name}.quarantined")
            for suffix in ("", "-wal", "-shm"):
                source = bad.with_name(bad.name + suffix)
                if source.exists():
                    source.replace(quarantined.with_name(quarantined.name + suffix))
            empty = self._pointer.free_path("empty")
            self._table = self._open(empty)
            self._pointer.switch(empty)
        old = sorted(bad.parent.glob("*.quarantined"), key=lambda path: path.stat().st_mtime)
        self._remove(old[:-QUARANTINED_MAX])

    def _note_damage(self, damage: Damage) -> None:
        before = self._damage
        if before is None or (damage.whole_file and not before.whole_file):
            log.error("%s", damage.detail)
            self._damage = damage
        elif not damage.buckets <= before.buckets:
            self._damage = replace(before, buckets=before.buckets | damage.buckets)

    def _remove(self, files: Sequence[Path]) -> None:
        for path in files:
            for suffix in ("", "-wal", "-shm"):
                try:
                    path.with_name(path.name + suffix).unlink(missing_ok=True)
                except OSError as error:
                    log.warning("%s: an old table could not be removed: %s", path, error)
