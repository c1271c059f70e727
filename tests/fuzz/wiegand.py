"""What two wires on a wall can be made to say."""

from fuzz.readers import MS
from portillon_drivers.events import Key
from portillon_drivers.keypad import KeypadCode
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.wiegand.decoder import WiegandDecoder
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.judgement import Judgement
from portillon_rules.card_number import parse_presented
from portillon_rules.credential import Credential, CredentialError
from portillon_rules.wiegand import STANDARD, raw_bits, read_bits

FORMATS = tuple(STANDARD.values())
LINES = (Line.D0, Line.D1)


def edges(data: bytes) -> None:
    """Edges in any rhythm, with holes in their numbers and out of order: a card fits a format whole, or is none."""
    decoder = WiegandDecoder(Judgement(FORMATS, KeypadCode.EIGHT_BIT), HoldOff(0))
    at_ns, seqno = 0, 0
    for line, pause in zip(data[::2], data[1::2], strict=False):
        at_ns += (pause & 0x7F) * MS // 4
        seqno += 1 + (line >> 1) % 32 // 31
        order = -1 if line & 0x80 and seqno > 1 else 0
        edge = Edge(LINES[line & 1], at_ns, seqno + order)
        for _, found in decoder.feed([edge], at_ns):
            judged(found)
    for _, found in decoder.feed([], at_ns + 1_000 * MS):
        judged(found)


def judged(found: Credential | Key | FrameFault) -> None:
    """What came out must be what a whole reading can be."""
    if isinstance(found, Credential):
        assert any(reading.credential == found for reading in read_bits(raw_bits(found), FORMATS))


def bits(data: bytes) -> None:
    """Any string of bits, also longer than any card."""
    text = "".join(f"{byte:08b}" for byte in data)
    for reading in read_bits(text[: len(text) - (data[0] % 8 if data else 0)], FORMATS):
        assert parse_presented(str(reading.credential)) == reading.credential


def card_number(data: bytes) -> None:
    """What people type for a card: a credential, or a CredentialError."""
    try:
        found = parse_presented(data.decode("latin-1"))
    except CredentialError:
        return
    assert parse_presented(str(found)) == found
