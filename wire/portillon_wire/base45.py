"""Bytes in the 45 characters that a QR code packs tightest (RFC 9285). Pure.

Two bytes become three characters, least significant first; a last single byte becomes two. Every sequence of bytes has
exactly one text, and a text that is not some sequence's text is refused.
"""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
"""RFC 9285 table 1: the alphanumeric mode of ISO/IEC 18004."""
_VALUES = {character: value for value, character in enumerate(ALPHABET)}


class Base45Error(ValueError):
    """The text is no Base45."""


def encode(data: bytes) -> str:
    """The one text of these bytes."""
    whole = len(data) // 2 * 2
    text = "".join(_digits(int.from_bytes(data[at : at + 2], "big"), 3) for at in range(0, whole, 2))
    return text + (_digits(data[-1], 2) if whole < len(data) else "")


def decode(text: str) -> bytes:
    """The bytes of this text; raises Base45Error."""
    return b"".join(_bytes(text[at : at + 3]) for at in range(0, len(text), 3))


def _digits(value: int, count: int) -> str:
    digits = ""
    for _ in range(count):
        value, digit = divmod(value, 45)
        digits += ALPHABET[digit]
    return digits


def _bytes(group: str) -> bytes:
    if len(group) == 1:
        raise Base45Error("the text breaks off inside a group of characters")
    value = 0
    try:
        for character in reversed(group):
            value = value * 45 + _VALUES[character]
        return value.to_bytes(len(group) - 1, "big")
    except KeyError:
        raise Base45Error("a character outside the alphabet of Base45") from None
    except OverflowError:
        raise Base45Error("a group of characters whose value is too high") from None
