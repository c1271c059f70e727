"""What an RDM6300 puts on its line. Not modelled: the radio field, and how often a clone sends ghosts."""

from pathlib import Path

from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.rdm6300 import TRAILER
from portillon_drivers.readers.simulated_tag_reader import SimulatedTagReader
from portillon_drivers.readers.stx_frames import STX

REPEAT_MS = 65
"""While a card lies on the reader, its frame comes again after this time."""
BYTE_MS = 10 / 9.6
"""One byte at 9600 Bd, 8N1: ten bits."""


def checksum(card: str) -> int:
    """The XOR of the five bytes of a card of ten hex digits."""
    xor = 0
    for byte in bytes.fromhex(card):
        xor ^= byte
    return xor


def frame(card: str) -> bytes:
    """The 14 bytes for a card of ten hex digits."""
    return bytes([STX]) + f"{card.upper()}{checksum(card):02X}".encode("ascii") + TRAILER


def simulate(options: ReaderOptions, folder: Path) -> SimulatedTagReader:
    """One on a pty of its own; it repeats its frame while the tag lies there."""
    return SimulatedTagReader(folder / options.name, lambda card: frame(card) * 2)
