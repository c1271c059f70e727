"""OSDP's frames: one message on the wire, and its parts. Pure.

    [FF]  53  address  length (2, little-endian, SOM to check)  control  [security block]  code  data  [MAC]  check

The check is two bytes of CRC or one of checksum. Control: bits 0-1 the sequence number, bit 2 CRC-16 instead of a
checksum, bit 3 a security block follows; the rest are zero. A reply has bit 7 of the address set.
SIA OSDP v2.2 (IEC 60839-11-5), clause 5.
"""

from dataclasses import dataclass, field

SOM = 0x53
MARK = 0xFF
"""Idle line before a frame; sent once so that a transceiver's turning glitch hits nothing that counts."""
REPLY = 0x80
BROADCAST = 0x7F
"""Every reader answers to it: only for a bus with one reader."""
CRC = 0x04
BLOCK = 0x08
HEAD_BYTES = 5
FRAME_BYTES_MIN = HEAD_BYTES + 2
FRAME_BYTES_MAX = 1440
"""The largest message that v2.2 allows (clause 5.6)."""


@dataclass(frozen=True, slots=True)
class SecurityBlock:
    """Which step or kind of the secure channel a frame is: SCS_11 to SCS_18 as 0x11 to 0x18."""

    kind: int
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message; `body` is the code, the data and, from SCS_15 on, four bytes of MAC."""

    address: int
    reply: bool
    sequence: int
    body: bytes = field(repr=False)
    crc: bool = True
    block: SecurityBlock | None = None

    def covered(self, body_bytes: int | None = None) -> bytes:
        """Everything that the check covers: from SOM to the end of the body.

        `body_bytes`: the length to declare when the body is not complete yet (its MAC is computed over this head).
        """
        block = b"" if self.block is None else bytes([2 + len(self.block.data), self.block.kind]) + self.block.data
        body_length = len(self.body) if body_bytes is None else body_bytes
        length = HEAD_BYTES + len(block) + body_length + (2 if self.crc else 1)
        control = self.sequence | (CRC if self.crc else 0) | (BLOCK if self.block else 0)
        address = self.address | (REPLY if self.reply else 0)
        return bytes([SOM, address]) + length.to_bytes(2, "little") + bytes([control]) + block + self.body


def encode(frame: Frame) -> bytes:
    """The frame's bytes, without a mark before them."""
    covered = frame.covered()
    return covered + check(covered, crc=frame.crc)


def check(covered: bytes, *, crc: bool) -> bytes:
    """CRC-16 (least significant byte first) or the one-byte checksum."""
    return crc16(covered).to_bytes(2, "little") if crc else bytes([-sum(covered) & 0xFF])


def crc16(data: bytes) -> int:
    """CRC-16, polynomial 0x1021, starting at 0x1D0F, most significant bit first (annex E)."""
    value = 0x1D0F
    for byte in data:
        value = (value << 8 & 0xFF00) ^ _CRC[value >> 8 ^ byte]
    return value


def _crc_row(value: int) -> int:
    value <<= 8
    for _ in range(8):
        value = (value << 1 ^ 0x1021 if value & 0x8000 else value << 1) & 0xFFFF
    return value


_CRC = tuple(_crc_row(value) for value in range(256))
