"""Modbus boards with contacts and with supervised loops, at the far end of a line. Pure: bytes in, bytes out.

Not modelled: silent gaps and collisions; noise of what is measured.
"""

from collections.abc import Iterator
from math import inf

from portillon_drivers.inputs.modbus_rtu import (
    EXCEPTION_FLAG,
    READ_DISCRETE_INPUTS,
    READ_HOLDING_REGISTERS,
    READ_INPUT_REGISTERS,
    REQUEST_BYTES,
    crc16,
)

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
OPEN_COUNTS = 5_000
"""What a simulated analogue board tells for its whole supply: 5 V in millivolts."""


class _Board:
    """Finds the requests for its own address; stays silent for others and for garbled ones."""

    functions: frozenset[int]

    def __init__(self, address: int, channels: int) -> None:
        self._address = address
        self._channels = channels
        self._pending = b""

    def receive(self, data: bytes) -> bytes:
        """Bytes from the host; returns the answers they call for."""
        return b"".join(body + crc16(body) for body in map(self._answer, self._requests(data)) if body)

    def _requests(self, data: bytes) -> Iterator[bytes]:
        self._pending += data
        while len(self._pending) >= REQUEST_BYTES:
            request = self._pending[:REQUEST_BYTES]
            whole = crc16(request[:-2]) == request[-2:]
            self._pending = self._pending[REQUEST_BYTES if whole else 1 :]
            if whole:
                yield request

    def _answer(self, request: bytes) -> bytes:
        function, first, count = request[1], int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if request[0] != self._address:
            return b""
        if function not in self.functions:
            return bytes([self._address, function | EXCEPTION_FLAG, ILLEGAL_FUNCTION])
        if count == 0 or first + count > self._channels:
            return bytes([self._address, function | EXCEPTION_FLAG, ILLEGAL_ADDRESS])
        payload = self._payload(first, count)
        return bytes([self._address, function, len(payload)]) + payload

    def _payload(self, first: int, count: int) -> bytes:
        raise NotImplementedError


class ModbusBoardSimulator(_Board):
    """A board with dry contacts: function 02."""

    functions = frozenset({READ_DISCRETE_INPUTS})

    def __init__(self, address: int, channels: int) -> None:
        super().__init__(address, channels)
        self._closed = [False] * channels

    def set_closed(self, channel: int, closed: bool) -> None:
        """Close or open the contact on that channel (counted from 1)."""
        self._closed[channel - 1] = closed

    def _payload(self, first: int, count: int) -> bytes:
        packed = bytearray((count + 7) // 8)
        for i in range(count):
            packed[i // 8] |= self._closed[first + i] << i % 8
        return bytes(packed)


class AnalogBoardSimulator(_Board):
    """A board that measures what hangs between each terminal and ground, beside a pull-up resistor: 03 and 04."""

    functions = frozenset({READ_HOLDING_REGISTERS, READ_INPUT_REGISTERS})

    def __init__(self, address: int, channels: int, pull_up_ohm: float = 1_000) -> None:
        super().__init__(address, channels)
        self._pull_up_ohm = pull_up_ohm
        self._loops_ohm = [inf] * channels

    def set_ohm(self, channel: int, ohm: float) -> None:
        """Hang such a loop on that channel (counted from 1); `inf` is a cut wire."""
        self._loops_ohm[channel - 1] = ohm

    def _payload(self, first: int, count: int) -> bytes:
        return b"".join(self._counts(ohm).to_bytes(2, "big") for ohm in self._loops_ohm[first : first + count])

    def _counts(self, ohm: float) -> int:
        share = 1.0 if ohm == inf else ohm / (ohm + self._pull_up_ohm)
        return round(OPEN_COUNTS * share)
