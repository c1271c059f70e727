"""The pad of one reader: keys become a PIN. Pure. Every transition is in this file.

1. A digit is added; digits past `DIGITS_KEPT` change nothing any more, since no PIN is that long.
2. `*` clears the digits; a card that waits goes on waiting.
3. `#` ends the entry. With a card: its PIN, or PIN_MISSING if there is no digit. `pin = "alone"` without a card: a PIN.
   Digits that nobody asked for are KIND_NOT_ACCEPTED. A `#` without digits and card is nothing.
4. An entry that rests for `pin_timeout_ms` is over: PIN_MISSING (KIND_NOT_ACCEPTED where no PIN was asked for).
5. A new card takes the place of the one that waits, which is PIN_MISSING. The same card again is the same card:
   its digits stay.
The wait is half-open: a key at its very end is too late.
"""

from portillon_drivers.events import Key
from portillon_drivers.options import PinUse
from portillon_rules.pin import DIGITS_MOST
from portillon_rules.reason import DenyReason

from portillon_edge.credentials.heard import Heard, PinEntered, Presented, Refused
from portillon_edge.credentials.reader_rules import ReaderRules

DIGITS_KEPT = DIGITS_MOST + 1
"""One more than any PIN has, so that a PIN with something behind it is a wrong one."""
NS_PER_MS = 1_000_000


class PinEntry:
    """One reader's. Call `elapse` before anything else that happens at that time."""

    def __init__(self, reader: str, rules: ReaderRules) -> None:
        self._reader = reader
        self._use = rules.pin
        self._timeout_ns = rules.pin_timeout_ms * NS_PER_MS
        self._card: Presented | None = None
        self._digits = ""
        self.deadline_ns: int | None = None

    def __repr__(self) -> str:
        return f"PinEntry({self._reader!r})"

    def wait_for(self, card: Presented) -> list[Heard]:
        """The card is known and now waits for its PIN."""
        if self._card is not None and self._card.card == card.card:
            self._card = card  # its newest proof
            return []
        before = self._missing(card.at_ns) if self._card is not None else []
        self._card, self._digits = card, ""
        self.deadline_ns = card.at_ns + self._timeout_ns
        return before

    def press(self, key: Key, at_ns: int) -> list[Heard]:
        """Take one key."""
        match key:
            case Key.HASH:
                return self._end(at_ns)
            case Key.STAR:
                self._digits = ""
                self.deadline_ns = None if self._card is None else at_ns + self._timeout_ns
            case _ if len(self._digits) < DIGITS_KEPT:
                self._digits += key
                self.deadline_ns = at_ns + self._timeout_ns
        return []

    def elapse(self, now_ns: int) -> list[Heard]:
        """End an entry that rested too long."""
        if self.deadline_ns is None or now_ns < self.deadline_ns:
            return []
        return self._missing(now_ns)

    def _end(self, at_ns: int) -> list[Heard]:
        if not self._digits or (self._card is None and self._use is not PinUse.ALONE):
            return self._missing(at_ns)
        entered = PinEntered(reader=self._reader, digits=self._digits, card=self._card, at_ns=at_ns)
        self._forget()
        return [entered]

    def _missing(self, at_ns: int) -> list[Heard]:
        card, digits = self._card, self._digits
        self._forget()
        if card is None and not digits:
            return []
        asked = card is not None or self._use is PinUse.ALONE
        reason = DenyReason.PIN_MISSING if asked else DenyReason.KIND_NOT_ACCEPTED
        return [Refused(reader=self._reader, reason=reason, at_ns=at_ns, card=card.card if card else None)]

    def _forget(self) -> None:
        self._card, self._digits, self.deadline_ns = None, "", None
