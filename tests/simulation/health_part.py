"""What a simulated gateway tells of its own health, as `gateway.py` puts it together: moves of visits wait for it."""

from portillon_edge.doors.attendant import Attendant
from portillon_edge.health.report import HealthReport
from portillon_edge.health.reported import ReportedSchedule, reported
from portillon_rules.decision import RULES_VERSION
from portillon_wire.messages import DoorHealth, encode
from portillon_wire.topics import Up
from simulation.gateway_shell import GatewayShell
from simulation.lanes import LANES


class HealthPart(GatewayShell):
    """The part of a gateway that tells how it is."""

    attendant: Attendant
    boot_id: str
    online: bool
    _health: ReportedSchedule

    def _begin_health(self) -> None:
        """A process starts: nothing is told yet."""
        self.online, self._health = False, ReportedSchedule()

    def _tell_health(self) -> None:
        """If that is due."""
        report = self._health_now()
        if self._health.due(report):
            self._publish(Up.REPORTED, encode(reported(report, at_ms=self.keeper.real_ms(self.boot_ns))))

    def _health_now(self) -> HealthReport:
        position, doors = self.store.position(), self.attendant.standings()
        return HealthReport(
            gateway=self.name, mode="test", pid=1, software="simulation", rules_version=RULES_VERSION,
            boot_id=self.boot_id, started_ns=0, beat_ns=self.boot_ns, online=self.online, cloud_error=None,
            epoch=position.epoch, revision=position.revision, root=position.root,
            time_quality=self.keeper.at(self.boot_ns).quality, lease_ends_ns=None, journal_id="",
            journal_pending=self.shelf.pending(), journal_writable=self.shelf.writable, events_lost=self.shelf.lost,
            devices=(), last_events=(), occupancy=dict(self.attendant.occupancy),
            doors=tuple(
                DoorHealth(
                    name=lane, kind="turnstile_lane", state=doors[lane].state, standing=doors[lane].standing,
                    open=doors[lane].open, troubles=doors[lane].troubles,
                )
                for lane in LANES
            ),
        )  # fmt: skip
