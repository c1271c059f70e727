"""OSDP's frames: the standard's own bytes, and any bytes at all."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.osdp.commands import ComSet, IdRequest, decode_command
from portillon_drivers.osdp.frame import FRAME_BYTES_MAX, Frame, SecurityBlock, check, encode
from portillon_drivers.osdp.frame_parser import FrameParser
from portillon_drivers.readers.frame_fault import FrameFault

VECTORS = tomllib.loads((Path(__file__).parent / "vectors" / "sia_annex_e.toml").read_text())

blocks = st.none() | st.builds(SecurityBlock, st.integers(0x11, 0x18), st.binary(max_size=3))
frames = st.builds(
    Frame,
    address=st.integers(0, 0x7F),
    reply=st.booleans(),
    sequence=st.integers(0, 3),
    body=st.binary(min_size=1, max_size=60),
    crc=st.booleans(),
    block=blocks,
)


def cut(data: st.DataObject, stream: bytes) -> list[bytes]:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    return [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]


@pytest.mark.parametrize("vector", VECTORS["checks"], ids=lambda vector: vector["check"])
def test_check_bytes_are_those_of_annex_e(vector: dict[str, str]) -> None:
    """CRC and checksum of the standard's examples come out as printed there."""
    assert check(bytes.fromhex(vector["covered"]), crc=bool(vector["crc"])).hex().upper() == vector["check"]


@pytest.mark.parametrize("vector", VECTORS["checks"], ids=lambda vector: vector["check"])
def test_annex_e_frames_are_read_and_written_byte_by_byte(vector: dict[str, str]) -> None:
    """The standard's example frames mean what it says, and are encoded to the same bytes again."""
    raw = bytes.fromhex(vector["covered"] + vector["check"])
    (frame,) = FrameParser().feed(raw)
    assert isinstance(frame, Frame)
    assert encode(frame) == raw
    expected = ComSet(0, 9600) if frame.address == 0x7F else IdRequest()
    assert decode_command(frame.body) == expected


@given(sent=st.lists(frames, min_size=1, max_size=4), data=st.data())
def test_no_split_and_no_mark_hides_a_frame(sent: list[Frame], data: st.DataObject) -> None:
    """However the stream is split, with marks between frames, every frame comes out whole and in order."""
    stream = b"".join(b"\xff" * data.draw(st.integers(0, 3)) + encode(frame) for frame in sent)
    parser = FrameParser()
    assert [thing for piece in cut(data, stream) for thing in parser.feed(piece)] == sent
    assert not parser.under_way


@given(frame=frames, junk=st.binary(max_size=100).map(lambda raw: raw.replace(b"\x53", b"")))
def test_junk_before_a_frame_hides_nothing_and_is_told(frame: Frame, junk: bytes) -> None:
    """Noise without a start byte costs no frame, and everything but marks is told as a fault."""
    found = list(FrameParser().feed(junk + encode(frame)))
    assert found[-1] == frame
    assert all(isinstance(thing, FrameFault) for thing in found[:-1])
    assert bool(found[:-1]) is bool(junk.strip(b"\xff"))


@given(noise=st.binary(max_size=400), data=st.data())
def test_any_bytes_give_frames_or_faults_and_memory_stays_bounded(noise: bytes, data: st.DataObject) -> None:
    """Nothing is ever raised, no more than one frame is kept, and after the break the next frame is read."""
    parser = FrameParser()
    for piece in cut(data, noise):
        for thing in parser.feed(piece):
            assert isinstance(thing, Frame | FrameFault)
        assert len(parser._buffer) <= FRAME_BYTES_MAX
    assert all(isinstance(fault, FrameFault) for fault in parser.break_off())
    frame = Frame(1, True, 2, b"\x40")
    assert list(parser.feed(encode(frame))) == [frame]


@given(noise=st.binary(max_size=60))
def test_parser_finds_its_way_back_without_a_break(noise: bytes) -> None:
    """Even noise that looks like the head of a long frame hides frames only until that length has passed."""
    parser = FrameParser()
    frame = Frame(1, True, 2, b"\x40")
    found = [thing for _ in range(2 * FRAME_BYTES_MAX // 8) for thing in parser.feed(encode(frame))]
    assert frame in found
    dirty = list(parser.feed(noise))
    clean = [thing for _ in range(2 * FRAME_BYTES_MAX // 8) for thing in parser.feed(encode(frame))]
    assert clean[-1] == frame, dirty


@given(frame=frames, data=st.data())
def test_no_flipped_bit_passes(frame: Frame, data: st.DataObject) -> None:
    """One flipped bit never yields the frame, nor another one."""
    raw = bytearray(encode(frame))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    # A flip of the CRC bit itself turns two check bytes into data and a checksum: one in 256 such frames passes.
    dirty = [thing for thing in FrameParser().feed(bytes(raw)) if isinstance(thing, Frame)]
    assert [thing for thing in dirty if thing.crc == frame.crc] == []


def test_a_length_that_no_message_has_is_noise() -> None:
    """A head that claims more than the largest message, or less than the smallest, does not hold up the line."""
    for length in (0, 6, FRAME_BYTES_MAX + 1, 0xFFFF):
        parser = FrameParser()
        head = bytes([0x53, 0x80]) + length.to_bytes(2, "little") + b"\x04"
        frame = Frame(0, True, 1, b"\x40")
        assert frame in list(parser.feed(head + encode(frame)))


def test_faults_do_not_quote_what_was_read() -> None:
    """No byte of a refused frame shows in a fault, and none of a frame in its repr."""
    raw = encode(Frame(0, True, 1, b"\x50\x00\x01\x1a\x00\xa1\x81\xf4\x40"))
    faults = [*FrameParser().feed(raw[:-1] + b"\x00"), *FrameParser().feed(raw)]
    assert "a1" not in repr(faults).lower()
