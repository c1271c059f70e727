"""Contacts on an RS-485 board that speaks Modbus RTU (function 02). One line, any number of boards and channels."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.events import ClockNs
from portillon_drivers.inputs import modbus_rtu
from portillon_drivers.inputs.line_watch import Found
from portillon_drivers.inputs.polling import PolledInputs, ReadingRefused
from portillon_drivers.options import InputOptions, SerialOptions
from portillon_drivers.ports import Inputs
from portillon_drivers.registry import Driver
from portillon_drivers.serial_port import SerialPort

ANSWER_TIMEOUT_S = 0.1
POLL_S = 0.01
"""The pause between two questions; question and answer take some 15 ms at 9600 Bd, so a contact is asked 40 times a
second, well inside the 400 ms of IEC 60839-11-1."""


class ModbusInputOptions(InputOptions, SerialOptions):
    """A section `[[inputs]]` with `type = "modbus"`."""

    type: Literal["modbus"]
    baud: int = Field(default=9_600, ge=1_200, le=115_200, description="as set on the board")
    parity: Literal["none", "even", "odd"] = Field(default="none", description="as set on the board")
    address: int = Field(ge=1, le=247, description="the board's Modbus address")
    channel: int = Field(ge=1, le=64, description="the number printed beside the terminal")

    @property
    def port(self) -> str:
        """The serial device; all its boards and channels share it."""
        return str(self.path)

    @property
    def place(self) -> str:
        """The device, the board and the channel."""
        return f"{self.path} address {self.address} channel {self.channel}"


class ModbusContacts:
    """All contacts on one line."""

    def __init__(self, sections: Sequence[ModbusInputOptions]) -> None:
        line = sections[0]  # the configuration has checked that all sections agree about the line
        self._port = SerialPort(line, baud=line.baud, parity=line.parity[0].upper(), read_timeout_s=ANSWER_TIMEOUT_S)
        by_address = sorted(sections, key=lambda options: options.address)
        self._boards = {
            address: list(group) for address, group in itertools.groupby(by_address, lambda options: options.address)
        }

    def open(self) -> None:
        """Take the line."""
        self._port.open()

    def found(self) -> Mapping[str, Found]:
        """One question per board, from its lowest to its highest channel in use."""
        found: dict[str, Found] = {}
        for address, sections in self._boards.items():
            first = min(options.channel for options in sections)
            count = max(options.channel for options in sections) - first + 1
            states = self._ask(address, first - 1, count)
            found |= {options.name: Found(states[options.channel - first]) for options in sections}
        return found

    def close(self) -> None:
        """Let go of the line."""
        self._port.close()

    def _ask(self, address: int, first: int, count: int) -> tuple[bool, ...]:
        self._port.discard_input()  # the rest of an answer that came too late belongs to no question
        self._port.write(modbus_rtu.request(address, first, count))
        answer = self._port.read_exactly(modbus_rtu.EXCEPTION_BYTES)
        expected = modbus_rtu.answer_bytes(count)
        if len(answer) == modbus_rtu.EXCEPTION_BYTES and answer[1] == modbus_rtu.READ_DISCRETE_INPUTS:
            answer += self._port.read_exactly(expected - len(answer))
        try:
            return modbus_rtu.parse_answer(answer, address, count)
        except modbus_rtu.ModbusError as error:
            raise ReadingRefused(str(error)) from error


def build(sections: Sequence[ModbusInputOptions], clock_ns: ClockNs) -> list[Inputs]:
    """One group of inputs per serial line."""
    by_path = sorted(sections, key=lambda options: options.path)
    lines = [list(group) for _, group in itertools.groupby(by_path, lambda options: options.path)]
    return [PolledInputs(line, ModbusContacts(line), POLL_S, clock_ns) for line in lines]


DRIVER: Driver[ModbusInputOptions, Inputs] = Driver(ModbusInputOptions, build)
