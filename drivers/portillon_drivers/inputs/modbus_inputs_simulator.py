"""A Modbus board with contacts, at the far end of a line. Pure: bytes in, bytes out.

Not modelled: silent gaps and collisions.
"""

from portillon_drivers.inputs.modbus_rtu import EXCEPTION_FLAG, READ_DISCRETE_INPUTS, REQUEST_BYTES, crc16

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2


class ModbusBoardSimulator:
    """Answers function 02 for its own address, stays silent for others and for garbled requests."""

    def __init__(self, address: int, channels: int) -> None:
        self._address = address
        self._closed = [False] * channels
        self._pending = b""

    def set_closed(self, channel: int, closed: bool) -> None:
        """Close or open the contact on that channel (counted from 1)."""
        self._closed[channel - 1] = closed

    def receive(self, data: bytes) -> bytes:
        """Bytes from the host; returns the answers they call for."""
        self._pending += data
        answers = b""
        while len(self._pending) >= REQUEST_BYTES:
            request = self._pending[:REQUEST_BYTES]
            if crc16(request[:-2]) != request[-2:]:
                self._pending = self._pending[1:]
                continue
            self._pending = self._pending[REQUEST_BYTES:]
            if request[0] == self._address:
                body = self._answer(request[1], request[2:4], request[4:6])
                answers += body + crc16(body)
        return answers

    def _answer(self, function: int, first_bytes: bytes, count_bytes: bytes) -> bytes:
        first, count = int.from_bytes(first_bytes, "big"), int.from_bytes(count_bytes, "big")
        if function != READ_DISCRETE_INPUTS:
            return bytes([self._address, function | EXCEPTION_FLAG, ILLEGAL_FUNCTION])
        if count == 0 or first + count > len(self._closed):
            return bytes([self._address, function | EXCEPTION_FLAG, ILLEGAL_ADDRESS])
        packed = bytearray((count + 7) // 8)
        for i in range(count):
            packed[i // 8] |= self._closed[first + i] << i % 8
        return bytes([self._address, function, len(packed)]) + bytes(packed)
