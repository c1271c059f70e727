"""From edges to frames: what fell between two silences, or why it cannot be trusted. Pure.

Edges are ordered by the kernel's sequence numbers and timed by its clock: when Python came to read them means nothing.
A frame ends by a silence of more than FRAME_GAP_NS, which is certain only if the queue was empty at `now_ns`; feeding
no edges lets that time pass. Where sequence numbers are missing the queue ran over: the frame before the hole and the
one after it are both refused, for nobody knows whose bits are gone.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from portillon_rules.wiegand_layout import BITS_MAX

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.timing import FRAME_GAP_NS, TOO_CLOSE_NS, US

JOINED_EDGES_MIN = 8
"""The shortest burst, 4 bits, on lines that fall together; fewer pairs may be a spark that both wires caught."""


@dataclass(frozen=True, slots=True)
class RawFrame:
    """Everything that fell between two silences; with a fault, it is refused whatever its bits say."""

    bits: str = field(repr=False)
    at_ns: tuple[int, ...] = field(repr=False)
    """The kernel's time of each bit."""
    fault: FrameFault | None = None

    @property
    def ended_ns(self) -> int:
        """When its last bit fell."""
        return self.at_ns[-1]

    @property
    def gaps_ns(self) -> list[int]:
        """The time from each bit to the next."""
        return [later - earlier for earlier, later in pairwise(self.at_ns)]


class EdgeFrames:
    """Finds frames in edges that may come late, out of order, or not at all. Holds at most BITS_MAX of them."""

    def __init__(self) -> None:
        self._edges: list[Edge] = []
        self._next_seqno = 1
        self._overlong = False

    @property
    def begun_ns(self) -> int | None:
        """When the last edge of an unfinished frame fell; None if there is none."""
        return self._edges[-1].at_ns if self._edges else None

    def restart(self) -> Iterator[RawFrame]:
        """The lines are taken anew and count from 1; what was begun will not be finished."""
        if self._edges:
            broken = FrameFault(ReaderFaultKind.TRUNCATED, f"a frame broke off after {len(self._edges)} bits")
            yield _frame(self._edges, broken)
        self._edges, self._next_seqno, self._overlong = [], 1, False

    def feed(self, edges: Iterable[Edge], now_ns: int) -> Iterator[RawFrame]:
        """The frames that these edges end, or silence: up to `now_ns`, the queue held nothing else."""
        # An edge whose number has passed is a straggler from a frame that was already refused for the hole it left.
        new = [edge for edge in edges if edge.seqno >= self._next_seqno]
        for edge in sorted(new, key=lambda edge: edge.seqno):
            self._edges.append(edge)
            if len(self._edges) > 1:
                yield from self._settle()
        if self._edges and now_ns - self._edges[-1].at_ns > FRAME_GAP_NS:
            yield from self._end(len(self._edges), hole_after=False)

    def _settle(self) -> Iterator[RawFrame]:
        """An edge was added: it may come in before others, begin the next frame, or be one too many."""
        self._edges.sort(key=lambda edge: edge.seqno)
        before, last = self._edges[-2], self._edges[-1]
        if last.at_ns - before.at_ns > FRAME_GAP_NS:
            yield from self._end(len(self._edges) - 1, hole_after=last.seqno != before.seqno + 1)
        elif len(self._edges) > BITS_MAX:
            yield _frame(self._edges, FrameFault(ReaderFaultKind.TOO_LONG, f"more than {BITS_MAX} bits without a gap"))
            self._overlong = True
            self._next_seqno = last.seqno  # the rest until the next silence belongs to it
            self._edges = [last]

    def _end(self, count: int, *, hole_after: bool) -> Iterator[RawFrame]:
        ended, self._edges = self._edges[:count], self._edges[count:]
        missing = ended[-1].seqno + 1 - self._next_seqno - len(ended)
        self._next_seqno = ended[-1].seqno + 1
        overlong, self._overlong = self._overlong, False
        if overlong:
            return
        if missing or hole_after:
            yield _frame(ended, FrameFault(ReaderFaultKind.EDGES_DROPPED, "the kernel's queue ran over"))
        else:
            yield _frame(ended, _timing_fault(ended))


def _frame(edges: Sequence[Edge], fault: FrameFault | None) -> RawFrame:
    bits = "".join("1" if edge.line is Line.D1 else "0" for edge in edges)
    return RawFrame(bits, tuple(edge.at_ns for edge in edges), fault)


def _timing_fault(edges: Sequence[Edge]) -> FrameFault | None:
    close = [at for at, (one, other) in enumerate(pairwise(edges)) if other.at_ns - one.at_ns < TOO_CLOSE_NS]
    if not close:
        return None
    pairs = all(edges[at].line is not edges[at + 1].line for at in close)
    if pairs and len(edges) >= JOINED_EDGES_MIN and close == list(range(0, len(edges) - 1, 2)):
        return FrameFault(ReaderFaultKind.SHORTED, "D0 and D1 always fall together: they touch somewhere")
    return FrameFault(
        ReaderFaultKind.NOISE,
        f"{len(close)} of {len(edges)} edges came within {TOO_CLOSE_NS // US} µs of another, which no reader sends",
    )
