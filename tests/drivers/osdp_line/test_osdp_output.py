"""Relays of OSDP readers, over a simulated line: the reader counts, and falls back to its locked state by itself."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import OutputDown, OutputEvent, OutputLocked, OutputReleased
from portillon_drivers.options import Wiring
from portillon_drivers.osdp.commands import OutputControl
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.osdp.replies import NakReason
from portillon_drivers.outputs import osdp_output
from portillon_drivers.outputs.osdp_output import OsdpOutputOptions
from portillon_drivers.ports import TimedOutput
from portillon_drivers.readers.osdp import DRIVER, OsdpOptions
from portillon_drivers.readers.osdp_simulator import SimulatedBus
from portillon_drivers.registry import build_outputs, build_timed_outputs
from pydantic import ValidationError

WAIT_S = 15.0
KEY = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")
MS = 1_000_000
STRIKE, MAGLOCK = Wiring.ENERGISE_TO_RELEASE, Wiring.ENERGISE_TO_LOCK
E = TypeVar("E", bound=OutputEvent)


class Stage:
    """One reader on a line, driven by its own thread; its output timers run on `now_ms`, which stands still."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 0
        self.bus = SimulatedBus(folder / "bus")
        self.bus.plug()
        self.reader = OsdpReaderSimulator(1, KEY, baud=115_200, clock_ns=lambda: self.now_ms * MS)
        self.bus.readers.append(self.reader)
        key_file = folder / "lane1.key"
        key_file.write_text(KEY.hex())
        key_file.chmod(0o600)
        about = {"name": "lane1", "type": "osdp", "path": self.bus.link, "baud": 115_200, "address": 1}
        self.section = OsdpOptions.model_validate({**about, "key_file": key_file})
        self.told: list[OutputEvent] = []
        self.stop, self.threads, self.news = threading.Event(), [], threading.Condition()

    def output(self, **options: Any) -> TimedOutput:
        """The output of that section, attended, with its reader running."""
        section = output_section(**options)
        readers = list(DRIVER.build([self.section], time.monotonic_ns))
        [output] = build_timed_outputs([section], time.monotonic_ns, readers)
        output.attend(self._told)
        self.threads.append(threading.Thread(target=readers[0].run, args=(lambda _: None, self.stop)))
        self.threads[-1].start()
        return output

    @property
    def energised(self) -> bool:
        return self.reader.outputs.states()[0]

    def wait_for(self, kind: type[E], after: int = 0) -> E:
        def found() -> E | None:
            return next((event for event in self.told[after:] if isinstance(event, kind)), None)

        with self.news:
            assert self.news.wait_for(lambda: found() is not None, WAIT_S), self.told
            event = found()
            assert event is not None
            return event

    def close(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(WAIT_S)
            assert not thread.is_alive(), "a driver must obey `stop`"
        self.bus.close()

    def _told(self, event: OutputEvent) -> None:
        with self.news:
            self.told.append(event)
            self.news.notify_all()


def output_section(**options: Any) -> OsdpOutputOptions:
    about = {"name": "strike", "type": "osdp", "reader": "lane1", "number": 0, "wiring": STRIKE, "max_on_ms": 5_000}
    return OsdpOutputOptions.model_validate({**about, **options})


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("wiring", list(Wiring))
def test_the_reader_ends_a_release_by_itself(stage: Stage, wiring: Wiring) -> None:
    """Locked when its reader comes into service, released for as long as asked, and locked again with nobody's help."""
    output = stage.output(wiring=wiring)
    assert stage.wait_for(OutputLocked).asked is False
    assert stage.energised is wiring.energised(releasing=False)
    output.release(500)
    stage.wait_for(OutputReleased)
    stage.now_ms = 499
    assert stage.energised is wiring.energised(releasing=True)
    stage.now_ms = 500
    assert stage.energised is wiring.energised(releasing=False)


@pytest.mark.parametrize("wiring", list(Wiring))
def test_locking_ends_a_release(stage: Stage, wiring: Wiring) -> None:
    """Told to lock, the reader stops counting and locks at once."""
    output = stage.output(wiring=wiring)
    stage.wait_for(OutputLocked)
    output.release(5_000)
    stage.wait_for(OutputReleased)
    seen = len(stage.told)
    output.lock()
    assert stage.wait_for(OutputLocked, seen).asked is True
    assert stage.energised is wiring.energised(releasing=False)


def test_a_release_begins_anew(stage: Stage) -> None:
    """A hold is renewed: the reader counts from the last time it was told."""
    output = stage.output(continuous=True)
    stage.wait_for(OutputLocked)
    for at_ms in (0, 2_000, 4_000):
        stage.now_ms, seen = at_ms, len(stage.told)
        output.release(5_000)
        stage.wait_for(OutputReleased, seen)
    stage.now_ms = 8_999
    assert stage.energised
    stage.now_ms = 9_000
    assert not stage.energised


@pytest.mark.parametrize(
    ("asked_ms", "options", "ticks"),
    [
        (500, {}, 5),
        (599, {}, 5),
        (30, {}, 1),
        (60_000, {}, 50),
        (5_000, {"max_on_ms": 1_000}, 10),
        (5_000, {"max_on_ms": 1_000, "continuous": True}, 50),
    ],
)
def test_tenths_of_a_second(stage: Stage, asked_ms: int, options: dict[str, Any], ticks: int) -> None:
    """Rounded down, never to nothing, never past max_on_ms; an output that may be held is held for five seconds."""
    output = stage.output(**options)
    stage.wait_for(OutputLocked)
    output.release(asked_ms)
    stage.wait_for(OutputReleased)
    command = stage.reader.display.outputs[0]
    assert (command.control, command.timer_ds) == (OutputControl.ON_FOR_TIME, ticks)


def test_a_cut_line_is_told_and_the_reader_locks(stage: Stage) -> None:
    """Nobody can reach the reader any more: it is told, no release is taken, and the one that runs ends by itself."""
    output = stage.output(wiring=MAGLOCK)
    stage.wait_for(OutputLocked)
    output.release(1_000)
    stage.wait_for(OutputReleased)
    stage.bus.unplug()
    assert str(stage.bus.link) in stage.wait_for(OutputDown).detail
    with pytest.raises(TransientDeviceError, match="not open"):
        output.release(1_000)
    stage.now_ms = 1_000
    assert stage.energised


def test_a_reader_that_returns_is_locked_and_releases_nothing(stage: Stage) -> None:
    """Its relay dropped with its power; back on the line it is told to lock, and what was asked before is forgotten."""
    output = stage.output(wiring=MAGLOCK)
    stage.wait_for(OutputLocked)
    output.release(5_000)
    stage.wait_for(OutputReleased)
    stage.reader.lose_power()
    stage.bus.unplug()
    stage.wait_for(OutputDown)
    assert not stage.energised
    seen = len(stage.told)
    stage.bus.plug()
    assert stage.wait_for(OutputLocked, seen).asked is False
    assert stage.energised
    assert not [event for event in stage.told[seen:] if isinstance(event, OutputReleased)]


def test_an_output_that_the_reader_does_not_have_is_told(stage: Stage) -> None:
    """The reader says no: told once, with what to look at, and nothing is taken for drivable."""
    stage.output(number=7)
    down = stage.wait_for(OutputDown)
    assert "output 7 of reader lane1" in down.detail and "has it this output?" in down.detail
    assert not [event for event in stage.told if isinstance(event, OutputLocked)]


def test_a_reader_that_refused_is_told_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Locking is tried until the reader obeys; the failure is told once and not with each try."""
    monkeypatch.setattr(osdp_output, "RETRY_NS", 20 * MS)
    stage.reader.misbehaviour.nak = NakReason.UNABLE
    stage.output()
    stage.wait_for(OutputDown)
    stage.reader.misbehaviour.nak = None
    stage.wait_for(OutputLocked)
    assert len([event for event in stage.told if isinstance(event, OutputDown)]) == 1


def test_without_the_timer_nothing_would_end_it(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: it is the timed code alone that locks a door whose gateway is gone."""
    output = stage.output()
    stage.wait_for(OutputLocked)
    monkeypatch.setattr(output, "_releasing", OutputControl.ON_ABORT_TIMER)
    output.release(500)
    stage.wait_for(OutputReleased)
    stage.now_ms = 3_600_000
    assert stage.energised


def test_it_is_not_the_guards() -> None:
    """The guard's process neither builds it nor could reach it."""
    section = output_section()
    assert not section.guarded and section.relies_on == "lane1"
    assert build_outputs([section], time.monotonic_ns) == []


def test_its_reader_must_be_there() -> None:
    """A name that is no OSDP reader's is a mistake in the configuration, said with both names."""
    with pytest.raises(PermanentDeviceError, match='"strike": "lane1" is no OSDP reader'):
        build_timed_outputs([output_section()], time.monotonic_ns, [])


def test_a_bound_below_the_readers_tick_is_a_mistake() -> None:
    """A reader counts tenths of a second: no output of it can be bounded below one."""
    with pytest.raises(ValidationError):
        output_section(max_on_ms=50)
