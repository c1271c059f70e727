"""The gateway's talk with the cloud, as the rest of it sees that: the doors go on without it, whatever it lacks."""

import logging
from collections.abc import Callable, Collection, Sequence

from portillon_config import GatewayConfig
from portillon_config.model import Cloud
from portillon_wire.commands import Action, Command
from portillon_wire.presence import Unseen
from portillon_wire.signature import KeyUse, PublicKey, PublicKeys

from portillon_edge.boot_clock import boot_ns
from portillon_edge.domain.events import NewEvent
from portillon_edge.domain.timekeeping import TimeKeeper
from portillon_edge.doors.staff_order import OpenDoor, ResetFire, StaffOrder
from portillon_edge.errors import LinkMisconfigured, StoreBusy
from portillon_edge.health.report import HealthReport
from portillon_edge.health.reported import ReportedSchedule, reported
from portillon_edge.presence.news import PresenceHeard
from portillon_edge.store.entitlements import EntitlementStore
from portillon_edge.store.journal_writer import JournalWriter
from portillon_edge.sync.broker_settings import BrokerSettings
from portillon_edge.sync.cloud_watch import CloudWatch
from portillon_edge.sync.service import SyncService

logger = logging.getLogger(__name__)

SAVE_LEASE_NS = 60_000_000_000


class CloudLink:
    """Wraps the sync service. Certificates that cannot work shut no door: it is told, and the gateway runs offline."""

    def __init__(
        self,
        config: GatewayConfig,
        *,
        boot_id: str,
        software: str,
        keeper: TimeKeeper,
        store: EntitlementStore,
        row_mac_secret: bytes,
        writer: JournalWriter,
        fail: Callable[[str], None],
        doors: Collection[str] = (),
        give: Callable[[StaffOrder | PresenceHeard], bool] = lambda _: False,
        unseen: Callable[[], Sequence[Unseen]] = lambda: (),
    ) -> None:
        """`give` puts something into the door loop's queue without waiting; False: it takes nothing just now. `unseen`:
        who came and went here without a card."""
        self._doors = frozenset(doors)
        self._give = give
        self._keeper = keeper
        self._store = store
        self._writer = writer
        self._watch = CloudWatch(boot_ns())
        self._schedule = ReportedSchedule()
        self._lease_saved_ns = boot_ns()
        self._sync: SyncService | None = None
        self._misconfigured: str | None = None
        cloud = config.cloud
        try:
            self._sync = SyncService(
                gateway=config.gateway.id,
                keys=public_keys(cloud),
                boot_id=boot_id,
                software=software,
                keeper=keeper,
                store=store,
                row_mac_secret=row_mac_secret,
                writer=writer,
                broker=BrokerSettings(cloud.broker, cloud.ca_file, cloud.certificate_file, cloud.private_key_file),
                download_folder=config.gateway.data_dir,
                clock_ns=boot_ns,
                fail=fail,
                take_command=self._take_command,
                take_presence=give,
                unseen=unseen,
                snapshot_base=cloud.snapshot_base,
            )
        except LinkMisconfigured as error:
            logger.error("%s; the doors go on without the cloud", error)
            self._misconfigured = str(error)

    def start(self) -> None:
        """Begin to talk; the journal's writer must have been started."""
        if self._sync is not None:
            self._sync.start()

    def stop(self) -> None:
        """Say goodbye."""
        if self._sync is not None:
            self._sync.stop()

    @property
    def online(self) -> bool:
        """Whether the broker has us."""
        return self._sync is not None and self._sync.online

    @property
    def error(self) -> str | None:
        """Why there is no connection, and what to do; None while there is one."""
        return self._misconfigured if self._sync is None else self._sync.last_error

    def tend(self, report: HealthReport) -> None:
        """Once a second: tell the cloud how the gateway is, if that is due; and write down that it is lost or back."""
        told = self._watch.look(online=self.online, now_ns=report.beat_ns)
        if told is not None:
            detail = None if self.online else self.error
            self._writer.submit(NewEvent(kind=told, at=self._keeper.stamp(report.beat_ns), detail=detail))
        if self._sync is None:
            self._save_lease_each_minute(report.beat_ns)
        elif self._schedule.due(report):
            at_ms = self._keeper.real_ms(report.beat_ns)
            if not self._sync.publish_reported(reported(report, at_ms=at_ms)):
                self._schedule.forget()

    def _take_command(self, command: Command) -> str | None:
        """Give the doors what staff ordered; the word in which the cloud hears why not."""
        if command.door is not None and command.door not in self._doors:
            return "no_such_door"
        return None if self._give(staff_order(command, boot_ns())) else "busy"

    def _save_lease_each_minute(self, now_ns: int) -> None:
        """A lease is spent without a connection too, and without the sync service nobody else writes that down."""
        saved = self._keeper.saved(now_ns)
        if saved is None or now_ns - self._lease_saved_ns < SAVE_LEASE_NS:
            return
        self._lease_saved_ns = now_ns
        try:
            self._store.save_lease(saved)
        except StoreBusy as error:
            logger.error("%s; free the disk", error)


def staff_order(command: Command, now_ns: int) -> StaffOrder:
    """The order that a command from the cloud is at the doors."""
    match command.action, command.door:
        case Action.OPEN_DOOR, str(door):
            return OpenDoor(door, command.by, now_ns)
        case _:
            return ResetFire(command.by, now_ns)


def public_keys(cloud: Cloud) -> PublicKeys:
    """The cloud's keys of the configuration, as the wire wants them."""
    return PublicKeys(
        {key.kid: PublicKey(key.public_bytes, frozenset(KeyUse(use) for use in key.usages)) for key in cloud.keys}
    )
