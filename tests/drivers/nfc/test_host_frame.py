"""Frames between host and PN532, byte by byte."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.nfc.host_frame import EXTENDED_MAX, FrameFinder, Mark, frame

VECTORS = json.loads((Path(__file__).parent / "vectors" / "pn532.json").read_text())["frames"]["vectors"]
contents = st.binary(min_size=1, max_size=EXTENDED_MAX)
junk = st.binary(max_size=20).map(lambda raw: raw.replace(b"\xff", b""))
marks = st.sampled_from(Mark)


def sent(thing: bytes | Mark) -> bytes:
    return thing.value if isinstance(thing, Mark) else frame(thing)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_published_frames(vector: dict[str, str]) -> None:
    """Frames of the manual, and those that nfcpy has as literals, are made and read so."""
    data, whole = bytes.fromhex(vector["data"]), bytes.fromhex(vector["frame"])
    assert frame(data) == whole
    assert list(FrameFinder().feed(whole)) == [data]


def test_long_frames_are_extended() -> None:
    """From 256 bytes on the length takes two bytes behind FF FF."""
    assert frame(bytes(255))[:5].hex() == "0000ffff01"
    assert frame(bytes(256))[:8].hex() == "0000ffffff0100ff"


@pytest.mark.parametrize("size", [0, EXTENDED_MAX + 1])
def test_no_frame_carries_that(size: int) -> None:
    """Nothing, and more than 265 bytes, have no frame."""
    with pytest.raises(ValueError, match="1 to 265"):
        frame(bytes(size))


@given(things=st.lists(st.one_of(contents, marks), max_size=5), data=st.data())
def test_no_split_and_no_preamble_hides_a_frame(things: list[bytes | Mark], data: st.DataObject) -> None:
    """However the stream is split, and whatever stands before a start code, every frame is found, in order."""
    stream = b"".join(data.draw(junk) + sent(thing) for thing in things)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    finder = FrameFinder()
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert [found for piece in pieces for found in finder.feed(piece)] == things


@given(data=contents, position=st.integers(0, 400), bit=st.integers(0, 7))
def test_no_flipped_bit_passes_as_another_frame(data: bytes, position: int, bit: int) -> None:
    """One flipped bit never yields other contents of the same length; the preamble may flip."""
    dirty = bytearray(frame(data))
    dirty[position % len(dirty)] ^= 1 << bit
    found = [thing for thing in FrameFinder().feed(bytes(dirty)) if isinstance(thing, bytes)]
    assert all(thing == data or len(thing) < len(data) for thing in found)


@given(noise=st.binary(max_size=2_000), data=contents)
def test_noise_never_raises_never_grows_and_ends(noise: bytes, data: bytes) -> None:
    """Any bytes are taken, at most one frame is kept; once the longest would have ended, the next is found."""
    finder = FrameFinder()
    list(finder.feed(noise))
    assert len(finder._buffer) <= EXTENDED_MAX + 10
    list(finder.feed(bytes(EXTENDED_MAX + 10)))
    assert list(finder.feed(frame(data))) == [data]
