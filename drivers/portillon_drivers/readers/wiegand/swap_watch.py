"""Are D0 and D1 exchanged? Pure.

Exchanged, every bit arrives inverted. One such reading proves nothing: two turned bits, one under each parity, look the
same. So the rule is: SWAPPED_AFTER card-long readings in a row, each of which fits no format as it came and fits one
when inverted. One reading that fits as it came, or that fits neither way, starts the count anew. Until then each is
told as a parity fault; nothing is ever read from inverted bits.

Formats without parity fit either way, so exchanged lines cannot be seen there: commission such a reader with a card
whose number is known.
"""

from collections.abc import Sequence

from portillon_rules.wiegand import WiegandFormat, read_bits

SWAPPED_AFTER = 3
"""Three readings of random faults would fit inverted with a chance of 1 in 64, for a format with two parities."""
_INVERTED = str.maketrans("01", "10")


class SwapWatch:
    """Counts readings that would fit if the lines changed places."""

    def __init__(self, formats: Sequence[WiegandFormat]) -> None:
        self._formats = formats
        self._in_a_row = 0

    @property
    def swapped(self) -> bool:
        """Whether the lines count as exchanged."""
        return self._in_a_row >= SWAPPED_AFTER

    def fits(self) -> None:
        """A reading fitted as it came."""
        self._in_a_row = 0

    def refused(self, bits: str) -> None:
        """A reading as long as a card fitted no format as it came."""
        self._in_a_row = self._in_a_row + 1 if fits_inverted(bits, self._formats) else 0


def fits_inverted(bits: str, formats: Sequence[WiegandFormat]) -> list[str]:
    """The names of the formats that would fit if D0 and D1 changed places."""
    return [reading.format for reading in read_bits(bits.translate(_INVERTED), formats)]
