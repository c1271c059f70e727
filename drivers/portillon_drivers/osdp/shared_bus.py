"""All readers on one line. Each has a thread of its own; whichever of them has the turn drives the line for all.

A reader that may not run (no key, a waiver that ended) is left out of the panel and told as down; its neighbours run
on. Keys and waivers are looked at whenever the line opens and once a minute.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from portillon_drivers.backoff import Backoff
from portillon_drivers.errors import DriverError, PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine, Done
from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import LineFault, PanelEvent, ReaderOffline

TURN_WAIT_S = 0.2
GATHER_S = 0.05
"""Readers that start together join one panel: it is built once they have had this long."""
RETRY_S_MAX = 0.5
"""A line that is there again is in use within this long: a reader must be back within a second."""
LOOK_NS = 60_000_000_000


class BusMember(Protocol):
    """One reader of the configuration, as the bus needs it."""

    @property
    def address(self) -> int:
        """Where it answers."""

    def settings(self) -> PanelReader:
        """How the panel must treat it now; raises PermanentDeviceError if it may not run."""

    def keep_out(self, why: PermanentDeviceError) -> None:
        """It may not run."""

    def lose(self, why: str) -> None:
        """The line is gone."""

    def hear(self, event: PanelEvent) -> None:
        """Something happened."""

    def pass_time(self) -> None:
        """Called after each turn."""


class SharedBus:
    """One RS-485 line."""

    def __init__(self, line: SerialOptions, *, baud: int, clock_ns: ClockNs) -> None:
        self._options = line
        self._baud = baud
        self._clock_ns = clock_ns
        self._driving = threading.Lock()
        self._members: dict[int, BusMember] = {}
        self._line: BusLine | None = None

    def serve(self, member: BusMember, stop: threading.Event) -> None:
        """Keep that reader in service until `stop`, in the caller's thread."""
        with self._joined(member):
            while not stop.is_set():
                if self._driving.acquire(timeout=TURN_WAIT_S):
                    try:
                        stop.wait(GATHER_S)
                        self._drive(stop)
                    finally:
                        self._driving.release()

    def ask(self, address: int, command: Command, done: Done = lambda _: None) -> None:
        """Send a command to a reader, from any thread; raises TransientDeviceError if the line is not open."""
        line = self._line
        if line is None:
            raise TransientDeviceError(f"{self._options.path} is not open")
        line.ask(address, command, done)

    @contextmanager
    def _joined(self, member: BusMember) -> Iterator[None]:
        self._members = {**self._members, member.address: member}
        try:
            yield
        finally:
            self._members = {address: other for address, other in self._members.items() if other is not member}

    def _drive(self, stop: threading.Event) -> None:
        backoff = Backoff()
        while not stop.is_set():
            members = self._members
            readers = self._readers(members)
            try:
                if readers:
                    self._run(readers, members, stop, backoff.reset)
                    continue
            except DriverError as error:
                for reader in readers:
                    members[reader.address].lose(str(error))
            stop.wait(min(backoff.next_s(), RETRY_S_MAX))

    def _readers(self, members: dict[int, BusMember]) -> list[PanelReader]:
        """Those that may run; the others are told why not."""
        found: list[PanelReader] = []
        for member in members.values():
            try:
                found.append(member.settings())
            except PermanentDeviceError as error:
                member.keep_out(error)
        return found

    def _run(
        self,
        readers: Sequence[PanelReader],
        members: dict[int, BusMember],
        stop: threading.Event,
        works: Callable[[], None],
    ) -> None:
        """Drive the line until it fails, until `stop`, or until other readers or keys must be used."""
        panel = ControlPanel(readers, baud=self._baud, random=os.urandom)
        line = BusLine(self._options, baud=self._baud, panel=panel, clock_ns=self._clock_ns)
        try:
            line.open()
            self._line = line
            look_ns = self._clock_ns() + LOOK_NS
            while not stop.is_set() and self._members is members:
                for event in line.turn():
                    works()
                    self._tell(event, members)
                for member in members.values():
                    member.pass_time()
                if self._clock_ns() >= look_ns:
                    look_ns += LOOK_NS
                    if self._readers(members) != readers:
                        return
        finally:
            self._line = None
            for event in line.lost():
                if not isinstance(event, ReaderOffline):
                    self._tell(event, members)
            line.close()

    @staticmethod
    def _tell(event: PanelEvent, members: dict[int, BusMember]) -> None:
        if isinstance(event, LineFault) and event.address is None:
            next(iter(members.values())).hear(event)  # nobody's bytes: told once, at the first reader
        elif event.address is not None:
            members[event.address].hear(event)
