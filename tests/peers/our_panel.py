"""Our control panel on a line, in a thread of its own, for the tests against other makers' readers."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import BusLine
from portillon_drivers.osdp.commands import Command
from portillon_drivers.osdp.panel import ControlPanel, PanelReader
from portillon_drivers.osdp.panel_events import CommandDone

WAIT_S = 20.0
"""Nothing waits for this long but a test that fails."""
E = TypeVar("E")


class OurPanel:
    """Runs from `with` to its end; everything it tells is kept in `events`."""

    def __init__(self, path: Path, readers: Sequence[PanelReader], *, baud: int = 115_200) -> None:
        self._bus = BusLine(
            SerialOptions(path=path),
            baud=baud,
            panel=ControlPanel(readers, baud=baud, random=os.urandom),
            clock_ns=time.monotonic_ns,
        )
        self.events: list[Any] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._bus.open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(WAIT_S)
        self._bus.close()

    def wait_for(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True, after: int = 0) -> E:
        """The first event of that kind that fits, from place `after` on; waits for it."""

        def found() -> E | None:
            return next((event for event in self.events[after:] if isinstance(event, kind) and fits(event)), None)

        with self._news:
            assert self._news.wait_for(lambda: found() is not None, WAIT_S), self.events[-20:]
            event = found()
            assert event is not None
            return event

    def heard(self, kind: type[E]) -> list[E]:
        """All events of that kind so far."""
        with self._news:
            return [event for event in self.events if isinstance(event, kind)]

    def ask(self, address: int, command: Command) -> CommandDone:
        """Send a command and wait for its end."""
        done: list[CommandDone] = []
        ended = threading.Event()

        def finish(told: CommandDone) -> None:
            done.append(told)
            ended.set()

        self._bus.ask(address, command, finish)
        assert ended.wait(WAIT_S), self.events[-20:]
        return done[0]

    def _run(self) -> None:
        while not self._stop.is_set():
            events = self._bus.turn()
            if events:
                with self._news:
                    self.events += events
                    self._news.notify_all()
