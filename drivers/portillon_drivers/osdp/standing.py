"""Whether a reader is in service, as far as anybody was told. Pure.

Everything is told once: a reader that is offline is not told offline again, nor a refusal repeated with every try, nor
a state that has not changed since.
"""

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.osdp.greeting import Greeted
from portillon_drivers.osdp.handshake import OfferedKey
from portillon_drivers.osdp.panel_events import (
    KeyUsed,
    LineFault,
    PanelEvent,
    ReaderOffline,
    ReaderOnline,
    Refusal,
    SecurityRefused,
    StatusChanged,
)
from portillon_drivers.osdp.replies import Reply
from portillon_drivers.osdp.told import told
from portillon_drivers.readers.frame_fault import FrameFault


class Standing:
    """One reader's reputation; what is to be told is appended to `events`."""

    def __init__(self, address: int, events: list[PanelEvent]) -> None:
        self._address = address
        self._events = events
        self._states: dict[type[Reply], StatusChanged] = {}
        self.greeted: Greeted | None = None
        """Set while the reader is in service."""
        self.offline_told = False
        self.refused: Refusal | None = None
        """Why it was last refused; None: it was in service since."""

    @property
    def offered(self) -> OfferedKey | None:
        """The key of the session in service."""
        return self.greeted.offered if self.greeted is not None else None

    def enter(self, greeted: Greeted) -> None:
        """The reader may serve; told if it did not, or if it is not quite the same any more."""
        if greeted != self.greeted:
            used = greeted.offered.used if greeted.offered else KeyUsed.NONE
            secure = greeted.offered is not None
            self._events.append(ReaderOnline(self._address, secure, used, greeted.identity, greeted.capabilities))
        self.greeted, self.refused, self.offline_told = greeted, None, False

    def leave(self, why: str) -> None:
        """The reader is out of service."""
        if not self.offline_told:
            self.offline_told = True
            self._events.append(ReaderOffline(self._address, why))
        self.greeted = None
        self._states.clear()

    def refuse(self, refusal: Refusal, detail: str) -> None:
        """The reader is refused for its security."""
        if refusal is not self.refused:
            self.refused = refusal
            self._events.append(SecurityRefused(self._address, refusal, detail))

    def news(self, reply: Reply) -> bool:
        """Whether the reply is something to tell; it is told unless it was before."""
        event = told(self._address, reply)
        if event is None:
            return False
        if not isinstance(event, StatusChanged) or self._states.get(type(reply)) != event:
            self._events.append(event)
        if isinstance(event, StatusChanged):
            self._states[type(reply)] = event
        return True

    def fault(self, kind: ReaderFaultKind, detail: str) -> None:
        """Something from this reader was refused."""
        self._events.append(LineFault(self._address, FrameFault(kind, detail)))
