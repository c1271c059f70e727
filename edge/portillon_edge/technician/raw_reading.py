"""A raw Wiegand reading in words: bits, timing, every format that fits. Pure; for the technician's own eyes only."""

from collections.abc import Iterator, Sequence
from statistics import median

from portillon_drivers.keypad import key_of_burst
from portillon_drivers.readers.wiegand.frames import RawFrame
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_drivers.readers.wiegand.swap_watch import fits_inverted
from portillon_rules.wiegand import STANDARD, Reading, WiegandFormat, raw_credential, read_bits

NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


def describe(frame: RawFrame, options: WiegandOptions, *, before: RawFrame | None) -> Iterator[str]:
    """The lines that tell one reading; `before` is the reading before it."""
    own = options.card_formats
    yield f"{len(frame.bits)} bits  {frame.bits}"
    yield f"  timing   {_timing(frame, before)}"
    if frame.fault is not None:
        return
    formats = (*own, *(known for name, known in STANDARD.items() if name not in {mine.name for mine in own}))
    readings = read_bits(frame.bits, formats)
    for reading in readings:
        yield f"  fits     {_meaning(reading, own)}"
    if key := key_of_burst(frame.bits):
        yield f"  fits     key {key} of a pad with {len(frame.bits)} bits for each key"
    elif not readings:
        yield f"  fits     no format known here; all its bits are {raw_credential(frame.bits)}"
    if inverted := fits_inverted(frame.bits, [known for known in formats if known.parities]):
        yield f"  perhaps  {' or '.join(inverted)}, if D0 and D1 are connected the wrong way round"


def _timing(frame: RawFrame, before: RawFrame | None) -> str:
    gaps_ms = [gap_ns / NS_PER_MS for gap_ns in frame.gaps_ns]
    apart = "a single edge"
    if gaps_ms:
        apart = f"bits {min(gaps_ms):.3f} ms apart at least, {median(gaps_ms):.3f} usually, {max(gaps_ms):.3f} at most"
    if before is None:
        return apart
    return f"{apart}; {(frame.at_ns[0] - before.ended_ns) / NS_PER_S:.3f} s after the reading before"


def _meaning(reading: Reading, own: Sequence[WiegandFormat]) -> str:
    configured = any(reading.format == known.name for known in own)
    facility = "" if reading.facility is None else f"facility {reading.facility}, "
    configured_text = "" if configured else "  (not among this reader's formats)"
    return f"{reading.format}: {facility}number {reading.number} = {reading.credential}{configured_text}"
