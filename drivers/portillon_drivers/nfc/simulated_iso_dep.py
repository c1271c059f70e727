"""The card's side of ISO/IEC 14443-4 in a simulated field: blocks in, blocks out. Pure.

Not modelled: card identifiers other than what the chip's own ATTRIB gives, node addresses, S(PARAMETERS), timing.
"""

from collections.abc import Callable

from portillon_drivers.nfc.iso_dep import CHAINING, EPILOGUE_BYTES, FRAME_BYTES, I_BLOCK, R_ACK, R_NAK, S_WTX

S_DESELECT = 0xC2
COMMAND_BYTES_MAX = 8_192
WTXM = 1
"""The waiting-time multiple that a slow card asks for."""


class SimulatedIsoDep:
    """One activated card; `wtx` is how often it asks for more time before each block of data, `piece_bytes` how finely
    it cuts its answers (None: as the reader's FSD allows)."""

    def __init__(
        self, apdu: Callable[[bytes], bytes], *, fsdi: int, wtx: int = 0, piece_bytes: int | None = None
    ) -> None:
        self._apdu = apdu
        frame_bytes = FRAME_BYTES[min(fsdi, len(FRAME_BYTES) - 1)] - 1 - EPILOGUE_BYTES
        self._piece_bytes = frame_bytes if piece_bytes is None else min(piece_bytes, frame_bytes)
        self._wtx = wtx
        self._number = 1
        self._command = b""
        self._rest = b""
        self._last = b""
        self._held: bytes | None = None
        self._waits = 0

    def receive(self, block: bytes) -> bytes | None:
        """The card's block in answer; None: it stays silent, as it does to anything it does not understand."""
        if not block:
            return None
        answer = self._answer(block)
        if answer is not None:
            self._last = answer
        return answer

    def _answer(self, block: bytes) -> bytes | None:
        head, number = block[0], block[0] & 1
        if head & 0xEE == I_BLOCK:
            self._number ^= 1
            return self._take(block)
        if head & 0xFE in (R_ACK, R_NAK) and len(block) == 1:
            if number == self._number:
                return self._last or None
            if head & 0xFE == R_NAK:
                return bytes([R_ACK | self._number])
            if self._rest:
                self._number ^= 1
                return self._give()
            return None
        return self._wait_or_give() if head == S_WTX else None

    def _take(self, block: bytes) -> bytes | None:
        self._command = (self._command + block[1:])[:COMMAND_BYTES_MAX]
        if block[0] & CHAINING:
            return bytes([R_ACK | self._number])
        command, self._command = self._command, b""
        self._rest = self._apdu(command)
        return self._give()

    def _give(self) -> bytes | None:
        piece, self._rest = self._rest[: self._piece_bytes], self._rest[self._piece_bytes :]
        self._held = bytes([I_BLOCK | (CHAINING if self._rest else 0) | self._number]) + piece
        self._waits = self._wtx
        return self._wait_or_give()

    def _wait_or_give(self) -> bytes | None:
        if self._waits and self._held is not None:
            self._waits -= 1
            return bytes([S_WTX, WTXM])
        given, self._held = self._held, None
        return given
