"""RDM6300: 125 kHz EM4100 cards at 9600 Bd; repeats its frame every 65 ms or so while the card lies on it.

Its clones send ghost frames whose checksum is right (arendst/Tasmota#9522: BC7DDFFDDF3C, C00C000000CC, 000000000000),
so a card counts only once two equal frames came within a short window.
"""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from portillon_drivers.events import ClockNs
from portillon_drivers.ports import Reader
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.stx_frames import ETX, StxFrames
from portillon_drivers.readers.tag_reader import TagReaderOptions, tag_reader
from portillon_drivers.readers.two_equal_frames import TwoEqualFrames
from portillon_drivers.registry import Driver

TRAILER = bytes([ETX])


class Rdm6300Options(TagReaderOptions):
    """A section `[[readers]]` with `type = "rdm6300"`."""

    type: Literal["rdm6300"]
    confirm_window_ms: int = Field(
        default=250, ge=80, le=1_000, description="two equal frames must come within this time"
    )


def decoder(options: Rdm6300Options) -> CardDecoder:
    """The decoder of one such reader."""
    return CardDecoder(
        frames=StxFrames(TRAILER),
        confirm=TwoEqualFrames(options.confirm_window_ms * 1_000_000),
        hold_off=HoldOff(options.hold_off_ms * 1_000_000),
    )


def build(sections: Sequence[Rdm6300Options], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [tag_reader(options, decoder(options), clock_ns) for options in sections]


DRIVER: Driver[Rdm6300Options, Reader] = Driver(Rdm6300Options, build)
