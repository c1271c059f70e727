"""Six check characters over a prefix and a text of 32 possible characters (Bech32m, BIP 350). Pure.

Up to four wrong characters, and any two exchanged neighbours, are always found; of worse damage one in 10⁹ is missed.
The alphabet has no b, i, o and 1, which are easily taken for others. Upper case, so that a QR code packs it tight.
"""

ALPHABET = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L"
CHECK_CHARACTERS = 6
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_FINAL = 0x2BC830A3
"""What sets Bech32m apart from Bech32, which overlooks characters put in before a final P."""


def check_characters(prefix: str, text: str) -> str:
    """The six characters that belong behind `prefix`, a 1, and `text`; raises ValueError for a foreign character."""
    remainder = _remainder(prefix, text + ALPHABET[0] * CHECK_CHARACTERS) ^ _FINAL
    return "".join(ALPHABET[remainder >> 5 * place & 31] for place in reversed(range(CHECK_CHARACTERS)))


def _remainder(prefix: str, text: str) -> int:
    low = prefix.lower()  # the checksum is defined over the prefix in lower case
    values = [ord(c) >> 5 for c in low] + [0] + [ord(c) & 31 for c in low] + [_value(c) for c in text]
    remainder = 1
    for value in values:
        top = remainder >> 25
        remainder = (remainder & 0x1FFFFFF) << 5 ^ value
        for bit, term in enumerate(_GENERATOR):
            remainder ^= term if top >> bit & 1 else 0
    return remainder


def _value(character: str) -> int:
    if character not in _VALUES:
        raise ValueError("a character outside the alphabet of Bech32m")
    return _VALUES[character]
