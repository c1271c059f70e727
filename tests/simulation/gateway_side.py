"""A gateway of a simulation: the real cores and stores, with a life that ends in crashes and power cuts."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portillon_drivers.events import CredentialRead, InputChanged
from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.attendant import Attendant, Door
from portillon_edge.doors.guarded_outputs import GuardedOutputs
from portillon_edge.doors.machine import Line, Part
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_edge.errors import EdgeError, LinkDown
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.snapshot_build import build_snapshot
from portillon_edge.sync.carry_out import carry_out
from portillon_edge.sync.effects import (
    Acknowledge,
    ApplyEntry,
    BuildSnapshot,
    ContestJournal,
    Effect,
    EpochBegun,
    Record,
    SaveLease,
    SendEvents,
    SendReport,
    SwitchSnapshot,
)
from portillon_edge.sync.inputs import (
    Applied,
    ApplyFailed,
    Connected,
    Disconnected,
    JournalSeen,
    Received,
    SessionInput,
    SnapshotBuilt,
    SnapshotFailed,
    Switched,
    Tick,
)
from portillon_edge.sync.session import SyncSession
from portillon_edge.sync.uplink import Uplink
from portillon_rules.credential import Credential, SiteKey
from portillon_rules.row_mac import row_mac_key
from portillon_wire.messages import (
    EventKind,
    JournalAck,
    JournalBatch,
    JournalEvent,
    SnapshotOffer,
    Status,
    decode,
    encode,
)
from portillon_wire.signature import PublicKeys
from portillon_wire.topics import Down, Up, parse, up
from simulation.guard_side import OUTPUT, GuardSide, Relay
from simulation.schedule import Schedule

PULSE_MS = 3_000
LOOK_MS = 500
COMMIT_AFTER_MS = 20
"""The stated window: an event not yet this old may be lost to a power cut, and nothing older."""

Publish = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Outside:
    """What a gateway is given by the world."""

    schedule: Schedule
    publish: Publish
    download: Callable[[str], bytes]
    keys: PublicKeys
    site_keys: Sequence[SiteKey]


@dataclass
class Defences:
    """Each can be switched off, to see the simulation notice."""

    verify: bool = True
    lease: bool = True
    keep_until_acknowledged: bool = True
    guard_hears_the_end: bool = True
    send_again_in_new_epoch: bool = True
    believe_a_cloud_that_has_less: bool = True


class _Clock:
    """The time keeper, or one that forgets how long a lease lasts."""

    def __init__(self, keeper: TimeKeeper, *, lease: bool) -> None:
        self._keeper, self._lease = keeper, lease
        self.stamp = keeper.stamp

    def at(self, boot_ns: int) -> object:
        time = self._keeper.at(boot_ns)
        return time if self._lease else type(time)(time.business_ms, time.quality, 1)


@dataclass
class _Log:
    """Events wait for their commit, as in the journal's writer; a crash takes what waits."""

    commit_soon: Callable[[], None]
    shelf: JournalShelf
    waiting: list[NewEvent] = field(default_factory=list)

    @property
    def writable(self) -> bool:
        return self.shelf.writable

    def record(self, event: NewEvent) -> None:
        if not self.waiting:
            self.commit_soon()
        self.waiting.append(event)


class GatewaySide:
    """One gateway with one lane; `start` and `crash` as often as wanted."""

    def __init__(self, name: str, folder: Path, outside: Outside, defences: Defences, seed: int) -> None:
        self.name, self.folder, self._outside, self._defences = name, folder, outside, defences
        self._random = random.Random(seed)
        self._schedule = outside.schedule
        self.relay = Relay()
        self.committed: dict[tuple[str, int], JournalEvent] = {}
        self.alive = False
        self.boots = 0
        self._life = 0
        self._booted_ns = 0
        self._guard: GuardSide | None = None
        self.power_on()

    # Life and death

    def power_on(self) -> None:
        """A cold boot."""
        self.boots += 1
        self._booted_ns = self._schedule.now_ns
        self.start()

    def power_off(self) -> None:
        """The whole machine loses power; the relay board with it, which locks a turnstile that energises to release."""
        self.crash()
        if self._guard is not None:
            self._guard.kill()
            self._guard = None
        self.relay.orphaned = False
        self.relay.drive(False, self._schedule.now_ns)

    def kill_guard(self) -> None:
        """SIGKILL to the guard; a running gateway starts another at once, which locks first."""
        if self._guard is not None:
            self._guard.kill()
            self._guard = None
        if self.alive:
            self._connect_guard()

    def crash(self) -> None:
        """SIGKILL to the gateway: what was not committed is gone."""
        if not self.alive:
            return
        self.alive = False
        self._life += 1
        self.store.close()
        self.memory.close()
        self.shelf.close()
        if self._guard is not None:
            self._guard.client_gone()

    def start(self) -> None:
        """Start the gateway's process on what its disk holds."""
        self.alive = True
        self.boot_id = f"{self.name}-boot{self.boots}"
        secret = row_mac_key(self._outside.site_keys[0])
        self.store = EntitlementStore(self.folder / "entitlements.db", secret)
        self.memory = DurableCredentialMemory(self.folder)
        self.shelf = JournalShelf(self.folder, new_id=lambda: f"{self._random.getrandbits(128):032x}", reserve_bytes=0)
        now_ns = self.boot_ns
        self.keeper = TimeKeeper(mode="test", boot_id=self.boot_id, boot_ns=now_ns, saved=self.store.load_lease())
        saved = self.keeper.saved(now_ns)
        if saved is not None:
            self.store.save_lease(saved)
        self._log = _Log(self._commit_soon, self.shelf)
        self._outputs = GuardedOutputs(self)
        lane = Door("lane1", "gym", {Part.ENTRY: OUTPUT}, TurnstileLane(pulse_ms=PULSE_MS, passage_window_ms=PULSE_MS),
                    ("reader",), {"passage": Line.PASSAGE})  # fmt: skip
        clock = _Clock(self.keeper, lease=self._defences.lease)
        self.attendant = Attendant(
            [lane], keys=self._outside.site_keys, entitlements=self.store, clockwork=clock, outputs=self._outputs,
            log=self._log, memory=self.memory,
        )  # type: ignore[arg-type]  # fmt: skip
        self.session = SyncSession(
            gateway=self.name, keys=self._outside.keys, boot_id=self.boot_id, keeper=self.keeper,
            position=self.store.position(), roots=self.store.roots(), jitter=self._random,
        )  # fmt: skip
        self.uplink = Uplink(jitter=self._random)
        self._built: Path | None = None
        self._connect_guard()
        self.attendant.handle(InputChanged("passage", False, now_ns))
        self._look(self._life)

    def _connect_guard(self) -> None:
        if self._guard is None:
            self._guard = GuardSide(
                self._schedule, self.relay, deaf_to_client_end=not self._defences.guard_hears_the_end
            )
        self._guard.connect(self._outputs.note)

    def release(self, output: str, on_ms: int) -> None:
        """GuardedOutputs asks here."""
        assert self._guard is not None
        self._guard.release(output, on_ms)

    def hold(self, output: str) -> None:
        """GuardedOutputs asks here."""
        assert self._guard is not None
        self._guard.hold(output)

    def lock(self, output: str) -> None:
        """GuardedOutputs asks here."""
        assert self._guard is not None
        self._guard.lock(output)

    # What happens to it

    @property
    def boot_ns(self) -> int:
        """The boot clock."""
        return self._schedule.now_ns - self._booted_ns + 1_000_000_000

    def connect(self) -> None:
        """The broker takes it."""
        if self.alive:
            status = Status(online=True, boot_id=self.boot_id, connection=self._life, software="simulation")
            self._outside.publish(up(self.name, Up.STATUS), encode(status))
            self._tell(Connected())

    def disconnect(self) -> None:
        """The broker is gone."""
        if self.alive:
            self._tell(Disconnected())

    def receive(self, topic: str, payload: bytes) -> None:
        """A message from the broker."""
        if self.alive and not self._must_not_hear(topic, payload):
            name = parse(topic).name
            assert isinstance(name, Down)
            self._tell(Received(name, payload))

    def _must_not_hear(self, topic: str, payload: bytes) -> bool:
        """With that defence off: an acknowledgement of less than was acknowledged before."""
        if self._defences.believe_a_cloud_that_has_less or parse(topic).name is not Down.ACK:
            return False
        ack = decode(JournalAck, payload)
        return any(
            source.journal_id == ack.journal_id and ack.through < source.acknowledged for source in self.shelf.sources()
        )

    def badge(self, card: Credential) -> JournalEvent | NewEvent:
        """Somebody holds a card there; returns the event that answers it."""
        before = len(self._log.waiting)
        self.attendant.handle(CredentialRead("reader", card, self.boot_ns))
        return next(
            event for event in self._log.waiting[before:] if event.kind in (EventKind.GRANTED, EventKind.DENIED)
        )

    def push_through(self) -> None:
        """Somebody goes through the lane."""
        if self.alive:
            self.attendant.handle(InputChanged("passage", True, self.boot_ns))
            self.attendant.handle(InputChanged("passage", False, self.boot_ns + 1))

    # The shell

    def _look(self, life: int) -> None:
        """Ticks, as the threads of the real shell would give them."""
        if life != self._life or not self.alive:
            return
        self.attendant.tick(self.boot_ns)
        self.attendant.tidy(self.boot_ns)
        self._tell(Tick())
        for source in self.shelf.sources():
            self._tell(JournalSeen(source.journal_id, source.epoch, source.acknowledged, source.last))
        self._schedule.after(LOOK_MS, lambda: self._look(life))

    def _commit_soon(self) -> None:
        life = self._life

        def commit() -> None:
            if life != self._life:
                return
            events, self._log.waiting = self._log.waiting, []
            self.shelf.write(events, self.keeper.stamp(self.boot_ns))
            for source in self.shelf.sources():
                for event in source.read(max(source.last - len(events) - 8, 1), source.last):
                    self.committed[(source.journal_id, event.sequence)] = event
                self._tell(JournalSeen(source.journal_id, source.epoch, source.acknowledged, source.last))

        self._schedule.after(COMMIT_AFTER_MS, commit)

    def _tell(self, event: object) -> None:
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
                try:
                    return Applied(self.store.apply(entry))
                except EdgeError as error:
                    return ApplyFailed(str(error), transient=False)
            case BuildSnapshot(offer):
                life = self._life
                self._schedule.after(self._random.uniform(10, 500), lambda: self._download(offer, life))
            case SwitchSnapshot(offer, catch_up):
                return self._switch(offer, catch_up)
            case SendReport(report):
                self._outside.publish(up(self.name, Up.SYNC), encode(report))
            case SaveLease(saved):
                self.store.save_lease(saved)
            case EpochBegun(epoch):
                if self._defences.send_again_in_new_epoch:
                    self.shelf.begin_epoch(epoch)
            case Record(kind, reason, detail):
                at = self.keeper.stamp(self.boot_ns)
                self._log.record(NewEvent(kind=kind, at=at, reason=reason, detail=detail))
            case SendEvents(journal_id, first, last):
                self._send_events(journal_id, first, last)
            case Acknowledge(journal_id, epoch, through):
                self.shelf.acknowledge(journal_id, epoch=epoch, through=through, real_ms=None)
            case ContestJournal(journal_id, detail):
                self.shelf.contest(journal_id, detail)
        return None

    def _send_events(self, journal_id: str, first: int, last: int) -> None:
        source = next((one for one in self.shelf.sources() if one.journal_id == journal_id), None)
        events = source.read(first, last) if source else []
        if source is None or not events:
            raise LinkDown("nothing to send")
        self._outside.publish(
            up(self.name, Up.JOURNAL),
            encode(JournalBatch(journal_id=journal_id, oldest=source.oldest, events=tuple(events))),
        )
        if not self._defences.keep_until_acknowledged:
            self.shelf.acknowledge(journal_id, epoch=source.epoch, through=events[-1].sequence, real_ms=None)

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
        except (EdgeError, LookupError) as error:
            self._tell(SnapshotFailed(offer, str(error), transient=False))
            return
        self._built = target
        self._tell(SnapshotBuilt(offer))

    def _switch(self, offer: SnapshotOffer, catch_up: Sequence[object]) -> SessionInput:
        assert self._built is not None
        try:
            position = self.store.switch(self._built, catch_up)  # type: ignore[arg-type]
        except EdgeError as error:
            return SnapshotFailed(offer, str(error), transient=False)
        return Switched(position, self.store.roots())
