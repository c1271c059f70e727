"""A reading in words."""

from typing import Any

from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.wiegand.frames import RawFrame
from portillon_drivers.readers.wiegand.options import WiegandOptions
from portillon_edge.technician.raw_reading import describe
from portillon_rules.wiegand import STANDARD, encode_bits

MS = 1_000_000
CARD = encode_bits(STANDARD["h10301"], facility=67, number=1_000)


def frame(bits: str, start_ns: int = 0, fault: FrameFault | None = None) -> RawFrame:
    return RawFrame(bits, tuple(start_ns + at * 2 * MS for at in range(len(bits))), fault)


def said(bits: str, before: RawFrame | None = None, start_ns: int = 0, **options: Any) -> str:
    section = {"name": "r", "type": "wiegand", "chip": "/dev/gpiochip0", "d0": 23, "d1": 24}
    read = WiegandOptions.model_validate(section | options)
    return "\n".join(describe(frame(bits, start_ns), read, before=before))


def test_a_known_card() -> None:
    """Bits, timing, format, facility, number and the canonical credential."""
    text = said(CARD)
    assert text.startswith(f"26 bits  {CARD}\n")
    assert "2.000 ms apart at least, 2.000 usually, 2.000 at most" in text
    assert "h10301: facility 67, number 1000 = wiegand:26.28607D1" in text
    assert "not among" not in text


def test_a_card_in_a_format_that_the_reader_was_not_told_of() -> None:
    """Every format that fits is shown, with the credential that it would give."""
    text = said(encode_bits(STANDARD["uid34"], number=0x0ADE5F1E))
    assert "h10306: facility 2782, number 24350 = wiegand:34." in text
    assert "uid34: number 182345502 = nfca:0ADE5F1E  (not among this reader's formats)" in text
    assert "uid34_lsb" in text and "nfca:1E5FDE0A" in text


def test_a_card_in_no_known_format() -> None:
    """The bits themselves are shown as a credential, so that a site's own format can be found out."""
    assert "no format known here; all its bits are wiegand:29.1" in said("1" + "0" * 28)


def test_a_sites_own_format_is_shown() -> None:
    """A format of the configuration is among those that are tried."""
    own = {"name": "gym29", "bits": 29, "number": {"first": 0, "bits": 29}}
    assert "gym29: number 268435456" in said("1" + "0" * 28, custom_formats=[own])


def test_swapped_lines_are_suspected() -> None:
    """A reading that would fit inverted says so."""
    text = said(CARD.translate(str.maketrans("01", "10")))
    assert "h10301, if D0 and D1 are connected the wrong way round" in text


def test_keys_and_pauses() -> None:
    """A burst is shown as its key; the time since the reading before is told."""
    text = said("1011", before=frame(CARD), start_ns=1_050 * MS)
    assert "key # of a pad with 4 bits" in text
    assert "1.000 s after the reading before" in text
    assert "no format" not in text


def test_a_refused_frame_shows_what_came_and_fits_nothing() -> None:
    """Of a frame that cannot be trusted, bits and timing are shown, and nothing is read from them."""
    section = {"name": "r", "type": "wiegand", "chip": "/dev/gpiochip0", "d0": 23, "d1": 24}
    fault = FrameFault(ReaderFaultKind.NOISE, "noise")
    lines = list(describe(frame(CARD, fault=fault), WiegandOptions.model_validate(section), before=None))
    assert len(lines) == 2
    single = list(describe(frame("1", fault=fault), WiegandOptions.model_validate(section), before=None))
    assert "a single edge" in single[1]
