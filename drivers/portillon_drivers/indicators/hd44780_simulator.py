"""An HD44780 with two lines behind a PCF8574, at the far end of a line. Pure: expander bytes in, a text to read out.

Not modelled: times, contrast, the second half of each line's memory, user characters, reading back.
"""

from portillon_drivers.indicators.hd44780 import BACKLIGHT, COLUMNS, ENABLE, LINE_ADDRESSES, RS

BLANK = 0x20
CLEAR, ADDRESS, FUNCTION_SET, EIGHT_BITS, DISPLAY, SHOWN = 0x01, 0x80, 0x20, 0x10, 0x08, 0x04


class CharacterLcdSimulator:
    """The display as somebody in front of it sees it."""

    def __init__(self) -> None:
        self.lose_power()

    @property
    def lines(self) -> tuple[str, str]:
        """What can be read, without trailing spaces; nothing while the display is off."""
        if not self._shown:
            return "", ""
        first, second = (
            bytes(self._memory.get(start + column, BLANK) for column in range(COLUMNS)).decode("latin-1").rstrip()
            for start in LINE_ADDRESSES
        )
        return first, second

    def lose_power(self) -> None:
        """It starts anew: 8-bit mode, off, blank."""
        self._memory: dict[int, int] = {}
        self._address = 0
        self._eight_bits = True
        self._shown = False
        self._half: int | None = None
        self._pins = 0
        self.lit = False

    def receive(self, data: bytes) -> None:
        """The expander puts each byte on its pins; the display takes what is there when E drops."""
        for pins in data:
            before, self._pins = self._pins, pins
            self.lit = bool(pins & BACKLIGHT)
            if before & ENABLE and not pins & ENABLE:
                self._take(before >> 4, rs=bool(before & RS))

    def _take(self, bits: int, *, rs: bool) -> None:
        if self._eight_bits:
            self._do(bits << 4, rs=rs)  # D0 to D3 are not wired: low
        elif self._half is None:
            self._half = bits
        else:
            half, self._half = self._half, None
            self._do(half << 4 | bits, rs=rs)

    def _do(self, value: int, *, rs: bool) -> None:
        if rs:
            self._memory[self._address] = value
            self._address += 1
        elif value & ADDRESS:
            self._address = value & ~ADDRESS
        elif value & FUNCTION_SET and value < 2 * FUNCTION_SET:
            self._eight_bits = bool(value & EIGHT_BITS)
        elif value & DISPLAY and value < 2 * DISPLAY:
            self._shown = bool(value & SHOWN)
        elif value == CLEAR:
            self._memory, self._address = {}, 0
