"""How an emulated card takes an APDU apart, and the keys and files that it keeps."""

from dataclasses import dataclass, field

from portillon_drivers.cards.cipher import FACTORY_KEY
from portillon_drivers.cards.emulated_session import Refused
from portillon_drivers.cards.file_settings import FREE, FileSettings

WRONG_LENGTH = 0x6700


@dataclass(frozen=True, slots=True)
class Apdu:
    """A short command APDU (ISO 7816-4 §5.1); `le` is None where no answer data are asked for."""

    cla: int
    ins: int
    parameters: int
    data: bytes
    le: int | None

    @classmethod
    def parse(cls, command: bytes) -> "Apdu":
        """Raises Refused (6700) for bytes that are no short APDU."""
        head, rest = command[:4], command[4:]
        if len(head) < 4:
            raise Refused(WRONG_LENGTH)
        data, le = b"", None
        if len(rest) == 1:
            le = rest[0] or 256
        elif rest:
            length = rest[0]
            data, tail = rest[1 : 1 + length], rest[1 + length :]
            if not length or len(data) != length or len(tail) > 1:
                raise Refused(WRONG_LENGTH)
            le = (tail[0] or 256) if tail else None
        return cls(head[0], head[1], int.from_bytes(head[2:]), data, le)


@dataclass(slots=True)
class StoredKey:
    """A key in a card, as the factory left it unless said otherwise."""

    value: bytes = field(default=FACTORY_KEY, repr=False)
    version: int = 0


@dataclass(slots=True)
class StoredFile:
    """A standard data file."""

    settings: FileSettings
    data: bytearray = field(repr=False)

    def part(self, offset: int, length: int) -> slice:
        """That part of it (length 0: all from there); raises Refused (91BE) beyond its end."""
        end = offset + length if length else len(self.data)
        if offset >= len(self.data) or end > len(self.data):
            raise Refused(0x91BE)
        return slice(offset, end)


def granted(rights: tuple[int, ...], key_number: int | None) -> bool:
    """Whether any of these rights is free or held by the key that was proven."""
    return FREE in rights or key_number in rights


def part_of(header: bytes) -> tuple[int, int]:
    """Offset and length out of a ReadData's or WriteData's header (file number, offset, length)."""
    return int.from_bytes(header[1:4], "little"), int.from_bytes(header[4:7], "little")
