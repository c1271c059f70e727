"""ID-12LA (and ID-3LA, ID-20LA): 125 kHz EM4100 cards at 9600 Bd, ASCII format; sends one frame per presented card."""

from collections.abc import Sequence
from typing import Literal

from portillon_drivers.events import ClockNs
from portillon_drivers.ports import Reader
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.stx_frames import ETX, StxFrames
from portillon_drivers.readers.tag_reader import TagReaderOptions, tag_reader
from portillon_drivers.registry import Driver

TRAILER = b"\r\n" + bytes([ETX])


class Id12laOptions(TagReaderOptions):
    """A section `[[readers]]` with `type = "id12la"`."""

    type: Literal["id12la"]


def decoder(options: Id12laOptions) -> CardDecoder:
    """The decoder of one such reader."""
    return CardDecoder(frames=StxFrames(TRAILER), confirm=None, hold_off=HoldOff(options.hold_off_ms * 1_000_000))


def build(sections: Sequence[Id12laOptions], clock_ns: ClockNs) -> list[Reader]:
    """One reader per section."""
    return [tag_reader(options, decoder(options), clock_ns) for options in sections]


DRIVER: Driver[Id12laOptions, Reader] = Driver(Id12laOptions, build)
