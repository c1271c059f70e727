"""Frames between a host and a PN532 on its serial line (NXP UM0701-02 §6.2). Pure: bytes in, frames out.

    00  00 FF  LEN  LCS  TFI PD0 … PDn  DCS  00        up to 255 bytes; LEN + LCS = 0, TFI + … + DCS = 0 (mod 256)
    00  00 FF  FF FF  LENM LENL LCS  TFI …  DCS  00    extended, up to 265 bytes
    00  00 FF  00 FF  00   ACK                         00  00 FF  FF 00  00   NACK

TFI is D4 towards the chip and D5 from it. A frame with a wrong checksum is dropped, as the chip does.
"""

from collections.abc import Iterator
from enum import Enum

START = b"\x00\xff"
HOST_TO_CHIP = 0xD4
CHIP_TO_HOST = 0xD5
NORMAL_MAX = 255
EXTENDED_MAX = 265
"""TFI and what follows it, in an extended frame."""


class Mark(Enum):
    """A frame that carries nothing but itself."""

    ACK = b"\x00\x00\xff\x00\xff\x00"
    NACK = b"\x00\x00\xff\xff\x00\x00"


SYNTAX_ERROR = b"\x00\x00\xff\x01\xff\x7f\x81\x00"
"""What the chip answers to a command that it does not know or cannot do now."""


def frame(data: bytes) -> bytes:
    """The frame that carries `data`, TFI first; raises ValueError unless it has 1 to 265 bytes."""
    if not 1 <= len(data) <= EXTENDED_MAX:
        raise ValueError(f"a frame carries 1 to {EXTENDED_MAX} bytes, not {len(data)}")
    if len(data) <= NORMAL_MAX:
        length = bytes([len(data), -len(data) & 0xFF])
    else:
        size = len(data).to_bytes(2, "big")
        length = b"\xff\xff" + size + bytes([-sum(size) & 0xFF])
    return b"\x00" + START + length + data + bytes([-sum(data) & 0xFF, 0])


class FrameFinder:
    """Finds whole frames in a stream that may be split, cut or dirtied anywhere; keeps at most one frame's bytes."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes | Mark]:
        """The marks, and the contents of the frames (TFI first), that `data` completes."""
        for byte in data:
            self._buffer.append(byte)
            yield from self._look()

    def _look(self) -> Iterator[bytes | Mark]:
        self._skip_to_start()
        while (found := _read(bytes(self._buffer))) == b"":
            # What looked like a start was none: the true one may be among the bytes behind it.
            del self._buffer[:1]
            self._skip_to_start()
        if found is not None:
            self._buffer.clear()
            yield found

    def _skip_to_start(self) -> None:
        start = self._buffer.find(START)
        if start > 0:
            del self._buffer[:start]
        elif start < 0:
            # The first byte of a start code may have been the last to come; whatever was before it is preamble.
            del self._buffer[: -1 if self._buffer.endswith(START[:1]) else None]


def _read(data: bytes) -> bytes | Mark | None:
    """What a buffer that begins with a start code holds: contents, a mark, b"" if refused, None if more is due."""
    if len(data) < 4:
        return None
    for mark in Mark:
        if data[2:4] == mark.value[3:5]:
            return mark
    length, begin = data[2], 4
    if data[2:4] == b"\xff\xff":
        if len(data) < 7:
            return None
        length, begin = int.from_bytes(data[4:6], "big"), 7
    if sum(data[begin - (2 if begin == 4 else 3) : begin]) & 0xFF or not 1 <= length <= EXTENDED_MAX:
        return b""
    if len(data) < begin + length + 1:
        return None
    contents = data[begin : begin + length]
    return b"" if (sum(contents) + data[begin + length]) & 0xFF else contents
