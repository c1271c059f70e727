"""A card counts once two equal frames came within a short window. Pure.

Clones of RDM6300 send ghosts: single frames with a right checksum for cards that do not exist. A real card lying on the
reader is sent every 65 ms or so; a ghost is not repeated.
"""

from collections.abc import Iterator

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault


class TwoEqualFrames:
    """Lets a card through from its second frame on; a frame that stays alone is a fault."""

    def __init__(self, window_ns: int) -> None:
        self._window_ns = window_ns
        self._card: str | None = None
        self._confirmed = False
        self._seen_ns = 0

    def feed(self, card: str, at_ns: int) -> Iterator[str | FrameFault]:
        """One whole frame arrived."""
        yield from self.expire(at_ns)
        if card == self._card:
            self._confirmed = True
            yield card
        else:
            yield from self._give_up()
            self._card = card
        self._seen_ns = at_ns

    def expire(self, at_ns: int) -> Iterator[FrameFault]:
        """Time passed: a frame that nothing repeated is given up."""
        if self._card is not None and at_ns - self._seen_ns > self._window_ns:
            yield from self._give_up()

    def _give_up(self) -> Iterator[FrameFault]:
        if self._card is not None and not self._confirmed:
            yield FrameFault(ReaderFaultKind.UNCONFIRMED, "a single frame with a right checksum that was not repeated")
        self._card = None
        self._confirmed = False
