"""What of the health report goes up to the cloud (retained, on up/reported), and when. Pure."""

from portillon_wire.messages import Reported
from portillon_wire.presence import ZONES_MAX

from portillon_edge.health.report import HealthReport

CHANGE_NS_MIN = 2_000_000_000
"""A device that comes and goes is not told more often than this."""
OPENED_NS_MIN = 10_000_000_000
"""Doors open and fall shut with every badge, and people come and go; somebody who looks on is content with this."""
BEAT_NS = 60_000_000_000


def reported(report: HealthReport, *, at_ms: int | None) -> Reported:
    """The message; `at_ms` is real time, as far as it is known."""
    return Reported(
        boot_id=report.boot_id,
        devices=report.devices,
        doors=report.doors,
        journal_pending=report.journal_pending,
        journal_writable=report.journal_writable,
        rules_version=report.rules_version,
        software=report.software,
        at_ms=at_ms,
        occupancy=dict(list(report.occupancy.items())[:ZONES_MAX]),
    )


class ReportedSchedule:
    """Once on every connection, when a device, the journal, or how a door stands changes, and each minute.

    A door's state is not a reason: it changes with every badge, and the journal tells that better.
    """

    def __init__(self) -> None:
        self._last: HealthReport | None = None

    def due(self, report: HealthReport) -> bool:
        """Whether this report is to be sent now; ask again if sending failed, after `forget`."""
        last = self._last
        if not report.online:
            self._last = None
            return False
        if last is not None:
            since_ns = report.beat_ns - last.beat_ns
            if since_ns < CHANGE_NS_MIN or (since_ns < BEAT_NS and not _worth_telling(report, last, since_ns)):
                return False
        self._last = report
        return True

    def forget(self) -> None:
        """The last one did not go out."""
        self._last = None


def _worth_telling(report: HealthReport, last: HealthReport, since_ns: int) -> bool:
    if (report.devices, report.journal_writable) != (last.devices, last.journal_writable):
        return True
    if [(door.standing, door.troubles) for door in report.doors] != [(d.standing, d.troubles) for d in last.doors]:
        return True
    return since_ns >= OPENED_NS_MIN and _seen(report) != _seen(last)


def _seen(report: HealthReport) -> tuple[object, ...]:
    return report.occupancy, [door.open for door in report.doors]
