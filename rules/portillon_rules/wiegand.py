"""What the bits of a card mean: the formats that readers send over two wires (or as OSDP raw card data). Pure.

Bit 0 is the first that the reader sends. A format never changes which card it is: the canonical credential is all the
bits, parity and leading zeros too. Facility and number are for people, and for the import of card numbers. The one
exception is a format with `uid`: its number is the UID of an ISO 14443 card, and then the same card gives the same
`nfca:` credential here and at an NFC reader.

Sources of the formats: HID Global's descriptions of H10301, H10302, H10304, H10306 and Corporate 1000, as agreeing
free implementations have them: RfidResearchGroup/proxmark3 `client/src/wiegand_formats.c` and
liblogicalaccess/liblogicalaccess `tests/unittest/test_format.cpp`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from portillon_rules.credential import Credential, CredentialError, CredentialKind
from portillon_rules.wiegand_layout import (
    Field,
    FormatError,
    Parity,
    UidOrder,
    WiegandFormat,
    check_together,
    positions,
)

__all__ = [
    "STANDARD",
    "Field",
    "FormatError",
    "Parity",
    "Reading",
    "UidOrder",
    "WiegandFormat",
    "check_together",
    "encode",
    "encode_bits",
    "positions",
    "raw_bits",
    "raw_credential",
    "read_bits",
]


def _even(over: Iterable[int], at: int) -> Parity:
    return Parity(True, tuple(over), at)


def _odd(over: Iterable[int], at: int) -> Parity:
    return Parity(False, tuple(over), at)


def _halves(bits: int) -> tuple[Parity, Parity]:
    """Even over the first half of the data bits, odd over the second; with an odd count both cover the middle one."""
    half = (bits - 1) // 2
    return _even(range(1, half + 1), 0), _odd(range(bits - 1 - half, bits - 1), bits - 1)


def _two_of_three(first: int, last: int) -> list[int]:
    """Two bits, not the third, and so on: what the inner parities of Corporate 1000 cover."""
    return [position for position in range(first, last + 1) if (position - first) % 3 < 2]


_FORMATS = (
    WiegandFormat(name="h10301", bits=26, facility=Field(1, 8), number=Field(9, 16), parities=_halves(26)),
    # Readers with 32 bits send them without any parity: a turned bit is another card, and nothing here can know.
    WiegandFormat(name="w32", bits=32, facility=Field(0, 16), number=Field(16, 16)),
    WiegandFormat(name="uid32", bits=32, number=Field(0, 32), uid=UidOrder.MSB_FIRST),
    WiegandFormat(name="uid32_lsb", bits=32, number=Field(0, 32), uid=UidOrder.LSB_FIRST),
    WiegandFormat(name="h10306", bits=34, facility=Field(1, 16), number=Field(17, 16), parities=_halves(34)),
    WiegandFormat(name="uid34", bits=34, number=Field(1, 32), parities=_halves(34), uid=UidOrder.MSB_FIRST),
    WiegandFormat(name="uid34_lsb", bits=34, number=Field(1, 32), parities=_halves(34), uid=UidOrder.LSB_FIRST),
    WiegandFormat(
        name="c1000_35",
        bits=35,
        facility=Field(2, 12),
        number=Field(14, 20),
        parities=(_even(_two_of_three(2, 33), 1), _odd(_two_of_three(1, 32), 34), _odd(range(1, 35), 0)),
    ),
    WiegandFormat(name="h10302", bits=37, number=Field(1, 35), parities=_halves(37)),
    WiegandFormat(name="h10304", bits=37, facility=Field(1, 16), number=Field(17, 19), parities=_halves(37)),
    WiegandFormat(
        name="c1000_48",
        bits=48,
        facility=Field(2, 22),
        number=Field(24, 23),
        parities=(_even(_two_of_three(3, 46), 1), _odd(_two_of_three(2, 45), 47), _odd(range(1, 48), 0)),
    ),
)
STANDARD: Mapping[str, WiegandFormat] = {known.name: known for known in _FORMATS}
"""By the name that a configuration writes. `uid…`: readers that send the UID of an ISO 14443 card."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What some bits mean in one format."""

    format: str
    facility: int | None = field(repr=False)
    number: int = field(repr=False)
    credential: Credential


def read_bits(bits: str, formats: Iterable[WiegandFormat]) -> list[Reading]:
    """What the bits mean in each of the formats that fit; [] if none does."""
    return [
        Reading(
            fitting.name,
            None if fitting.facility is None else fitting.facility.read(bits),
            fitting.number.read(bits),
            _credential(bits, fitting),
        )
        for fitting in formats
        if fitting.fits(bits)
    ]


def encode_bits(card_format: WiegandFormat, *, number: int, facility: int | None = None) -> str:
    """What a reader sends for that card; raises CredentialError for a number that does not fit."""
    bits = ["0"] * card_format.bits
    _write(bits, card_format.name, "number", card_format.number, number)
    if card_format.facility is None:
        if facility is not None:
            raise CredentialError(f"{card_format.name} has no facility code: write the number alone")
    elif facility is None:
        raise CredentialError(f"{card_format.name} has a facility code: write {card_format.name}:facility-number")
    else:
        _write(bits, card_format.name, "facility code", card_format.facility, facility)
    for parity in card_format.parities:
        bits[parity.at] = parity.bit(bits)
    return "".join(bits)


def encode(card_format: WiegandFormat, *, number: int, facility: int | None = None) -> Credential:
    """The credential of that card; raises CredentialError for a number that does not fit."""
    return _credential(encode_bits(card_format, number=number, facility=facility), card_format)


def raw_credential(bits: str) -> Credential:
    """The canonical form of these bits, whatever they mean."""
    return Credential(CredentialKind.WIEGAND, f"{len(bits)}.{int(bits, 2):0{-(-len(bits) // 4)}X}")


def raw_bits(credential: Credential) -> str:
    """The bits of a `wiegand:` credential; raises CredentialError for another kind."""
    if credential.kind is not CredentialKind.WIEGAND:
        raise CredentialError(f"a credential of kind {credential.kind} has no Wiegand bits")
    length, _, digits = credential.value.partition(".")
    return f"{int(digits, 16):0{length}b}"


def _write(bits: list[str], name: str, what: str, part: Field, number: int) -> None:
    if not 0 <= number <= part.number_max:
        raise CredentialError(f"the {what} of a card in format {name} is 0 to {part.number_max}")
    bits[part.first : part.first + part.bits] = f"{number:0{part.bits}b}"


def _credential(bits: str, card_format: WiegandFormat) -> Credential:
    if card_format.uid is None:
        return raw_credential(bits)
    part = card_format.number
    uid = part.read(bits).to_bytes(part.bits // 8, "big")
    return Credential(CredentialKind.NFCA, (uid if card_format.uid is UidOrder.MSB_FIRST else uid[::-1]).hex().upper())
