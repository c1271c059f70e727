"""What a reader tells of people: cards and keys. Their contents never show in a repr. Pure."""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self

from portillon_drivers.osdp.errors import MalformedError

CARD_BITS_MAX = 1024
"""Longer than any access card's number; a reader that sends more is not believed."""
KEYS_MAX = 64


class RawFormat(IntEnum):
    """What a reader says of raw bits."""

    UNSPECIFIED = 0
    WIEGAND = 1


@dataclass(frozen=True, slots=True)
class RawCard:
    """osdp_RAW: a card's bits, first bit first, as '0' and '1'."""

    CODE: ClassVar[int] = 0x50
    bits: str = field(repr=False)
    format: int = RawFormat.UNSPECIFIED
    reader: int = 0

    def data(self) -> bytes:
        length = len(self.bits)
        packed = int(self.bits.ljust(-(-length // 8) * 8, "0") or "0", 2).to_bytes(-(-length // 8), "big")
        return bytes([self.reader, self.format]) + length.to_bytes(2, "little") + packed

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 4:
            raise MalformedError("no length")
        length = int.from_bytes(data[2:4], "little")
        if not 1 <= length <= CARD_BITS_MAX or len(data) != 4 + -(-length // 8):
            raise MalformedError("the number of bits does not fit the bytes")
        bits = "".join(f"{byte:08b}" for byte in data[4:])[:length]
        return cls(bits, data[1], data[0])


@dataclass(frozen=True, slots=True)
class FormattedCard:
    """osdp_FMT: a card's characters in the order in which they were read."""

    CODE: ClassVar[int] = 0x51
    text: bytes = field(repr=False)
    backwards: bool = False
    reader: int = 0

    def data(self) -> bytes:
        return bytes([self.reader, self.backwards, len(self.text)]) + self.text

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 4 or len(data) != 3 + data[2]:
            raise MalformedError("the length does not fit the bytes")
        return cls(data[3:], bool(data[1]), data[0])


@dataclass(frozen=True, slots=True)
class KeypadData:
    """osdp_KEYPAD: ASCII digits, 0x7F for '*', 0x0D for '#'."""

    CODE: ClassVar[int] = 0x53
    keys: bytes = field(repr=False)
    reader: int = 0

    def data(self) -> bytes:
        return bytes([self.reader, len(self.keys)]) + self.keys

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 3 or len(data) != 2 + data[1] or data[1] > KEYS_MAX:
            raise MalformedError("the number of keys does not fit the bytes")
        return cls(data[2:], data[0])
