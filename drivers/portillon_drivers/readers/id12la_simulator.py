"""What an ID-12LA puts on its line: one frame per presented card."""

from portillon_drivers.readers.id12la import TRAILER
from portillon_drivers.readers.rdm6300_simulator import checksum
from portillon_drivers.readers.stx_frames import STX


def frame(card: str) -> bytes:
    """The 16 bytes for a card of ten hex digits."""
    return bytes([STX]) + f"{card.upper()}{checksum(card):02X}".encode("ascii") + TRAILER
