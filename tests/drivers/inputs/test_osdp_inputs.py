"""Inputs of OSDP readers, told what a panel tells and without a line; the contract suite has them on one."""

import threading
from typing import Any

import pytest
from portillon_drivers.errors import PermanentDeviceError, TransientDeviceError
from portillon_drivers.events import InputChanged, InputDown, InputEvent, InputTroubled, InputUp, LineTrouble
from portillon_drivers.inputs.osdp_inputs import ASK_NS, OsdpInputOptions, OsdpInputs, build
from portillon_drivers.osdp.commands import Command, InputStatusRequest
from portillon_drivers.osdp.identity import Capabilities, Capability, Function
from portillon_drivers.osdp.panel_events import KeyUsed, ReaderOffline, ReaderOnline, StatusChanged
from portillon_drivers.osdp.reader_simulator import CAPABILITIES, IDENTITY

MS = 1_000_000
NO_INPUTS = Capabilities((Capability(Function.SECURITY, 1, 1),))


class Reader:
    """As much of a reader as its inputs need; `full`: it takes no more commands."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.full = False

    def serve(self, terminals: Any) -> None:
        self.terminals = terminals

    def ask(self, command: Command) -> None:
        if self.full:
            raise TransientDeviceError("too many commands wait for this bus")
        self.asked.append(command)


class Stage:
    """Inputs "contact" (number 0) and "exit" (number 1, after 50 ms), running."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.told: list[InputEvent] = []
        self.reader: Any = Reader()
        sections = [section("contact", 0), section("exit", 1, debounce_ms=50)]
        self.inputs = OsdpInputs(sections, self.reader, lambda: self.now_ms * MS)
        self.stop = threading.Event()

    def online(self, capabilities: Capabilities = CAPABILITIES) -> None:
        self.inputs.hear(ReaderOnline(1, True, KeyUsed.SCBK, IDENTITY, capabilities))

    def states(self, *states: int) -> list[InputEvent]:
        """The reader tells its inputs; what was told of it."""
        seen = len(self.told)
        self.inputs.hear(StatusChanged(1, inputs=states))
        return self.told[seen:]

    def pass_ms(self, duration_ms: int) -> list[InputEvent]:
        seen = len(self.told)
        for _ in range(0, duration_ms, 10):
            self.now_ms += 10
            self.inputs.pass_time()
        return self.told[seen:]


def section(name: str, number: int, **options: Any) -> OsdpInputOptions:
    about = {"name": name, "type": "osdp", "reader": "lane1", "number": number, "active": "closed"}
    return OsdpInputOptions.model_validate({**about, **options})


@pytest.fixture
def stage() -> Any:
    """The stage, its driver listening."""
    made = Stage()
    ready = threading.Event()

    def run() -> None:
        stop: Any = Ready(made.stop, ready)
        made.inputs.run(made.told.append, stop)

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    yield made
    made.stop.set()
    thread.join(10)


class Ready:
    """A stop that says when the driver waits for it."""

    def __init__(self, stop: threading.Event, ready: threading.Event) -> None:
        self._stop, self._ready = stop, ready

    def wait(self) -> bool:
        self._ready.set()
        return self._stop.wait()


def test_each_input_is_up_with_its_first_state(stage: Stage) -> None:
    """Nothing is told before the reader tells; then each is up, and found as it is once that has stood."""
    stage.online()
    assert stage.told == []
    assert stage.states(1, 0) == [InputUp("contact", 0), InputChanged("contact", True, 0), InputUp("exit", 0)]
    assert stage.pass_ms(60) == [InputChanged("exit", False, 50 * MS)]


def test_a_state_stood_until_the_next_was_told(stage: Stage) -> None:
    """A press that ended just before it was looked at again is told: it had stood for as long as it must."""
    stage.states(0, 0)
    stage.pass_ms(100)
    stage.states(0, 1)
    stage.now_ms += 50
    assert stage.states(0, 0) == [InputChanged("exit", True, 150 * MS)]


def test_a_state_of_its_own_is_not_believed(stage: Stage) -> None:
    """A reader that tells something other than 0 and 1 is not guessed at."""
    stage.states(0, 0)
    [troubled] = stage.states(2, 0)
    assert isinstance(troubled, InputTroubled) and troubled.trouble is LineTrouble.FOREIGN
    assert "input 0 of reader lane1" in troubled.detail and "state 2" in troubled.detail
    assert stage.states(1, 0) == [InputChanged("contact", True, 0)]


def test_a_terminal_that_is_not_there_is_down_alone(stage: Stage) -> None:
    """The reader has fewer inputs than the configuration says: that one is down, the other works."""
    told = stage.states(1)
    assert told[:2] == [InputUp("contact", 0), InputChanged("contact", True, 0)]
    [down] = told[2:]
    assert isinstance(down, InputDown) and down.name == "exit" and "the reader has 1 inputs" in down.detail


def test_a_reader_without_inputs_says_so(stage: Stage) -> None:
    """What the reader says of itself is told at once, and not as silence."""
    stage.online(NO_INPUTS)
    assert [type(event) for event in stage.told] == [InputDown, InputDown]
    assert all(isinstance(event, InputDown) and "no inputs" in event.detail for event in stage.told)


def test_a_lost_reader_is_told_once_and_its_return_anew(stage: Stage) -> None:
    """Its last states mean nothing then; back again, each input tells its state even if it is the old one."""
    stage.states(1, 0)
    stage.pass_ms(60)
    seen = len(stage.told)
    for _ in range(2):
        stage.inputs.hear(ReaderOffline(1, "no valid answer for 8 s"))
    assert [type(event) for event in stage.told[seen:]] == [InputDown, InputDown]
    stage.online()
    assert stage.states(1, 0)[:2] == [InputUp("contact", 60 * MS), InputChanged("contact", True, 60 * MS)]


def test_the_states_are_asked_for_too(stage: Stage) -> None:
    """Every five seconds in service, told or not; however full the line is nothing breaks."""
    stage.pass_ms(6_000)
    assert stage.reader.asked == []
    stage.now_ms = 0
    stage.online()
    stage.pass_ms(6_000)
    assert stage.reader.asked == [InputStatusRequest()]
    stage.states(0, 0)
    stage.pass_ms(11_000)
    assert stage.reader.asked == [InputStatusRequest()] * 3
    stage.reader.full = True
    stage.pass_ms(2 * ASK_NS // MS)
    assert stage.told[-1] == InputChanged("exit", False, 6_050 * MS)


def test_a_driver_that_is_not_running_tells_nobody() -> None:
    """What the reader tells before `run` is known when it runs."""
    stage = Stage()
    stage.states(1, 0)
    assert stage.told == []
    stage.stop.set()
    stage.inputs.run(stage.told.append, stage.stop)
    assert stage.told[0] == InputUp("contact", 0)


def test_its_reader_must_be_there() -> None:
    """A name that is no OSDP reader's is a mistake in the configuration, said with both names."""
    with pytest.raises(PermanentDeviceError, match='"contact": "lane1" is no OSDP reader'):
        build([section("contact", 0)], lambda: 0, {})
