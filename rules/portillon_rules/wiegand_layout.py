"""How the bits of a card are laid out: fields, parities, and what makes a format wrong. Pure. Bit 0 comes first."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

BITS_MIN = 9
"""A card has more bits than the longest burst of a keypad, 8."""
BITS_MAX = 256
"""As many as the canonical form `wiegand:bits.hex` holds; the longest card in use, a 200-bit FASC-N, is shorter."""
UID_BITS = (32, 56, 80)
"""ISO 14443-3: a UID has 4, 7 or 10 bytes."""
_RANGE = re.compile(r"(0|[1-9][0-9]{0,2})(?:-([1-9][0-9]{0,2}|0))?")
"""Never with leading zeros: a mask of digits that has the wrong length must not pass for a number."""


class FormatError(ValueError):
    """A format that contradicts itself or another one; the message says where."""


class UidOrder(StrEnum):
    """In which order a reader sends the bytes of a UID; both are met in the field."""

    MSB_FIRST = "msb_first"
    """As the card sends them, and as it is printed."""
    LSB_FIRST = "lsb_first"
    """The last byte first."""


@dataclass(frozen=True, slots=True)
class Field:
    """A number in successive bits, most significant bit first."""

    first: int
    bits: int

    @property
    def positions(self) -> range:
        """The bits that it occupies."""
        return range(self.first, self.first + self.bits)

    @property
    def number_max(self) -> int:
        """The largest number that it holds."""
        return (1 << self.bits) - 1

    def read(self, bits: str) -> int:
        """The number in there."""
        return int(bits[self.first : self.first + self.bits], 2)


@dataclass(frozen=True, slots=True)
class Parity:
    """A bit that makes the count of ones in `over` and itself even, or odd."""

    even: bool
    over: tuple[int, ...]
    at: int

    def bit(self, bits: Sequence[str]) -> str:
        """What must stand at `at`."""
        ones = sum(bits[position] == "1" for position in self.over)
        return str(ones % 2 if self.even else 1 - ones % 2)

    def holds(self, bits: str) -> bool:
        """Whether it does."""
        return bits[self.at] == self.bit(bits)


@dataclass(frozen=True, slots=True, kw_only=True)
class WiegandFormat:
    """How many bits, what they mean, how they are checked. Raises FormatError.

    A bit that belongs to no field and no parity must be 0, or the format does not fit. Parities are made in their
    order, so one may cover those before it.
    """

    name: str
    bits: int
    number: Field
    facility: Field | None = None
    parities: tuple[Parity, ...] = ()
    uid: UidOrder | None = None
    _idle: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not BITS_MIN <= self.bits <= BITS_MAX:
            raise FormatError(f"format {self.name}: {self.bits} bits; a card has {BITS_MIN} to {BITS_MAX}")
        fields = (self.number,) if self.facility is None else (self.number, self.facility)
        if any(part.bits < 1 for part in fields):
            raise FormatError(f"format {self.name}: a field has at least 1 bit")
        used = [position for part in fields for position in part.positions] + [parity.at for parity in self.parities]
        covered = [position for parity in self.parities for position in parity.over]
        if outside := {position for position in (*used, *covered) if not 0 <= position < self.bits}:
            raise FormatError(f"format {self.name}: bit {min(outside)} is none of its bits, 0 to {self.bits - 1}")
        if len(set(used)) != len(used):
            doubled = min(position for position in used if used.count(position) > 1)
            raise FormatError(f"format {self.name}: bit {doubled} belongs to two fields or parities")
        for index, parity in enumerate(self.parities):
            if not parity.over:
                raise FormatError(f"format {self.name}: the parity at bit {parity.at} covers nothing")
            if late := {later.at for later in self.parities[index:]} & set(parity.over):
                raise FormatError(
                    f"format {self.name}: the parity at bit {parity.at} covers bit {min(late)},"
                    " which is itself a parity made later; list that one first"
                )
        if self.uid is not None and (self.facility is not None or self.number.bits not in UID_BITS):
            raise FormatError(f"format {self.name}: a UID is one field of 32, 56 or 80 bits without facility")
        object.__setattr__(self, "_idle", frozenset(range(self.bits)) - set(used))

    def fits(self, bits: str) -> bool:
        """Whether these bits have its length, pass every parity, and are 0 where it has no meaning for them."""
        return (
            len(bits) == self.bits
            and all(bits[position] == "0" for position in self._idle)
            and all(parity.holds(bits) for parity in self.parities)
        )


def positions(mask: str, bits: int) -> tuple[int, ...]:
    """The bits that a mask names: one digit 0 or 1 for each bit, or ranges as in "1-12, 14". Raises FormatError."""
    if len(mask) == bits and set(mask) <= {"0", "1"}:
        return tuple(position for position, digit in enumerate(mask) if digit == "1")
    found: set[int] = set()
    for part in mask.split(","):
        matched = _RANGE.fullmatch(part.strip())
        if matched is None:
            raise FormatError(f'"{mask}" is no mask: write {bits} digits 0 or 1, or ranges of bits such as "1-12, 14"')
        first, last = matched.groups()
        found |= set(range(int(first), int(last or first) + 1))
    return tuple(sorted(found))


def check_together(formats: Sequence[WiegandFormat]) -> None:
    """Raise FormatError if one reading could be two different credentials, or if two formats have one name."""
    for index, one in enumerate(formats):
        for other in formats[index + 1 :]:
            if one.name == other.name:
                raise FormatError(f"two formats are named {one.name}; give each its own name")
            same_credential = one.uid is other.uid and (one.uid is None or one.number == other.number)
            if one.bits == other.bits and not same_credential:
                raise FormatError(
                    f"{one.name} and {other.name} both have {one.bits} bits but make different credentials of them:"
                    " one card would be two; keep the one that your cards have"
                )
