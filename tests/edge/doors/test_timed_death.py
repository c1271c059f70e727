"""SIGKILL of the gateway while the relay of an OSDP reader releases: the reader locks, at the time it was told."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portillon_drivers.options import Wiring
from portillon_drivers.osdp.commands import OutputControl
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator
from portillon_drivers.readers.osdp_simulator import SimulatedBus
from portillon_edge.doors.machine import HOLD_MS

MS = 1_000_000
WAIT_S = 20.0
PULSE_MS = 2_000
KEY = bytes.fromhex("5ac91e0f77d2b4436688aa01f3c2d590")


class Stage:
    """The reader at the far end of a line, its own clock standing still, and a gateway in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.now_ms = 0
        self.bus = SimulatedBus(folder / "bus")
        self.bus.plug()
        self.reader = OsdpReaderSimulator(1, KEY, baud=115_200, clock_ns=lambda: self.now_ms * MS)
        self.bus.readers.append(self.reader)
        key_file = folder / "lane1.key"
        key_file.write_text(KEY.hex())
        key_file.chmod(0o600)
        line = {"path": str(self.bus.link), "baud": 115_200, "address": 1, "key_file": str(key_file)}
        self.section = {"name": "lane1", "type": "osdp", **line}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wiring: Wiring, order: str) -> None:
        about = {"name": "lock", "type": "osdp", "reader": "lane1", "number": 0, "max_on_ms": 5_000}
        output = {**about, "wiring": wiring.value, "continuous": True}
        sections = json.dumps({"reader": self.section, "output": output})
        self.process = subprocess.Popen([sys.executable, Path(__file__).with_name("timed_gateway.py"), sections, order])

    def releases(self) -> int:
        """How often the reader was told to release."""
        timed = (OutputControl.ON_FOR_TIME, OutputControl.OFF_FOR_TIME)
        return sum(getattr(command, "control", None) in timed for command in tuple(self.reader.done))

    @property
    def energised(self) -> bool:
        return self.reader.outputs.states()[0]

    def wait_until(self, true: Callable[[], bool]) -> None:
        until = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < until, "it did not come to that"
            time.sleep(0.005)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)

    def close(self) -> None:
        if self.process is not None:
            self.kill()
        self.bus.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("wiring", list(Wiring))
@pytest.mark.parametrize(("order", "orders", "ends_ms"), [("pulse", 1, PULSE_MS), ("hold", 3, HOLD_MS)])
def test_the_reader_locks_when_the_gateway_is_killed(
    stage: Stage, wiring: Wiring, order: str, orders: int, ends_ms: int
) -> None:
    """Mid-pulse and mid-hold, with either wiring: released until the very time that it was last told, then locked."""
    stage.start(wiring, order)
    stage.wait_until(lambda: stage.releases() >= orders)
    stage.kill()
    stage.now_ms = ends_ms - 1
    assert stage.energised is wiring.energised(releasing=True)
    stage.now_ms = ends_ms
    assert stage.energised is wiring.energised(releasing=False)


def test_a_gateway_that_comes_back_moves_nothing(stage: Stage) -> None:
    """Started again after it was killed, the first thing it tells the reader is to lock, and nothing releases."""
    stage.start(Wiring.ENERGISE_TO_RELEASE, "pulse")
    stage.wait_until(lambda: stage.releases() == 1)
    stage.kill()
    stage.reader.done.clear()
    stage.start(Wiring.ENERGISE_TO_RELEASE, "nothing")
    stage.wait_until(lambda: not stage.energised)
    assert stage.releases() == 0
