"""Modbus RTU, as much of it as reading contacts needs: function 02, read discrete inputs. Pure.

Modbus over Serial Line V1.02 (framing, CRC) and Application Protocol V1.1b3 §6.2 (function 02).
"""

from portillon_drivers.errors import DriverError

READ_DISCRETE_INPUTS = 0x02
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


def request(address: int, first: int, count: int) -> bytes:
    """Ask board `address` for `count` inputs from `first` on (counted from 0)."""
    body = bytes([address, READ_DISCRETE_INPUTS]) + first.to_bytes(2, "big") + count.to_bytes(2, "big")
    return body + crc16(body)


def answer_bytes(count: int) -> int:
    """How long the answer for so many inputs is."""
    return 5 + (count + 7) // 8


def parse_answer(answer: bytes, address: int, count: int) -> tuple[bool, ...]:
    """The states of the inputs, in order; raises ModbusError saying what is wrong."""
    if not answer:
        raise ModbusError(f"board {address} does not answer")
    refusal = bytes([address, READ_DISCRETE_INPUTS | EXCEPTION_FLAG])
    if answer[:2] == refusal and len(answer) == EXCEPTION_BYTES and crc16(answer[:3]) == answer[3:]:
        raise ModbusError(f"board {address} refuses, exception {answer[2]}: has it so many inputs?")
    if len(answer) != answer_bytes(count):
        raise ModbusError(f"board {address} answered {len(answer)} bytes of {answer_bytes(count)}")
    if crc16(answer[:-2]) != answer[-2:]:
        raise ModbusError(f"an answer of board {address} has a wrong checksum")
    if answer[:3] != bytes([address, READ_DISCRETE_INPUTS, (count + 7) // 8]):
        raise ModbusError(f"an answer to another request came instead of board {address}'s")
    return tuple(bool(answer[3 + i // 8] >> i % 8 & 1) for i in range(count))
