"""The Inputs port: what every group of inputs must do, run over every implementation, each beside its simulator."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from portillon_drivers.events import InputChanged, InputDown, InputFault, InputUp
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.inputs.modbus_inputs_simulator import ModbusBoardSimulator
from portillon_drivers.registry import INPUTS, build_inputs, options_model


class ModbusStage:
    """Two channels of one board."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.board = ModbusBoardSimulator(3, 8)
        self.garble = 0
        self.line = far_ends("inputs", self._answer)
        self.sections = [
            {"type": "modbus", "path": folder / "inputs", "address": 3, "channel": channel} for channel in (2, 5)
        ]

    def close_contact(self, index: int, closed: bool) -> None:
        self.board.set_closed((2, 5)[index], closed)

    def _answer(self, data: bytes) -> bytes:
        answer = self.board.receive(data)
        if answer and self.garble:
            self.garble -= 1
            return answer[:-1] + bytes([answer[-1] ^ 1])
        return answer


class GpioStage:
    """Two mock pins with contacts to ground."""

    def __init__(self, folder: Path, far_ends: Any) -> None:
        self.factory = pin_factory("mock")
        self.factory.reset()
        self.sections = [{"type": "gpio", "pin": pin, "pin_factory": "mock"} for pin in (23, 24)]

    def close_contact(self, index: int, closed: bool) -> None:
        pin = self.factory.pin((23, 24)[index])
        pin.drive_low() if closed else pin.drive_high()


STAGES: dict[str, Callable[..., Any]] = {"modbus": ModbusStage, "gpio": GpioStage}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, tmp_path: Path, far_ends: Any, heard: Any, run_driver: Any) -> Any:
    """Inputs "passage" (active when closed) and "door" (active when open), already running."""
    stage = STAGES[request.param](tmp_path, far_ends)
    sections: list[Any] = [
        options_model(INPUTS, section["type"]).model_validate({"name": name, "active": active, **section})
        for name, active, section in zip(("passage", "door"), ("closed", "open"), stage.sections, strict=True)
    ]
    [stage.inputs] = build_inputs(sections, time.monotonic_ns)
    stage.end = run_driver(stage.inputs.run, heard)
    return stage


def wait_changed(heard: Any, name: str, active: bool, after: int = 0) -> InputChanged:
    return heard.wait_for(lambda e: isinstance(e, InputChanged) and (e.name, e.active) == (name, active), after)


def test_suite_covers_every_input() -> None:
    """A type of input without a stage here would be one without this suite."""
    assert STAGES.keys() == INPUTS.keys()


def test_first_state_is_told_after_up(stage: Any, heard: Any) -> None:
    """Each input is up, then tells how it was found; `active` decides what an open contact means."""
    wait_changed(heard, "passage", False)
    wait_changed(heard, "door", True)
    assert stage.inputs.names == ("passage", "door")
    for name in stage.inputs.names:
        mine = [type(event) for event in heard.events if event.name == name]
        assert mine == [InputUp, InputChanged]


def test_contact_is_told_on_both_edges(stage: Any, heard: Any) -> None:
    """Closing and opening are each one change, of that input alone."""
    wait_changed(heard, "passage", False)
    wait_changed(heard, "door", True)
    seen = len(heard.events)
    stage.close_contact(0, True)
    wait_changed(heard, "passage", True, after=seen)
    stage.close_contact(0, False)
    wait_changed(heard, "passage", False, after=seen)
    assert {event.name for event in heard.events[seen:]} == {"passage"}


def test_stop_lets_go(stage: Any, heard: Any, run_driver: Any) -> None:
    """Stopped inputs can be run again and tell their state anew."""
    wait_changed(heard, "passage", False)
    stage.end()
    seen = len(heard.events)
    run_driver(stage.inputs.run, heard)
    wait_changed(heard, "passage", False, after=seen)


def test_lost_and_back(stage: Any, heard: Any) -> None:
    """A lost board is told for each of its inputs, and after its return each tells its state anew."""
    if not hasattr(stage, "line"):
        pytest.skip("a pin cannot be unplugged")
    wait_changed(heard, "passage", False)
    stage.line.unplug()
    for name in stage.inputs.names:
        heard.wait_for(lambda e, name=name: isinstance(e, InputDown) and e.name == name)
    seen = len(heard.events)
    stage.close_contact(0, True)
    stage.line.plug()
    wait_changed(heard, "passage", True, after=seen)


def test_garbled_answer_is_a_fault_and_three_are_a_lost_board(stage: Any, heard: Any) -> None:
    """One wrong checksum is told and survived; three in a row mean that the board is down, and it comes back."""
    if not hasattr(stage, "garble"):
        pytest.skip("a pin has no checksum")
    wait_changed(heard, "passage", False)
    stage.garble = 1
    heard.wait_for(lambda e: isinstance(e, InputFault) and "checksum" in e.detail)
    seen = len(heard.events)
    stage.garble = 3
    heard.wait_for(lambda e: isinstance(e, InputDown), seen)
    heard.wait_for(lambda e: isinstance(e, InputUp), seen)
