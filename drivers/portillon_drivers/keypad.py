"""The one keypad model: whatever wire a PIN pad is on, its bytes or bursts become the same `Key`. Pure.

A Wiegand pad sends a burst of 4 or 8 bits for each key; an OSDP reader sends one byte for each key (osdp_KEYPAD,
SIA OSDP 2.2 §7.13). What stands for no key is None, never a guessed one.
"""

from collections.abc import Mapping
from enum import StrEnum

from portillon_drivers.events import Key

_BY_NIBBLE = tuple(Key)
"""0 to 9 are the digits, 1010 is *, 1011 is #: 12 to 15 are no keys."""
_BY_OSDP_BYTE: Mapping[int, Key] = {
    **{ord(key.value): key for key in Key},
    0x7F: Key.STAR,  # the standard's byte for *, "clear"
    0x0D: Key.HASH,  # the standard's byte for #, "enter"
}


class KeypadCode(StrEnum):
    """How a Wiegand reader sends its keys."""

    NONE = "none"
    """It has no keypad."""
    FOUR_BIT = "4bit"
    """Four bits for each key, without a check."""
    EIGHT_BIT = "8bit"
    """Eight bits for each key: the four bits, and before them the same four inverted."""

    @property
    def bits(self) -> int:
        """The length of a burst; 0 for no keypad."""
        return {"none": 0, "4bit": 4, "8bit": 8}[self.value]


def key_of_burst(bits: str) -> Key | None:
    """The key that a burst of 4 or 8 bits, first bit first, stands for; None if it stands for none."""
    if len(bits) == 8:
        return key_of_burst(bits[4:]) if int(bits[:4], 2) ^ int(bits[4:], 2) == 0b1111 else None
    nibble = int(bits, 2) if len(bits) == 4 else len(_BY_NIBBLE)
    return _BY_NIBBLE[nibble] if nibble < len(_BY_NIBBLE) else None


def burst_of_key(key: Key, code: KeypadCode) -> str:
    """The bits that a Wiegand pad sends for a key, first bit first; "" without a keypad."""
    nibble = _BY_NIBBLE.index(key)
    match code:
        case KeypadCode.NONE:
            return ""
        case KeypadCode.FOUR_BIT:
            return f"{nibble:04b}"
        case KeypadCode.EIGHT_BIT:
            return f"{nibble ^ 0b1111:04b}{nibble:04b}"


def key_of_osdp_byte(byte: int) -> Key | None:
    """The key that a byte of osdp_KEYPAD stands for; None for a function key or anything else."""
    return _BY_OSDP_BYTE.get(byte)
