"""The HD44780 character display behind a PCF8574 expander: what to write to the expander so that a text is shown. Pure.

Instructions, times and the start "by instruction" in 4-bit mode: HD44780U data sheet (Hitachi ADE-207-272), table 6
and figure 24. The backpack's wires: P0 RS, P1 RW, P2 E, P3 backlight, P4 to P7 the data lines D4 to D7.
One byte takes 90 µs on a 100 kHz bus and 23 µs on a 400 kHz one; a nibble is three bytes, so every instruction that is
used here (37 µs) is over before the next begins. Clearing (1.5 ms) is not used: lines are written full, with spaces.
"""

from collections.abc import Sequence

RS = 0x01
ENABLE = 0x04
BACKLIGHT = 0x08

FUNCTION_SET_8_BIT = 0x3
FUNCTION_SET_4_BIT = 0x2
FIRST_WAIT_S = 0.0041
"""After the first function set; the second needs 100 µs."""
SECOND_WAIT_S = 0.0001
TWO_LINES = 0x28
DISPLAY_ON = 0x0C
ENTRY_MODE_RIGHTWARDS = 0x06
SET_ADDRESS = 0x80
LINE_ADDRESSES = (0x00, 0x40)
COLUMNS = 16


def nibble(value: int, *, rs: bool = False) -> bytes:
    """Put four bits on the data lines, then raise and drop E: the display takes them as it drops."""
    still = (value & 0xF) << 4 | BACKLIGHT | (RS if rs else 0)
    return bytes([still, still | ENABLE, still])


def instruction(value: int) -> bytes:
    """Both halves of one instruction."""
    return nibble(value >> 4) + nibble(value)


def character(code: int) -> bytes:
    """Both halves of one character."""
    return nibble(code >> 4, rs=True) + nibble(code, rs=True)


RESYNC = (
    (nibble(FUNCTION_SET_8_BIT), FIRST_WAIT_S),
    (nibble(FUNCTION_SET_8_BIT), SECOND_WAIT_S),
    (nibble(FUNCTION_SET_8_BIT) + nibble(FUNCTION_SET_4_BIT), SECOND_WAIT_S),
    (instruction(TWO_LINES) + instruction(DISPLAY_ON) + instruction(ENTRY_MODE_RIGHTWARDS), SECOND_WAIT_S),
)
"""What to write, and how long to wait after it: from any state, also half a byte astray, to 4-bit mode; text stays."""


def screen(lines: Sequence[str]) -> bytes:
    """Both lines, in ASCII, filled up with spaces."""
    written = b""
    for index, address in enumerate(LINE_ADDRESSES):
        line = lines[index] if index < len(lines) else ""
        written += instruction(SET_ADDRESS | address)
        written += b"".join(character(code) for code in line[:COLUMNS].ljust(COLUMNS).encode("ascii"))
    return written
