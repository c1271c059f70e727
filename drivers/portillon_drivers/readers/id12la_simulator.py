"""What an ID-12LA puts on its line: one frame per presented card."""

from pathlib import Path

from portillon_drivers.options import ReaderOptions
from portillon_drivers.readers.id12la import TRAILER
from portillon_drivers.readers.rdm6300_simulator import checksum
from portillon_drivers.readers.simulated_tag_reader import SimulatedTagReader
from portillon_drivers.readers.stx_frames import STX


def frame(card: str) -> bytes:
    """The 16 bytes for a card of ten hex digits."""
    return bytes([STX]) + f"{card.upper()}{checksum(card):02X}".encode("ascii") + TRAILER


def simulate(options: ReaderOptions, folder: Path) -> SimulatedTagReader:
    """One on a pty of its own; it sends one frame for each tag."""
    return SimulatedTagReader(folder / options.name, frame)
