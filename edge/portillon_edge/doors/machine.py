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

from portillon_edge.domain.events import EventKind

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """Somebody whom the decision lets pass; it ends as exactly one of PASSAGE and GRANT_NOT_USED.

    `reserved`: the names of a single-use credential, which is free again if nobody passes on it.
    """

    member: str
    credential: str
    reader: str
    flags: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()


# Signals: what happens at a door -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Admit:
    """The decision granted `grant`; the machine may still refuse (LANE_BUSY)."""

    grant: Grant


class Line(StrEnum):
    """The part that an input plays at a door."""

    PASSAGE = "passage"
    CONTACT = "contact"
    REX = "rex"


@dataclass(frozen=True, slots=True)
class LineChanged:
    """An input became active (somebody passes, the door is open, the button is pressed) or inactive."""

    line: Line
    active: bool


@dataclass(frozen=True, slots=True)
class LineLost:
    """An input's device is gone: its state is unknown until the next change."""

    line: Line


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """The output did not do what it was told: whoever was to pass cannot."""


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing but time passed."""


Signal = Admit | LineChanged | LineLost | OutputFailed | Tick


# Actions: what the shell must do -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Release:
    """Put the output in its releasing state for at most `on_ms`; the guard ends it."""

    on_ms: int


@dataclass(frozen=True, slots=True)
class Lock:
    """End the release now."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write an event down; `grant` tells whose, `reason` why somebody was refused, `detail` what was seen."""

    kind: EventKind
    grant: Grant | None = None
    reason: DenyReason | None = None
    detail: str | None = None


Action = Release | Lock | Record


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now, and when to look again."""

    actions: tuple[Action, ...]
    deadline_ns: int | None


class DoorMachine(Protocol):
    """One door's behaviour; two real ones exist, `turnstile_lane.py` and `strike_door.py`."""

    @property
    def busy(self) -> bool:
        """Whether a grant is waiting for its passage, so that a second card must wait."""
        ...

    @property
    def state(self) -> str:
        """One word for the health report."""
        ...

    def handle(self, signal: Signal, now_ns: int) -> Step:
        """Take one signal at `now_ns`; never raises, never blocks."""
        ...
