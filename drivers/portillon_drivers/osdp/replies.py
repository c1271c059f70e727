"""What a reader answers, in both directions: decoded by the panel, encoded by a simulated reader. Pure.

Codes and layouts: SIA OSDP v2.2 (IEC 60839-11-5), clause 7.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar, Self, TypeAlias

from portillon_drivers.osdp.body import Plain, exactly, little_endian
from portillon_drivers.osdp.card_replies import FormattedCard, KeypadData, RawCard, RawFormat
from portillon_drivers.osdp.device_replies import (
    Com,
    InputStatus,
    LocalStatus,
    OutputStatus,
    PdCapabilities,
    PdId,
    ReaderStatus,
)
from portillon_drivers.osdp.errors import MalformedError
from portillon_drivers.osdp.handshake_replies import ClientCryptogram, InitialRmac

__all__ = [
    "Ack",
    "Busy",
    "ClientCryptogram",
    "Com",
    "FileStatus",
    "FormattedCard",
    "InitialRmac",
    "InputStatus",
    "KeypadData",
    "LocalStatus",
    "MalformedReply",
    "Nak",
    "NakReason",
    "OutputStatus",
    "PdCapabilities",
    "PdId",
    "RawCard",
    "RawFormat",
    "ReaderStatus",
    "Reply",
    "VendorData",
    "decode_reply",
    "encode_reply",
]


@dataclass(frozen=True, slots=True)
class Ack(Plain):
    """Understood, and nothing new."""

    CODE: ClassVar[int] = 0x40


@dataclass(frozen=True, slots=True)
class Busy(Plain):
    """Ask again, with the same sequence number."""

    CODE: ClassVar[int] = 0x79


class NakReason(IntEnum):
    """Why a command was refused (osdp_NAK)."""

    NONE = 0
    CHECK_CHARACTER = 1
    COMMAND_LENGTH = 2
    UNKNOWN_COMMAND = 3
    SEQUENCE = 4
    NO_SECURE_CHANNEL = 5
    SECURITY_CONDITIONS = 6
    BIOMETRIC_TYPE = 7
    BIOMETRIC_FORMAT = 8
    UNABLE = 9


@dataclass(frozen=True, slots=True)
class Nak:
    """Refused. A code that the standard does not know is kept in `other`, and counts as `UNABLE`."""

    CODE: ClassVar[int] = 0x41
    reason: NakReason
    other: int | None = None

    def data(self) -> bytes:
        return bytes([self.reason if self.other is None else self.other])

    @classmethod
    def read(cls, data: bytes) -> Self:
        # Some reasons may be followed by details (v2.2 clause 7.3); they say nothing that we could act on.
        if not data:
            raise MalformedError("no reason")
        known = data[0] in NakReason.__members__.values()
        return cls(NakReason(data[0])) if known else cls(NakReason.UNABLE, data[0])


@dataclass(frozen=True, slots=True)
class FileStatus:
    """osdp_FTSTAT: what the reader thinks of the file so far; `largest_bytes` 0: as before."""

    CODE: ClassVar[int] = 0x7A
    status: int
    delay_ms: int = 0
    interleave: bool = True
    """Other commands may be sent between fragments."""
    leave_channel: bool = False
    """It asks for the rest in clear text (never granted)."""
    has_reply: bool = False
    """Something waits for a poll."""
    largest_bytes: int = 0

    def data(self) -> bytes:
        action = self.interleave | self.leave_channel << 1 | self.has_reply << 2
        numbers = self.delay_ms.to_bytes(2, "little") + self.status.to_bytes(2, "little", signed=True)
        return bytes([action]) + numbers + self.largest_bytes.to_bytes(2, "little")

    @classmethod
    def read(cls, data: bytes) -> Self:
        exactly(data, 7)
        return cls(
            status=int.from_bytes(data[3:5], "little", signed=True),
            delay_ms=little_endian(data[1:3]),
            interleave=bool(data[0] & 1),
            leave_channel=bool(data[0] & 2),
            has_reply=bool(data[0] & 4),
            largest_bytes=little_endian(data[5:7]),
        )


@dataclass(frozen=True, slots=True)
class VendorData:
    """osdp_MFGREP: a manufacturer's own reply, its contents unread."""

    CODE: ClassVar[int] = 0x90
    vendor: int
    payload: bytes = field(repr=False)

    def data(self) -> bytes:
        return self.vendor.to_bytes(3, "big") + self.payload

    @classmethod
    def read(cls, data: bytes) -> Self:
        if len(data) < 3:
            raise MalformedError("no vendor")
        return cls(int.from_bytes(data[:3], "big"), data[3:])


Reply: TypeAlias = (
    Ack
    | Nak
    | Busy
    | PdId
    | PdCapabilities
    | LocalStatus
    | InputStatus
    | OutputStatus
    | ReaderStatus
    | RawCard
    | FormattedCard
    | KeypadData
    | Com
    | ClientCryptogram
    | InitialRmac
    | FileStatus
    | VendorData
)
BY_CODE: dict[int, type[Reply]] = {kind.CODE: kind for kind in Reply.__args__}


@dataclass(frozen=True, slots=True)
class MalformedReply:
    """A body that is no reply we know; the detail quotes none of it."""

    code: int | None
    detail: str


def encode_reply(reply: Reply) -> bytes:
    """Code and data, for a simulated reader."""
    return bytes([reply.CODE]) + reply.data()


def decode_reply(body: bytes) -> Reply | MalformedReply:
    """Any bytes in: the reply, or why it is none."""
    if not body:
        return MalformedReply(None, "a reply without a code")
    kind = BY_CODE.get(body[0])
    if kind is None:
        return MalformedReply(body[0], f"an unknown reply {body[0]:02X}")
    try:
        return kind.read(body[1:])
    except (MalformedError, ValueError) as error:
        return MalformedReply(body[0], f"{kind.__name__}: {error}")
