"""From looks at the field to badges: which card is new, which one still lies there, and when there are too many. Pure.

    one card, not seen for the hold-off   it is new: to be read and told
    the same again                        it still lies there: nothing, and its hold-off starts anew
    several at once                       a COLLISION, told once while they lie there; none of them is told
    one, just after several               nothing yet: they may be leaving one by one; the next look decides

A card whose number is drawn at random has another one at each look. Looks that follow each other closely see the same
one; what it proved to be is held off under that name.
"""

from collections.abc import Sequence

from portillon_rules.credential import Credential

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.nfc.seen_card import SeenCard
from portillon_drivers.readers.frame_fault import FrameFault

RANDOM_GONE_NS = 250_000_000
"""A card with a random number that nobody saw for this long has left: nobody changes cards faster."""
SEVERAL = "several"
RANDOM = "random"


class CardsHere:
    """The memory of one reader's field; it holds what was seen within the hold-off and no more."""

    def __init__(self, hold_off_ns: int) -> None:
        self._hold_off_ns = hold_off_ns
        self._seen_ns: dict[str, int] = {}
        self._proved: str | None = None
        self._after_several = False

    def judge(self, seen: Sequence[SeenCard], at_ns: int) -> SeenCard | FrameFault | None:
        """What one look found: a new card, a collision, or nothing to tell."""
        self._forget_old(at_ns)
        several, after_several, self._after_several = len(seen) > 1, self._after_several, len(seen) > 1
        for card in seen:
            if _name(card) in self._seen_ns:
                self._still_here(card, at_ns)
                if not several:
                    return None
        if several:
            return self._collision(at_ns)
        if not seen or after_several:
            return None
        self._seen_ns[_name(seen[0])] = at_ns
        if seen[0].is_random:
            self._proved = None
        return seen[0]

    def settle(self, card: SeenCard, proved: Credential | None, at_ns: int) -> bool:
        """Reading the new card took until now, and it proved to be that (None: nothing); whether to tell it."""
        self._seen_ns[_name(card)] = at_ns
        if proved is None or not card.is_random:
            return proved is not None
        self._proved = str(proved)
        new = self._proved not in self._seen_ns
        self._seen_ns[self._proved] = at_ns
        return new

    def forget(self, card: SeenCard) -> None:
        """The card could not be read to its end: it may come back at once."""
        self._seen_ns.pop(_name(card), None)

    def _still_here(self, card: SeenCard, at_ns: int) -> None:
        self._seen_ns[_name(card)] = at_ns
        if card.is_random and self._proved in self._seen_ns:
            self._seen_ns[self._proved] = at_ns

    def _collision(self, at_ns: int) -> FrameFault | None:
        told = SEVERAL in self._seen_ns
        self._seen_ns[SEVERAL] = at_ns
        if told:
            return None
        return FrameFault(
            ReaderFaultKind.COLLISION, "several cards at once: none was read; hold one card to the reader"
        )

    def _forget_old(self, at_ns: int) -> None:
        hold_off_ns = {RANDOM: min(RANDOM_GONE_NS, self._hold_off_ns)}
        self._seen_ns = {
            name: seen_ns
            for name, seen_ns in self._seen_ns.items()
            if at_ns - seen_ns < hold_off_ns.get(name, self._hold_off_ns)
        }


def _name(card: SeenCard) -> str:
    return RANDOM if card.is_random else f"{card.kind}:{card.uid.hex()}"
