"""The serial shell, with a panel that only writes down what it is told."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.far_end import FarEnd
from portillon_drivers.options import SerialOptions
from portillon_drivers.osdp.bus_line import ASKED_MAX, NO_HANDLE, BusLine
from portillon_drivers.osdp.commands import Buzzer, Command, Text
from portillon_drivers.osdp.errors import CommandError
from portillon_drivers.osdp.panel import Turn
from portillon_drivers.osdp.panel_events import CommandDone, Outcome, PanelEvent, ReaderOffline
from portillon_drivers.pty_line import PtyLine

BAUD = 9_600


class Recorder:
    """Sends `to_send` once, then waits; `wait_ns` long."""

    def __init__(self, to_send: bytes | None = None, wait_ns: int = 60_000_000_000) -> None:
        self.to_send = to_send
        self.wait_ns = wait_ns
        self.written_ns: list[int] = []
        self.received = b""
        self.commands: list[Command] = []

    def turn(self, now_ns: int) -> Turn:
        send, self.to_send = self.to_send, None
        done = tuple(CommandDone(1, handle, Outcome.DONE) for handle in range(len(self.commands)))
        self.commands.clear()
        return Turn(send, done, now_ns + self.wait_ns)

    def written(self, now_ns: int) -> None:
        self.written_ns.append(now_ns)

    def receive(self, data: bytes, now_ns: int) -> list[PanelEvent]:
        self.received += data
        return []

    def line_lost(self, now_ns: int) -> list[PanelEvent]:
        return [ReaderOffline(1, "the line is gone")]

    def command(self, address: int, command: Command) -> int:
        if address != 1:
            raise KeyError(address)
        if isinstance(command, Text):
            raise CommandError("a reader shows up to 32 printable ASCII characters")
        self.commands.append(command)
        return len(self.commands) - 1


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarEnd]:
    made = FarEnd(PtyLine(tmp_path / "bus"), lambda data: b"answer to " + data)
    made.plug()
    yield made
    made.close()


@pytest.fixture
def recorder() -> Recorder:
    return Recorder(b"question")


@pytest.fixture
def bus(far: FarEnd, recorder: Any) -> Iterator[BusLine]:
    made = BusLine(SerialOptions(path=far.line.link), baud=BAUD, panel=recorder, clock_ns=time.monotonic_ns)
    made.open()
    yield made
    made.close()


def test_the_answer_is_awaited_from_when_the_last_bit_has_left(bus: BusLine, recorder: Recorder) -> None:
    """A pty drains at once, but eight bytes at 9600 Bd take 8.3 ms: no reader is called late before that."""
    began_ns = time.monotonic_ns()
    bus.turn()
    [written_ns] = recorder.written_ns
    assert written_ns - began_ns >= 8 * 10 * 1_000_000_000 // BAUD


def test_bytes_wake_it(bus: BusLine, recorder: Recorder) -> None:
    """An answer is handed over as it comes, though the panel would have waited for a minute."""
    while recorder.received != b"answer to question":
        bus.turn()


def test_somebody_who_asks_wakes_it(bus: BusLine, recorder: Recorder, far: FarEnd) -> None:
    """A command from another thread does not wait for the panel's next turn, and its end is told."""
    done: list[CommandDone] = []
    bus.turn()
    asking = threading.Thread(target=lambda: bus.ask(1, Buzzer(), done.append))
    asking.start()
    while not done:
        bus.turn()
    asking.join()
    assert done[0].outcome is Outcome.DONE


def test_what_cannot_be_sent_is_told_to_who_asked(bus: BusLine) -> None:
    """A bad command and an unknown reader end as refusals, not in the thread that drives the line."""
    done: list[CommandDone] = []
    bus.ask(1, Text("é" * 40), done.append)
    bus.ask(9, Buzzer(), done.append)
    bus.turn()
    assert [(told.handle, told.outcome) for told in done] == [
        (NO_HANDLE, Outcome.REFUSED),
        (NO_HANDLE, Outcome.READER_OFFLINE),
    ]


def test_asking_is_bounded(bus: BusLine) -> None:
    """Nobody can pile up commands for a line that does not turn."""
    for _ in range(ASKED_MAX):
        bus.ask(1, Buzzer())
    with pytest.raises(TransientDeviceError, match="too many commands"):
        bus.ask(1, Buzzer())


def test_a_lost_line_is_told_by_an_error_and_by_the_panel(bus: BusLine, far: FarEnd) -> None:
    """Unplugged, the turn fails in words, and the panel tells what that means for its readers."""
    far.unplug()
    with pytest.raises(TransientDeviceError, match="bus was lost"):
        for _ in range(3):
            bus.turn()
    assert bus.lost() == [ReaderOffline(1, "the line is gone")]
    far.plug()
    bus.open()
