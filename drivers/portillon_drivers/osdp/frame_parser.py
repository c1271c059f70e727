"""Finds whole frames in a stream that may be split, cut, echoed or dirtied anywhere. Pure; it holds one frame at most.

Frames of both directions and all addresses come out: a panel drops its own echo and other readers' late answers itself,
and dropping them whole keeps a start byte inside of them from being taken for a frame.
"""

from collections.abc import Iterator

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.osdp.frame import (
    BLOCK,
    BROADCAST,
    CRC,
    FRAME_BYTES_MAX,
    FRAME_BYTES_MIN,
    HEAD_BYTES,
    MARK,
    REPLY,
    SOM,
    Frame,
    SecurityBlock,
    check,
)
from portillon_drivers.readers.frame_fault import FrameFault

JUNK_BYTES_MAX = 64
"""Endless junk (a wrong baud rate) is told in portions of this size."""


class FrameParser:
    """Feed it what the line brings; call `break_off` when the rest of a frame can no longer be expected."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._junk_bytes = 0
        self._refused_bytes = 0
        """So much of what comes next belongs to a frame that was refused and told as a whole."""

    @property
    def under_way(self) -> bool:
        """Whether a frame has begun whose end is missing."""
        return bool(self._buffer)

    def feed(self, data: bytes) -> Iterator[Frame | FrameFault]:
        """The frames and faults in `data`, in order."""
        for start in range(0, len(data), FRAME_BYTES_MAX):
            self._buffer += data[start : start + FRAME_BYTES_MAX]
            yield from self._scan()

    def break_off(self) -> Iterator[FrameFault]:
        """What was begun will not be finished."""
        if self._buffer:
            yield FrameFault(ReaderFaultKind.TRUNCATED, f"a frame broke off after {len(self._buffer)} bytes")
            self._buffer.clear()
        self._refused_bytes = 0
        yield from self._junk()

    def _scan(self) -> Iterator[Frame | FrameFault]:
        buffer = self._buffer
        while buffer:
            length = _length(buffer) if buffer[0] == SOM else 0
            if length is None or len(buffer) < length:
                return
            if length == 0:
                yield from self._skip()
                continue
            frame = _frame(bytes(buffer[:length]))
            yield from self._junk()
            if frame is None:
                if not self._refused_bytes:
                    yield FrameFault(ReaderFaultKind.CHECKSUM, "a whole frame whose check is wrong")
                self._refused_bytes = max(self._refused_bytes, length)
                yield from self._skip()
                continue
            self._refused_bytes = 0
            yield frame
            del buffer[:length]

    def _skip(self) -> Iterator[FrameFault]:
        """One byte that begins no frame."""
        if self._refused_bytes:
            self._refused_bytes -= 1
        elif self._buffer[0] != MARK:
            self._junk_bytes += 1
            if self._junk_bytes == JUNK_BYTES_MAX:
                yield from self._junk()
        del self._buffer[0]

    def _junk(self) -> Iterator[FrameFault]:
        if self._junk_bytes:
            yield FrameFault(ReaderFaultKind.JUNK, f"{self._junk_bytes} bytes outside any frame")
            self._junk_bytes = 0


def _length(buffer: bytearray) -> int | None:
    """The length of the frame that starts here; 0: none does; None: too early to say."""
    if len(buffer) < HEAD_BYTES:
        return None
    length = int.from_bytes(buffer[2:4], "little")
    control = buffer[4]
    if control & ~(0x03 | CRC | BLOCK):
        return 0
    least = FRAME_BYTES_MIN + (1 if control & CRC else 0)
    if control & BLOCK:
        if len(buffer) <= HEAD_BYTES:
            return None
        if buffer[HEAD_BYTES] < 2:
            return 0
        least += buffer[HEAD_BYTES]
    return length if least <= length <= FRAME_BYTES_MAX else 0


def _frame(raw: bytes) -> Frame | None:
    """The frame that these bytes are; None if their check is wrong."""
    crc = bool(raw[4] & CRC)
    covered, got = (raw[:-2], raw[-2:]) if crc else (raw[:-1], raw[-1:])
    if check(covered, crc=crc) != got:
        return None
    body = covered[HEAD_BYTES:]
    block = None
    if raw[4] & BLOCK:
        block = SecurityBlock(body[1], body[2 : body[0]])
        body = body[body[0] :]
    return Frame(raw[1] & BROADCAST, bool(raw[1] & REPLY), raw[4] & 0x03, body, crc, block)
