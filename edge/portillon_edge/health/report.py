"""`health.json`: what really runs and how it is, for `portillon-edge status`, `explain` and whoever can read a file.

It holds instants on the boot clock and no ages, so that it changes only when something happens: it is looked at each
second and written when it differs, or every `BEAT_NS` to show that the gateway lives. No fsync: after a power cut it is
stale anyway, and a memory card has a limited number of writes.
"""

from pathlib import Path
from typing import Literal

from portillon_rules.decision import TimeQuality
from portillon_wire.messages import DeviceHealth, DoorHealth
from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "health.json"
BEAT_NS = 15_000_000_000
STALE_NS = 45_000_000_000
"""Three beats missed: the gateway is stuck or gone."""


class LastEvent(BaseModel):
    """One of the last events; without the credential, whose hash helps nobody who looks at a screen."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    kind: str
    boot_ns: int
    business_ms: int | None
    door: str | None
    member: str | None
    reason: str | None
    flags: tuple[str, ...]
    detail: str | None
    by: str | None = None
    """Whose order it was; of an input's fault the line."""

    @property
    def why(self) -> str:
        """All that is known of it, in one line."""
        return ", ".join(text for text in (self.reason, *self.flags, self.detail, self.by) if text)


class HealthReport(BaseModel):
    """The content of `health.json`. Times are boot-clock nanoseconds of boot `boot_id`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    v: Literal[1] = 1
    gateway: str
    mode: str
    pid: int
    software: str
    rules_version: str
    boot_id: str
    started_ns: int
    beat_ns: int
    online: bool
    cloud_error: str | None
    epoch: int
    revision: int
    root: str
    time_quality: TimeQuality
    lease_ends_ns: int | None
    journal_id: str
    journal_pending: int
    journal_writable: bool
    events_lost: int
    devices: tuple[DeviceHealth, ...]
    doors: tuple[DoorHealth, ...]
    occupancy: dict[str, int] = Field(default_factory=dict)
    """How many people are in each zone of which the site has rules."""
    presence_until_ns: int | None = None
    """Until when the site's other gateways count as heard; None: there are none."""
    last_events: tuple[LastEvent, ...]

    def fresh(self, *, boot_id: str, now_ns: int) -> bool:
        """Whether a living gateway wrote this: in this boot, and not long ago."""
        return self.boot_id == boot_id and 0 <= now_ns - self.beat_ns < STALE_NS

    def lease_remaining_ms(self, now_ns: int) -> int | None:
        """What is left of the lease; zero or less: how long it has been over; None: there never was one."""
        return None if self.lease_ends_ns is None else (self.lease_ends_ns - now_ns) // 1_000_000


class HealthFile:
    """Writes the report into `data_dir`; used by one thread."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE
        self._written: HealthReport | None = None

    def offer(self, report: HealthReport) -> bool:
        """Write the report if it says something new or a beat is due; returns whether it did. Raises OSError."""
        before = self._written
        if before and report.beat_ns - before.beat_ns < BEAT_NS and _says_the_same(report, before):
            return False
        temporary = self._path.with_suffix(".json.new")
        temporary.write_text(report.model_dump_json(), encoding="utf-8")
        temporary.replace(self._path)
        self._written = report
        return True


def _says_the_same(report: HealthReport, before: HealthReport) -> bool:
    moved: dict[str, int | None] = {"beat_ns": before.beat_ns}
    if None not in (report.presence_until_ns, before.presence_until_ns):
        moved["presence_until_ns"] = before.presence_until_ns  # as long as it is heard it moves with every beat
    return report.model_copy(update=moved) == before


def read_report(data_dir: Path) -> HealthReport | None:
    """What the gateway wrote last; None if there is nothing readable."""
    try:
        return HealthReport.model_validate_json((data_dir / FILE).read_bytes())
    except (OSError, ValidationError):
        return None
