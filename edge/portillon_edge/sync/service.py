"""The thread that talks with the cloud: it feeds session and uplink, and carries out what they ask for.

One thread owns session, uplink and the table's writing side. Others only put inputs into its bounded queue: paho's
thread bytes, the snapshot's thread its result, the journal's thread a nudge.
"""

import logging
import queue
import random
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from portillon_wire.messages import EventKind, Reported, encode
from portillon_wire.presence import Unseen
from portillon_wire.signature import PublicKeys
from portillon_wire.topics import Down, Up

from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.errors import LinkDown, StoreBusy
from portillon_edge.presence.others_file import OthersFile
from portillon_edge.store.counter_file import CounterFile
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_writer import JournalWriter
from portillon_edge.sync.broker_settings import BrokerSettings
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.command_runner import CommandRunner, TakeCommand
from portillon_edge.sync.commands import CommandDesk
from portillon_edge.sync.effects import (
    Acknowledge,
    ApplyEntry,
    BuildSnapshot,
    CancelSnapshot,
    CompareBuckets,
    ContestJournal,
    EpochBegun,
    Record,
    RepairTable,
    SaveLease,
    SendEvents,
    SendReport,
    SessionEffect,
    SwitchSnapshot,
    UplinkEffect,
)
from portillon_edge.sync.inputs import (
    Connected,
    Disconnected,
    JournalSeen,
    Received,
    SessionInput,
    SnapshotFailed,
    Switched,
    Tick,
    UplinkInput,
)
from portillon_edge.sync.journal_batch import journal_batch
from portillon_edge.sync.mqtt import MqttLink
from portillon_edge.sync.presence_flow import EpochEntered, PresenceFlow, Started
from portillon_edge.sync.presence_runner import PresenceRunner, TakePresence
from portillon_edge.sync.session import SyncSession
from portillon_edge.sync.snapshot import SnapshotFetcher
from portillon_edge.sync.snapshot_job import SnapshotJob
from portillon_edge.sync.table_work import TableWork
from portillon_edge.sync.uplink import Uplink

log = logging.getLogger(__name__)

QUEUE_MAX = 1_024
LOOK_AROUND_S = 0.5
PUT_S_MAX = 5.0


class _Nudge:
    """There may be new rows in a journal."""


class SyncService:
    """`start` it, read `online`, `position` and `last_error`, `stop` it."""

    def __init__(
        self,
        *,
        gateway: str,
        keys: PublicKeys,
        boot_id: str,
        software: str,
        keeper: TimeKeeper,
        store: EntitlementStore,
        row_mac_secret: bytes,
        writer: JournalWriter,
        broker: BrokerSettings,
        download_folder: Path,
        clock_ns: Callable[[], int],
        fail: Callable[[str], None],
        take_command: TakeCommand = lambda _: "no_doors",
        take_presence: TakePresence = lambda _: True,
        unseen: Callable[[], Sequence[Unseen]] = lambda: (),
        snapshot_base: str | None = None,
        jitter: random.Random | None = None,
    ) -> None:
        """`clock_ns` is the boot clock; `fail` is called if the thread cannot go on. Raises LinkMisconfigured.

        `take_command`, `take_presence` and `unseen` are called on the sync thread and must not wait.
        """
        jitter = jitter or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._clock_ns = clock_ns
        self._keeper = keeper
        self._store = store
        self._table = TableWork(store)
        self._writer = writer
        self._fail = fail
        self._inputs: queue.Queue[SessionInput | UplinkInput | _Nudge] = queue.Queue(QUEUE_MAX)
        self._dropped = 0
        self._stop = threading.Event()
        self._session = SyncSession(
            gateway=gateway,
            keys=keys,
            boot_id=boot_id,
            keeper=keeper,
            position=store.position(),
            roots=store.roots(),
            jitter=jitter,
        )
        self._uplink = Uplink(jitter=jitter)
        self._job = SnapshotJob(
            SnapshotFetcher(download_folder, base_url=snapshot_base, ca_file=broker.ca_file),
            secret=row_mac_secret,
            free_path=store.snapshot_path,
            done=self._put_surely,
        )
        self._link = MqttLink(
            broker,
            gateway=gateway,
            boot_id=boot_id,
            software=software,
            clock_ns=clock_ns,
            on_message=self._message,
            on_up=lambda: self._put_surely(Connected()),
            on_down=lambda: self._put_surely(Disconnected()),
            jitter=jitter,
        )
        counters = CounterFile(download_folder / "commands.counters", row_mac_secret)
        self._commands = CommandRunner(
            CommandDesk(gateway=gateway, keys=keys, keeper=keeper, counters=counters.counters),
            counters=counters,
            take=take_command,
            publish=self._link.publish,
            record=self._record,
            clock_ns=clock_ns,
        )
        others = OthersFile(download_folder)
        self._presence = PresenceRunner(
            PresenceFlow(gateway=gateway, keys=keys, keeper=keeper, others=others.load(), jitter=jitter),
            others=others,
            take=take_presence,
            unseen=unseen,
            publish=self._link.publish,
            record=self._record,
            clock_ns=clock_ns,
        )
        self._thread = threading.Thread(target=self._run, name="sync", daemon=True)

    def start(self) -> None:
        """Begin to talk. The journal's writer must have been started."""
        self._writer.on_committed = self._nudge
        self._thread.start()
        self._link.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """Say goodbye; what is not acknowledged stays in the journal."""
        self._link.stop(timeout_s)
        self._stop.set()
        self._nudge()
        self._thread.join(timeout_s)
        self._job.stop()

    @property
    def online(self) -> bool:
        """Whether the broker has us."""
        return self._link.online

    @property
    def last_error(self) -> str | None:
        """Why there is no connection, and what to do; None while there is one."""
        return self._link.last_error

    @property
    def position(self) -> Position:
        """The revision in force."""
        return self._session.position

    @property
    def dropped(self) -> int:
        """Messages that came faster than they could be taken in; the feed asks for them again."""
        return self._dropped

    def publish_reported(self, reported: Reported) -> bool:
        """Tell how the gateway is; False if there is no connection."""
        try:
            self._link.publish(Up.REPORTED, encode(reported), retain=True)
        except LinkDown:
            return False
        return True

    # Inputs, from other threads --------------------------------------------------------------------------------------

    def _message(self, name: Down, payload: bytes, retained: bool) -> None:
        try:
            self._inputs.put_nowait(Received(name, payload, retained))
        except queue.Full:
            self._dropped += 1

    def _put_surely(self, event: SessionInput | UplinkInput) -> None:
        try:
            self._inputs.put(event, timeout=PUT_S_MAX)
        except queue.Full:
            self._fail(f"the sync thread takes nothing any more ({type(event).__name__} had no place)")

    def _nudge(self) -> None:
        # With a full queue the thread is about to look around anyway.
        with suppress(queue.Full):
            self._inputs.put_nowait(_Nudge())

    # The thread ------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._presence.take(Started(self.position.epoch))
            if self.position.epoch:
                self._writer.begin_epoch(self.position.epoch)
            while not self._stop.is_set():
                self._take(self._next())
                self._look_around()
        except Exception as error:
            log.exception("sync broke")
            self._fail(f"sync broke: {type(error).__name__}: {error}")

    def _next(self) -> SessionInput | UplinkInput | _Nudge | None:
        owners = (self._session, self._uplink, self._presence)
        deadlines = [owner.deadline_ns for owner in owners if owner.deadline_ns is not None]
        wait_s = min([LOOK_AROUND_S, *((d - self._clock_ns()) / 1e9 for d in deadlines)])
        try:
            return self._inputs.get(timeout=max(0.001, wait_s))
        except queue.Empty:
            return None

    def _take(self, event: SessionInput | UplinkInput | _Nudge | None) -> None:
        match event:
            case None | _Nudge():
                pass
            case Connected() | Disconnected():
                self._tell_session(event)
                self._tell_uplink(event)
                self._presence.take(event)
            case Received(name) if name is Down.ACK:
                self._tell_uplink(event)
            case Received(name) if name is Down.COMMAND:
                self._commands.receive(event)
            case Received(name) if name is Down.PRESENCE:
                self._presence.take(event)
            case JournalSeen():
                self._tell_uplink(event)
            case _:
                self._tell_session(event)

    def _look_around(self) -> None:
        now_ns = self._clock_ns()
        if _due(self._session.deadline_ns, now_ns):
            self._tell_session(Tick())
        if _due(self._uplink.deadline_ns, now_ns):
            self._tell_uplink(Tick())
        for source in self._writer.sources():
            epoch = source.epoch  # read before the count it belongs to
            self._tell_uplink(JournalSeen(source.journal_id, epoch, source.acknowledged, source.last))
        self._presence.look_at(self._writer)
        self._presence.tick()
        damage = self._table.damage(now_ns)
        if damage is not None:
            self._tell_session(damage)
        for alarm in self._store.take_alarms():
            self._record(Record(EventKind.ALARM, "table_lost", alarm))

    def _tell_session(self, event: SessionInput) -> None:
        carry_out(self._ask_session(event), perform=self._perform, handle=self._ask_session)

    def _tell_uplink(self, event: UplinkInput) -> None:
        carry_out(self._ask_uplink(event), perform=self._perform_uplink, handle=self._ask_uplink)

    def _ask_session(self, event: SessionInput) -> list[SessionEffect]:
        return self._session.handle(event, self._clock_ns())

    def _ask_uplink(self, event: UplinkInput) -> list[UplinkEffect]:
        return self._uplink.handle(event, self._clock_ns())

    # Effects ---------------------------------------------------------------------------------------------------------

    def _perform(self, effect: SessionEffect) -> list[SessionInput]:
        match effect:
            case ApplyEntry(entry):
                return [self._table.apply(entry)]
            case SwitchSnapshot():
                return [self._switch(effect)]
            case BuildSnapshot(offer):
                self._job.begin(offer)
            case CancelSnapshot():
                self._job.cancel()
            case CompareBuckets(sums):
                return [self._table.compare(sums)]
            case RepairTable():
                return [self._table.repair(effect)]
            case SendReport(report):
                self._link.publish(Up.SYNC, encode(report))
            case SaveLease(saved):
                self._store.save_lease(saved)
            case EpochBegun(epoch):
                self._writer.begin_epoch(epoch)
                self._presence.take(EpochEntered(epoch))
            case Record():
                self._record(effect)
        return []

    def _perform_uplink(self, effect: UplinkEffect) -> list[UplinkInput]:
        match effect:
            case SendEvents(journal_id, first, last):
                self._send_events(journal_id, first, last)
            case Acknowledge(journal_id, epoch, through):
                self._writer.acknowledge(journal_id, epoch=epoch, through=through)
            case ContestJournal(journal_id, detail):
                self._writer.contest(journal_id, detail)
            case Record():
                self._record(effect)
        return []

    def _switch(self, effect: SwitchSnapshot) -> SessionInput:
        built = self._job.built(effect.offer)
        if built is None:
            return SnapshotFailed(effect.offer, "its table was not built", transient=True)
        answer = self._table.switch(effect, built)
        if isinstance(answer, Switched):
            self._job.forget()
        return answer

    def _send_events(self, journal_id: str, first: int, last: int) -> None:
        source = next((source for source in self._writer.sources() if source.journal_id == journal_id), None)
        if source is None:
            return
        try:
            batch = journal_batch(source, first, last)
        except (sqlite3.Error, ValueError) as error:
            raise StoreBusy(f"journal {journal_id}: rows {first} to {last} cannot be read: {error}") from error
        if batch is not None:
            self._link.publish(Up.JOURNAL, encode(batch))

    def _record(self, record: Record) -> None:
        log.warning("%s: %s: %s", record.kind, record.reason, record.detail)
        at = self._keeper.stamp(self._clock_ns())
        self._writer.submit(NewEvent(kind=record.kind, at=at, reason=record.reason, detail=record.detail))


def _due(at_ns: int | None, now_ns: int) -> bool:
    return at_ns is not None and at_ns <= now_ns
