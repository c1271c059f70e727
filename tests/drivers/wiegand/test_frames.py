"""From edges to frames: silence, holes in the numbers, noise, joined lines, and no edge that could do harm."""

from dataclasses import replace

import pytest
from drivers.wiegand.wire_script import CARD, MS, OTHER, US, Wire
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.events import ReaderFaultKind
from portillon_drivers.readers.wiegand import frames as frames_module
from portillon_drivers.readers.wiegand.edges import Edge, Line
from portillon_drivers.readers.wiegand.frames import EdgeFrames, RawFrame
from portillon_drivers.readers.wiegand.timing import FRAME_GAP_NS, INTERVAL_NS_MAX, INTERVAL_NS_MIN
from portillon_rules.wiegand_layout import BITS_MAX

LONG_AFTER_NS = 10_000 * MS


def framed(edges: list[Edge]) -> list[RawFrame]:
    return list(EdgeFrames().feed(edges, LONG_AFTER_NS))


def bits_and_faults(frames: list[RawFrame]) -> list[str]:
    return [frame.fault.kind.value if frame.fault else frame.bits for frame in frames]


@pytest.mark.parametrize("interval_ns", [INTERVAL_NS_MIN, MS, INTERVAL_NS_MAX])
def test_cards_read_late_and_at_once(interval_ns: int) -> None:
    """However fast or slowly a reader sends, two cards that are read long after are two frames with their own times."""
    wire = Wire().bits(CARD, interval_ns).pause(40 * MS).bits(OTHER, interval_ns)
    one, other = framed(wire.edges)
    assert (one.bits, other.bits) == (CARD, OTHER)
    assert one.ended_ns == 26 * interval_ns
    assert set(one.gaps_ns) == {interval_ns}


def test_a_frame_ends_by_silence_and_not_before() -> None:
    """Nothing is told until the gap has passed on the kernel's clock, then at once, though no edge came."""
    frames, wire = EdgeFrames(), Wire().bits(CARD)
    assert list(frames.feed(wire.edges, wire.now_ns)) == []
    assert list(frames.feed([], wire.now_ns + FRAME_GAP_NS)) == []
    [frame] = frames.feed([], wire.now_ns + FRAME_GAP_NS + 1)
    assert frame.bits == CARD and frames.begun_ns is None


def test_edges_come_in_any_order() -> None:
    """The kernel's numbers give the order, within a batch and over batches."""
    wire = Wire().bits(CARD)
    shuffled = wire.edges[::-1]
    assert bits_and_faults(framed(shuffled)) == [CARD]
    frames = EdgeFrames()
    first, second = wire.edges[:10] + wire.edges[12:14], wire.edges[10:12] + wire.edges[14:]
    assert list(frames.feed(first, wire.now_ns)) == []
    assert bits_and_faults(list(frames.feed(second, wire.now_ns + 30 * MS))) == [CARD]


@given(cuts=st.lists(st.integers(0, 52), max_size=8))
def test_batches_cut_anywhere_make_the_same_frames(cuts: list[int]) -> None:
    """In whatever portions the edges are read, the frames are the same."""
    wire = Wire().bits(CARD).pause(40 * MS).bits(OTHER)
    frames, found = EdgeFrames(), []
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 52], strict=True):
        batch = wire.edges[start:end]
        found += frames.feed(batch, batch[-1].at_ns if batch else 0)
    found += frames.feed([], LONG_AFTER_NS)
    assert bits_and_faults(found) == [CARD, OTHER]


def test_a_hole_refuses_both_its_sides() -> None:
    """Where numbers are missing between two frames, either may have lost bits: both are refused, the third is read."""
    wire = Wire().bits(CARD).pause(40 * MS).bits(OTHER).pause(40 * MS).bits(CARD)
    for lost in (slice(20, 26), slice(26, 30), slice(24, 28)):
        kept = wire.edges[: lost.start] + wire.edges[lost.stop :]
        assert bits_and_faults(framed(kept)) == ["edges_dropped", "edges_dropped", CARD]
    assert bits_and_faults(framed(wire.edges[5:])) == ["edges_dropped", OTHER, CARD]


def test_a_shorter_card_left_by_a_hole_is_no_card() -> None:
    """A 37-bit card whose last 11 edges were dropped leaves 26 that would read as a card: they are refused."""
    wire = Wire().bits(CARD + "10110011011").pause(40 * MS).bits(OTHER)
    assert bits_and_faults(framed(wire.edges[:26] + wire.edges[37:])) == ["edges_dropped", "edges_dropped"]


def test_ablation_without_numbers_it_would_be_one() -> None:
    """The sequence numbers are what refuses it: renumbered without the hole, the rest passes for a card."""
    wire = Wire().bits(CARD + "10110011011").pause(40 * MS).bits(OTHER)
    kept = wire.edges[:26] + wire.edges[37:]
    renumbered = [replace(edge, seqno=number) for number, edge in enumerate(kept, 1)]
    assert bits_and_faults(framed(renumbered)) == [CARD, OTHER]


def test_stragglers_of_a_refused_frame_are_forgotten() -> None:
    """An edge that comes after its frame was refused belongs to no later one."""
    wire = Wire().bits(CARD).pause(40 * MS).bits(OTHER)
    frames = EdgeFrames()
    late = wire.edges[7]
    found = [*frames.feed([*wire.edges[:7], *wire.edges[8:26]], wire.now_ns)]
    found += frames.feed([late, *wire.edges[26:]], LONG_AFTER_NS)
    assert bits_and_faults(found) == ["edges_dropped", OTHER]


def test_noise_and_joined_lines_are_told_apart() -> None:
    """Edges too close for bits are noise; pairs of both lines, one for each bit, are two wires that touch."""
    joined = Wire()
    for _ in range(26):
        joined.bits("0", MS).bits("1", 3 * US)
    [frame] = framed(joined.edges)
    assert frame.fault is not None and frame.fault.kind is ReaderFaultKind.SHORTED
    noisy = Wire().bits(CARD[:12]).bits("1", 40 * US).bits(CARD[12:])
    assert bits_and_faults(framed(noisy.edges)) == ["noise"]
    assert bits_and_faults(framed(Wire().bits("01", 3 * US).edges)) == ["noise"]


def test_ablation_of_the_shortest_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is what finds the noise: without it a spark becomes a bit."""
    noisy = Wire().bits(CARD[:12]).bits("1", 40 * US).bits(CARD[12:])
    monkeypatch.setattr(frames_module, "TOO_CLOSE_NS", 0)
    assert bits_and_faults(framed(noisy.edges)) == [CARD[:12] + "1" + CARD[12:]]


def test_a_storm_is_told_in_portions_until_it_is_over() -> None:
    """Edges without end are told at a bound, hold no more memory than that, and the card after them is read."""
    storm = Wire().bits("01" * 1_000).pause(40 * MS).bits(CARD)
    frames, found = EdgeFrames(), []
    for edge in storm.edges:
        found += frames.feed([edge], edge.at_ns)
        assert len(frames._edges) <= BITS_MAX
    found += frames.feed([], LONG_AFTER_NS)
    assert bits_and_faults(found) == ["too_long"] * 7 + [CARD]


def test_lines_taken_anew_count_from_one() -> None:
    """A frame that the chip's loss cut off is told as truncated, and the next request's numbers start again."""
    frames, wire = EdgeFrames(), Wire().bits(CARD)
    assert list(frames.feed(wire.edges[:9], wire.now_ns)) == []
    assert bits_and_faults(list(frames.restart())) == ["truncated"]
    assert bits_and_faults(list(frames.feed(wire.edges, LONG_AFTER_NS))) == [CARD]
    assert list(frames.restart()) == []


EDGES = st.lists(
    st.builds(Edge, st.sampled_from([Line.D0, Line.D1]), st.integers(0, 200 * MS), st.integers(0, 400)), max_size=60
)


@given(batches=st.lists(st.tuples(EDGES, st.integers(0, 300 * MS)), max_size=8))
def test_any_edges_are_frames_or_faults_within_bounds(batches: list[tuple[list[Edge], int]]) -> None:
    """Whatever edges come, with any numbers and times: frames or faults, never more memory than a card's."""
    frames = EdgeFrames()
    for edges, now_ns in batches:
        for frame in frames.feed(edges, now_ns):
            assert 1 <= len(frame.bits) == len(frame.at_ns) <= BITS_MAX + 1
            if frame.fault is None:
                assert all(INTERVAL_NS_MIN // 2 <= gap <= FRAME_GAP_NS for gap in frame.gaps_ns)
        assert len(frames._edges) <= BITS_MAX


def test_a_frame_shows_no_bits() -> None:
    """A printed frame gives no card away."""
    [frame] = framed(Wire().bits(CARD).edges)
    assert CARD not in repr(frame) and str(frame.at_ns[3]) not in repr(frame)
