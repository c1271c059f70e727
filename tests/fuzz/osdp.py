"""What comes over an RS-485 bus that anybody can be wired to."""

from fuzz.readers import portions
from portillon_drivers.osdp.commands import MalformedCommand, decode_command, encode_command
from portillon_drivers.osdp.frame import FRAME_BYTES_MAX, Frame, encode
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.osdp.replies import MalformedReply, decode_reply, encode_reply


def frames(data: bytes) -> None:
    """A frame that is found is one that can be sent, or none; nothing is kept beyond one frame."""
    parser = FrameParser()
    for portion in portions(data):
        for found in parser.feed(portion):
            if isinstance(found, Frame):
                assert len(encode(found)) <= FRAME_BYTES_MAX
    list(parser.break_off())
    assert not parser.under_way


def bodies(data: bytes) -> None:
    """A reply and a command, once decoded, mean the same when sent again."""
    reply = decode_reply(data)
    if not isinstance(reply, MalformedReply):
        assert decode_reply(encode_reply(reply)) == reply
    command = decode_command(data)
    if not isinstance(command, MalformedCommand):
        assert decode_command(encode_command(command)) == command
