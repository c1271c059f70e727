"""Cards at a lane that stands free: nobody has to wait, so nobody is told to (rule 7)."""

from dataclasses import replace
from typing import Any

import pytest
from edge.doors.fed_machine import ANNE, BEN, CLEO, DEE, EMIL, Fed, bears
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.machine import Admit, Bearing, Hold, ItsTurn, Line, LineChanged, Part, Record, Release
from portillon_edge.doors.turns import QUEUE_MAX, SecondBadge
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_rules.reason import DenyReason

OVERTAKEN = "overtaken by a newer card: the lane stands free"
PASSES, CLEARS = LineChanged(Line.PASSAGE, True), LineChanged(Line.PASSAGE, False)
OCCUPIED = LineChanged(Line.LANE_BUSY, True)
FREED = pytest.mark.parametrize("bearing", [Bearing.FREE, Bearing.FIRE])


def lane(bearing: Bearing, policy: SecondBadge = SecondBadge.REFUSE, **options: Any) -> Fed:
    fed = Fed(TurnstileLane(**{"pulse_ms": 300, "passage_window_ms": 5000, "second_badge": policy, **options}))
    fed.at(0, CLEARS, bears(bearing))
    return fed


@FREED
@pytest.mark.parametrize("policy", SecondBadge)
def test_a_second_card_is_granted_whatever_the_policy(bearing: Bearing, policy: SecondBadge) -> None:
    """Neither refused nor ignored: the decision is asked, and each passage is of the one whose turn it is."""
    free = lane(bearing, policy)
    assert free.kinds(100, Admit(ANNE)) == [EventKind.GRANTED]
    assert not free.machine.busy_for(BEN.credential)
    assert free.kinds(200, Admit(BEN)) == [EventKind.GRANTED]
    assert free.at(900, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    free.at(1000, CLEARS)
    assert free.at(1500, PASSES) == [Record(EventKind.PASSAGE, BEN)]


@FREED
def test_a_card_while_somebody_walks_through_is_granted(bearing: Bearing) -> None:
    """Of a lane that stands free LANE_BUSY says nothing to whoever comes next."""
    free = lane(bearing)
    free.at(100, OCCUPIED)
    assert not free.machine.busy
    assert free.kinds(200, Admit(ANNE)) == [EventKind.GRANTED]


@FREED
def test_a_crowd_is_never_told_to_wait_and_never_grows_without_bound(bearing: Bearing) -> None:
    """Beyond the queue the eldest in it ends unused; every card is granted, each grant ends once."""
    free = lane(bearing, SecondBadge.QUEUE)
    crowd = [ANNE, BEN, CLEO, DEE]
    for at_ms, grant in enumerate(crowd, start=100):
        assert free.kinds(at_ms, Admit(grant)) == [EventKind.GRANTED]
    assert len(crowd) == 1 + QUEUE_MAX
    ended, granted = free.at(200, Admit(EMIL))
    assert ended == Record(EventKind.GRANT_NOT_USED, BEN, detail=OVERTAKEN) and granted == Record(
        EventKind.GRANTED, EMIL, detail="waits for its turn"
    )
    ends = [action.grant for _, action in free.run(60_000) if isinstance(action, Record)]
    assert ends == [ANNE, CLEO, DEE, EMIL]


@FREED
@pytest.mark.parametrize("queued", [False, True])
def test_the_same_card_the_other_way_is_granted_too(bearing: Bearing, queued: bool) -> None:
    """They are on one side only: the grant of the way they did not take ends unused."""
    free = lane(bearing, has_exit_output=True, tells_ways=True)
    if queued:
        free.at(100, Admit(BEN))
    free.at(150, Admit(ANNE))
    leaving = replace(ANNE, way=Way.EXIT)
    detail = "waits for its turn" if queued else None
    assert free.at(200, Admit(leaving)) == [
        Record(EventKind.GRANT_NOT_USED, ANNE, detail=OVERTAKEN),
        Record(EventKind.GRANTED, leaving, detail=detail),
    ]


def test_who_is_queued_when_it_is_secured_badges_again() -> None:
    """Where a second card may not wait, nothing is released later for one that came while nobody had to."""
    free = lane(Bearing.FREE)
    free.at(100, Admit(ANNE), Admit(BEN))
    assert Record(EventKind.GRANT_NOT_USED, BEN, detail="the lane stands free no more") in free.at(
        200, bears(Bearing.PLAN)
    )
    assert free.at(300, Admit(CLEO)) == [Record(EventKind.DENIED, CLEO, DenyReason.LANE_BUSY)]
    assert free.at(900, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert not free.machine.busy


def test_who_is_queued_when_it_is_secured_keeps_their_place_where_cards_queue() -> None:
    """Back to the plan each has a release and a window of their own."""
    free = lane(Bearing.FREE, SecondBadge.QUEUE)
    free.at(100, Admit(ANNE), Admit(BEN))
    free.at(200, bears(Bearing.PLAN))
    assert free.at(900, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert free.at(1000, CLEARS) == [Release(300), ItsTurn(BEN)]
    assert free.at(1400, PASSES)[-1] == Record(EventKind.PASSAGE, BEN)


def test_a_grant_from_before_keeps_its_passage() -> None:
    """Whoever was let in when the lane was freed goes through first; the one behind them badges and is granted."""
    free = Fed(TurnstileLane(pulse_ms=300, passage_window_ms=5000))
    free.at(0, CLEARS)
    free.at(100, Admit(ANNE))
    assert Hold(Part.ENTRY) in free.at(200, bears(Bearing.FIRE))
    assert free.kinds(300, Admit(BEN)) == [EventKind.GRANTED]
    assert Record(EventKind.PASSAGE, ANNE) in free.at(400, PASSES)


@pytest.mark.parametrize("bearing", [Bearing.BLOCKED, Bearing.PLAN])
def test_where_somebody_has_to_wait_they_are_told(bearing: Bearing) -> None:
    """The exception is of lanes that stand free, and of none else."""
    told = lane(bearing)
    told.at(100, Admit(ANNE))
    assert told.kinds(200, Admit(BEN)) == [EventKind.DENIED]
