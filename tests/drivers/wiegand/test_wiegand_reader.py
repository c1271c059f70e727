"""The driver on a simulated chip, in true time: a busy interpreter, bad wires, keys, tamper, clocks."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drivers.wiegand.wire_script import CARD, MS, OTHER
from portillon_drivers.events import (
    CredentialRead,
    KeyPressed,
    ReaderDown,
    ReaderEvent,
    ReaderFault,
    ReaderFaultKind,
    ReaderUp,
)
from portillon_drivers.keypad import KeypadCode
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.reader import WiegandReader, clock_offset_ns
from portillon_drivers.readers.wiegand.simulated_lines import SimulatedLines
from portillon_drivers.readers.wiegand.wiegand_simulator import FASTEST, SLOWEST, WiegandSimulator
from portillon_rules.wiegand import STANDARD, encode, encode_bits

WAIT_S = 10.0


class Lane:
    """A simulated reader, its driver in a thread, and what the driver told."""

    def __init__(self, folder: Path) -> None:
        self.chip = folder / "chip"
        self.simulator = WiegandSimulator(self.chip, d0=23, d1=24, tamper=25)
        self.events: list[Any] = []
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, clock_ns: Callable[[], int] = time.monotonic_ns, **options: Any) -> None:
        self.simulator.plug()
        self.reader = WiegandReader(self.options(**options), clock_ns)
        self.run(self.reader)
        self.wait_for(lambda event: isinstance(event, ReaderUp))

    def options(self, **options: Any) -> WiegandOptions:
        section = {"name": "r", "type": "wiegand", "chip": self.chip, "d0": 23, "d1": 24, "hold_off_ms": 0}
        return WiegandOptions.model_validate(section | options)

    def run(self, reader: WiegandReader) -> None:
        self._threads.append(threading.Thread(target=reader.run, args=(self._emit, self._stop)))
        self._threads[-1].start()

    def end(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(WAIT_S)
            assert not thread.is_alive()
        self.simulator.unplug()

    def wait_for(self, what: Callable[[Any], bool], count: int = 1) -> list[Any]:
        def found() -> list[Any]:
            return [event for event in self.events if what(event)]

        with self._news:
            assert self._news.wait_for(lambda: len(found()) >= count, WAIT_S), self.events
            return found()

    def wait_cards(self, count: int) -> list[CredentialRead]:
        return self.wait_for(lambda event: isinstance(event, CredentialRead), count)

    def wait_fault(self, kind: ReaderFaultKind) -> ReaderFault:
        found: ReaderFault = self.wait_for(lambda event: isinstance(event, ReaderFault) and event.fault is kind)[0]
        return found

    def wait_begun(self) -> None:
        """Until the driver has seen a part of a card."""
        tries, breath = int(WAIT_S * 1_000), threading.Event()
        assert any(self.reader._decoder.frame_ends_ns or breath.wait(0.001) for _ in range(tries))

    @property
    def faults(self) -> list[ReaderFaultKind]:
        return [event.fault for event in self.events if isinstance(event, ReaderFault)]

    def _emit(self, event: ReaderEvent) -> None:
        with self._news:
            self.events.append(event)
            self._news.notify_all()


@pytest.fixture
def lane(tmp_path: Path) -> Iterator[Lane]:
    made = Lane(tmp_path)
    yield made
    made.end()


@pytest.fixture
def busy_interpreter() -> Iterator[None]:
    """A thread that never lets go of the interpreter by itself."""
    over = threading.Event()

    def spin() -> None:
        while not over.is_set():
            sum(range(10_000))

    thread = threading.Thread(target=spin)
    thread.start()
    yield
    over.set()
    thread.join()


@pytest.mark.usefixtures("busy_interpreter")
def test_a_busy_interpreter_changes_nothing(lane: Lane) -> None:
    """With the interpreter held busy by another thread, the fastest cards are all read right and dated right."""
    lane.start()
    numbers = [(7 * number) % 65_536 for number in range(15)]
    format_ = STANDARD["h10301"]
    ends_ns = [lane.simulator.present(encode_bits(format_, facility=1, number=number), FASTEST) for number in numbers]
    reads = lane.wait_cards(len(numbers))
    assert [read.credential for read in reads] == [encode(format_, facility=1, number=number) for number in numbers]
    assert lane.faults == []
    for read, ended_ns in zip(reads, ends_ns, strict=True):
        assert abs(read.at_ns - ended_ns) < 10 * MS


def test_ablation_of_the_kernels_times(lane: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's times are what makes it right: with the times at which Python woke up, no card is readable."""
    kernel_read = SimulatedLines.read

    def read_at_waking(self: SimulatedLines) -> list[Edge]:
        return [replace(edge, at_ns=time.monotonic_ns()) for edge in kernel_read(self)]

    monkeypatch.setattr(SimulatedLines, "read", read_at_waking)
    lane.start()
    lane.simulator.present(CARD)
    lane.wait_fault(ReaderFaultKind.NOISE)
    assert not [event for event in lane.events if isinstance(event, CredentialRead)]


def test_a_card_is_dated_on_the_callers_clock(lane: Lane) -> None:
    """Whatever clock the caller has, the event is dated there to when the last bit fell."""
    ahead_ns = 86_400 * 10**9
    lane.start(lambda: time.monotonic_ns() + ahead_ns)
    ended_ns = lane.simulator.present(CARD)
    [read] = lane.wait_cards(1)
    assert abs(read.at_ns - ahead_ns - ended_ns) < 5 * MS


def test_keys_and_a_card(lane: Lane) -> None:
    """Somebody types a PIN after the card: all of it is told in order."""
    lane.start(keypad="8bit")
    lane.simulator.present(CARD)
    lane.simulator.keys("4917#", KeypadCode.EIGHT_BIT)
    pressed = lane.wait_for(lambda event: isinstance(event, KeyPressed), 5)
    assert "".join(press.key for press in pressed) == "4917#"
    assert isinstance(lane.events[1], CredentialRead)


def test_swapped_wires(lane: Lane) -> None:
    """Wires connected the wrong way round are told as such, and once mended the card is read."""
    lane.start()
    lane.simulator.swap()
    for bits in (CARD, OTHER, CARD):
        lane.simulator.present(bits)
    assert "wrong way round" in lane.wait_fault(ReaderFaultKind.SWAPPED_LINES).detail
    assert not [event for event in lane.events if isinstance(event, CredentialRead)]
    lane.simulator.mend()
    lane.simulator.present(CARD)
    lane.wait_cards(1)


def test_a_grounded_wire(lane: Lane) -> None:
    """A data line on ground is told by name without any card, and once mended the card is read."""
    lane.start()
    lane.simulator.short(Line.D1)
    assert lane.wait_fault(ReaderFaultKind.SHORTED).detail.startswith("D1 stays low")
    lane.simulator.mend()
    lane.simulator.present(CARD)
    lane.wait_cards(1)


def test_wires_that_touch(lane: Lane) -> None:
    """Both lines falling together is told, and no card is made of it."""
    lane.start()
    lane.simulator.join()
    lane.simulator.present(CARD)
    lane.wait_fault(ReaderFaultKind.SHORTED)
    lane.simulator.mend()
    lane.simulator.present(OTHER)
    [read] = lane.wait_cards(1)
    assert read.credential == encode(STANDARD["h10301"], facility=67, number=2_513)


def test_the_case_is_opened_and_closed(lane: Lane) -> None:
    """Each is told once, however shortly one follows the other."""
    lane.start(tamper=25)
    lane.simulator.open_case()
    lane.wait_fault(ReaderFaultKind.TAMPER)
    lane.simulator.close_case()
    lane.wait_fault(ReaderFaultKind.RESTORED)
    assert lane.faults == [ReaderFaultKind.TAMPER, ReaderFaultKind.RESTORED]


def test_a_chip_that_vanishes_in_the_middle_of_a_card(lane: Lane) -> None:
    """The begun frame is told as cut off, then the loss; back again, no half card is completed."""
    lane.start()
    lane.simulator.present(CARD, SLOWEST)
    lane.wait_begun()
    lane.simulator.unplug()
    lane.wait_for(lambda event: isinstance(event, ReaderDown))
    truncated, down = lane.events[1:3]
    assert truncated.fault is ReaderFaultKind.TRUNCATED and str(lane.chip) in down.detail
    lane.simulator.plug()
    lane.wait_for(lambda event: isinstance(event, ReaderUp), 2)
    lane.simulator.present(OTHER)
    [read] = lane.wait_cards(1)
    assert read.credential == encode(STANDARD["h10301"], facility=67, number=2_513)


def test_lines_that_somebody_else_holds(lane: Lane) -> None:
    """A second holder is told who may hold the line and what to do, once, and the first reads on."""
    lane.start()
    lane.run(WiegandReader(lane.options(name="second"), time.monotonic_ns))
    [down] = lane.wait_for(lambda event: isinstance(event, ReaderDown))
    assert down.reader == "second" and "another process holds a line" in down.detail
    lane.simulator.present(CARD)
    [read] = lane.wait_cards(1)
    assert read.reader == "r"


def test_clocks_read_far_apart_are_read_again() -> None:
    """If the interpreter was busy between two readings of the clocks, they are compared once more."""
    kernel = iter([0, 50 * MS, 60 * MS, 60 * MS + 10])
    caller = iter([1_000 * MS, 1_060 * MS])
    assert clock_offset_ns(lambda: next(caller), lambda: next(kernel)) == 1_000 * MS - 5


def test_clocks_that_are_never_read_together_are_compared_as_well_as_can_be() -> None:
    """After five busy tries the closest one counts: there is no endless loop."""
    times = iter(range(0, 1_000 * MS, 2 * MS))
    assert abs(clock_offset_ns(lambda: next(times), lambda: next(times))) <= 2 * MS
