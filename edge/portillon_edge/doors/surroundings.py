"""What stands around the attendant: the doors, and the few things it asks of stores, time, guard and journal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from portillon_rules.decision import DecisionTime, Lookup, SiteRules

from portillon_edge.domain.events import EventTime, NewEvent
from portillon_edge.doors.machine import DoorMachine, Line


@dataclass(frozen=True, slots=True)
class Door:
    """One configured door with its machine; `lines` tells which part each of its inputs plays."""

    name: str
    zone: str
    output: str
    machine: DoorMachine
    readers: tuple[str, ...]
    lines: Mapping[str, Line]


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

    def lock(self, output: str) -> None:
        """Raises OutputUnavailable; never waits for the device."""


class EventLog(Protocol):
    """What the attendant needs of the journal."""

    @property
    def writable(self) -> bool: ...

    def record(self, event: NewEvent) -> None:
        """Take the event over for writing; never waits."""
