"""The Inputs port: what every group of inputs must do, run over every implementation, each beside its simulator."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from contracts.conftest import Heard
from contracts.rigs.input_stages import GpioStage, Mcp3008Stage, ModbusAnalogStage, ModbusStage, OsdpStage
from portillon_drivers.events import InputChanged, InputDown, InputFault, InputTroubled, InputUp, LineTrouble
from portillon_drivers.registry import INPUTS, build_inputs, options_model

FLAPPING_CHANGES_MAX = 6

STAGES: dict[str, Callable[..., Any]] = {
    "modbus": ModbusStage,
    "modbus_analog": ModbusAnalogStage,
    "mcp3008": Mcp3008Stage,
    "gpio": GpioStage,
    "osdp": OsdpStage,
}


@pytest.fixture(params=sorted(STAGES))
def stage(request: pytest.FixtureRequest, tmp_path: Path, far_ends: Any, heard: Any, run_driver: Any) -> Iterator[Any]:
    """Inputs "passage" (active when closed) and "door" (active when open), already running."""
    stage = STAGES[request.param](tmp_path, far_ends)
    common = {"changes_max": FLAPPING_CHANGES_MAX}
    sections: list[Any] = [
        options_model(INPUTS, section["type"]).model_validate({"name": name, "active": active, **common, **section})
        for name, active, section in zip(("passage", "door"), ("closed", "open"), stage.sections, strict=True)
    ]
    readers = [stage.reader] if hasattr(stage, "reader") else []
    [stage.inputs] = build_inputs(sections, time.monotonic_ns, readers)
    for reader in readers:
        run_driver(reader.run, Heard())
    stage.end = run_driver(stage.inputs.run, heard)
    yield stage
    if hasattr(stage, "close"):
        stage.close()


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


def test_cut_and_short_are_told_and_end(stage: Any, heard: Any) -> None:
    """A supervised line that is cut or shorted is in trouble, alone; mended, it tells its state."""
    if not hasattr(stage, "cut"):
        pytest.skip("this line is not supervised")
    wait_changed(heard, "passage", False)
    wait_changed(heard, "door", True)
    for damage, trouble in ((stage.cut, LineTrouble.CUT), (stage.short, LineTrouble.SHORT)):
        seen = len(heard.events)
        damage(0)
        heard.wait_for(lambda e, trouble=trouble: isinstance(e, InputTroubled) and e.trouble is trouble, seen)
        stage.close_contact(0, True)
        wait_changed(heard, "passage", True, after=seen)
        assert {event.name for event in heard.events[seen:]} == {"passage"}


def test_a_flapping_line_is_told_once(stage: Any, heard: Any) -> None:
    """A wire that shakes tells no more than its bound and then that it flaps, once; its neighbour is not withheld."""
    wait_changed(heard, "passage", False)
    wait_changed(heard, "door", True)
    seen, closed = len(heard.events), True
    for _ in range(FLAPPING_CHANGES_MAX):
        stage.close_contact(0, closed)
        wait_changed(heard, "passage", closed, after=seen)
        seen, closed = len(heard.events), not closed
    stage.close_contact(0, closed)
    heard.wait_for(lambda e: isinstance(e, InputTroubled) and e.trouble is LineTrouble.FLAPPING, seen)
    seen = len(heard.events)
    stage.close_contact(0, not closed)
    stage.close_contact(1, True)
    wait_changed(heard, "door", False, after=seen)
    assert {event.name for event in heard.events[seen:]} == {"door"}
