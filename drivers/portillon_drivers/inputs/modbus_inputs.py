"""Contacts on an RS-485 board that speaks Modbus RTU (function 02). One line, any number of boards and channels."""

from collections.abc import Mapping, Sequence
from typing import Literal

from portillon_drivers.events import ClockNs
from portillon_drivers.inputs import modbus_rtu
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.inputs.modbus_line import POLL_S, ModbusLine, ModbusLineOptions, by_board, by_line
from portillon_drivers.inputs.polling import PolledInputs, ReadingRefused
from portillon_drivers.ports import Inputs
from portillon_drivers.registry import Driver


class ModbusInputOptions(ModbusLineOptions):
    """A section `[[inputs]]` with `type = "modbus"`."""

    type: Literal["modbus"]


class ModbusContacts:
    """All contacts on one line."""

    def __init__(self, sections: Sequence[ModbusInputOptions]) -> None:
        self._line = ModbusLine(sections[0])  # the configuration has checked that all sections agree about the line
        self._boards = by_board(sections)
        self.open, self.close = self._line.open, self._line.close

    def found(self) -> Mapping[str, Found]:
        """One question per board, from its lowest to its highest channel in use."""
        found: dict[str, Found] = {}
        for address, sections in self._boards.items():
            first = min(options.channel for options in sections)
            count = max(options.channel for options in sections) - first + 1
            answer = self._line.ask(modbus_rtu.request(address, first - 1, count), modbus_rtu.answer_bytes(count))
            try:
                states = modbus_rtu.parse_answer(answer, address, count)
            except modbus_rtu.ModbusError as error:
                raise ReadingRefused(str(error)) from error
            found |= {options.name: Found(states[options.channel - first]) for options in sections}
        return found


def build(sections: Sequence[ModbusInputOptions], clock_ns: ClockNs) -> list[Inputs]:
    """One group of inputs per serial line."""
    return [PolledInputs(line, ModbusContacts(line), POLL_S, clock_ns) for line in by_line(sections)]


DRIVER: Driver[ModbusInputOptions, Inputs] = Driver(ModbusInputOptions, build)
