"""A key of its own for each card, from one master key: NXP AN10922 for AES-128, AES-192 and AES-256. Pure.

The message is always padded to two blocks, so for messages under 16 bytes the result is *not* CMAC(constant ‖ message).
"""

from portillon_drivers.cards.cipher import cmac, xor

INPUT_BYTES_MAX = 31
"""One constant and the message fill two blocks (AN10922 §2)."""
_CONSTANTS = {16: b"\x01", 24: b"\x11\x12", 32: b"\x41\x42"}
"""The first byte of each CMAC, by the length of the key (AN10922 §2.2 to §2.4)."""


def diversified(master: bytes, diversifier: bytes) -> bytes:
    """The card's key, as long as `master`; raises ValueError for inputs that AN10922 has no answer for."""
    if len(master) not in _CONSTANTS:
        raise ValueError(f"an AES key has 16, 24 or 32 bytes, not {len(master)}")
    if not 1 <= len(diversifier) <= INPUT_BYTES_MAX:
        raise ValueError(f"AN10922 takes 1 to {INPUT_BYTES_MAX} bytes, not {len(diversifier)}")
    parts = [cmac(master, bytes([constant]) + diversifier, block_count_min=2) for constant in _CONSTANTS[len(master)]]
    match parts:
        case [whole]:
            return whole
        case [first, second] if len(master) == 24:
            return first[:8] + xor(first[8:], second[:8]) + second[8:]
        case _:
            return b"".join(parts)
