"""What is asked of libgpiod, and what is made of its answers and failures. The kernel's side is played here."""

import errno
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import gpiod
import pytest
from gpiod.line import Bias, Clock, Direction, Value
from gpiod.line import Edge as EdgeDetection
from portillon_drivers.errors import MissingLibraryError, PermanentDeviceError, TransientDeviceError
from portillon_drivers.readers.wiegand import reader
from portillon_drivers.readers.wiegand.edges import ChipLines, Edge, Line
from portillon_drivers.readers.wiegand.gpiod_lines import GpiodLines
from portillon_drivers.readers.wiegand.simulated_lines import SimulatedLines
from portillon_drivers.readers.wiegand.wiegand_simulator import WiegandSimulator

PLACE = ChipLines(Path("/dev/gpiochip0"), 23, 24, 25)
FALLING = gpiod.EdgeEvent.Type.FALLING_EDGE.value


class KernelRequest:
    """Stands in for gpiod.LineRequest; `fails` is raised by every call."""

    def __init__(self) -> None:
        self.events: list[gpiod.EdgeEvent] = []
        self.values = {23: Value.ACTIVE, 24: Value.ACTIVE, 25: Value.INACTIVE}
        self.fails: OSError | None = None
        self.released = False
        self.waited: list[float | timedelta | None] = []

    def wait_edge_events(self, timeout: float | timedelta | None = None) -> bool:
        self.waited.append(timeout)
        self._may_fail()
        return bool(self.events)

    def read_edge_events(self, max_events: int | None = None) -> list[gpiod.EdgeEvent]:
        self._may_fail()
        read, self.events = self.events[:max_events], self.events[max_events:]
        return read

    def get_values(self, lines: list[int]) -> list[Value]:
        self._may_fail()
        return [self.values[line] for line in lines]

    def release(self) -> None:
        self.released = True
        self._may_fail()

    def _may_fail(self) -> None:
        if self.fails is not None:
            raise self.fails


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> tuple[KernelRequest, list[tuple[Any, ...]]]:
    request, asked = KernelRequest(), []

    def request_lines(path: str, config: Any, consumer: str, event_buffer_size: int) -> KernelRequest:
        asked.append((path, config, consumer, event_buffer_size))
        return request

    monkeypatch.setattr(gpiod, "request_lines", request_lines)
    return request, asked


def test_what_is_asked_of_the_kernel(kernel: tuple[KernelRequest, list[tuple[Any, ...]]]) -> None:
    """Falling edges, pull-ups, monotonic times, the largest queue, no debouncing; of the tamper line no edges."""
    GpiodLines(PLACE).open()
    [(path, config, consumer, queue)] = kernel[1]
    assert (path, consumer, queue) == ("/dev/gpiochip0", "portillon", 1_024)
    assert set(config) == {23, 24, 25}
    for offset in (23, 24):
        settings = config[offset]
        assert settings.direction is Direction.INPUT and settings.bias is Bias.PULL_UP
        assert settings.edge_detection is EdgeDetection.FALLING and settings.event_clock is Clock.MONOTONIC
        assert not settings.debounce_period and not settings.active_low
    assert config[25].edge_detection is EdgeDetection.NONE and config[25].bias is Bias.PULL_UP


def test_edges_and_levels(kernel: tuple[KernelRequest, list[tuple[Any, ...]]]) -> None:
    """Events become edges with the kernel's time and number; levels name the lines that are low."""
    request, _ = kernel
    lines = GpiodLines(PLACE)
    lines.open()
    request.events = [gpiod.EdgeEvent(FALLING, 1_000, 23, 1, 1), gpiod.EdgeEvent(FALLING, 2_000, 24, 2, 1)]
    assert lines.read() == [Edge(Line.D0, 1_000, 1), Edge(Line.D1, 2_000, 2)]
    assert lines.read() == []
    assert lines.low() == {Line.TAMPER}
    lines.wait(50_000_000)
    assert request.waited[-1] == 0.05


def test_lines_are_given_back(kernel: tuple[KernelRequest, list[tuple[Any, ...]]]) -> None:
    """Closing frees the lines, twice is fine, and a chip that is gone cannot prevent it."""
    request, _ = kernel
    lines = GpiodLines(PLACE)
    lines.open()
    request.fails = OSError(errno.ENODEV, "No such device")
    lines.close()
    lines.close()
    assert request.released
    with pytest.raises(TransientDeviceError, match="not open"):
        lines.read()


@pytest.mark.parametrize("call", [lambda lines: lines.read(), lambda lines: lines.low(), lambda lines: lines.wait(1)])
def test_a_lost_chip_is_told(
    kernel: tuple[KernelRequest, list[tuple[Any, ...]]], call: Callable[[GpiodLines], None]
) -> None:
    """Every call on a chip that is gone says so, names it, and may be tried again."""
    lines = GpiodLines(PLACE)
    lines.open()
    kernel[0].fails = OSError(errno.ENODEV, "No such device")
    with pytest.raises(TransientDeviceError, match=r"/dev/gpiochip0 .*unplugged"):
        call(lines)


@pytest.mark.parametrize(
    ("number", "error", "what"),
    [
        (errno.ENOENT, TransientDeviceError, "no such GPIO chip"),
        (errno.EBUSY, TransientDeviceError, "another process holds a line"),
        (errno.EACCES, TransientDeviceError, "group gpio"),
        (errno.EINVAL, PermanentDeviceError, "no such line"),
        (errno.ENOTTY, PermanentDeviceError, "no GPIO chip"),
    ],
)
def test_lines_that_cannot_be_had(
    monkeypatch: pytest.MonkeyPatch, number: int, error: type[Exception], what: str
) -> None:
    """Each refusal of the kernel is told with chip, lines, and what to do; what time cannot mend is permanent."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(number, "refused")

    monkeypatch.setattr(gpiod, "request_lines", refuse)
    with pytest.raises(error, match=rf"/dev/gpiochip0 \(lines 23, 24, 25\) cannot be opened: .*{what}"):
        GpiodLines(PLACE).open()


def test_true_gpiod_on_what_is_no_chip(tmp_path: Path) -> None:
    """The real library's own failures are told like the played ones."""
    missing = ChipLines(tmp_path / "gpiochip7", 1, 2)
    with pytest.raises(TransientDeviceError, match="no such GPIO chip"):
        GpiodLines(missing).open()
    with pytest.raises(PermanentDeviceError, match="it is no GPIO chip"):
        GpiodLines(ChipLines(tmp_path, 1, 2)).open()


def test_the_path_decides_which_chip_it_is(tmp_path: Path) -> None:
    """A socket is a simulated chip; anything else, or nothing, is left to the kernel."""
    place = ChipLines(tmp_path / "chip", 23, 24)
    assert isinstance(reader.lines_at(place), GpiodLines)
    simulator = WiegandSimulator(place.chip, d0=23, d1=24)
    simulator.plug()
    assert isinstance(reader.lines_at(place), SimulatedLines)
    simulator.unplug()
    assert isinstance(reader.lines_at(place), GpiodLines)


def test_missing_gpiod_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the library cannot be had, its name is told."""
    monkeypatch.setitem(__import__("sys").modules, "portillon_drivers.readers.wiegand.gpiod_lines", None)
    with pytest.raises(MissingLibraryError, match="libgpiod v2"):
        reader.lines_at(ChipLines(tmp_path / "chip", 1, 2))
