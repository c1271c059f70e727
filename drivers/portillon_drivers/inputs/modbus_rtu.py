"""Modbus RTU, as much of it as reading inputs needs: functions 02, 03 and 04. Pure.

Modbus over Serial Line V1.02 (framing, CRC) and Application Protocol V1.1b3 §6.2 to §6.4 (the functions).
"""

from portillon_drivers.errors import DriverError

READ_DISCRETE_INPUTS = 0x02
READ_HOLDING_REGISTERS = 0x03
READ_INPUT_REGISTERS = 0x04
EXCEPTION_FLAG = 0x80
REQUEST_BYTES = 8
EXCEPTION_BYTES = 5


class ModbusError(DriverError):
    """The bytes are no answer to the request."""


def crc16(data: bytes) -> bytes:
    """CRC-16/MODBUS as it travels, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
    return crc.to_bytes(2, "little")


def request(address: int, first: int, count: int, function: int = READ_DISCRETE_INPUTS) -> bytes:
    """Ask board `address` for `count` inputs or registers from `first` on (counted from 0)."""
    body = bytes([address, function]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + crc16(body)


def answer_bytes(count: int, function: int = READ_DISCRETE_INPUTS) -> int:
    """How long the answer for so many inputs or registers is."""
    return 5 + _payload_bytes(count, function)


def parse_answer(answer: bytes, address: int, count: int) -> tuple[bool, ...]:
    """The states of the inputs, in order; raises ModbusError saying what is wrong."""
    payload = _payload(answer, address, count, READ_DISCRETE_INPUTS)
    return tuple(bool(payload[i // 8] >> i % 8 & 1) for i in range(count))


def parse_registers(answer: bytes, address: int, count: int, function: int) -> tuple[int, ...]:
    """The values of the registers, in order, without sign; raises ModbusError saying what is wrong."""
    payload = _payload(answer, address, count, function)
    return tuple(int.from_bytes(payload[2 * i : 2 * i + 2], "big") for i in range(count))


def _payload_bytes(count: int, function: int) -> int:
    return (count + 7) // 8 if function == READ_DISCRETE_INPUTS else 2 * count


def _payload(answer: bytes, address: int, count: int, function: int) -> bytes:
    if not answer:
        raise ModbusError(f"board {address} does not answer")
    refusal = bytes([address, function | EXCEPTION_FLAG])
    if answer[:2] == refusal and len(answer) == EXCEPTION_BYTES and crc16(answer[:3]) == answer[3:]:
        raise ModbusError(f"board {address} refuses, exception {answer[2]}: has it so many inputs?")
    if len(answer) != answer_bytes(count, function):
        raise ModbusError(f"board {address} answered {len(answer)} bytes of {answer_bytes(count, function)}")
    if crc16(answer[:-2]) != answer[-2:]:
        raise ModbusError(f"an answer of board {address} has a wrong checksum")
    if answer[:3] != bytes([address, function, _payload_bytes(count, function)]):
        raise ModbusError(f"an answer to another request came instead of board {address}'s")
    return answer[3:-2]
