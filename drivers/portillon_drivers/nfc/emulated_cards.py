"""Cards without secrets for a simulated field: they have a number and, at most, memory that anybody may read.

Each fills `EmulatedCard`. A MIFARE Classic is modelled as far as a PN532 is asked about it: its number.
"""

from dataclasses import dataclass, field

from portillon_drivers.cards.emulated import EmulatedCard, Technology

CASCADE_TAG = 0x88
REQB_APF = 0x05
FELICA_POLLING = 0x00
NTAG_READ = 0x30
NTAG_GET_VERSION = 0x60
NTAG215_VERSION = bytes.fromhex("0004040201001103")
NTAG215_PAGES = 135
PAGE_BYTES = 4
NTAG_NAK_ARGUMENT = b"\x00"


@dataclass(slots=True, eq=False)
class PlainCard:
    """A type A card of which only the number is known: 4, 7 or 10 bytes. MIFARE Classic's answers by default."""

    uid: bytes
    sak: int = 0x08
    atqa: bytes = b"\x04\x00"
    ats: bytes | None = None
    technology: Technology = "nfca"

    def select(self) -> None:
        """It forgets nothing, since it knows nothing."""

    def apdu(self, command: bytes) -> bytes:
        """It speaks no ISO 7816-4: instruction not supported."""
        return b"\x6d\x00"

    def raw(self, command: bytes) -> bytes | None:
        """Silent."""
        return None


def mifare_classic(uid: bytes = bytes.fromhex("01A2B3C4")) -> PlainCard:
    """A MIFARE Classic 1K (4 bytes) or its successor with 7."""
    return PlainCard(uid, atqa=b"\x04\x00" if len(uid) == 4 else b"\x44\x00")


@dataclass(slots=True, eq=False)
class Ntag215Emulated(PlainCard):
    """An NTAG215 (NXP NTAG213_215_216): type 2, everybody may read its pages."""

    uid: bytes = bytes.fromhex("04A1B2C3D4E580")
    sak: int = 0x00
    atqa: bytes = b"\x44\x00"
    memory: bytearray = field(default_factory=lambda: bytearray(NTAG215_PAGES * PAGE_BYTES))

    def __post_init__(self) -> None:
        checks = bytes([CASCADE_TAG ^ self.uid[0] ^ self.uid[1] ^ self.uid[2]])
        second = bytes([self.uid[3] ^ self.uid[4] ^ self.uid[5] ^ self.uid[6]])
        self.memory[:9] = self.uid[:3] + checks + self.uid[3:] + second
        self.memory[12:16] = bytes.fromhex("E1103E00")

    def raw(self, command: bytes) -> bytes | None:
        """READ gives four pages, rolling over at the end; GET_VERSION tells the type."""
        if command[:1] == bytes([NTAG_READ]) and len(command) == 2:
            if command[1] >= NTAG215_PAGES:
                return NTAG_NAK_ARGUMENT
            start = command[1] * PAGE_BYTES
            return bytes((self.memory + self.memory)[start : start + 4 * PAGE_BYTES])
        return NTAG215_VERSION if command == bytes([NTAG_GET_VERSION]) else None


@dataclass(slots=True, eq=False)
class TypeBEmulated(PlainCard):
    """A type B card; `uid` is its PUPI."""

    uid: bytes = bytes.fromhex("50C1D2A3")
    technology: Technology = "nfcb"

    def raw(self, command: bytes) -> bytes | None:
        """REQB and WUPB are answered with ATQB: PUPI, application data, protocol (ISO 14443-4, FSCI 8, FWI 8)."""
        if command[:1] != bytes([REQB_APF]):
            return None
        return b"\x50" + self.uid + bytes.fromhex("00000000 008185")


@dataclass(slots=True, eq=False)
class FelicaEmulated(PlainCard):
    """A FeliCa card; `uid` is its IDm."""

    uid: bytes = bytes.fromhex("01120312AB4C5D6E")
    technology: Technology = "felica"
    system_code: bytes = b"\x12\xfc"

    def raw(self, command: bytes) -> bytes | None:
        """Polling for its system code (FF is any) is answered with IDm, PMm and, if asked for, the system code."""
        if command[:1] != bytes([FELICA_POLLING]) or len(command) != 5:
            return None
        wanted = command[1:3]
        if any(w not in (0xFF, have) for w, have in zip(wanted, self.system_code, strict=True)):
            return None
        return b"\x01" + self.uid + bytes.fromhex("03014B024F4993FF") + (self.system_code if command[3] == 1 else b"")


class RandomNumber:
    """Any card in privacy mode, or a phone: it shows another number (ISO 14443-3, 08 and three more bytes) each time
    the field comes on."""

    technology: Technology = "nfca"
    atqa = b"\x04\x03"

    def __init__(self, card: EmulatedCard) -> None:
        self._card = card
        self._times = 0
        self.sak, self.ats = card.sak, card.ats
        self.uid = b""
        self.select()

    def select(self) -> None:
        """The field came on."""
        self._times += 1
        self.uid = b"\x08" + (self._times * 0x9E3779 & 0xFFFFFF).to_bytes(3, "big")
        self._card.select()

    def apdu(self, command: bytes) -> bytes:
        """The card's answer."""
        return self._card.apdu(command)

    def raw(self, command: bytes) -> bytes | None:
        """The card's answer."""
        return self._card.raw(command)
