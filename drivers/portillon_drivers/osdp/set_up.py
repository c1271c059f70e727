"""What the panel sets in a reader: address and speed, keys, the steps of the secure channel, files. Pure."""

from dataclasses import dataclass, field
from typing import ClassVar, Self

from portillon_drivers.osdp.body import exactly, little_endian
from portillon_drivers.osdp.errors import CommandError, MalformedError

KEY_BYTES = 16
NONCE_BYTES = 8


@dataclass(frozen=True, slots=True)
class ComSet:
    """osdp_COMSET: the reader's new address and speed; it answers with what it took, then uses that."""

    CODE: ClassVar[int] = 0x6E
    address: int
    baud: int

    def data(self) -> bytes:
        if not 0 <= self.address < 0x7F:
            raise CommandError(f"a reader's address is 0 to 126, not {self.address}")
        return bytes([self.address]) + self.baud.to_bytes(4, "little")

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 5)
        if data[0] >= 0x7F:
            raise MalformedError("an address that no reader can have")
        return cls(data[0], little_endian(data[1:5]))


@dataclass(frozen=True, slots=True)
class KeySet:
    """osdp_KEYSET: the reader's new own key (SCBK), inside a secure channel only; done when the reader proved it."""

    CODE: ClassVar[int] = 0x75
    scbk: bytes = field(repr=False)

    def data(self) -> bytes:
        if len(self.scbk) != KEY_BYTES:
            raise CommandError(f"a reader's key has {KEY_BYTES} bytes, not {len(self.scbk)}")
        return bytes([1, KEY_BYTES]) + self.scbk

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 2 + KEY_BYTES)
        if (data[0], data[1]) != (1, KEY_BYTES):
            raise MalformedError("a key of another type or length")
        return cls(data[2:])


@dataclass(frozen=True, slots=True)
class Challenge:
    """osdp_CHLNG: the panel's random number; the first step of the secure channel."""

    CODE: ClassVar[int] = 0x76
    nonce: bytes

    def data(self) -> bytes:
        return self.nonce

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, NONCE_BYTES)
        return cls(data)


@dataclass(frozen=True, slots=True)
class ServerCryptogram:
    """osdp_SCRYPT: the panel's proof that it has the key."""

    CODE: ClassVar[int] = 0x77
    cryptogram: bytes

    def data(self) -> bytes:
        return self.cryptogram

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 16)
        return cls(data)


@dataclass(frozen=True, slots=True)
class KeepActive:
    """osdp_KEEPACTIVE: keep the credential in the field powered for so long."""

    CODE: ClassVar[int] = 0xA7
    time_ms: int

    def data(self) -> bytes:
        return self.time_ms.to_bytes(2, "little")

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 2)
        return cls(little_endian(data))


@dataclass(frozen=True, slots=True)
class Vendor:
    """osdp_MFG: a manufacturer's own command, its contents unread."""

    CODE: ClassVar[int] = 0x80
    vendor: int
    payload: bytes = field(repr=False)

    def data(self) -> bytes:
        return self.vendor.to_bytes(3, "big") + self.payload

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 3:
            raise MalformedError("a vendor command without a vendor")
        return cls(int.from_bytes(data[:3], "big"), data[3:])


@dataclass(frozen=True, slots=True)
class FileFragment:
    """osdp_FILETRANSFER: one piece of a file. The core makes these from a `FileTransfer`."""

    CODE: ClassVar[int] = 0x7C
    HEAD_BYTES: ClassVar[int] = 11
    file_type: int
    total_bytes: int
    offset: int
    payload: bytes = field(repr=False)

    def data(self) -> bytes:
        return (
            bytes([self.file_type])
            + self.total_bytes.to_bytes(4, "little")
            + self.offset.to_bytes(4, "little")
            + len(self.payload).to_bytes(2, "little")
            + self.payload
        )

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < cls.HEAD_BYTES or len(data) != cls.HEAD_BYTES + little_endian(data[9:11]):
            raise MalformedError("a file fragment whose length is wrong")
        return cls(data[0], little_endian(data[1:5]), little_endian(data[5:9]), data[11:])
