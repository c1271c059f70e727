"""The printed single-use code: 16 random bytes as a text for paper, with check characters (wire/QR_PASS.md). Pure.

A code proves nothing by itself: it is one of 2¹²⁸, and counts only while a gateway's entitlements hold its hash. The
check characters keep a misread or mistyped code apart from an unknown one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from portillon_rules.credential import Credential, CredentialKind

from portillon_wire import bech32m
from portillon_wire.errors import DayCodeMalformedError

PREFIX = "PDAY"
CLAIM = PREFIX + "1"
"""A text that begins so claims to be a day code."""
NUMBER_BYTES = 16
NUMBER_CHARACTERS = 26
"""128 bits in fives; the last two bits are zero."""
TEXT_CHARS = len(CLAIM) + NUMBER_CHARACTERS + bech32m.CHECK_CHARACTERS
GROUP_CHARS = 4
TYPED_CHARS_MAX = 256
_PAD_BITS = NUMBER_CHARACTERS * 5 - NUMBER_BYTES * 8


@dataclass(frozen=True, slots=True)
class DayCode:
    """A well-formed printed code; whether it is one of ours, and unused, its entitlement tells."""

    credential: Credential


def write_day_code(number: bytes) -> str:
    """The text of these 16 bytes, as a QR code or a Code 128 holds it."""
    if len(number) != NUMBER_BYTES:
        raise ValueError(f"a day code has {NUMBER_BYTES} bytes, not {len(number)}")
    bits = int.from_bytes(number, "big") << _PAD_BITS
    text = "".join(bech32m.ALPHABET[bits >> 5 * place & 31] for place in reversed(range(NUMBER_CHARACTERS)))
    return CLAIM + text + bech32m.check_characters(PREFIX, text)


def read_day_code(text: str) -> DayCode:
    """The code in a scanned text, which has exactly one spelling; raises DayCodeMalformedError."""
    if not text.startswith(CLAIM):
        raise DayCodeMalformedError(f"this is no day code: it begins with {CLAIM}")
    if len(text) != TEXT_CHARS:
        raise DayCodeMalformedError(f"a day code has {TEXT_CHARS} characters, this text {len(text)}")
    number, check = text[len(CLAIM) : -bech32m.CHECK_CHARACTERS], text[-bech32m.CHECK_CHARACTERS :]
    try:
        right = bech32m.check_characters(PREFIX, number)
    except ValueError:
        raise DayCodeMalformedError("a character that no day code has") from None
    if check != right:
        raise DayCodeMalformedError("the check characters do not fit: it was misread or mistyped")
    bits = 0
    for character in number:
        bits = bits << 5 | bech32m.ALPHABET.index(character)
    if bits & ((1 << _PAD_BITS) - 1):
        raise DayCodeMalformedError("the last two bits are not zero")
    return DayCode(Credential(CredentialKind.DAY_CODE, f"{bits >> _PAD_BITS:032X}"))


def read_typed_day_code(text: str) -> DayCode:
    """The same for a code that a person typed: small letters, spaces and hyphens are no matter."""
    if len(text) > TYPED_CHARS_MAX:
        raise DayCodeMalformedError(f"{len(text)} characters are too many for a day code")
    if not text.isascii():  # before upper(), which makes one letter of some pairs
        raise DayCodeMalformedError("a character that no day code has")
    return read_day_code("".join(text.split()).replace("-", "").upper())


def grouped(text: str) -> str:
    """The text as it is printed for people to read: PDAY1-XXXX-XXXX-…"""
    body = text.removeprefix(CLAIM)
    return "-".join([CLAIM, *(body[at : at + GROUP_CHARS] for at in range(0, len(body), GROUP_CHARS))])


def issue_day_code(random: Callable[[int], bytes]) -> str:
    """A new code; `random` must be the system's (`secrets.token_bytes`): whoever foresees a code has a day for free."""
    return write_day_code(random(NUMBER_BYTES))
