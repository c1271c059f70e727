"""What happens at the lanes of a simulated gateway: a card is held there, somebody goes through."""

from collections.abc import Callable

from portillon_drivers.events import CredentialRead, InputChanged
from portillon_edge.domain.events import NewEvent
from portillon_edge.doors.attendant import Attendant
from portillon_edge.doors.staff_order import OpenDoor
from portillon_rules.credential import Credential
from portillon_wire.messages import EventKind, JournalEvent
from simulation.gateway_parts import Log
from simulation.guard_side import Relay
from simulation.lanes import ENTRIES, reader_of, sensor_of

ANSWERS = (EventKind.GRANTED, EventKind.DENIED, EventKind.REBADGED)


class LanePart:
    """The part of a gateway that people meet."""

    alive: bool
    attendant: Attendant
    relays: dict[str, Relay]
    _log: Log

    @property
    def boot_ns(self) -> int:
        """The boot clock."""
        raise NotImplementedError

    def _let(self, act: Callable[[], None]) -> None:
        raise NotImplementedError

    def badge(self, card: Credential, lane: str = ENTRIES[0]) -> JournalEvent | NewEvent | None:
        """Somebody holds a card there; the event that answers it, or None if the gateway died over it."""
        before = len(self._log.waiting)
        self._let(lambda: self.attendant.handle(CredentialRead(reader_of(lane), card, self.boot_ns)))
        if not self.alive:
            return None
        return next(event for event in self._log.waiting[before:] if event.kind in ANSWERS)

    def open_once(self, lane: str) -> None:
        """A technician opens it here, without a card."""
        self._let(lambda: self.attendant.handle(OpenDoor(lane, "staff:0", self.boot_ns)))

    def push_through(self, lane: str = ENTRIES[0]) -> NewEvent | None:
        """Somebody goes through the lane, if it is released; the passage of a member that came of it."""
        if not self.alive or not self.relays[lane].releasing:
            return None
        before = len(self._log.waiting)
        self._let(lambda: self.attendant.handle(InputChanged(sensor_of(lane), True, self.boot_ns)))
        seen = self._log.waiting[before:]
        self._let(lambda: self.attendant.handle(InputChanged(sensor_of(lane), False, self.boot_ns + 1)))
        return next((event for event in seen if event.kind is EventKind.PASSAGE and event.member), None)
