"""From edges to badges and keys: frames, then what each one is, then the hold-off. Pure."""

from collections.abc import Callable, Iterable, Iterator

from portillon_rules.credential import Credential

from portillon_drivers.events import Key
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.wiegand.edges import Edge
from portillon_drivers.readers.wiegand.frames import EdgeFrames, RawFrame
from portillon_drivers.readers.wiegand.judgement import Judgement
from portillon_drivers.readers.wiegand.timing import FRAME_GAP_NS

Observe = Callable[[RawFrame], None]
Found = tuple[int, Credential | Key | FrameFault]
"""The kernel's time of the last bit, and what it was."""


class WiegandDecoder:
    """Everything about a Wiegand reader that is not its GPIO chip."""

    def __init__(self, judgement: Judgement, hold_off: HoldOff, observe: Observe | None = None) -> None:
        """`observe` is shown each raw frame before it is judged: for a technician's own eyes."""
        self._frames = EdgeFrames()
        self._judgement = judgement
        self._hold_off = hold_off
        self._observe = observe

    @property
    def frame_ends_ns(self) -> int | None:
        """When the frame that has begun ends if nothing more comes; None if none has."""
        begun_ns = self._frames.begun_ns
        return None if begun_ns is None else begun_ns + FRAME_GAP_NS + 1

    def feed(self, edges: Iterable[Edge], now_ns: int) -> Iterator[Found]:
        """Cards newly presented, keys and faults, in order; no edges let time pass."""
        for frame in self._frames.feed(edges, now_ns):
            yield from self._tell(frame)

    def line_lost(self) -> Iterator[Found]:
        """The lines went away: a begun frame will not be finished."""
        for frame in self._frames.restart():
            yield from self._tell(frame)

    def _tell(self, frame: RawFrame) -> Iterator[Found]:
        if self._observe is not None:
            self._observe(frame)
        found = self._judgement.of(frame)
        if not isinstance(found, Credential) or self._hold_off.passes(str(found), frame.ended_ns):
            yield frame.ended_ns, found
