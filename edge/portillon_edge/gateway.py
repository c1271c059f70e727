"""One gateway put together: which part tells which what. Starts from the doors outwards, stops the other way round."""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from portillon_config import GatewayConfig
from portillon_drivers.registry import build_indicators, build_inputs, build_readers, build_timed_outputs
from portillon_rules.credential import SiteKey
from portillon_rules.decision import RULES_VERSION
from portillon_rules.row_mac import row_mac_key
from portillon_wire.messages import DeviceHealth, DoorHealth

from portillon_edge.boot_clock import boot_id, boot_ns
from portillon_edge.cloud_link import CloudLink
from portillon_edge.credentials.reader_rules import ReaderRules
from portillon_edge.device_threads import DeviceEvent, DeviceThreads
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.guarded_outputs import GuardedOutputs
from portillon_edge.doors.kinds import build_doors
from portillon_edge.doors.local_side import LocalSide
from portillon_edge.doors.loop import DoorLoop
from portillon_edge.doors.timed_outputs import OutputRouter, TimedOutputs
from portillon_edge.errors import StoreBusy
from portillon_edge.guard.client import GuardClient
from portillon_edge.guard.identity import outputs_digest
from portillon_edge.guard.protocol import GuardEvent, GuardLost, GuardUp, Locked, OutputFault, RequestRefused, Why
from portillon_edge.guard.spawn import GuardSpawner
from portillon_edge.health.board import GUARD, HealthBoard
from portillon_edge.health.remarks import remarks_of
from portillon_edge.health.report import HealthReport, LastEvent
from portillon_edge.indicator_threads import IndicatorThreads
from portillon_edge.local_orders import LocalOrders
from portillon_edge.presence.presence_file import PresenceFile
from portillon_edge.store.chain import chain_keys
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.fire_latch import FireLatchFile
from portillon_edge.store.journal_shelf import JournalShelf
from portillon_edge.store.journal_writer import JournalWriter
from portillon_edge.store.standing_file import StandingFile
from portillon_edge.trusted_clock import trusted_real_ms
from portillon_edge.visits.book import VisitBook

logger = logging.getLogger(__name__)

SOFTWARE = version("portillon-edge")
STUCK_NS = 5_000_000_000
GUARD_STOP_S_MAX = 5.0


class _EventLog:
    """Where the doors write: to the journal, and onto the board for whoever looks."""

    def __init__(self, writer: JournalWriter, board: HealthBoard) -> None:
        self._writer = writer
        self._board = board

    @property
    def writable(self) -> bool:
        return self._writer.writable

    def record(self, event: NewEvent) -> None:
        self._writer.submit(event)
        self._board.remember(event)


class Gateway:
    """`start`, then `look` each second, then `stop`; `fail` is called if a part cannot go on."""

    def __init__(
        self, config: GatewayConfig, keys: tuple[SiteKey, ...], *, config_path: Path, fail: Callable[[str], None]
    ) -> None:
        """Opens the stores and builds the drivers, but no device yet. Raises StoreBusy, StoreTooNew or DriverError."""
        self._config = config
        self._fail = fail
        self._boot_id = boot_id()
        self._started_ns = boot_ns()
        data_dir = config.gateway.data_dir
        secret = row_mac_key(keys[0])
        self._store = EntitlementStore(data_dir / "entitlements.db", secret)
        self._time = TimeKeeper(
            mode=config.gateway.mode.value,
            boot_id=self._boot_id,
            boot_ns=self._started_ns,
            saved=self._store.load_lease(),
            trusted_real_ms=trusted_real_ms(config.gateway.rtc),
        )
        self._charge_for_this_boot()
        self._memory = DurableCredentialMemory(data_dir)
        self._board = HealthBoard(device_kinds(config), device_remarks(config))
        self._writer = JournalWriter(
            JournalShelf(data_dir, keys=chain_keys(keys)), stamp=lambda: self._time.stamp(boot_ns())
        )
        self._log = _EventLog(self._writer, self._board)
        self._cloud = CloudLink(
            config,
            boot_id=self._boot_id,
            software=SOFTWARE,
            keeper=self._time,
            store=self._store,
            row_mac_secret=secret,
            writer=self._writer,
            fail=fail,
            doors=[door.name for door in config.doors],
            give=lambda event: self._loop.offer(event),
            unseen=lambda: self._attendant.unseen,
        )
        self._guard = GuardClient(
            config.gateway.guard_path,
            outputs_digest=outputs_digest(config.outputs),
            clock_ns=boot_ns,
            spawner=GuardSpawner(config_path) if config.gateway.spawn_guard else None,
        )
        readers = build_readers(config.readers, boot_ns)
        timed = build_timed_outputs(config.outputs, boot_ns, readers)
        self._outputs = OutputRouter(
            GuardedOutputs(self._guard),
            TimedOutputs(timed, config.outputs, clock_ns=boot_ns, tell=self._guard_event),
        )
        self._indicators = IndicatorThreads(
            build_indicators(config.indicators, readers),
            config.indicators,
            language=config.gateway.language,
            note=self._board.set,
            clock_ns=boot_ns,
        )
        self._presence = PresenceFile(data_dir)
        self._local = LocalSide(
            presence=self._presence,
            visits=VisitBook(config.gateway.id, self._memory),
            find_visits=self._store.visits,
        )
        self._attendant = Attendant(
            build_doors(config.doors, config.outputs),
            keys=keys,
            entitlements=self._store,
            clockwork=self._time,
            outputs=self._outputs,
            log=self._log,
            memory=self._memory,
            readers={section.name: ReaderRules.of(section) for section in config.readers},
            indicators=self._indicators,
            watches=config.watches,
            interlocks=config.interlocks,
            latch=FireLatchFile(data_dir),
            standings=StandingFile(data_dir, [row_mac_key(key) for key in keys]),
            local=self._local,
        )
        self._loop = DoorLoop(self._attendant, clock_ns=boot_ns)
        self._orders = LocalOrders(
            data_dir, doors=[door.name for door in config.doors], clock_ns=boot_ns, put=self._loop.put
        )
        self._devices = DeviceThreads(
            readers,
            build_inputs(config.inputs, boot_ns, readers),
            emit=self._device_event,
            clock_ns=boot_ns,
        )
        self._guard_stop = threading.Event()
        self._guard_thread = self._thread("guard-client", lambda: self._guard.run(self._guard_event, self._guard_stop))
        self._loop_thread = self._thread("doors", self._loop.run)

    def start(self) -> None:
        """Guard first: it locks every output before anybody can badge."""
        self._guard_thread.start()
        self._writer.start()
        self._log.record(
            NewEvent(
                kind=EventKind.GATEWAY_STARTED,
                at=self._time.stamp(self._started_ns),
                detail=f"portillon-edge {SOFTWARE}, rules {RULES_VERSION}, {self._config.gateway.mode}",
            )
        )
        self._loop_thread.start()
        self._devices.start()
        self._indicators.start()
        try:
            self._orders.start()
        except OSError as error:
            logger.error("no orders can be given at this gateway itself: %s", error)
        self._cloud.start()

    def stop(self) -> None:
        """Take no more cards and orders, finish what was handed over, lock everything, write everything down."""
        self._orders.stop()
        for name in (*self._indicators.stop(), *self._devices.stop()):
            logger.warning("the driver of %s did not stop in time", name)
        if self._loop_thread.is_alive():
            self._loop.stop()
            self._loop_thread.join(STUCK_NS / 1e9)
        self._guard_stop.set()
        self._guard_thread.join(GUARD_STOP_S_MAX)
        self._cloud.stop()
        if not self._writer.stop():
            logger.error("the journal could not be written to its end in time")
        self._store.close()
        self._memory.close()
        self._local.save()
        self._presence.close()

    @property
    def attended(self) -> bool:
        """Whether the door loop turns."""
        return self._loop_thread.is_alive() and boot_ns() - self._loop.turned_ns < STUCK_NS

    def look(self) -> HealthReport:
        """How everything is now; tells the cloud too, if that is due."""
        report = self._report()
        self._cloud.tend(report)
        return report

    def _report(self) -> HealthReport:
        now_ns = boot_ns()
        position = self._store.position()
        lease = self._time.saved(now_ns)
        sources = self._writer.sources()
        doors = self._attendant.standings()
        return HealthReport(
            gateway=self._config.gateway.id,
            mode=self._config.gateway.mode.value,
            pid=os.getpid(),
            software=SOFTWARE,
            rules_version=RULES_VERSION,
            boot_id=self._boot_id,
            started_ns=self._started_ns,
            beat_ns=now_ns,
            online=self._cloud.online,
            cloud_error=self._cloud.error,
            epoch=position.epoch,
            revision=position.revision,
            root=position.root,
            time_quality=self._time.at(now_ns).quality,
            lease_ends_ns=None if lease is None else lease.boot_ns + lease.remaining_ms * 1_000_000,
            journal_id=sources[-1].journal_id if sources else "",
            journal_pending=self._writer.pending,
            journal_writable=self._writer.writable,
            events_lost=self._writer.lost + self._loop.dropped,
            devices=tuple(
                DeviceHealth(name=d.name, kind=d.kind, state=d.state, detail=d.detail[:200], remarks=d.remarks)
                for d in self._board.devices()
            ),
            doors=tuple(
                DoorHealth(
                    name=door.name,
                    kind=door.kind,
                    state=doors[door.name].state,
                    standing=doors[door.name].standing,
                    open=doors[door.name].open,
                    troubles=doors[door.name].troubles,
                )
                for door in self._config.doors
            ),
            occupancy=dict(self._attendant.occupancy),
            presence_until_ns=self._attendant.presence_until_ns,
            last_events=tuple(_shown(event) for event in self._board.last()),
        )

    def _charge_for_this_boot(self) -> None:
        saved = self._time.saved(self._started_ns)
        if saved is None:
            return
        try:
            self._store.save_lease(saved)
        except StoreBusy as error:
            # A full disk shuts nobody out: the charge is saved with the next lease, or when there is room.
            logger.error("%s; free the disk", error)

    def _device_event(self, event: DeviceEvent) -> None:
        self._board.note(event)
        self._loop.put(event)

    def _guard_event(self, event: GuardEvent) -> None:
        self._outputs.note(event)
        self._board.note(event)
        match event:
            case OutputFault() | GuardLost() | GuardUp():
                self._loop.put(event)
            case Locked(why=Why.START | Why.RECONNECTED):
                self._loop.put(event)  # what was told as broken may have ended
            case RequestRefused(detail):
                logger.error("the guard refused a request: %s", detail)

    def _thread(self, name: str, run: Callable[[], None]) -> threading.Thread:
        def run_or_fail() -> None:
            try:
                run()
            except Exception as error:
                logger.exception("%s broke", name)
                self._fail(f"{name} broke: {type(error).__name__}: {error}")

        return threading.Thread(target=run_or_fail, name=name, daemon=True)


def device_kinds(config: GatewayConfig) -> Mapping[str, str]:
    """Every device of the configuration by name, the guard first."""
    return {
        GUARD: "guard",
        **{device.name: f"reader {device.type}" for device in config.readers},
        **{device.name: f"output {device.type}" for device in config.outputs},
        **{device.name: f"input {device.type}" for device in config.inputs},
        **{device.name: f"indicator {device.type}" for device in config.indicators},
    }


def device_remarks(config: GatewayConfig) -> Mapping[str, tuple[str, ...]]:
    """What the owner must know about each reader, beside its state."""
    return {section.name: remarks_of(section) for section in config.readers}


def _shown(event: NewEvent) -> LastEvent:
    return LastEvent(
        kind=event.kind,
        boot_ns=event.at.boot_ns,
        business_ms=event.at.business_ms,
        door=event.door,
        member=event.member,
        reason=event.reason,
        flags=event.flags,
        detail=event.detail,
        by=event.by,
    )
