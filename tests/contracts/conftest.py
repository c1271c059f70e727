"""The far end of simulated lines for the contract suites: a thread that plays the device's electronics."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

import pytest
from portillon_drivers.pty_line import PtyLine

WAIT_S = 10.0
"""For real threads and ptys; nothing here waits for time to pass, only for something to happen."""


class FarEnd:
    """Hands what arrives on a plugged line to `receive` and sends back what that returns."""

    def __init__(self, line: PtyLine, receive: Callable[[bytes], bytes]) -> None:
        self.line = line
        self._receive = receive
        self._stop = threading.Event()
        self._lock = threading.Lock()
        line.plug()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def unplug(self) -> None:
        with self._lock:
            self.line.unplug()

    def plug(self) -> None:
        with self._lock:
            self.line.plug()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        self.line.unplug()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            with self._lock:
                if not self.line.plugged:
                    continue
                with DefaultSelector() as selector:
                    selector.register(self.line, EVENT_READ)
                    ready = selector.select(0)
                if ready and (answer := self._receive(self.line.receive())):
                    self.line.send(answer)


@pytest.fixture
def far_ends(tmp_path: Path) -> Iterator[Callable[[str, Callable[[bytes], bytes]], FarEnd]]:
    """Makes far ends by name under the test's folder, and ends them."""
    made: list[FarEnd] = []

    def make(name: str, receive: Callable[[bytes], bytes]) -> FarEnd:
        made.append(FarEnd(PtyLine(tmp_path / name), receive))
        return made[-1]

    yield make
    for far_end in made:
        far_end.close()


class Heard:
    """Collects events from a driver's thread and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[object] = []
        self._news = threading.Condition()

    def emit(self, event: object) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()

    def wait_for(self, what: Callable[[object], bool], after: int = 0) -> object:
        with self._news:
            assert self._news.wait_for(lambda: any(map(what, self.events[after:])), WAIT_S), self.events
            return next(event for event in self.events[after:] if what(event))


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def run_driver() -> Iterator[Callable[[Callable[..., None], Heard], Callable[[], None]]]:
    """Runs a driver's `run` in a thread; what it returns, or the end of the test, stops it."""
    ends: list[Callable[[], None]] = []

    def start(run: Callable[..., None], heard: Heard) -> Callable[[], None]:
        stop = threading.Event()
        thread = threading.Thread(target=run, args=(heard.emit, stop))
        thread.start()

        def end() -> None:
            stop.set()
            thread.join(WAIT_S)
            assert not thread.is_alive(), "a driver must obey `stop`"

        ends.append(end)
        return end

    yield start
    for end in ends:
        end()
