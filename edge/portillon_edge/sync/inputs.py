"""What can happen to sync session, uplink and commands. Time comes beside, as `now_ns` on the boot clock."""

from dataclasses import dataclass

from portillon_wire.messages import SnapshotOffer
from portillon_wire.topics import Down

from portillon_edge.domain.position import Position


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker took us; what was under way before is to be told again."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The broker is gone."""


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes from the broker, not yet trusted."""

    name: Down
    payload: bytes
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline may have passed."""


@dataclass(frozen=True, slots=True)
class Applied:
    """The entry asked for is committed."""

    position: Position


@dataclass(frozen=True, slots=True)
class ApplyFailed:
    """The entry asked for is not in. `transient`: the same may work later. Otherwise what is in `buckets` is in doubt;
    if nobody knows where the reason lies, only a snapshot helps."""

    detail: str
    transient: bool
    buckets: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class SnapshotBuilt:
    """The table of this offer lies ready to be put in force."""

    offer: SnapshotOffer


@dataclass(frozen=True, slots=True)
class SnapshotFailed:
    """It does not. `transient`: the same offer may be tried again and resumes; otherwise another one is needed."""

    offer: SnapshotOffer
    detail: str
    transient: bool


@dataclass(frozen=True, slots=True)
class Switched:
    """The snapshot is in force, with the entries that had come meanwhile."""

    position: Position
    roots: dict[int, str]


@dataclass(frozen=True, slots=True)
class TableLost:
    """The table was damaged and an empty one is in force."""

    detail: str


@dataclass(frozen=True, slots=True)
class RowDamageFound:
    """Some rows of the table in force cannot be trusted: those in `buckets`; the rest can."""

    detail: str
    buckets: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class BucketsCompared:
    """At `target` the cloud has other rows than the table in force in these buckets."""

    target: Position
    differing: frozenset[int]


@dataclass(frozen=True, slots=True)
class Repaired:
    """The rows asked for are in force, and with them the revision that they belong to."""

    position: Position


@dataclass(frozen=True, slots=True)
class RepairFailed:
    """They are not. `transient`: they may be later; otherwise they did not make the table that they should."""

    detail: str
    transient: bool


@dataclass(frozen=True, slots=True)
class JournalSeen:
    """A journal has rows up to `last`, of which the cloud has acknowledged `acknowledged` in `epoch`."""

    journal_id: str
    epoch: int
    acknowledged: int
    last: int


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The doors have taken the command, or say in one word why not."""

    kid: str
    counter: int
    refused: str | None = None


SessionInput = (
    Connected | Disconnected | Received | Tick | Applied | ApplyFailed | SnapshotBuilt | SnapshotFailed | Switched
    | TableLost | RowDamageFound | BucketsCompared | Repaired | RepairFailed
)  # fmt: skip
CommandInput = Received | HandedOver
UplinkInput = Connected | Disconnected | Received | Tick | JournalSeen
