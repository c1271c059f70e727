"""From bytes to badges: frames, then (where a reader sends ghosts) two equal ones, then the hold-off. Pure."""

from collections.abc import Iterator

from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.stx_frames import StxFrames
from portillon_drivers.readers.two_equal_frames import TwoEqualFrames


class CardDecoder:
    """Everything about a card reader that is not its serial line."""

    def __init__(self, *, frames: StxFrames, confirm: TwoEqualFrames | None, hold_off: HoldOff) -> None:
        self._frames = frames
        self._confirm = confirm
        self._hold_off = hold_off

    def feed(self, data: bytes, at_ns: int) -> Iterator[str | FrameFault]:
        """Cards newly presented, and faults, in order; b"" lets time pass."""
        if self._confirm is not None:
            yield from self._confirm.expire(at_ns)
        for found in self._frames.feed(data, at_ns):
            if isinstance(found, FrameFault):
                yield found
            else:
                yield from self._card(found, at_ns)

    def line_lost(self) -> Iterator[FrameFault]:
        """The line went away: a begun frame will not be finished."""
        return self._frames.break_off()

    def _card(self, card: str, at_ns: int) -> Iterator[str | FrameFault]:
        for found in [card] if self._confirm is None else self._confirm.feed(card, at_ns):
            if isinstance(found, FrameFault) or self._hold_off.passes(found, at_ns):
                yield found
