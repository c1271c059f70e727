"""A bus with one reader in the secure channel, and what its tests ask of it."""

from drivers.osdp.virtual_bus import KEY, SECOND, VirtualBus
from portillon_drivers.osdp.commands import Challenge, ServerCryptogram
from portillon_drivers.osdp.frame import Frame
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.panel import PanelReader
from portillon_drivers.osdp.panel_events import (
    ReaderOnline,
    Refusal,
    SecurityRefused,
)
from portillon_drivers.osdp.reader_simulator import OsdpReaderSimulator

HANDSHAKE = (Challenge.CODE, ServerCryptogram.CODE)


def bus_of(reader: PanelReader, simulator: OsdpReaderSimulator) -> VirtualBus:
    return VirtualBus([reader], [simulator])


def good() -> VirtualBus:
    bus = bus_of(PanelReader(0, scbk=KEY), OsdpReaderSimulator(0, KEY)).run(SECOND)
    assert bus.told(ReaderOnline)
    bus.forget()
    return bus


def refused(bus: VirtualBus) -> list[Refusal]:
    return [event.refusal for event in bus.told(SecurityRefused)]


def nothing_in_clear(bus: VirtualBus) -> bool:
    """Nothing but the steps of a handshake left the panel without a MAC."""
    for _, raw in bus.sent:
        (frame,) = FrameParser().feed(raw)
        assert isinstance(frame, Frame)
        sealed = frame.block is not None and frame.block.kind in (0x15, 0x17)
        if not sealed and not (frame.block is not None and frame.body[0] in HANDSHAKE):
            return False
    return True
