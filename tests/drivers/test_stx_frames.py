"""Frames of 125 kHz readers, byte by byte."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers import id12la, id12la_simulator, rdm6300, rdm6300_simulator
from portillon_drivers.readers.frame_fault import FrameFault
from portillon_drivers.readers.stx_frames import GAP_NS, StxFrames

GOOD = b"\x020F0027A46BE7\x03"
RDM6300 = (rdm6300.TRAILER, rdm6300_simulator.frame)
ID12LA = (id12la.TRAILER, id12la_simulator.frame)
BOTH = pytest.mark.parametrize(("trailer", "frame"), [RDM6300, ID12LA], ids=["rdm6300", "id12la"])

cards = st.binary(min_size=5, max_size=5).filter(any).map(lambda raw: raw.hex().upper())
junk = st.binary(max_size=20).map(lambda raw: raw.replace(b"\x02", b""))


def found(frames: StxFrames, data: bytes, at_ns: int = 0) -> list[str]:
    return [thing if isinstance(thing, str) else thing.kind.value for thing in frames.feed(data, at_ns)]


def test_published_frame_is_read() -> None:
    """The frame of the data sheet's example gives its card, leading zero kept."""
    assert found(StxFrames(rdm6300.TRAILER), GOOD) == ["0F0027A46B"]
    assert rdm6300_simulator.frame("0F0027A46B") == GOOD


def test_id12la_frame_has_cr_lf_before_etx() -> None:
    """An ID-12LA ends its frame with CR LF ETX, 16 bytes in all."""
    frame = id12la_simulator.frame("0F0027A46B")
    assert frame == b"\x020F0027A46BE7\r\n\x03"
    assert found(StxFrames(id12la.TRAILER), frame) == ["0F0027A46B"]


@BOTH
@given(data=st.data())
def test_no_split_and_no_junk_hides_a_frame(trailer: bytes, frame: type, data: st.DataObject) -> None:
    """However the stream is split, and whatever junk stands between frames, every whole frame is read, in order."""
    sent = data.draw(st.lists(cards, min_size=1, max_size=4))
    stream = b"".join(data.draw(junk) + frame(card) for card in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    frames = StxFrames(trailer)
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    seen = [thing for piece in pieces for thing in frames.feed(piece, 0) if isinstance(thing, str)]
    assert seen == sent


@BOTH
@given(card=cards, position=st.integers(1, 12), bit=st.integers(0, 7))
def test_no_flipped_bit_passes_as_another_card(trailer: bytes, frame: type, card: str, position: int, bit: int) -> None:
    """One flipped bit in a frame never yields another card (a changed case of a digit is the same card)."""
    dirty = bytearray(frame(card))
    dirty[position] ^= 1 << bit
    cards_read = [thing for thing in StxFrames(trailer).feed(bytes(dirty), 0) if isinstance(thing, str)]
    assert cards_read in ([], [card])


@BOTH
@given(noise=st.binary(max_size=200))
def test_noise_never_raises_and_is_always_told(trailer: bytes, frame: type, noise: bytes) -> None:
    """Any bytes at all are taken, and once the line stands still nothing refused is left untold."""
    frames = StxFrames(trailer)
    told = [*frames.feed(noise, 0), *frames.feed(b"", GAP_NS + 1)]
    assert bool(told) is bool(noise)


@BOTH
@given(card=cards, kept=st.integers(1, 13))
def test_truncated_frame_is_a_fault_and_hides_nothing(trailer: bytes, frame: type, card: str, kept: int) -> None:
    """A frame that breaks off is told as truncated, and the next one is read."""
    assert found(StxFrames(trailer), frame(card)[:kept] + frame(card)) == ["truncated", card]


def test_wrong_checksum_is_refused() -> None:
    """A whole frame whose XOR is wrong is a fault and no card."""
    assert found(StxFrames(rdm6300.TRAILER), b"\x020F0027A46BE8\x03") == ["checksum"]


def test_all_zero_is_refused_although_its_checksum_is_right() -> None:
    """The ghost 000000000000 has a right XOR and is refused."""
    assert found(StxFrames(rdm6300.TRAILER), b"\x02000000000000\x03") == ["all_zero"]


def test_frame_of_the_other_reader_is_malformed() -> None:
    """Declaring the wrong type of reader is told and reads nothing."""
    assert found(StxFrames(rdm6300.TRAILER), id12la_simulator.frame("0F0027A46B"))[0] == "malformed"
    assert found(StxFrames(id12la.TRAILER), GOOD) == ["malformed"]


def test_half_a_frame_does_not_wait_for_ever() -> None:
    """The rest of a frame that comes a second later is not joined to its first half."""
    frames = StxFrames(rdm6300.TRAILER)
    assert found(frames, GOOD[:6]) == []
    assert found(frames, b"", GAP_NS + 1) == ["truncated"]
    assert found(frames, GOOD[6:], GAP_NS + 2) == []
    assert found(frames, GOOD, GAP_NS + 3) == ["junk", "0F0027A46B"]


def test_faults_do_not_quote_what_was_read() -> None:
    """A refused frame's digits appear in no fault: a credential in clear must not reach a journal."""
    faults = list(StxFrames(rdm6300.TRAILER).feed(b"\x020F0027A46BE8\x03\x020F0027A46B\x02", 0))
    assert all(isinstance(fault, FrameFault) and "A46B" not in fault.detail for fault in faults)
    assert {fault.kind for fault in faults if isinstance(fault, FrameFault)} == {
        ReaderFaultKind.CHECKSUM,
        ReaderFaultKind.TRUNCATED,
    }
