"""What stands around the attendant: the doors, and the few things it asks of stores, time, guard and journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from portillon_rules.decision import DecisionTime, Lookup, SiteRules

from portillon_edge.domain.events import EventTime, NewEvent, Way
from portillon_edge.doors.machine import DoorMachine, Line, Part
from portillon_edge.doors.showing import Shown


@dataclass(frozen=True, slots=True)
class Door:
    """One configured door with its machine.

    `outputs`: which output does what for it, at least Part.ENTRY; `lines`: which part each of its inputs plays;
    `way_of`: which way its readers let people, ENTRY unless named; `may_stand_free`: false where lock or relay are not
    made to stay released (`continuous`), so that no plan or order frees it.
    """

    name: str
    zone: str
    outputs: Mapping[Part, str]
    machine: DoorMachine
    readers: tuple[str, ...]
    lines: Mapping[str, Line]
    way_of: Mapping[str, Way] = field(default_factory=dict)
    may_stand_free: bool = True

    def way(self, reader: str) -> Way:
        """Which way a card at this reader lets its holder."""
        return self.way_of.get(reader, Way.ENTRY)

    def output_of(self, part: Part) -> str | None:
        """The output for that part; one for both ways serves EXIT too; None: nothing to close or light."""
        if part is Part.EXIT:
            return self.outputs.get(part, self.outputs[Part.ENTRY])
        return self.outputs.get(part)

    def released_by(self, way: Way) -> str:
        """The output that lets somebody through that way."""
        entry = self.outputs[Part.ENTRY]
        return self.outputs.get(Part.EXIT, entry) if way is Way.EXIT else entry


class Entitlements(Protocol):
    """What the attendant needs of the entitlement store."""

    def lookup(self, credential_hash: str) -> Lookup: ...

    def site_rules(self) -> SiteRules: ...


class Clockwork(Protocol):
    """What the attendant needs of the time keeper."""

    def at(self, boot_ns: int) -> DecisionTime: ...

    def stamp(self, boot_ns: int) -> EventTime: ...


class Outputs(Protocol):
    """What the attendant needs of the guard."""

    def available(self, output: str) -> bool: ...

    def release(self, output: str, on_ms: int) -> None:
        """Raises OutputUnavailable; never waits for the device."""

    def hold(self, output: str) -> None:
        """Released until HOLD_MS after the last such call; raises OutputUnavailable; never waits for the device."""

    def lock(self, output: str) -> None:
        """Raises OutputUnavailable; never waits for the device."""


class EventLog(Protocol):
    """What the attendant needs of the journal."""

    @property
    def writable(self) -> bool: ...

    def record(self, event: NewEvent) -> None:
        """Take the event over for writing; never waits."""


class Indicators(Protocol):
    """What the attendant needs of lamps, buzzers and displays."""

    def show(self, door: str, shown: Shown) -> None:
        """Tell whoever stands there; never waits, never fails."""


class NoIndicators:
    """A site without any."""

    def show(self, door: str, shown: Shown) -> None:
        """Nothing to show it with."""


class FireLatch(Protocol):
    """Where it is kept over restarts which fires nobody has reset."""

    def load(self) -> frozenset[str]: ...

    def save(self, latched: frozenset[str]) -> None:
        """Raises LatchUnwritable."""


class ForgetfulLatch:
    """Forgets with the process: for simulations, and where no fire is watched."""

    def load(self) -> frozenset[str]:
        """Nothing."""
        return frozenset()

    def save(self, latched: frozenset[str]) -> None:
        """Forget it."""
