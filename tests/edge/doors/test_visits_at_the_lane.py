"""Visits at real lanes: from badge to passage, whatever the lane makes of a second badge, and over restarts."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from edge.credentials.plain_memory import PlainMemory
from edge.doors.two_way_hall import MIDNIGHT_MS, WINDOW_MS, Hall
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.admission import Admission
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.store.credential_memory import DurableCredentialMemory
from portillon_rules.reason import DenyReason
from portillon_rules.visits import Allowance, Visit, VisitRow

GRANTED, REBADGED, NONE_LEFT = EventKind.GRANTED, EventKind.REBADGED, DenyReason.NO_VISITS_LEFT
LANES = ("front", "back")
OUT = Way.EXIT


def hall_of(folder: Path, *, most: int, second_badge: SecondBadge = SecondBadge.REFUSE) -> Hall:
    """Anne has a pack of `most` visits, which this gateway counts."""
    pack = Allowance(name="7", most=most, until_ms=2 * MIDNIGHT_MS)
    row = VisitRow(member="anne", home="hall", turn=1, since_ms=0, allowances=(pack,))
    return Hall(folder=folder, visit_rows={"anne": row}, second_badge=second_badge)


def dies(hall: Hall) -> None:
    """The process is killed, and another one begins."""
    hall.now_ms += 1
    hall.memory.close()  # type: ignore[attr-defined]
    hall.kept.close()  # type: ignore[attr-defined]
    hall.memory = PlainMemory()
    hall.start()


def spent(hall: Hall) -> list[int]:
    """How many visits each of Anne's passages inwards says that it spent."""
    passages = [one for one in hall.events if (one.kind, one.member, one.way) == (EventKind.PASSAGE, "anne", Way.ENTRY)]
    return [sum(Visit.from_mark(flag) is not None for flag in one.flags) for one in passages]


def test_the_last_visit_opens_one_lane(tmp_path: Path) -> None:
    """Her friend waits at the other lane with her phone: refused while she is let in, and after she passed."""
    hall = hall_of(tmp_path, most=1)
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "back", card="phone") == NONE_LEFT
    hall.passes("front")
    assert hall.asks("anne", "back") == NONE_LEFT and spent(hall) == [1]


def test_the_same_card_at_another_lane_needs_a_visit_of_its_own(tmp_path: Path) -> None:
    """Handed back over the arm, it opens no second lane on the same visit."""
    hall = hall_of(tmp_path, most=1)
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "back") == NONE_LEFT
    hall.waits(WINDOW_MS)
    assert hall.goes("anne", "back") == GRANTED and spent(hall) == [1]


@pytest.mark.parametrize("second_badge", SecondBadge)
def test_badging_again_keeps_the_last_visit(tmp_path: Path, second_badge: SecondBadge) -> None:
    """She badges thrice, turns round, and comes again by the other lane: one visit all the time, spent at the end."""
    hall = hall_of(tmp_path, most=1, second_badge=second_badge)
    assert hall.asks("anne", "front") == GRANTED
    assert hall.asks("anne", "front") == hall.asks("anne", "front") == REBADGED
    hall.waits(WINDOW_MS)
    assert hall.asks("anne", "back") == GRANTED and hall.asks("anne", "back") == REBADGED
    hall.passes("back")
    assert spent(hall) == [1] and hall.asks("anne", "front") == NONE_LEFT


def test_without_an_end_a_second_badge_costs_the_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ablation: were nobody told that the second badge ended in the first grant, the visit would stay taken."""
    monkeypatch.setattr(Admission, "badged_again", lambda *_: None)
    with pytest.raises(AssertionError):
        test_badging_again_keeps_the_last_visit(tmp_path, SecondBadge.REFUSE)


def test_whoever_has_none_left_still_gets_out(tmp_path: Path) -> None:
    """Nobody is kept in, and going out takes nothing."""
    hall = hall_of(tmp_path, most=1)
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("anne", "front", OUT) == hall.goes("anne", "back", OUT) == GRANTED
    assert hall.goes("anne", "front") == NONE_LEFT and spent(hall) == [1]


def test_a_restart_in_the_middle_gives_the_visit_back(tmp_path: Path) -> None:
    """The arm never moved; what she spent before is not forgotten."""
    hall = hall_of(tmp_path, most=2)
    assert hall.goes("anne", "front") == hall.asks("anne", "front") == GRANTED
    dies(hall)
    assert hall.goes("anne", "front") == GRANTED
    assert hall.goes("anne", "front") == NONE_LEFT


STEP = st.tuples(
    st.sampled_from(["badge", "badge", "pass", "again", "phone", "leave", "wait", "restart"]), st.sampled_from(LANES)
)


def play(hall: Hall, steps: Sequence[tuple[str, str]]) -> None:
    for step, lane in steps:
        match step:
            case "badge" | "again":
                hall.asks("anne", lane)
            case "phone":
                hall.asks("anne", lane, card="phone")
            case "pass":
                hall.passes(lane)
            case "leave":
                hall.asks("anne", lane, OUT)
                hall.passes(lane, OUT)
            case "wait":
                hall.waits(WINDOW_MS)
            case "restart":
                dies(hall)


@settings(max_examples=40, deadline=None)
@given(steps=st.lists(STEP, max_size=30), most=st.integers(1, 3), second_badge=st.sampled_from(SecondBadge))
def test_every_passage_spends_one_visit_and_there_are_no_more(
    steps: list[tuple[str, str]], most: int, second_badge: SecondBadge
) -> None:
    """Two lanes, card and phone, second badges, turning round and restarts; in the end nothing is left reserved."""
    with tempfile.TemporaryDirectory() as folder:
        hall = hall_of(Path(folder), most=most, second_badge=second_badge)
        play(hall, steps)
        for _ in range(4):  # who was queued at a lane has a window of their own
            hall.waits(WINDOW_MS)
        assert set(spent(hall)) <= {1} and len(spent(hall)) <= most
        memory = hall.memory
        assert isinstance(memory, DurableCredentialMemory)
        assert sum(memory.visits("anne").values()) == len(spent(hall))
        memory.close()
