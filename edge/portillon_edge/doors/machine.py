"""The words every door machine is fed and answers with. Pure: a machine does no I/O and never reads a clock.

    step = machine.handle(signal, now_ns)   # now_ns: boot clock; a machine's time never runs backwards
    step.actions                            # what to do, in this order
    step.deadline_ns                        # when to hand it a Tick, None: when nothing happens, nothing is due

Adding a kind of door: one file with its machine, one line in `kinds.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind, Way
from portillon_edge.domain.visit_facts import Reservation
from portillon_edge.guard import protocol

NS_PER_MS = 1_000_000
HOLD_MS = protocol.HOLD_MS
"""A hold ends by itself this long after it was last asked for (DESIGN §6)."""
RENEW_MS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Somebody whom the decision lets pass; it ends as exactly one of PASSAGE and GRANT_NOT_USED.

    `reserved`: the names of a single-use credential, which is free again if nobody passes on it. `visits`: what it
    holds of a pack or of quotas (visits/book.py). `evidence`: what the decision rested on, as the journal spells it.
    `language`: the one to answer its holder in.
    """

    member: str
    credential: str
    reader: str
    flags: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    visits: Reservation | None = None
    way: Way = Way.ENTRY
    long_access: bool = False
    first_person: bool = False
    evidence: str | None = None
    language: str | None = None


class Part(StrEnum):
    """What an output is for at its door; a door has the ones that its section names."""

    ENTRY = "entry"
    """Releases it (inwards, where a lane has two ways)."""
    EXIT = "exit"
    """Releases a two-way lane outwards."""
    CLOSE = "close"
    """Closes a barrier."""
    READY = "ready"
    """The lamp that invites the next person."""


# Signals: what happens at a door -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admit:
    """The decision granted `grant`; the machine may still refuse (LANE_BUSY)."""

    grant: Grant


class Line(StrEnum):
    """The part that an input plays at a door."""

    PASSAGE = "passage"
    """Somebody goes through, or through inwards where the lane tells the two ways apart."""
    PASSAGE_OUT = "passage_out"
    CONTACT = "contact"
    REX = "rex"
    LANE_BUSY = "lane_busy"
    """The lane says that somebody stands in it."""
    LANE_FAULT = "lane_fault"
    """The lane says that it is out of order."""
    LOOP = "loop"
    """A vehicle, or somebody, stands under the barrier."""


@dataclass(frozen=True, slots=True)
class LineChanged:
    """An input became active (somebody passes, the door is open, the button is pressed) or inactive."""

    line: Line
    active: bool


@dataclass(frozen=True, slots=True)
class LineLost:
    """An input cannot be believed (device gone, wire cut or short, flapping): unknown until the next change.

    The first LineChanged after it is how the line was found.
    """

    line: Line


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The output did not do what it was told: whoever was to pass cannot."""

    part: Part = Part.ENTRY


class Bearing(StrEnum):
    """How the door is to stand, after all that may have a say: fire, orders, plan (`bearing.py` decides)."""

    PLAN = "plan"
    """Locked; a grant or an exit request releases it."""
    FREE = "free"
    """Released until told otherwise; badges are still recorded, and passages are nobody's unless somebody badged."""
    BLOCKED = "blocked"
    LOCKDOWN = "lockdown"
    """Locked, as for PLAN; whom the decision exempts still passes."""
    FIRE = "fire"
    """Released; above everything else."""

    @property
    def released(self) -> bool:
        """Whether the output is to stand in its releasing state."""
        return self in (Bearing.FREE, Bearing.FIRE)

    @property
    def closed_for(self) -> DenyReason | None:
        """Why it is locked to whoever has a card; None: it is not."""
        return _CLOSED_FOR.get(self)


_CLOSED_FOR = {Bearing.BLOCKED: DenyReason.DOOR_BLOCKED, Bearing.LOCKDOWN: DenyReason.LOCKDOWN}


@dataclass(frozen=True, slots=True)
class BearingChanged:
    """From now on the door stands so. `reason`: one of `bearing.Why`; `by`: whoever ordered it."""

    bearing: Bearing
    reason: str
    by: str | None = None

    def told_after(self, before: Bearing) -> "tuple[Record, ...]":
        """DOOR_FREED or DOOR_SECURED where that is what changed; lockdown and fire are told by the house, once."""
        if before.released is self.bearing.released:
            return ()
        kind = EventKind.DOOR_FREED if self.bearing.released else EventKind.DOOR_SECURED
        return (Record(kind, reason=self.reason, by=self.by),)


@dataclass(frozen=True, slots=True)
class OpenOnce:
    """Staff opens once, without a card; nobody's passage. `by` is told in the event."""

    by: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time passed."""


Signal = Admit | LineChanged | LineLost | OutputFailed | BearingChanged | OpenOnce | Tick


# Actions: what the shell must do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Release:
    """Put the output in its releasing state for at most `on_ms`; the guard ends it."""

    on_ms: int
    part: Part = Part.ENTRY


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the output in its releasing state for HOLD_MS from now; to go on, the machine asks again every RENEW_MS."""

    part: Part = Part.ENTRY


@dataclass(frozen=True, slots=True)
class Lock:
    """End the release or the hold now."""

    part: Part = Part.ENTRY


@dataclass(frozen=True, slots=True)
class Record:
    """Write an event down; `grant` tells whose, `detail` what was seen.

    `reason`: why somebody was refused (DenyReason), or why the door stands as it does (`bearing.Why`). `by`: whose
    order it was; of an input's fault the Line, so that two of one door are two. `queued`: nothing was released for the
    grant yet, its holder waits for ItsTurn.
    """

    kind: EventKind
    grant: Grant | None = None
    reason: str | None = None
    detail: str | None = None
    way: Way | None = None
    by: str | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True)
class ItsTurn:
    """Whoever waited with this grant may pass now: nothing happened that is to be written down, but it is shown."""

    grant: Grant


Action = Release | Hold | Lock | Record | ItsTurn


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, and when to look again."""

    actions: tuple[Action, ...]
    deadline_ns: int | None


class DoorMachine(Protocol):
    """One door's behaviour; each kind has a file of its own (`kinds.py`)."""

    @property
    def busy(self) -> bool:
        """Whether a grant is waiting for its passage, so that a second card must wait."""
        ...

    def busy_for(self, credential: str) -> bool:
        """As `busy`, for this credential: whoever is being let in anyway may badge again."""
        ...

    @property
    def state(self) -> str:
        """One word for the health report."""
        ...

    @property
    def open(self) -> bool | None:
        """Whether the door stands open; None: no contact, or not known."""
        ...

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        """What was told and has not ended yet."""
        ...

    @property
    def closed_for(self) -> DenyReason | None:
        """Why the machine itself takes nobody now, whatever the card."""
        ...

    def handle(self, signal: Signal, now_ns: int) -> Step:
        """Take one signal at `now_ns`; never raises, never blocks."""
        ...
