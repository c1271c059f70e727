"""From bytes to badges: two equal frames, ghosts, and the hold-off."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_drivers.readers import id12la, rdm6300
from portillon_drivers.readers.card_decoder import CardDecoder
from portillon_drivers.readers.hold_off import HoldOff
from portillon_drivers.readers.id12la_simulator import frame as id12la_frame
from portillon_drivers.readers.rdm6300_simulator import REPEAT_MS
from portillon_drivers.readers.rdm6300_simulator import frame as rdm6300_frame
from portillon_drivers.readers.stx_frames import StxFrames

MS = 1_000_000
CARD = "0F0027A46B"
OTHER = "3400C2DD15"
GHOSTS = ["BC7DDFFDDF3C", "C00C000000CC", "000000000000"]


def rdm6300_decoder(**options: Any) -> CardDecoder:
    return rdm6300.decoder(rdm6300.Rdm6300Options(name="r", type="rdm6300", path="/dev/null", **options))


def id12la_decoder(**options: Any) -> CardDecoder:
    return id12la.decoder(id12la.Id12laOptions(name="r", type="id12la", path="/dev/null", **options))


def badges(decoder: CardDecoder, timeline: list[tuple[int, bytes]]) -> list[str]:
    return [
        thing if isinstance(thing, str) else thing.kind.value
        for at_ms, data in timeline
        for thing in decoder.feed(data, at_ms * MS)
    ]


def lying(card: str, from_ms: int, frames: int) -> list[tuple[int, bytes]]:
    return [(from_ms + i * REPEAT_MS, rdm6300_frame(card)) for i in range(frames)]


def test_two_equal_frames_are_one_badge() -> None:
    """An RDM6300's card is believed at its second frame."""
    assert badges(rdm6300_decoder(), lying(CARD, 0, 2)) == [CARD]


@pytest.mark.parametrize("ghost", GHOSTS)
def test_ghost_is_refused_and_told(ghost: str) -> None:
    """A ghost with a right checksum opens nothing and is told, alone or in the midst of a real card."""
    frame = b"\x02" + ghost.encode() + b"\x03"
    alone = badges(rdm6300_decoder(), [(0, frame), (500, b"")])
    assert alone == ["all_zero" if ghost == "0" * 12 else "unconfirmed"]
    amid = [*lying(CARD, 0, 3), (3 * REPEAT_MS, frame), *lying(CARD, 4 * REPEAT_MS, 3), (2_000, b"")]
    assert badges(rdm6300_decoder(), amid) == [CARD, *alone]


def test_ablation_without_two_equal_frames_a_ghost_passes() -> None:
    """The rule is what refuses ghosts: with it switched off, one passes."""
    decoder = CardDecoder(frames=StxFrames(rdm6300.TRAILER), confirm=None, hold_off=HoldOff(0))
    assert badges(decoder, [(0, b"\x02BC7DDFFDDF3C\x03")]) == ["BC7DDFFDDF"]


def test_two_equal_frames_too_far_apart_are_two_ghosts() -> None:
    """The second frame must come within the window."""
    frame = rdm6300_frame(CARD)
    assert badges(rdm6300_decoder(), [(0, frame), (251, frame), (600, b"")]) == ["unconfirmed", "unconfirmed"]


def test_different_cards_do_not_confirm_each_other() -> None:
    """Frames of two cards in turn confirm neither."""
    turn = [(0, rdm6300_frame(CARD)), (65, rdm6300_frame(OTHER)), (130, rdm6300_frame(CARD)), (900, b"")]
    assert badges(rdm6300_decoder(), turn) == ["unconfirmed"] * 3


def test_card_that_lies_there_is_one_badge() -> None:
    """While the card lies on the reader the hold-off starts anew with every frame: a minute is one badge."""
    assert badges(rdm6300_decoder(hold_off_ms=3_000), [*lying(CARD, 0, 900), (70_000, b"")]) == [CARD]


def test_lifted_card_is_a_new_badge_after_the_hold_off() -> None:
    """Out of the field for less than the hold-off: nothing; for as long: a new badge."""
    lifted_ms = REPEAT_MS  # time of the second and last frame
    early = lying(CARD, lifted_ms + 2_000, 2)
    late = lying(CARD, lifted_ms + 2_000 + REPEAT_MS + 3_000, 2)
    assert badges(rdm6300_decoder(hold_off_ms=3_000), [*lying(CARD, 0, 2), *early, *late]) == [CARD, CARD]


def test_hold_off_is_per_card() -> None:
    """The next person's card is told at once."""
    assert badges(rdm6300_decoder(), [*lying(CARD, 0, 2), *lying(OTHER, 200, 2)]) == [CARD, OTHER]


def test_odd_number_of_frames_leaves_no_fault() -> None:
    """A third frame of a believed card is no lone frame."""
    assert badges(rdm6300_decoder(), [*lying(CARD, 0, 3), (2_000, b"")]) == [CARD]


def test_id12la_sends_one_frame() -> None:
    """An ID-12LA's card is believed at its only frame, and held off like any other."""
    frame = id12la_frame(CARD)
    assert badges(id12la_decoder(hold_off_ms=1_000), [(0, frame), (900, frame)]) == [CARD]
    assert badges(id12la_decoder(hold_off_ms=1_000), [(0, frame), (900, frame), (1_900, frame)]) == [CARD, CARD]


@given(cuts=st.lists(st.integers(0, 28), max_size=6))
def test_two_frames_split_anywhere_are_one_badge(cuts: list[int]) -> None:
    """However the two frames arrive in pieces, the card is read once."""
    stream = rdm6300_frame(CARD) * 2
    pieces = [(i, stream[a:b]) for i, (a, b) in enumerate(pairwise([0, *sorted(cuts), len(stream)]))]
    assert badges(rdm6300_decoder(), pieces) == [CARD]


def test_hold_off_forgets_what_has_run_out() -> None:
    """A million cards leave no more in memory than one hold-off can see."""
    hold_off = HoldOff(10 * MS)
    for i in range(1_000):
        assert hold_off.passes(f"{i:010X}", i * MS)
    assert len(hold_off._seen_ns) <= 10
