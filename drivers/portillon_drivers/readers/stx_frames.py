"""The frames that 125 kHz readers send, taken apart byte by byte. Pure: bytes and their time in, cards and faults out.

    STX (02)   10 hex digits: the card   2 hex digits: XOR of its five bytes   trailer ending in ETX (03)

The trailer is ETX for RDM6300 and CR LF ETX for ID-12LA. No digit equals STX, so STX always starts a frame: whatever
came before it, the frame that follows is read. Feeding b"" lets time pass.
"""

from collections.abc import Iterator

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault

STX = 0x02
ETX = 0x03
CARD_DIGITS = 10
DIGITS = CARD_DIGITS + 2
HEX = frozenset(b"0123456789ABCDEFabcdef")
GAP_NS = 1_000_000_000
"""A frame takes 17 ms at 9600 Bd; one that stands still for a second has broken off. Generous, for a stalled host."""
JUNK_BYTES_MAX = 64
"""Endless junk (a wrong baud rate) is told in portions of this size."""


class StxFrames:
    """Finds whole frames in a stream of bytes that may be split, cut or dirtied anywhere."""

    def __init__(self, trailer: bytes) -> None:
        self._trailer = trailer
        self._frame: bytearray | None = None
        self._junk_bytes = 0
        self._last_ns = 0

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """The cards (10 upper-case hex digits) and faults in `data`, in order."""
        if at_ns - self._last_ns > GAP_NS:
            yield from self.break_off()
        if data:
            self._last_ns = at_ns
        for byte in data:
            yield from self._byte(byte)

    def break_off(self) -> Iterator[FrameFault]:
        """What was begun will not be finished: the line was lost, or stood still."""
        if self._frame is not None:
            yield FrameFault(ReaderFaultKind.TRUNCATED, f"a frame broke off after {len(self._frame)} digits")
            self._frame = None
        if self._junk_bytes:
            yield FrameFault(ReaderFaultKind.JUNK, f"{self._junk_bytes} bytes outside any frame")
            self._junk_bytes = 0

    def _byte(self, byte: int) -> Iterator[str | FrameFault]:
        if byte == STX:
            yield from self.break_off()
            self._frame = bytearray()
        elif self._frame is None:
            self._junk_bytes += 1
            if self._junk_bytes == JUNK_BYTES_MAX:
                yield from self.break_off()
        elif not self._fits(self._frame, byte):
            yield FrameFault(
                ReaderFaultKind.MALFORMED,
                f"after {len(self._frame)} characters came one that has no place there; is the reader of another type?",
            )
            self._frame = None
        else:
            self._frame.append(byte)
            if len(self._frame) == DIGITS + len(self._trailer):
                yield _card(self._frame[:DIGITS].decode("ascii"))
                self._frame = None

    def _fits(self, frame: bytearray, byte: int) -> bool:
        if len(frame) < DIGITS:
            return byte in HEX
        return byte == self._trailer[len(frame) - DIGITS]


def _card(digits: str) -> str | FrameFault:
    *card, checksum = bytes.fromhex(digits)
    xor = 0
    for byte in card:
        xor ^= byte
    if xor != checksum:
        return FrameFault(ReaderFaultKind.CHECKSUM, "a whole frame whose checksum is wrong")
    if not any(card):
        return FrameFault(ReaderFaultKind.ALL_ZERO, "a whole frame of zeros")
    return digits[:CARD_DIGITS].upper()
