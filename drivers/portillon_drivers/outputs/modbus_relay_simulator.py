"""A Modbus relay board at the far end of a line: it latches as the real ones do. Pure: bytes and time in, bytes out.

Its frames are its own and not the driver's library, so that the two cannot be wrong together.
Not modelled: silent gaps and collisions, the coils' 5 to 10 ms, and whether a plain command cancels a flash that runs
(here it does not: the harder case for the driver).
"""

from portillon_drivers.inputs.modbus_rtu import EXCEPTION_FLAG, REQUEST_BYTES, crc16

READ_COILS = 0x01
WRITE_SINGLE_COIL = 0x05
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
VALUES = {0xFF00: True, 0x0000: False}
FLASHES = {0x0200: True, 0x0400: False}
UNIT_NS = 100_000_000


class ModbusRelayBoardSimulator:
    """One board's processor and its relays; silent to other addresses and to garbled requests."""

    def __init__(self, address: int, channels: int, *, flashes: bool) -> None:
        self._address = address
        self._energised = [False] * channels
        self._flashes = flashes
        self._back: dict[int, tuple[int, bool]] = {}
        self._pending = b""

    def energised(self, channel: int, now_ns: int) -> bool:
        """Whether that relay's coil (counted from 1) carries current now."""
        self._pass(now_ns)
        return self._energised[channel - 1]

    def disturb(self, channel: int) -> None:
        """A brown-out or noise switched that relay over."""
        self._energised[channel - 1] = not self._energised[channel - 1]

    def lose_power(self) -> None:
        """Every coil drops, a flash that runs and half a command are forgotten."""
        self._energised = [False] * len(self._energised)
        self._back.clear()
        self._pending = b""

    def receive(self, data: bytes, now_ns: int) -> bytes:
        """Bytes from the host; returns the answers they call for."""
        self._pass(now_ns)
        self._pending += data
        answers = b""
        while len(self._pending) >= REQUEST_BYTES:
            request = self._pending[:REQUEST_BYTES]
            if crc16(request[:-2]) != request[-2:]:
                self._pending = self._pending[1:]
                continue
            self._pending = self._pending[REQUEST_BYTES:]
            if request[0] == self._address:
                body = self._answer(request, now_ns)
                answers += body + crc16(body)
        return answers

    def _answer(self, request: bytes, now_ns: int) -> bytes:
        function = request[1]
        first, value = int.from_bytes(request[2:4], "big"), int.from_bytes(request[4:6], "big")
        if function == READ_COILS:
            return self._states(first, value)
        if function != WRITE_SINGLE_COIL:
            return self._refusal(function, ILLEGAL_FUNCTION)
        if self._flashes and first & 0xFF00 in FLASHES and first & 0xFF < len(self._energised):
            coil, to = first & 0xFF, FLASHES[first & 0xFF00]
            self._energised[coil] = to
            self._back[coil] = (now_ns + value * UNIT_NS, not to)
            return request[:-2]
        if first >= len(self._energised):
            return self._refusal(function, ILLEGAL_ADDRESS)
        if value not in VALUES:
            return self._refusal(function, ILLEGAL_VALUE)
        self._energised[first] = VALUES[value]
        return request[:-2]

    def _states(self, first: int, count: int) -> bytes:
        if count == 0 or first + count > len(self._energised):
            return self._refusal(READ_COILS, ILLEGAL_ADDRESS)
        packed = bytearray((count + 7) // 8)
        for i in range(count):
            packed[i // 8] |= self._energised[first + i] << i % 8
        return bytes([self._address, READ_COILS, len(packed)]) + bytes(packed)

    def _refusal(self, function: int, exception: int) -> bytes:
        return bytes([self._address, function | EXCEPTION_FLAG, exception])

    def _pass(self, now_ns: int) -> None:
        for coil, (at_ns, to) in list(self._back.items()):
            if now_ns >= at_ns:
                self._energised[coil] = to
                del self._back[coil]
