"""A house around the small site: two doors of a mantrap and the house's own inputs, in virtual time."""

from dataclasses import dataclass, field, replace

from edge.doors.small_site import DAY_MS, NEW_KEY, Site
from portillon_config.interlocks import Interlock, InterlockMode
from portillon_config.watches import Watch, WatchKind
from portillon_drivers.events import InputChanged
from portillon_edge.domain.events import EventKind, NewEvent
from portillon_edge.doors.attendant import Attendant, DoorEvent
from portillon_edge.doors.kept import ForgetfulStandings, Standings
from portillon_edge.doors.machine import NS_PER_MS, Line, Part
from portillon_edge.doors.showing import Outcome, Shown
from portillon_edge.doors.single_door import SingleDoor
from portillon_edge.doors.surroundings import Door
from portillon_rules.decision import DecisionTime, TimeQuality

WATCHES = tuple(Watch(name=kind, kind=kind, input=f"{kind}-line") for kind in WatchKind)
DOORS = ("outer", "inner")


@dataclass
class Latch:
    """A disk for the fire's latch."""

    names: frozenset[str] = frozenset()
    full: Exception | None = None

    def load(self) -> frozenset[str]:
        return self.names

    def save(self, latched: frozenset[str]) -> None:
        if self.full:
            raise self.full
        self.names = latched


@dataclass
class House(Site):
    """`outer` and `inner`, each with reader, contact and exit button; `shown` is what lamps were told."""

    latch: Latch = field(default_factory=Latch)
    standings: Standings = field(default_factory=ForgetfulStandings)
    mode: InterlockMode | None = None
    may_stand_free: bool = True
    shown: list[tuple[str, Outcome]] = field(default_factory=list)

    def start(self) -> None:
        self.ms = 0
        doors = [
            Door(
                name=name,
                zone="gym",
                outputs={Part.ENTRY: f"{name}-lock"},
                machine=SingleDoor(pulse_ms=3000, passage_window_ms=5000, held_open_ms=30_000),
                readers=(f"{name}-reader",),
                lines={f"{name}-contact": Line.CONTACT, f"{name}-exit": Line.REX},
                may_stand_free=self.may_stand_free,
            )
            for name in DOORS
        ]
        interlocks = [Interlock(name="trap", doors=DOORS, mode=self.mode)] if self.mode else []
        self.attendant = Attendant(
            doors,
            keys=self.keys,
            entitlements=self,
            clockwork=self,
            outputs=self,
            log=self,
            memory=self.memory,
            readers=self.readers,
            indicators=self,
            watches=WATCHES,
            interlocks=interlocks,
            latch=self.latch,
            standings=self.standings,
        )
        self.attendant.tidy(0)
        for name in DOORS:
            self.line(f"{name}-contact", False)
            self.line(f"{name}-exit", False)

    def at(self, boot_ns: int) -> DecisionTime:
        return replace(self.time, business_ms=self.time.business_ms + boot_ns // NS_PER_MS)

    def show(self, door: str, shown: Shown) -> None:
        self.shown.append((door, shown.outcome))

    def wait(self, ms: int) -> list[NewEvent]:
        """Let time pass, from deadline to deadline; the events that came of it."""
        before, until_ns = len(self.events), (self.ms + ms) * NS_PER_MS
        while (due_ns := self.attendant.deadline_ns) is not None and due_ns <= until_ns:
            self.attendant.tick(due_ns)
        self.ms += ms
        self.attendant.tidy(self.ms * NS_PER_MS)
        return self.events[before:]

    def do(self, event: DoorEvent) -> list[NewEvent]:
        """Hand an event over; the events that came of it."""
        before = len(self.events)
        self.attendant.handle(event)
        return self.events[before:]

    def line(self, name: str, active: bool) -> list[NewEvent]:
        """An input changes now."""
        return self.do(InputChanged(name, active, self.ms * NS_PER_MS))

    def card(self, door: str = "outer") -> list[EventKind]:
        """Anne badges there now."""
        return self.badge(reader=f"{door}-reader", ms=self.ms)

    @property
    def now_ns(self) -> int:
        return self.ms * NS_PER_MS

    @property
    def standing(self) -> list[str]:
        """How the doors stand."""
        return [one.standing.value for one in self.attendant.standings().values()]

    def held(self) -> set[str]:
        """The outputs that were held since this was asked last."""
        told = {one[1] for one in self.told if one[0] == "hold"}
        self.told.clear()
        return {str(name) for name in told}


CERTAIN = DecisionTime(DAY_MS, TimeQuality.CERTAIN, 30 * DAY_MS)
__all__ = ["CERTAIN", "DOORS", "NEW_KEY", "House", "Latch"]
