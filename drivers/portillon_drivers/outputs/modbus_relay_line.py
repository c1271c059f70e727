"""One RS-485 line with relay boards: question, answer, check. Frames by pymodbus, the line by our SerialPort.

One thread drives all doors of a gateway, so one board must not hold up the others:
- a command without an answer is sent once more, since lines are noisy; a board that then did not answer is not asked
  again within SILENT_NS, whichever of its relays is meant, and only once each time;
- the relays of a board that merely stand are confirmed together, by one question per CONFIRMED_NS; one that is found
  otherwise is written again.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

from pymodbus.exceptions import ModbusException
from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, WriteSingleCoilRequest

from portillon_drivers.errors import TransientDeviceError
from portillon_drivers.events import ClockNs
from portillon_drivers.options import SerialOptions
from portillon_drivers.serial_port import SerialPort

THINKING_S = 0.05
"""Boards answer within 5 to 30 ms of a command's last bit."""
EXCHANGE_BITS = 16 * 11
"""Command and answer of function 05: eight bytes each, of eleven bits (Modbus over Serial Line V1.02 §2.5.1)."""
SILENT_NS = 1_000_000_000
CONFIRMED_NS = 900_000_000
"""Just under the guard's refresh of a second: a coil that changed by itself is put right within two."""

FLASH_ON = 0x0200
FLASH_OFF = 0x0400
FLASH_UNIT_MS = 100
FLASH_UNITS_MAX = 0x7FFF


class FlashRequest(ModbusPDU):
    """Function 05 as the boards that time by themselves understand it: the value is a time in units of 100 ms."""

    function_code = 5
    rtu_frame_size = 8

    def encode(self) -> bytes:
        """The address of the flash command, and the time."""
        return struct.pack(">HH", self.address, self.count)


@dataclass(slots=True)
class _Board:
    coils: int
    commanded: dict[int, bool] = field(default_factory=dict)
    """What the board answered to have done; empty once anything went wrong: then everything is written anew."""
    read: tuple[bool, ...] = ()
    read_ns: int = 0
    silent_until_ns: int | None = None
    wrong: str = ""


class ModbusRelayLine:
    """Not thread-safe: the guard's thread owns it. Every failure is a TransientDeviceError naming board and line."""

    def __init__(
        self, options: SerialOptions, *, baud: int, parity: str, coils: Mapping[int, int], clock_ns: ClockNs
    ) -> None:
        """`coils`: for each board's address, its highest coil in use, counted from 1."""
        self._path = options.path
        self._answer_s = THINKING_S + EXCHANGE_BITS / baud
        self._port = SerialPort(options, baud=baud, parity=parity[0].upper(), read_timeout_s=self._answer_s)
        self._boards = {address: _Board(count) for address, count in coils.items()}
        self._framer = FramerRTU(DecodePDU(is_server=False))
        self._clock_ns = clock_ns

    def open(self) -> None:
        """Take the line; already open is fine."""
        if self._port.is_open:
            return
        for board in self._boards.values():
            board.commanded.clear()
        self._port.open()

    def close(self) -> None:
        """Let go of the line; never raises."""
        self._port.close()

    def confirms(self, address: int, coil: int, *, energised: bool) -> bool:
        """Whether the coil was last commanded so, and the board says, or said a moment ago, that it is so."""
        board = self._boards[address]
        if board.commanded.get(coil) is not energised:
            return False
        if not board.read or self._clock_ns() - board.read_ns >= CONFIRMED_NS:
            answer = self._ask(ReadCoilsRequest(dev_id=address, address=0, count=board.coils))
            if len(answer.bits) < board.coils:
                raise self._wrong(address, f"it told {len(answer.bits)} relays instead of {board.coils}")
            board.read, board.read_ns = tuple(answer.bits[: board.coils]), self._clock_ns()
        return board.read[coil] is energised

    def write(self, address: int, coil: int, *, energised: bool) -> None:
        """Switch the coil."""
        answer = self._ask(WriteSingleCoilRequest(dev_id=address, address=coil, bits=[energised]))
        if answer.address != coil or list(answer.bits) != [energised]:
            raise self._wrong(address, f"it answered that another relay than {coil + 1} was switched")
        self._note(address, coil, energised=energised)

    def flash(self, address: int, coil: int, *, energised: bool, units: int) -> None:
        """Switch the coil for so many FLASH_UNIT_MS; the board switches it back."""
        command = coil + (FLASH_ON if energised else FLASH_OFF)
        answer = self._ask(FlashRequest(dev_id=address, address=command, count=units))
        if answer.address != command:
            raise self._wrong(address, f"it answered that another relay than {coil + 1} was switched")
        self._note(address, coil, energised=energised)

    def _note(self, address: int, coil: int, *, energised: bool) -> None:
        board = self._boards[address]
        board.commanded[coil] = energised
        if board.read:
            board.read = (*board.read[:coil], energised, *board.read[coil + 1 :])

    def _ask(self, request: ModbusPDU) -> ModbusPDU:
        board = self._boards[request.dev_id]
        tries = 2
        if board.silent_until_ns is not None:
            if self._clock_ns() < board.silent_until_ns:
                raise TransientDeviceError(board.wrong)
            tries = 1
        for _ in range(tries):
            self._port.discard_input()  # the rest of an answer that came too late belongs to no question
            self._port.write(self._framer.buildFrame(request))
            answer = self._answer(request)
            if answer is None:
                continue
            if answer.isError():
                raise self._wrong(request.dev_id, f"it refuses, exception {answer.exception_code}: has it that relay?")
            board.silent_until_ns = None
            return answer
        raise self._wrong(
            request.dev_id, "it does not answer: check its power, the wires A and B, its address and its baud rate"
        )

    def _answer(self, request: ModbusPDU) -> ModbusPDU | None:
        received = b""
        until_ns = self._clock_ns() + int(self._answer_s * 1e9)
        while self._clock_ns() < until_ns and (more := self._port.read_some()):
            received += more
            try:
                _, answer = self._framer.handleFrame(received, request.dev_id, 0)
            except (ModbusException, struct.error, IndexError):  # nonsense with a right checksum
                return None
            if answer is not None:
                return answer if answer.function_code & 0x7F == request.function_code else None
        return None

    def _wrong(self, address: int, what: str) -> TransientDeviceError:
        board = self._boards[address]
        board.commanded.clear()
        board.silent_until_ns = self._clock_ns() + SILENT_NS
        board.wrong = f"relay board {address} on {self._path}: {what}"
        return TransientDeviceError(board.wrong)
