"""The board that every part of the gateway reports to, from any thread; what stands on it is what is shown."""

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

from portillon_drivers.events import InputDown, InputUp, ReaderDown, ReaderUp

from portillon_edge.domain.events import NewEvent
from portillon_edge.guard.protocol import GuardLost, GuardUp, Locked, OutputFault, Released

GUARD = "guard"
LAST_EVENTS_MAX = 20

State = Literal["up", "down", "fault"]


@dataclass(frozen=True, slots=True)
class Device:
    """One device as it is now; `detail` says what is wrong, `remarks` what is so by design (remarks.py)."""

    name: str
    kind: str
    state: State = "down"
    detail: str = "not opened yet"
    remarks: tuple[str, ...] = ()


class HealthBoard:
    """Devices by name, and the last events; `kinds` gives each device's kind, for example `reader rdm6300`."""

    def __init__(self, kinds: Mapping[str, str], remarks: Mapping[str, tuple[str, ...]] = MappingProxyType({})) -> None:
        self._lock = threading.Lock()
        self._devices = {name: Device(name, kind, remarks=remarks.get(name, ())) for name, kind in kinds.items()}
        self._outputs = {name for name, kind in kinds.items() if kind.startswith("output")}
        self._last: deque[NewEvent] = deque(maxlen=LAST_EVENTS_MAX)

    def note(self, event: object) -> None:
        """Take what an event says about a device; other events say nothing here."""
        match event:
            case ReaderUp(name, _) | InputUp(name, _) | Released(name, _) | Locked(name, _, _):
                self.set(name, "up", "")
            case ReaderDown(name, detail, _) | InputDown(name, detail, _):
                self.set(name, "down", detail)
            case OutputFault(name, detail, _):
                self.set(name, "fault", detail)
            case GuardUp():
                self.set(GUARD, "up", "")
            case GuardLost(detail, _):
                self.set(GUARD, "down", detail)
                for name in self._outputs:
                    self.set(name, "down", "no guard drives it")

    def remember(self, event: NewEvent) -> None:
        """Keep an event among the last ones."""
        with self._lock:
            self._last.append(event)

    def devices(self) -> tuple[Device, ...]:
        """All devices, in the order of the configuration."""
        with self._lock:
            return tuple(self._devices.values())

    def last(self) -> tuple[NewEvent, ...]:
        """The last events, the oldest first."""
        with self._lock:
            return tuple(self._last)

    def set(self, name: str, state: State, detail: str) -> None:
        """Say how a device is; names that the configuration does not know are ignored."""
        with self._lock:
            if name in self._devices:
                self._devices[name] = replace(self._devices[name], state=state, detail=detail)
