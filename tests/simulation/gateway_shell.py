"""What a simulated gateway does with what the cores ask for, as `sync/service.py` does it."""

import random
import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.errors import EdgeError, LinkDown, StoreBusy
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.effects import (
    Acknowledge,
    ApplyEntry,
    BuildSnapshot,
    CompareBuckets,
    ContestJournal,
    Effect,
    EpochBegun,
    Record,
    RepairTable,
    SaveLease,
    SendEvents,
    SendReport,
    SwitchSnapshot,
)
from portillon_edge.sync.inputs import (
    Connected,
    Disconnected,
    JournalSeen,
    Received,
    SessionInput,
    SnapshotBuilt,
    SnapshotFailed,
    Switched,
    TableLost,
    Tick,
)
from portillon_edge.sync.journal_batch import journal_batch
from portillon_edge.sync.presence_flow import EpochEntered
from portillon_edge.sync.presence_runner import PresenceRunner
from portillon_edge.sync.session import SyncSession
from portillon_edge.sync.table_work import TableWork
from portillon_edge.sync.uplink import Uplink
from portillon_rules.row_mac import row_mac_key
from portillon_wire.messages import (
    FeedEntry,
    SnapshotOffer,
    encode,
)
from portillon_wire.topics import Down, Up
from simulation.gateway_parts import Defences, Log, Outside
from simulation.schedule import Schedule


class GatewayShell:
    """The half of a gateway that carries out effects."""

    name: str
    folder: Path
    alive: bool
    store: EntitlementStore
    shelf: JournalShelf
    session: SyncSession
    uplink: Uplink
    presence: PresenceRunner
    keeper: TimeKeeper
    counts: Counter[str]
    contested: set[str]
    _outside: Outside
    _defences: Defences
    _random: random.Random
    _schedule: Schedule
    _log: Log
    _built: Path | None
    _life: int

    @property
    def boot_ns(self) -> int:
        """The boot clock."""
        raise NotImplementedError

    def _let(self, act: Callable[[], None]) -> None:
        raise NotImplementedError

    def _publish(self, name: Up, payload: bytes) -> None:
        raise NotImplementedError

    def _doors_look(self) -> None:
        raise NotImplementedError

    def _record(self, effect: Record) -> None:
        at = self.keeper.stamp(self.boot_ns)
        self._log.record(NewEvent(kind=effect.kind, at=at, reason=effect.reason, detail=effect.detail))

    def _tell(self, event: object) -> None:
        if isinstance(event, Connected | Disconnected) or (isinstance(event, Received) and event.name is Down.PRESENCE):
            self.presence.take(event)
            if isinstance(event, Received):
                return
        ack = isinstance(event, Received) and event.name is Down.ACK
        if not isinstance(event, JournalSeen) and not ack:
            carry_out(self._ask(event), perform=self._answers, handle=self._ask)
        if ack or isinstance(event, Connected | Disconnected | Tick | JournalSeen):
            effects = self.uplink.handle(event, self.boot_ns)  # type: ignore[arg-type]
            carry_out(effects, perform=self._answers, handle=self._ask)

    def _ask(self, event: object) -> list[Effect]:
        return list(self.session.handle(event, self.boot_ns))  # type: ignore[arg-type]

    def _answers(self, effect: Effect) -> list[SessionInput]:
        answer = self._perform(effect)
        return [] if answer is None else [answer]

    def _perform(self, effect: Effect) -> SessionInput | None:
        match effect:
            case ApplyEntry(entry):
                return self._apply(entry)
            case BuildSnapshot(offer):
                life = self._life
                self._schedule.after(self._random.uniform(10, 500), lambda: self._download(offer, life))
            case SwitchSnapshot(offer, catch_up):
                return self._switch(offer, catch_up)
            case CompareBuckets(sums):
                return TableWork(self.store).compare(sums)
            case RepairTable():
                self.counts["tables repaired"] += 1
                return self._counted(TableWork(self.store).repair(effect))
            case SendReport(report):
                self._publish(Up.SYNC, encode(report))
            case SaveLease(saved):
                self.store.save_lease(saved)
            case EpochBegun(epoch):
                self.presence.take(EpochEntered(epoch))
                if self._defences.send_again_in_new_epoch:
                    self.shelf.begin_epoch(epoch)
            case Record():
                self._record(effect)
            case SendEvents(journal_id, first, last):
                self._send_events(journal_id, first, last)
            case Acknowledge(journal_id, epoch, through):
                self.shelf.acknowledge(journal_id, epoch=epoch, through=through, real_ms=None)
            case ContestJournal(journal_id, detail):
                self.contested.add(journal_id)
                self.shelf.contest(journal_id, detail)
        return None

    def _apply(self, entry: FeedEntry) -> SessionInput:
        return self._counted(TableWork(self.store).apply(entry))

    def _counted(self, answer: SessionInput) -> SessionInput:
        self.counts["tables quarantined"] += isinstance(answer, TableLost)
        return answer

    def _lose_table(self, why: str) -> SessionInput:
        with suppress(StoreBusy):
            self.store.quarantine(why)
        self.store.take_alarms()
        self.counts["tables quarantined"] += 1
        return TableLost(why)

    def _send_events(self, journal_id: str, first: int, last: int) -> None:
        source = next((one for one in self.shelf.sources() if one.journal_id == journal_id), None)
        try:
            batch = journal_batch(source, first, last) if source else None
        except (sqlite3.Error, ValueError) as error:
            raise StoreBusy(f"rows cannot be read: {error}") from error
        if source is None or batch is None:
            raise LinkDown("nothing to send")
        if not self._defences.tell_the_row_before:
            batch = batch.model_copy(update={"before": None})
        self._publish(Up.JOURNAL, encode(batch))
        if not self._defences.keep_until_acknowledged:
            self.shelf.acknowledge(journal_id, epoch=source.epoch, through=batch.events[-1].sequence, real_ms=None)

    def _download(self, offer: SnapshotOffer, life: int) -> None:
        if life != self._life or not self.alive:
            return
        compressed = self.folder / "download.zst"
        try:
            compressed.write_bytes(self._outside.download(offer.url))
            target = self.store.snapshot_path(offer.epoch, offer.revision)
            build_snapshot(
                compressed, target, offer=offer, secret=row_mac_key(self._outside.site_keys[0]), cancelled=lambda: False
            )
        except (EdgeError, LookupError, OSError) as error:
            failed = SnapshotFailed(offer, str(error), transient=isinstance(error, StoreBusy | OSError))
            self._let(lambda: self._tell(failed))
            return
        self._built = target
        self._let(lambda: (self._tell(SnapshotBuilt(offer)), self._doors_look()))

    def _switch(self, offer: SnapshotOffer, catch_up: Sequence[object]) -> SessionInput:
        assert self._built is not None
        try:
            position = self.store.switch(self._built, catch_up)  # type: ignore[arg-type]
        except EdgeError as error:
            return SnapshotFailed(offer, str(error), transient=isinstance(error, StoreBusy))
        return Switched(position, self.store.roots())
