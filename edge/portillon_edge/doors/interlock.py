"""Doors of which only one may let people through at a time. Pure.

1. one_open: a door takes nobody while another one stands open. one_released: nor while another one may be opened.
   A door whose contact says nothing is taken for open: nobody may be locked in between by a broken wire's guess.
2. Who wants out, and staff on the spot, are never held back: if that opens a second way, INTERLOCK_BROKEN is told, and
   INTERLOCK_RESTORED once only one way is open again.
3. Fire suspends it: nobody is refused and nothing is broken. A door that was freed by a plan or an order is open on
   purpose: the others still wait for it as for any other, but nothing is told as broken.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from portillon_config.interlocks import Interlock, InterlockMode

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import Bearing
from portillon_edge.doors.site_watch import Tell


@dataclass(frozen=True, slots=True)
class Seen:
    """A door as it is now; `released`: it may be opened."""

    open: bool | None
    released: bool
    bearing: Bearing

    def blocks(self, mode: InterlockMode) -> bool:
        """Whether the others wait for it."""
        return self.open is not False or (self.released and mode is InterlockMode.ONE_RELEASED)


Look = Callable[[str], Seen]


class Interlocks:
    """All interlocks of a site."""

    def __init__(self, interlocks: Iterable[Interlock]) -> None:
        self._interlocks = tuple(interlocks)
        self._broken: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._interlocks)

    def holds_back(self, door: str, look: Look) -> bool:
        """Whether this door must wait for another one."""
        for interlock in self._interlocks:
            if door not in interlock.doors:
                continue
            seen = {name: look(name) for name in interlock.doors}
            if any(one.bearing is Bearing.FIRE for one in seen.values()):
                continue
            if any(one.blocks(interlock.mode) for name, one in seen.items() if name != door):
                return True
        return False

    def broken(self, door: str) -> bool:
        """Whether an interlock of this door has been told as broken."""
        return any(lock.name in self._broken for lock in self._interlocks if door in lock.doors)

    def watch(self, look: Look) -> Iterator[Tell]:
        """Tell what is broken now, and what no longer is."""
        for interlock in self._interlocks:
            seen = {name: look(name) for name in interlock.doors}
            ways = [name for name, one in seen.items() if one.open or one.released]
            on_purpose = any(one.bearing.released for one in seen.values())
            one_open = any(one.open for one in seen.values())
            broken = len(ways) > 1 and not on_purpose and (one_open or interlock.mode is InterlockMode.ONE_RELEASED)
            if broken and interlock.name not in self._broken:
                self._broken.add(interlock.name)
                detail = f"{interlock.name}: {', '.join(ways)} are open at once"
                yield Tell(EventKind.INTERLOCK_BROKEN, interlock.doors[0], detail=detail)
            elif not broken and interlock.name in self._broken:
                self._broken.discard(interlock.name)
                yield Tell(EventKind.INTERLOCK_RESTORED, interlock.doors[0], detail=interlock.name)
