"""Why a message was not acted on, and a measure that keeps a flood of them from flooding the journal."""

from enum import StrEnum

from portillon_wire.errors import ForeignError, ForgedError, UnknownVersionError, WireError
from portillon_wire.messages import EventKind

from portillon_edge.domain.timekeeping import LeaseRefusal
from portillon_edge.sync.effects import Record, SessionEffect

BURST = 20
REFILL_NS = 10_000_000_000
_DETAIL_CHARS = 300


class Refusal(StrEnum):
    """What was wrong with a message (leases add those of LeaseRefusal)."""

    FORGED = "forged"
    FOREIGN = "foreign"
    MALFORMED = "malformed"
    UNKNOWN_VERSION = "unknown_version"
    RETAINED = "retained"
    OLD_EPOCH = "old_epoch"
    OLD_REVISION = "old_revision"
    UNKNOWN_REVISION = "unknown_revision"
    UNKNOWN_JOURNAL = "unknown_journal"
    REPEATED = "repeated"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from_the_future"
    TIME_UNCERTAIN = "time_uncertain"


class Alarm(StrEnum):
    """What a person should look at."""

    ROOT_DIFFERS = "root_differs"
    ROW_DAMAGED = "row_damaged"
    TABLE_LOST = "table_lost"
    STORE_FAILS = "store_fails"
    SNAPSHOT_REFUSED = "snapshot_refused"
    REPAIR_FAILED = "repair_failed"
    CLOCK_STEP = "clock_step"
    JOURNAL_CONTESTED = "journal_contested"


def refusal_of(error: WireError) -> Refusal:
    """The reason under which a wire error is recorded."""
    match error:
        case ForgedError():
            return Refusal.FORGED
        case ForeignError():
            return Refusal.FOREIGN
        case UnknownVersionError():
            return Refusal.UNKNOWN_VERSION
    return Refusal.MALFORMED


class RefusalMeter:
    """Lets BURST records through at once and one per REFILL_NS after; what it holds back it counts and tells later."""

    def __init__(self) -> None:
        self._left = float(BURST)
        self._at_ns = 0
        self._held_back = 0

    def refuse(self, reason: Refusal | LeaseRefusal, detail: str, now_ns: int) -> list[SessionEffect]:
        """Say that a message was not acted on."""
        return list(self.record(EventKind.REFUSED_MESSAGE, reason.value, detail, now_ns))

    def alarm(self, reason: Alarm, detail: str, now_ns: int) -> list[SessionEffect]:
        """Say that a person should look."""
        return list(self.record(EventKind.ALARM, reason.value, detail, now_ns))

    def record(self, kind: EventKind, reason: str, detail: str, now_ns: int) -> list[Record]:
        """The record, with the count of those held back before it; or nothing, counted."""
        self._left = min(BURST, self._left + max(0, now_ns - self._at_ns) / REFILL_NS)
        self._at_ns = now_ns
        if self._left < 1:
            self._held_back += 1
            return []
        self._left -= 1
        before = f" ({self._held_back} more were not written down)" if self._held_back else ""
        self._held_back = 0
        return [Record(kind, reason, detail[:_DETAIL_CHARS] + before)]
