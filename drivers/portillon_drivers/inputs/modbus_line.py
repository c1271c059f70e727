"""One RS-485 line with Modbus boards, and questions to them. What the drivers of such inputs share."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Literal, Protocol, TypeVar

from pydantic import Field

from portillon_drivers.inputs import modbus_rtu
from portillon_drivers.options import InputOptions, SerialOptions
from portillon_drivers.serial_port import SerialPort

ANSWER_TIMEOUT_S = 0.1
POLL_S = 0.01
"""The pause between two questions; question and answer take some 15 ms at 9600 Bd (eight registers: 30 ms), so a line
is asked 25 to 40 times a second, well inside the 400 ms of IEC 60839-11-1."""


class ModbusLineOptions(InputOptions, SerialOptions):
    """Any input on a Modbus board."""

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


class OnALine(Protocol):
    """What sorts sections into lines and boards."""

    @property
    def port(self) -> str: ...

    @property
    def address(self) -> int: ...


O = TypeVar("O", bound=OnALine)  # noqa: E741  the options of one driver


class ModbusLine:
    """The line, opened for questions."""

    def __init__(self, line: ModbusLineOptions) -> None:
        self._port = SerialPort(line, baud=line.baud, parity=line.parity[0].upper(), read_timeout_s=ANSWER_TIMEOUT_S)

    def open(self) -> None:
        """Take the line; raises TransientDeviceError or PermanentDeviceError."""
        self._port.open()

    def ask(self, question: bytes, answer_bytes: int) -> bytes:
        """What came back within the time, be it no answer at all; raises TransientDeviceError if the line is lost."""
        self._port.discard_input()  # the rest of an answer that came too late belongs to no question
        self._port.write(question)
        answer = self._port.read_exactly(modbus_rtu.EXCEPTION_BYTES)
        if len(answer) == modbus_rtu.EXCEPTION_BYTES and answer[1] == question[1]:
            answer += self._port.read_exactly(answer_bytes - len(answer))
        return answer

    def close(self) -> None:
        """Let go of the line; never raises."""
        self._port.close()


def by_line(sections: Iterable[O]) -> list[list[O]]:
    """The sections of each serial line."""
    return [list(group) for _, group in groupby(sorted(sections, key=_port), key=_port)]


def by_board(sections: Iterable[O]) -> Mapping[int, Sequence[O]]:
    """The sections of each board of a line."""
    return {address: list(group) for address, group in groupby(sorted(sections, key=_address), key=_address)}


def _port(section: OnALine) -> str:
    return section.port


def _address(section: OnALine) -> int:
    return section.address
