"""How the body of a message is laid out: what commands and replies share. Pure."""

from typing import Self

from portillon_drivers.osdp.errors import MalformedError


class Plain:
    """A message that is its code and nothing more."""

    __slots__ = ()

    def data(self) -> bytes:
        return b""

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 0)
        return cls()


class ZeroByte(Plain):
    """A request whose one byte of data is zero: the standard form of the report."""

    __slots__ = ()

    def data(self) -> bytes:
        return b"\0"

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 1)
        return cls()


def exactly(data: bytes, length: int) -> None:
    """Raises `MalformedError` unless there is exactly so much."""
    if len(data) != length:
        raise MalformedError(f"{len(data)} bytes of data instead of {length}")


def little_endian(data: bytes) -> int:
    """OSDP's byte order: the least significant first."""
    return int.from_bytes(data, "little")
