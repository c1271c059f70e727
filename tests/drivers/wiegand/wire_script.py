"""Edges as a kernel would tell them, on a clock of the test's own."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from portillon_drivers.keypad import KeypadCode
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.wiegand.decoder import WiegandDecoder
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.judgement import Judgement
from portillon_rules.credential import Credential
from portillon_rules.wiegand import STANDARD, WiegandFormat, encode_bits

US = 1_000
MS = 1_000_000
CARD = encode_bits(STANDARD["h10301"], facility=67, number=1_000)
OTHER = encode_bits(STANDARD["h10301"], facility=67, number=2_513)
H10301 = STANDARD["h10301"]


@dataclass
class Wire:
    """Writes edges one after the other; `now_ns` is the time of the last."""

    now_ns: int = 0
    edges: list[Edge] = field(default_factory=list)

    def bits(self, bits: str, interval_ns: int = MS) -> "Wire":
        """The first bit falls one interval from now."""
        for bit in bits:
            self.now_ns += interval_ns
            self.edges.append(Edge(Line.D1 if bit == "1" else Line.D0, self.now_ns, len(self.edges) + 1))
        return self

    def pause(self, pause_ns: int) -> "Wire":
        self.now_ns += pause_ns
        return self


def decoder(
    *formats: WiegandFormat, keypad: KeypadCode = KeypadCode.NONE, observe: Callable[..., None] | None = None
) -> WiegandDecoder:
    return WiegandDecoder(Judgement(formats or [H10301], keypad), HoldOff(0), observe)


def told(decoder: WiegandDecoder, edges: Iterable[Edge], now_ns: int | None = None) -> list[str]:
    """What comes of edges that are read all at once, long after: canonical cards, keys, kinds of fault."""
    edges = list(edges)
    end_ns = max((edge.at_ns for edge in edges), default=0) + 1_000 * MS if now_ns is None else now_ns
    return [
        str(found) if isinstance(found, Credential) else (found.kind if isinstance(found, FrameFault) else found).value
        for _, found in decoder.feed(edges, end_ns)
    ]
