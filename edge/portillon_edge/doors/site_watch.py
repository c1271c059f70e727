"""What the house's own inputs say: fire, emergency release, lockdown, tamper, mains, battery, reset. Pure.

1. An active fire loop, also one found active at the start, is FIRE, and latches: its doors stay free after the loop is
   quiet again (FIRE_INPUT_RESTORED), and after a restart, until somebody resets (FIRE_RESET, with `by`).
2. A loop that is cut, shorted or reads as nothing it should (FOREIGN) is no fire; with `on_trouble = "release"` its
   doors are set free and latched all the same. A loop that merely cannot be read (its device is gone) frees nothing.
3. A reset is refused while any loop still alarms or is in trouble, and when nothing is latched.
4. An emergency release frees its doors for as long as it is active, and while its line is in trouble; it has no latch,
   since the unit in the wall has one.
5. A lockdown switch locks down for as long as it is active. What cannot be read stays as it was read last: no wire
   that is cut ends a lockdown or an emergency release, and a switch that locked down when the gateway ended does so
   until it is read.
6. A reset switch resets when it becomes active, and not by being found so. Everything else is told as it comes and
   goes; a level found active at the start is told, one found quiet is not.
Wiring cuts the locks' power in hardware; this observes, follows and writes down.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from portillon_config.watches import Watch, WatchKind
from portillon_drivers.events import LineTrouble

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import Say, Why
from portillon_edge.doors.machine import Bearing

BEGINS: Mapping[WatchKind, EventKind] = {
    WatchKind.FIRE: EventKind.FIRE,
    WatchKind.EMERGENCY_RELEASE: EventKind.EMERGENCY_RELEASE,
    WatchKind.TAMPER: EventKind.TAMPER,
    WatchKind.MAINS: EventKind.MAINS_LOST,
    WatchKind.BATTERY: EventKind.BATTERY_LOW,
}
"""A lockdown is told by whoever compares all its causes (site_stand.py)."""
ENDS: Mapping[WatchKind, EventKind] = {
    WatchKind.EMERGENCY_RELEASE: EventKind.EMERGENCY_RESTORED,
    WatchKind.TAMPER: EventKind.TAMPER_RESTORED,
    WatchKind.MAINS: EventKind.MAINS_RESTORED,
    WatchKind.BATTERY: EventKind.BATTERY_RESTORED,
}
BROKEN = frozenset({LineTrouble.CUT, LineTrouble.SHORT, LineTrouble.FOREIGN})


@dataclass(frozen=True, slots=True)
class Tell:
    """An event of the site to write down; `door`: the one that it is about, None: more than one."""

    kind: EventKind
    door: str | None = None
    by: str | None = None
    detail: str | None = None
    reason: str | None = None
    member: str | None = None


@dataclass(slots=True)
class _State:
    active: bool | None = None
    last: bool = False
    """The level that was read last, whatever became of the line since."""
    broken: bool = False
    latched: Why | None = None
    """FIRE or FIRE_LINE: a fire that was seen stands above a line that broke."""


class SiteWatch:
    """All watches of a site; `latched`, `locking`: the names of those whose fire, or lockdown, outlived the gateway."""

    def __init__(
        self,
        watches: Iterable[Watch],
        *,
        doors: Collection[str],
        latched: Collection[str] = (),
        locking: Collection[str] = (),
    ) -> None:
        self._watches = {watch.name: watch for watch in watches}
        self._doors = {name: frozenset(watch.doors or doors) for name, watch in self._watches.items()}
        self._states = {
            name: _State(
                latched=Why.FIRE if name in latched and watch.kind is WatchKind.FIRE else None,
                last=name in locking and watch.kind is WatchKind.LOCKDOWN,
            )
            for name, watch in self._watches.items()
        }
        self._by_input = {watch.input: watch for watch in self._watches.values()}

    @property
    def latched(self) -> frozenset[str]:
        """The watches whose fire nobody has reset yet."""
        return frozenset(name for name, state in self._states.items() if state.latched is not None)

    @property
    def inputs(self) -> frozenset[str]:
        """The inputs that belong to a watch."""
        return frozenset(self._by_input)

    def changed(self, name: str, active: bool) -> Iterator[Tell]:
        """A level of the input `name`."""
        watch = self._by_input[name]
        state = self._states[watch.name]
        before, state.active = state.active, active
        was, state.last = state.last, active
        broken, state.broken = state.broken, False
        if watch.kind is WatchKind.RESET:
            if active and before is False:
                yield from self.reset(by=watch.input)
        elif active:
            if watch.kind is WatchKind.FIRE:
                state.latched = Why.FIRE
            if not was and watch.kind in BEGINS:
                yield self._tell(BEGINS[watch.kind], watch)
        elif watch.kind is WatchKind.FIRE:
            if state.latched is not None and (was or broken):
                yield self._tell(EventKind.FIRE_INPUT_RESTORED, watch)
        elif was and watch.kind in ENDS:
            yield self._tell(ENDS[watch.kind], watch)

    def troubled(self, name: str, trouble: LineTrouble | None) -> None:
        """The input `name` cannot be believed; `trouble` None: its device is gone."""
        watch = self._by_input[name]
        state = self._states[watch.name]
        state.active = None
        if trouble in BROKEN and watch.kind.releases and watch.on_trouble == "release":
            state.broken = True
            if watch.kind is WatchKind.FIRE:
                state.latched = state.latched or Why.FIRE_LINE

    def reset(self, by: str) -> Iterator[Tell]:
        """Somebody resets the fire."""
        fires = [name for name, watch in self._watches.items() if watch.kind is WatchKind.FIRE]
        standing = [name for name in fires if self._states[name].last or self._states[name].broken]
        if standing:
            detail = f"the loop of {', '.join(standing)} still alarms or is broken: end that first"
            yield Tell(EventKind.ORDER_REFUSED, by=by, detail=detail)
        elif not self.latched:
            yield Tell(EventKind.ORDER_REFUSED, by=by, detail="no fire is latched: there is nothing to reset")
        else:
            yield Tell(EventKind.FIRE_RESET, by=by, detail=", ".join(sorted(self.latched)))
            for name in fires:
                self._states[name].latched = None

    def frees(self, door: str) -> Iterator[Say]:
        """What sets this door free."""
        for watch, state in self._about(door):
            if state.latched is not None:
                yield Say(Bearing.FIRE, state.latched, watch.input)
            elif watch.kind is WatchKind.EMERGENCY_RELEASE and (state.last or state.broken):
                yield Say(Bearing.FIRE, Why.EMERGENCY_RELEASE, watch.input)

    def locks_down(self, door: str) -> Iterator[Say]:
        """Which switches lock this door down."""
        for watch, state in self._about(door):
            if watch.kind is WatchKind.LOCKDOWN and state.last:
                yield Say(Bearing.LOCKDOWN, Why.LOCKDOWN, watch.input)

    def lockdowns(self) -> Iterator[Watch]:
        """The switches that lock down."""
        for watch in self._watches.values():
            if watch.kind is WatchKind.LOCKDOWN and self._states[watch.name].last:
                yield watch

    def _about(self, door: str) -> Iterator[tuple[Watch, _State]]:
        for name, watch in self._watches.items():
            if door in self._doors[name]:
                yield watch, self._states[name]

    def _tell(self, kind: EventKind, watch: Watch) -> Tell:
        return Tell(kind, only(watch.doors), by=watch.input, detail=watch.name)


def only(doors: tuple[str, ...]) -> str | None:
    """The door that an event is about, if it is one."""
    return doors[0] if len(doors) == 1 else None
