"""The Output port: what every output must do, run over every implementation, each beside its simulator."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.options import Wiring
from portillon_drivers.outputs.lcus_relay_simulator import LcusBoardSimulator
from portillon_drivers.outputs.modbus_relay_simulator import ModbusRelayBoardSimulator
from portillon_drivers.ports import Output
from portillon_drivers.registry import OUTPUTS, build_outputs, options_model

WIRINGS = list(Wiring)


class LcusStage:
    """Two relays of one LCUS board."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.board = LcusBoardSimulator(2)
        self.line = far_ends("relay", self._receive)
        self.sections = [{"type": "lcus_relay", "path": folder / "relay", "channel": channel} for channel in (1, 2)]

    def _receive(self, data: bytes) -> bytes:
        list(self.board.receive(data))
        return b""  # the board never answers

    def energised(self, index: int) -> bool:
        return self.board.energised(index + 1)

    def lose(self) -> None:
        self.line.unplug()
        self.board.lose_power()

    def restore(self) -> None:
        self.line.plug()


class ModbusStage:
    """Two relays of one Modbus board."""

    flash = False

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.board = ModbusRelayBoardSimulator(5, 8, flashes=self.flash)
        self.line = far_ends("relay", lambda data: self.board.receive(data, time.monotonic_ns()))
        section = {"type": "modbus_relay", "path": folder / "relay", "address": 5, "flash": self.flash}
        self.sections = [{**section, "channel": channel} for channel in (1, 2)]

    def energised(self, index: int) -> bool:
        return self.board.energised(index + 1, time.monotonic_ns())

    def lose(self) -> None:
        self.line.unplug()
        self.board.lose_power()

    def restore(self) -> None:
        self.line.plug()


class FlashStage(ModbusStage):
    """Two relays of one Modbus board that times by itself."""

    flash = True


class GpioStage:
    """Two relays on mock pins, one of them active-low."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.factory = pin_factory("mock")
        self.factory.reset()
        self.sections = [
            {"type": "gpio", "pin": 17, "energised_level": "high", "pin_factory": "mock"},
            {"type": "gpio", "pin": 27, "energised_level": "low", "pin_factory": "mock"},
        ]

    def energised(self, index: int) -> bool:
        return bool(self.factory.pin(17).state) if index == 0 else not self.factory.pin(27).state


STAGES: dict[str, Callable[..., Any]] = {
    "lcus_relay": LcusStage,
    "gpio": GpioStage,
    "modbus_relay": ModbusStage,
    "modbus_relay, flash": FlashStage,
}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, tmp_path: Path, far_ends: Any) -> Any:
    return STAGES[request.param](tmp_path, far_ends)


@pytest.fixture(params=WIRINGS)
def wiring(request: pytest.FixtureRequest) -> Wiring:
    return request.param


@pytest.fixture
def outputs(stage: Any, wiring: Wiring) -> Iterator[list[Output]]:
    sections: list[Any] = [
        options_model(OUTPUTS, section["type"]).model_validate(
            {"name": f"out{index}", "wiring": wiring, "max_on_ms": 1_000, **section}
        )
        for index, section in enumerate(stage.sections)
    ]
    outputs = build_outputs(sections, time.monotonic_ns)
    yield outputs
    for output in outputs:
        output.close()


def wait_energised(stage: Any, index: int, expected: bool) -> None:
    until = time.monotonic() + 10
    while stage.energised(index) is not expected:
        assert time.monotonic() < until, f"output {index} is not in its state"
        time.sleep(0.001)


def test_suite_covers_every_output() -> None:
    """An output without a stage here would be an output without this suite."""
    assert {name.partition(",")[0] for name in STAGES} == OUTPUTS.keys()


def test_wiring_decides_the_level(stage: Any, outputs: list[Output], wiring: Wiring) -> None:
    """Releasing and locked are the coil states that the declared wiring demands, each output for itself."""
    for output in outputs:
        output.open()
        output.set(False)
    for index, output in enumerate(outputs):
        output.set(True)
        wait_energised(stage, index, wiring is Wiring.ENERGISE_TO_RELEASE)
        wait_energised(stage, 1 - index, wiring is Wiring.ENERGISE_TO_LOCK)
        output.set(False)
        wait_energised(stage, index, wiring is Wiring.ENERGISE_TO_LOCK)


def test_repeating_is_harmless(stage: Any, outputs: list[Output], wiring: Wiring) -> None:
    """Opening twice and setting the same state twice change nothing."""
    for _ in range(2):
        outputs[0].open()
        outputs[0].set(True)
        outputs[0].set(True)
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_RELEASE)


def test_time_given_to_the_board_ends_nothing_early(stage: Any, outputs: list[Output], wiring: Wiring) -> None:
    """Whether the board times by itself or not, it releases at once, and locks at once when told to."""
    outputs[0].open()
    outputs[0].set(True, at_most_ms=60_000)
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_RELEASE)
    outputs[0].set(False)
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_LOCK)


def test_closing_changes_nothing(stage: Any, outputs: list[Output], wiring: Wiring) -> None:
    """Letting go of an output leaves it as it stands: a board latches, a pin keeps its level. Only the guard locks."""
    outputs[0].open()
    outputs[0].set(True)
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_RELEASE)
    outputs[0].close()
    outputs[0].close()
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_RELEASE)


def test_not_open_is_said(outputs: list[Output]) -> None:
    """Driving an output that is not open is a passing failure, not a silent success."""
    with pytest.raises(TransientDeviceError, match="not open"):
        outputs[0].set(False)


def test_lost_and_back(stage: Any, outputs: list[Output], wiring: Wiring) -> None:
    """A lost board fails until it is back; opened again it obeys."""
    if not hasattr(stage, "lose"):
        pytest.skip("a pin cannot be unplugged")
    outputs[0].open()
    outputs[0].set(True)
    stage.lose()
    with pytest.raises(TransientDeviceError):
        outputs[0].set(False)
    with pytest.raises(TransientDeviceError, match="nothing is plugged in"):
        outputs[0].open()
    stage.restore()
    outputs[0].open()
    outputs[0].set(False)
    wait_energised(stage, 0, wiring is Wiring.ENERGISE_TO_LOCK)
