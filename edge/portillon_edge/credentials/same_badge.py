"""Several readers of one door are one place: a card that two of them tell is one badge. Pure.

A card that one reader of a door has told is not taken from *another* reader of that door
- within that other reader's hold-off, counted from the first telling, whatever was decided then; nor
- while the grant that it got is still waiting for its passage.
Such a repeat is no refusal: nothing is released, denied or written down, as with a card that is left on one reader,
whose repeats its driver holds back. The same card at the same reader again, once its hold-off is over, is a new badge:
REBADGED while its own grant runs. Another card within any time is another badge. Readers of different doors know
nothing of each other; what may pass once in all is remembered for the whole gateway (once.py).
"""

from portillon_rules.credential import Credential

NS_PER_MS = 1_000_000


class SameBadge:
    """One door's. Bounded by the cards that its readers can tell within the longest hold-off."""

    def __init__(self, hold_off_ms_max: int) -> None:
        self._kept_ns = hold_off_ms_max * NS_PER_MS
        self._told: dict[Credential, tuple[str, int]] = {}
        self._passing: tuple[Credential, str] | None = None

    def repeats(self, card: Credential, reader: str, at_ns: int, *, hold_off_ms: int, busy: bool) -> bool:
        """Whether this telling is a repeat; `busy`: the door's grant still runs."""
        self._told = {c: told for c, told in self._told.items() if at_ns - told[1] < self._kept_ns}
        if busy and self._passing and self._passing[0] == card and self._passing[1] != reader:
            return True
        first = self._told.get(card)
        if first and first[0] != reader and at_ns - first[1] < hold_off_ms * NS_PER_MS:
            return True
        self._told[card] = (reader, at_ns)
        return False

    def passes(self, card: Credential, reader: str) -> None:
        """The door's grant is now this card's, told by that reader."""
        self._passing = (card, reader)
