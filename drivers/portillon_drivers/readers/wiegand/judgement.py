"""A frame is a card, a key, or is refused with the likeliest reason. Pure, but for counting towards exchanged lines.

Never is anything mended or guessed: no bit is added, turned or cut off, and a frame that could be one card or two is
refused. A frame whose bits are all equal is no card even where a format without parity would take it: one of the wires
is cut, or nothing drives them.
"""

from collections.abc import Sequence
from statistics import median

from portillon_rules.credential import Credential
from portillon_rules.wiegand import STANDARD, WiegandFormat, read_bits

from portillon_drivers.events import Key, ReaderFaultKind
from portillon_drivers.keypad import KeypadCode, key_of_burst
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.wiegand.frames import RawFrame
from portillon_drivers.readers.wiegand.swap_watch import SwapWatch

STRAY_BITS_MAX = 3
"""Fewer bits than any key: no reader sends them."""
LOST_BITS_MAX = 2
"""A frame shorter by this many than a known format is that format with bits lost, rather than another format."""
PAUSE_RATIO = 3
"""A pause this much longer than the usual one may be the seam between two cards: a reader sends its bits evenly."""
SWAPPED = (
    "D0 and D1 are connected the wrong way round: exchange them at the terminal, or d0 and d1 in the configuration"
)


class Judgement:
    """What the frames of one reader mean."""

    def __init__(self, formats: Sequence[WiegandFormat], keypad: KeypadCode) -> None:
        self._formats = formats
        self._keypad = keypad
        self._lengths = sorted({card_format.bits for card_format in formats})
        self._swap = SwapWatch(formats)

    def of(self, frame: RawFrame) -> Credential | Key | FrameFault:
        """The card or key that a frame is, or why it is none."""
        if frame.fault is not None:
            return frame.fault
        bits = frame.bits
        if len(bits) <= STRAY_BITS_MAX:
            return FrameFault(ReaderFaultKind.NOISE, f"{len(bits)} stray edges")
        if len(bits) == self._keypad.bits and len(bits) not in self._lengths:
            return self._key(bits)
        readings = read_bits(bits, self._formats)
        if not readings:
            return self._refusal(bits)
        if len(set(bits)) == 1:
            return _one_line_only(bits)
        if self._has_a_seam(frame):
            return _run_together(bits)
        self._swap.fits()
        return readings[0].credential

    def _key(self, bits: str) -> Key | FrameFault:
        if self._swap.swapped:  # an inverted burst is the burst of another key
            return FrameFault(ReaderFaultKind.SWAPPED_LINES, SWAPPED)
        return key_of_burst(bits) or FrameFault(ReaderFaultKind.MALFORMED, f"{len(bits)} bits that stand for no key")

    def _refusal(self, bits: str) -> FrameFault:
        count = len(bits)
        if any(self._is_whole(bits[:cut]) and self._is_whole(bits[cut:]) for cut in range(4, count - 3)):
            return _run_together(bits)
        if count in self._lengths:
            self._swap.refused(bits)
            if self._swap.swapped:
                return FrameFault(ReaderFaultKind.SWAPPED_LINES, SWAPPED)
            return FrameFault(ReaderFaultKind.PARITY, f"{count} bits, but a parity does not fit: a bit was turned")
        if known := [named.name for named in STANDARD.values() if named.parities and named.fits(bits)]:
            return FrameFault(
                ReaderFaultKind.UNKNOWN_FORMAT,
                f"{count} bits, as {' or '.join(known)} has them: if these are the site's cards, add it to formats",
            )
        has = f"{count} bits; a card of this reader has {' or '.join(map(str, self._lengths))}"
        if any(0 < length - count <= LOST_BITS_MAX for length in self._lengths):
            return FrameFault(ReaderFaultKind.LOST_BITS, has + _cut_wire(bits))
        if self._keypad is KeypadCode.NONE and key_of_burst(bits) is not None:
            return FrameFault(
                ReaderFaultKind.UNKNOWN_FORMAT, f'{count} bits, as a keypad sends them: set keypad = "{count}bit"'
            )
        if count < self._lengths[0]:
            return FrameFault(ReaderFaultKind.LOST_BITS, has + _cut_wire(bits))
        return FrameFault(ReaderFaultKind.UNKNOWN_FORMAT, has)

    def _has_a_seam(self, frame: RawFrame) -> bool:
        """Whether a frame that reads as one card reads as two things, cut at a pause that stands out."""
        gaps = frame.gaps_ns
        seam = gaps.index(max(gaps))
        if gaps[seam] < PAUSE_RATIO * median(gaps):
            return False
        return self._is_whole(frame.bits[: seam + 1]) and self._is_whole(frame.bits[seam + 1 :])

    def _is_whole(self, bits: str) -> bool:
        if len(bits) == self._keypad.bits:
            return key_of_burst(bits) is not None
        return bool(read_bits(bits, self._formats))


def _run_together(bits: str) -> FrameFault:
    return FrameFault(
        ReaderFaultKind.RUN_TOGETHER, f"{len(bits)} bits that are two readings without a gap: present it again"
    )


def _one_line_only(bits: str) -> FrameFault:
    kind = ReaderFaultKind.LOST_BITS if "1" in bits else ReaderFaultKind.ALL_ZERO
    return FrameFault(kind, f"{len(bits)} equal bits" + _cut_wire(bits))


def _cut_wire(bits: str) -> str:
    if len(set(bits)) > 1:
        return ""
    fell, still = ("D1", "D0") if "1" in bits else ("D0", "D1")
    return f": only {fell} fell; is {still} connected?"
