"""What of the health report goes up to the cloud (retained, on up/reported), and when. Pure."""

from portillon_wire.messages import Reported

from portillon_edge.health.report import HealthReport

CHANGE_NS_MIN = 2_000_000_000
"""A device that comes and goes is not told more often than this."""
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
    )


class ReportedSchedule:
    """Once on every connection, when a device or the journal changes its state, and each minute.

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
            changed = (report.devices, report.journal_writable) != (last.devices, last.journal_writable)
            if report.beat_ns - last.beat_ns < (CHANGE_NS_MIN if changed else BEAT_NS):
                return False
        self._last = report
        return True

    def forget(self) -> None:
        """The last one did not go out."""
        self._last = None
