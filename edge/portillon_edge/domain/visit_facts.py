"""What a gateway must not forget about visits: one dataclass for each fact, written down in one commit. Pure.

`member` is the feed's opaque id. A count may be forgotten once business time is well past `until_ms`.
"""

from dataclasses import dataclass

from portillon_rules.visits import UNCHECKED, Visit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """The visits that one grant at a door holds until it ends; `marks` tell them in its events."""

    door: str
    credential: str
    member: str
    visits: tuple[Visit, ...]
    until_ms: int

    @property
    def marks(self) -> tuple[str, ...]:
        """For the flags of the grant: the cloud spends what they name when the passage comes."""
        return tuple(visit.mark for visit in self.visits)

    @property
    def counted(self) -> tuple[Visit, ...]:
        """Those that this gateway counts; the others it gave away unchecked."""
        return tuple(visit for visit in self.visits if visit.turn != UNCHECKED)


@dataclass(frozen=True, slots=True)
class VisitReserved:
    """Somebody is let in on this visit."""

    member: str
    visit: Visit
    until_ms: int


@dataclass(frozen=True, slots=True)
class VisitSpent:
    """Somebody who was let in on it passed."""

    member: str
    visit: Visit
    until_ms: int


@dataclass(frozen=True, slots=True)
class VisitFreed:
    """Nobody passed on it after all."""

    member: str
    visit: Visit
    until_ms: int


@dataclass(frozen=True, slots=True)
class EveryVisitFreed:
    """The gateway began anew: no grant of before runs any more."""


VisitFact = VisitReserved | VisitSpent | VisitFreed | EveryVisitFreed
