"""Supervised contacts on an RS-485 board that measures voltages (Modbus functions 04 or 03): cut and short are told.

Each loop hangs between its terminal and the board's ground, with a pull-up resistor from the terminal to the supply;
`open_counts` is what the board tells while nothing hangs there. Channel n is register n - 1, as on most such boards.
Not covered: a supply that drifts by more than the tolerance (it shows as FOREIGN on every loop at once).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.events import ClockNs
from portillon_drivers.inputs import modbus_rtu
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.inputs.modbus_line import POLL_S, ModbusLine, ModbusLineOptions, by_board, by_line
from portillon_drivers.inputs.polling import PolledInputs, ReadingRefused
from portillon_drivers.inputs.supervised_loop import SupervisedOptions
from portillon_drivers.ports import Inputs
from portillon_drivers.registry import Driver

FUNCTIONS = {"input": modbus_rtu.READ_INPUT_REGISTERS, "holding": modbus_rtu.READ_HOLDING_REGISTERS}


class ModbusAnalogOptions(SupervisedOptions, ModbusLineOptions):
    """A section `[[inputs]]` with `type = "modbus_analog"`."""

    type: Literal["modbus_analog"]
    registers: Literal["input", "holding"] = Field(
        default="input", description="where the board keeps what it measures"
    )
    open_counts: int = Field(
        ge=100, le=65_535, description="what the board tells for the whole supply: with the loop's terminal left empty"
    )


class ModbusLoops:
    """All supervised loops on one line."""

    def __init__(self, sections: Sequence[ModbusAnalogOptions]) -> None:
        self._line = ModbusLine(sections[0])  # the configuration has checked that all sections agree about the line
        self._boards = by_board(sections)
        self.open, self.close = self._line.open, self._line.close

    def found(self) -> Mapping[str, Found]:
        """One question per board, from its lowest to its highest channel in use."""
        found: dict[str, Found] = {}
        for address, sections in self._boards.items():
            first = min(options.channel for options in sections)
            count = max(options.channel for options in sections) - first + 1
            function = FUNCTIONS[sections[0].registers]
            question = modbus_rtu.request(address, first - 1, count, function)
            answer = self._line.ask(question, modbus_rtu.answer_bytes(count, function))
            try:
                counts = modbus_rtu.parse_registers(answer, address, count, function)
            except modbus_rtu.ModbusError as error:
                raise ReadingRefused(str(error)) from error
            for options in sections:
                found[options.name] = options.judge(counts[options.channel - first] / options.open_counts)
        return found


def build(sections: Sequence[ModbusAnalogOptions], clock_ns: ClockNs) -> list[Inputs]:
    """One group of inputs per serial line."""
    return [PolledInputs(line, ModbusLoops(line), POLL_S, clock_ns) for line in by_line(sections)]


DRIVER: Driver[ModbusAnalogOptions, Inputs] = Driver(ModbusAnalogOptions, build)
