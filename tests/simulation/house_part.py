"""The house's own lines at one gateway of a simulation: a fire loop and a lockdown switch."""

from collections.abc import Callable

from portillon_config.watches import Watch, WatchKind
from portillon_drivers.events import InputChanged
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.machine import Bearing
from portillon_edge.doors.staff_order import ResetFire
from portillon_edge.store.fire_latch import FireLatchFile
from simulation.lanes import LANES, sensor_of

FIRE, SWITCH = WatchKind.FIRE, WatchKind.LOCKDOWN


def build_watches(*, switch: bool = True) -> list[Watch]:
    """As its configuration has them."""
    return [Watch(name=kind, kind=kind, input=_input(kind)) for kind in ((FIRE, SWITCH) if switch else (FIRE,))]


class Lines:
    """The levels of its lines, and whether its disk has the fire."""

    def __init__(self) -> None:
        self.active = {FIRE: False, SWITCH: False}
        self.latched = False

    @property
    def burning(self) -> bool:
        """Whether its lanes must stand free."""
        return self.active[FIRE] or self.latched


class LatchSeen:
    """The fire's latch; what it said to have kept is a promise from then on."""

    def __init__(self, file: FireLatchFile, lines: Lines, *, dead: Callable[[], bool], keeps: bool) -> None:
        self._file, self._lines, self._dead, self._keeps = file, lines, dead, keeps

    def load(self) -> frozenset[str]:
        return self._file.load() if self._keeps else frozenset()

    def save(self, latched: frozenset[str]) -> None:
        if self._keeps:
            self._file.save(latched)
        if not self._dead():
            self._lines.latched = bool(latched)


class HousePart:
    """The part of a gateway that sees its lines."""

    alive: bool
    lines: Lines
    attendant: Attendant

    @property
    def boot_ns(self) -> int:
        """The boot clock."""
        raise NotImplementedError

    def _let(self, act: Callable[[], None]) -> None:
        raise NotImplementedError

    def set_line(self, kind: WatchKind, active: bool) -> None:
        """The contact changes; a gateway that runs sees it."""
        self.lines.active[kind] = active
        if self.alive:
            self._let(lambda: self.attendant.handle(InputChanged(_input(kind), active, self.boot_ns)))

    def reset_fire(self) -> None:
        """Somebody resets it here; that holds at once, whatever the disk says."""
        if self.alive:
            self._let(lambda: self.attendant.handle(ResetFire("staff:0", self.boot_ns)))
            self.lines.latched &= not self.alive

    def bearings(self) -> dict[str, Bearing]:
        """How each lane stands."""
        return {lane: stands.standing for lane, stands in self.attendant.standings().items()}

    def _find_levels(self) -> None:
        """What a process reads of its inputs when it starts."""
        levels = {sensor_of(lane): False for lane in LANES} | {
            _input(kind): on for kind, on in self.lines.active.items()
        }
        for name, active in levels.items():
            self.attendant.handle(InputChanged(name, active, self.boot_ns))


def _input(kind: WatchKind) -> str:
    return f"{kind}-line"
