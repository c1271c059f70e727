"""What the sync session, the uplink and the commands ask for. They are carried out in order; one that fails stops the
rest of its list, so nothing is reported that was not done."""

from dataclasses import dataclass

from portillon_wire.commands import Command, CommandResult
from portillon_wire.messages import EventKind, FeedEntry, SnapshotOffer, SyncReport
from portillon_wire.repair import BucketSums
from portillon_wire.rows import RowChange

from portillon_edge.domain.position import Position
from portillon_edge.domain.timekeeping import SavedLease


@dataclass(frozen=True, slots=True)
class ApplyEntry:
    """Commit this entry; answered by Applied, ApplyFailed or TableLost."""

    entry: FeedEntry


@dataclass(frozen=True, slots=True)
class BuildSnapshot:
    """Download and build this offer aside; answered later by SnapshotBuilt or SnapshotFailed."""

    offer: SnapshotOffer


@dataclass(frozen=True, slots=True)
class CancelSnapshot:
    """Give up the download or build under way; no answer is awaited."""


@dataclass(frozen=True, slots=True)
class SwitchSnapshot:
    """Apply `catch_up` to the built table, then put it in force; answered by Switched or SnapshotFailed."""

    offer: SnapshotOffer
    catch_up: tuple[FeedEntry, ...]


@dataclass(frozen=True, slots=True)
class CompareBuckets:
    """Compare these sums with those of the table in force; answered by BucketsCompared."""

    sums: BucketSums


@dataclass(frozen=True, slots=True)
class RepairTable:
    """Put `rows` in the place of all that is in `buckets`, which makes the table of `target`; answered by Repaired,
    RepairFailed or TableLost."""

    target: Position
    buckets: tuple[int, ...]
    rows: tuple[RowChange, ...]


@dataclass(frozen=True, slots=True)
class SendReport:
    """Publish on up/sync."""

    report: SyncReport


@dataclass(frozen=True, slots=True)
class SaveLease:
    """Write the lease down."""

    saved: SavedLease


@dataclass(frozen=True, slots=True)
class EpochBegun:
    """A table of another epoch is in force: journals are to be sent again."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Record:
    """Put an event into the journal; `reason` is an enum's value."""

    kind: EventKind
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class SendEvents:
    """Publish rows `first … last` of a journal on up/journal."""

    journal_id: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The cloud of this epoch has committed every row of a journal up to `through`."""

    journal_id: str
    epoch: int
    through: int


@dataclass(frozen=True, slots=True)
class ContestJournal:
    """The cloud holds other content under this journal's numbers: set it aside and begin a new one."""

    journal_id: str
    detail: str


@dataclass(frozen=True, slots=True)
class SaveCounter:
    """Write down, before anybody acts, that key `kid` has used this counter."""

    kid: str
    counter: int


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give the command to the doors; answered by HandedOver."""

    kid: str
    command: Command


@dataclass(frozen=True, slots=True)
class SendResult:
    """Publish on up/result."""

    result: CommandResult


SessionEffect = (
    ApplyEntry | BuildSnapshot | CancelSnapshot | SwitchSnapshot | CompareBuckets | RepairTable | SendReport
    | SaveLease | EpochBegun | Record
)  # fmt: skip
UplinkEffect = SendEvents | Acknowledge | ContestJournal | Record
CommandEffect = SaveCounter | HandOver | SendResult | Record
Effect = SessionEffect | UplinkEffect | CommandEffect
