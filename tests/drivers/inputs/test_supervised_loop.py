"""End-of-line resistors: what a measured loop says, at the values of the common wirings and anywhere between."""

from math import inf
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import LineTrouble
from portillon_drivers.inputs import modbus_rtu
from portillon_drivers.inputs.modbus_analog import ModbusAnalogOptions
from portillon_drivers.inputs.modbus_inputs_simulator import OPEN_COUNTS, AnalogBoardSimulator
from portillon_drivers.inputs.modbus_rtu import ModbusError
from pydantic import ValidationError

CUT, SHORT, FOREIGN = LineTrouble.CUT, LineTrouble.SHORT, LineTrouble.FOREIGN
PULL_UP_OHM = 2_200


def loop(**values: Any) -> ModbusAnalogOptions:
    section = {"name": "fire", "type": "modbus_analog", "path": "/dev/analog", "address": 4, "channel": 1}
    about = {"active": "open", "open_counts": OPEN_COUNTS, "pull_up_ohm": PULL_UP_OHM}
    return ModbusAnalogOptions.model_validate({**section, **about, **values})


def share(ohm: float) -> float:
    return 1.0 if ohm == inf else ohm / (ohm + PULL_UP_OHM)


BANDS: list[tuple[float, bool | LineTrouble]] = [
    *((ohm, SHORT) for ohm in (0, 450)),
    *((ohm, True) for ohm in (850, 1_000, 1_150)),
    *((ohm, False) for ohm in (1_700, 2_000, 2_350)),
    *((ohm, FOREIGN) for ohm in (550, 1_400, 3_000)),
    *((ohm, CUT) for ohm in (4_100, 100_000, inf)),
]


@pytest.mark.parametrize(("ohm", "state"), BANDS)
def test_one_and_two_kiloohms(ohm: float, state: bool | LineTrouble) -> None:
    """1 kΩ in series and 1 kΩ across: each state has its band, and what is between them is foreign."""
    assert loop().judge(share(ohm)).state == state


def test_a_contact_may_raise_or_lower_the_loop() -> None:
    """A normally open contact that closes across its resistor halves the loop as well as one that doubles it."""
    across = loop(closed_ohm=5_600, open_ohm=2_200)
    assert (across.judge(share(5_600)).state, across.judge(share(2_200)).state) == (True, False)
    assert (across.judge(share(0)).state, across.judge(share(inf)).state) == (SHORT, CUT)


def test_troubles_are_told_in_words() -> None:
    """A technician reads where, what is measured and what to look for."""
    detail = loop().judge(share(1_400)).detail
    assert "/dev/analog address 4 channel 1" in detail and "1400 Ω instead of 1000 Ω closed or 2000 Ω open" in detail
    assert "no current" in loop().judge(1.0).detail and "pinched" in loop().judge(0.0).detail


@given(ohm=st.floats(0, 1e9), closed=st.integers(100, 100_000), times=st.integers(2, 20), tolerance=st.integers(5, 30))
def test_every_measurement_means_one_thing(ohm: float, closed: int, times: int, tolerance: int) -> None:
    """No value is two states; the expected values are always the states, and the ends always the troubles."""
    options = (
        loop(closed_ohm=closed, open_ohm=min(closed * times, 100_000), tolerance_percent=tolerance)
        if (closed * times <= 100_000)
        else loop()
    )
    assert isinstance(options.judge(share(ohm)).state, bool | LineTrouble)
    assert options.judge(share(options.closed_ohm)).state is True
    assert options.judge(share(options.open_ohm)).state is False
    assert options.judge(0.0).state is SHORT and options.judge(1.2).state is CUT


def test_bands_that_overlap_are_a_mistake() -> None:
    """Values that cannot be told apart at that tolerance are refused with what to do."""
    with pytest.raises(ValidationError, match="take resistors that differ more"):
        loop(closed_ohm=1_000, open_ohm=1_400)


def test_registers_of_the_specification() -> None:
    """Application Protocol V1.1b3 §6.3: registers 108 to 110 are answered by 022B 0000 0064."""
    assert modbus_rtu.request(17, 0x006B, 3, modbus_rtu.READ_HOLDING_REGISTERS)[:-2] == bytes.fromhex("1103006B0003")
    body = bytes.fromhex("110306022B00000064")
    counts = modbus_rtu.parse_registers(body + modbus_rtu.crc16(body), 17, 3, modbus_rtu.READ_HOLDING_REGISTERS)
    assert counts == (555, 0, 100)


def test_a_board_of_contacts_is_no_board_that_measures() -> None:
    """The wrong function is refused, with what to check."""
    answer = AnalogBoardSimulator(4, 8).receive(modbus_rtu.request(4, 0, 1))
    with pytest.raises(ModbusError, match="exception 1"):
        modbus_rtu.parse_answer(answer, 4, 1)
