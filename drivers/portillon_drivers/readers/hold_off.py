"""A card that lies on the reader is one badge. Pure."""


class HoldOff:
    """Holds a card back until it has been out of the field for the hold-off; each frame of it starts that time anew."""

    def __init__(self, hold_off_ns: int) -> None:
        self._hold_off_ns = hold_off_ns
        self._seen_ns: dict[str, int] = {}

    def passes(self, card: str, at_ns: int) -> bool:
        """Whether this reading of the card is a new badge."""
        # Forgetting what has run out bounds the memory to the cards that one reader can see within one hold-off.
        self._seen_ns = {c: seen for c, seen in self._seen_ns.items() if at_ns - seen < self._hold_off_ns}
        repeated = card in self._seen_ns
        self._seen_ns[card] = at_ns
        return not repeated
