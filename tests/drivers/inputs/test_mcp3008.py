"""An MCP3008: its three bytes, what a loop of any resistance reads as, and chips that are not there."""

from collections.abc import Iterator
from math import inf
from pathlib import Path
from typing import Any

import gpiozero
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import LineTrouble
from portillon_drivers.gpio_pins import pin_factory
from portillon_drivers.inputs.mcp3008 import DRIVER, FULL_SCALE, Mcp3008Loops, Mcp3008Options, parse, request
from portillon_drivers.inputs.mcp3008_simulator import CHANNELS, Mcp3008Simulator
from portillon_drivers.inputs.polling import ReadingRefused
from portillon_drivers.simulated_boards import SimulatedBoards
from pydantic import ValidationError

PULL_UP_OHM = 1_000


def section(channel: int = 0, **values: Any) -> Mcp3008Options:
    about = {"name": f"ch{channel}", "type": "mcp3008", "active": "open", "pull_up_ohm": PULL_UP_OHM}
    return Mcp3008Options.model_validate({**about, "channel": channel, "pin_factory": "mock", **values})


@pytest.fixture
def chip() -> Iterator[Mcp3008Simulator]:
    factory = pin_factory("mock")
    factory.reset()
    made = Mcp3008Simulator(factory, pull_up_ohm=PULL_UP_OHM)
    yield made
    made.close()


@pytest.fixture
def loops(chip: Mcp3008Simulator) -> Iterator[Mcp3008Loops]:
    """All eight channels, open."""
    made = Mcp3008Loops([section(channel) for channel in range(CHANNELS)])
    made.open()
    yield made
    made.close()


@pytest.mark.parametrize(("channel", "asked"), [(0, "018000"), (1, "019000"), (5, "01d000"), (7, "01f000")])
def test_a_question_is_that_of_the_data_sheet(channel: int, asked: str) -> None:
    """Start bit, single-ended, three bits of channel, then clocks (DS21295D, table 5-2 and figure 6-1)."""
    assert bytes(request(channel)).hex() == asked


@pytest.mark.parametrize(
    ("answer", "counts"),
    [("000000", 0), ("0003ff", 1_023), ("000200", 512), ("fffbff", 1_023), ("fff801", 1), ("ffffff", None)],
)
def test_an_answer_is_ten_bits_behind_a_zero(answer: str, counts: int | None) -> None:
    """Whatever stands before the zero bit means nothing; a one in its place means that no chip said this."""
    assert parse(bytes.fromhex(answer)) == counts


def test_a_maker_of_its_own_reads_the_same(chip: Mcp3008Simulator) -> None:
    """gpiozero's MCP3008 reads from the simulated chip what the loop is worth, and so do we."""
    factory = pin_factory("mock")
    gpiozero.Device.pin_factory = factory
    for channel, ohm in ((0, 0.0), (3, 1_000.0), (6, 2_000.0), (7, inf)):
        chip.set_ohm(channel, ohm)
        with gpiozero.MCP3008(channel=channel, pin_factory=factory) as theirs:
            counts = round(theirs.raw_value)
        ours = Mcp3008Loops([section(channel)])
        ours.open()
        assert ours._counts(section(channel)) == counts == min(FULL_SCALE, int(1_024 * _share(ohm)))
        ours.close()


def test_each_channel_is_its_own(chip: Mcp3008Simulator, loops: Mcp3008Loops) -> None:
    """A contact that closes, a wire cut and a wire pinched are each seen on their channel and on no other."""
    wanted = [True, LineTrouble.CUT, LineTrouble.SHORT, False, True, False, LineTrouble.CUT, False]
    ohms = {True: 1_000.0, False: 2_000.0, LineTrouble.CUT: inf, LineTrouble.SHORT: 0.0}
    for channel, state in enumerate(wanted):
        chip.set_ohm(channel, ohms[state])
    assert [loops.found()[f"ch{channel}"].state for channel in range(CHANNELS)] == wanted


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ohm=st.floats(0, 20_000), channel=st.integers(0, 7))
def test_ten_bits_are_enough(chip: Mcp3008Simulator, loops: Mcp3008Loops, ohm: float, channel: int) -> None:
    """A loop reads as what it is, unless it is within a hundredth of the edge of a band."""
    chip.set_ohm(channel, ohm)
    options = section(channel)
    judged = {options.judge(_share(ohm * factor)).state for factor in (0.99, 1.0, 1.01)}
    assert loops.found()[options.name].state in judged


def test_a_chip_that_is_not_there_says_nothing(chip: Mcp3008Simulator, loops: Mcp3008Loops) -> None:
    """Without its supply every reading is refused; it is back with its supply."""
    chip.powered = False
    with pytest.raises(ReadingRefused, match=r"SPI 0\.0: no MCP3008 answers"):
        loops.found()
    chip.powered = True
    assert loops.found()["ch0"].state is LineTrouble.CUT


def test_a_data_line_that_idles_low_is_no_state() -> None:
    """Where nothing drives the line up, every channel reads 0: a short, which is a trouble and never a state."""
    assert section().judge((parse([0, 0, 0]) or 0) / FULL_SCALE).state is LineTrouble.SHORT


def test_a_pi_without_spi_is_told_what_to_do() -> None:
    """Where the kernel offers no SPI device the message says which line of config.txt does."""
    with pytest.raises(TransientDeviceError, match=r"dtparam=spi=on"):
        Mcp3008Loops([section(pin_factory="lgpio", chip_select=1)]).open()


def test_chips_are_read_side_by_side() -> None:
    """Two chips on the same three wires, each with its own select: two groups, each with its own channels."""
    factory = pin_factory("mock")
    factory.reset()
    chips = [Mcp3008Simulator(factory, chip_select, PULL_UP_OHM) for chip_select in (0, 1)]
    sections = [section(2, name=f"chip{number}", chip_select=number) for number in (1, 0)]
    assert [group.names for group in DRIVER.build(sections, lambda: 0)] == [("chip0",), ("chip1",)]
    chips[0].set_ohm(2, 1_000)
    chips[1].set_ohm(2, 2_000)
    first, second = (Mcp3008Loops([one]) for one in sorted(sections, key=lambda one: one.chip_select))
    first.open()
    second.open()
    assert first.found()["chip0"].state is True and second.found()["chip1"].state is False
    for loops in (first, second):
        loops.close()
    for chip in chips:
        chip.close()


def test_a_configured_chip_is_simulated_with_its_loops(tmp_path: Path) -> None:
    """`simulate` hangs a loop on each channel in use: contacts at rest first, then as somebody sets or spoils them."""
    pin_factory("mock").reset()
    sections = [section(0, pin_factory="lgpio"), section(4, pin_factory="lgpio", active="closed")]
    boards = SimulatedBoards([], sections, tmp_path)
    led = [Mcp3008Options.model_validate({**one.model_dump(), **boards.inputs[one.name]}) for one in sections]
    loops = Mcp3008Loops(led)
    loops.open()
    assert {name: found.state for name, found in loops.found().items()} == {"ch0": True, "ch4": False}
    boards.set_active(sections[1], True)
    boards.spoil("ch0", inf)
    assert {name: found.state for name, found in loops.found().items()} == {"ch0": LineTrouble.CUT, "ch4": True}
    loops.close()
    boards.close()


@pytest.mark.parametrize("wrong", [{"channel": 8}, {"chip_select": 2}, {"open_ohm": 1_100}])
def test_what_the_chip_does_not_have_is_refused(wrong: dict[str, Any]) -> None:
    """A ninth channel, a third select, resistors that cannot be told apart."""
    with pytest.raises(ValidationError):
        section(**{"channel": 0, **wrong})


def _share(ohm: float) -> float:
    return 1.0 if ohm == inf else ohm / (ohm + PULL_UP_OHM)
