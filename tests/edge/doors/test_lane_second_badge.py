"""Re-badge, second badge, queue, occupied lane, ready lamp (rules 3, 4, 10 and 11)."""

from typing import Any

import pytest
from edge.doors.fed_machine import ANNE, BEN, CLEO, DEE, EMIL, Fed, bears, leaving
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.lane_lines import LaneLines
from portillon_edge.doors.line_watch import STUCK_MS
from portillon_edge.doors.machine import (
    Admit,
    Bearing,
    Hold,
    ItsTurn,
    Line,
    LineChanged,
    Lock,
    OutputFailed,
    Part,
    Record,
    Release,
    Tick,
)
from portillon_edge.doors.turns import QUEUE_MAX, SecondBadge
from portillon_edge.doors.turnstile_lane import Drive, TurnstileLane
from portillon_rules.reason import DenyReason

PASSES, CLEARS = LineChanged(Line.PASSAGE, True), LineChanged(Line.PASSAGE, False)
OCCUPIED, EMPTY = LineChanged(Line.LANE_BUSY, True), LineChanged(Line.LANE_BUSY, False)
BUSY = DenyReason.LANE_BUSY


def lane(second_badge: SecondBadge = SecondBadge.REFUSE, **options: Any) -> Fed:
    fed = Fed(TurnstileLane(**{"pulse_ms": 300, "passage_window_ms": 5000, "second_badge": second_badge, **options}))
    fed.at(0, CLEARS)
    return fed


def test_same_person_again_starts_the_window_anew_and_stays_one_grant() -> None:
    """Whoever hesitated badges again: released again, one passage, no second grant."""
    again = lane()
    again.at(0, Admit(ANNE))
    assert again.at(4000, Admit(ANNE)) == [Release(300), Record(EventKind.REBADGED, ANNE)]
    assert again.at(8999, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert again.run(60_000)[1:] == [], "nothing is left to end"


@pytest.mark.parametrize("policy", SecondBadge)
def test_again_is_no_second_badge_under_any_policy(policy: SecondBadge) -> None:
    """Who is being let in is neither refused, queued nor ignored; everybody else may be."""
    again = lane(policy)
    again.at(0, Admit(ANNE))
    assert not again.machine.busy_for(ANNE.credential)
    assert again.kinds(1000, Admit(ANNE)) == [EventKind.REBADGED]


def test_refusing_lane_is_busy_for_everybody_else() -> None:
    """The decision refuses before anything is used up; the machine would refuse too."""
    refusing = lane()
    refusing.at(0, Admit(ANNE))
    assert refusing.machine.busy_for(BEN.credential)
    assert refusing.at(100, Admit(BEN)) == [Record(EventKind.DENIED, BEN, BUSY)]


def test_ignoring_lane_tells_without_refusing() -> None:
    """Nothing is denied and nothing changes for who is passing; that somebody tried is kept."""
    ignoring = lane(SecondBadge.IGNORE)
    ignoring.at(0, Admit(ANNE))
    assert not ignoring.machine.busy
    assert ignoring.at(100, Admit(BEN)) == [Record(EventKind.PASSAGE_REFUSED, BEN, BUSY)]
    assert ignoring.at(900, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert ignoring.run(5000)[1:] == []


def test_queue_lets_one_after_the_other_through_each_in_its_own_time() -> None:
    """The second's release and window begin when the first is out of the lane, not when they badged."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE))
    assert queue.at(200, Admit(BEN)) == [Record(EventKind.GRANTED, BEN, detail="waits for its turn", queued=True)]
    assert queue.at(4000, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert queue.at(4600, CLEARS) == [Release(300), ItsTurn(BEN)]
    assert queue.deadline_ms == 9600
    assert queue.at(9599, PASSES) == [Record(EventKind.PASSAGE, BEN)]


def test_queue_goes_on_when_somebody_does_not_pass() -> None:
    """A grant that was not used hands the lane to the next."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), Admit(BEN))
    assert queue.run(5000) == [
        (5000, Record(EventKind.GRANT_NOT_USED, ANNE)),
        (5000, Release(300)),
        (5000, ItsTurn(BEN)),
    ]
    assert queue.run(10_000) == [(10_000, Record(EventKind.GRANT_NOT_USED, BEN))]


def test_queue_is_bounded() -> None:
    """Beyond it the lane is busy, as the decision can see beforehand."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), *(Admit(one) for one in (BEN, CLEO, DEE)))
    assert QUEUE_MAX == 3 and queue.machine.busy
    assert queue.at(100, Admit(EMIL)) == [Record(EventKind.DENIED, EMIL, BUSY)]


def test_nobody_overtakes_the_queue() -> None:
    """Between two turns, while the lane is not clear yet, a new card goes to the end."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), Admit(BEN))
    queue.at(900, PASSES)
    assert queue.kinds(950, Admit(CLEO)) == [EventKind.GRANTED]
    queue.at(1200, CLEARS)
    assert queue.at(1900, PASSES) == [Record(EventKind.PASSAGE, BEN)]


def test_queued_person_badging_again_keeps_the_place_and_the_one_grant() -> None:
    """Impatience is worth nothing: no second grant, nothing released, no place lost."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), Admit(BEN), Admit(CLEO))
    assert queue.at(500, Admit(BEN)) == [Record(EventKind.REBADGED, BEN, queued=True)]
    queue.at(900, PASSES)
    assert queue.at(1400, CLEARS) == [Release(300), ItsTurn(BEN)]
    assert queue.at(1500, Admit(BEN)) == [Release(300), Record(EventKind.REBADGED, BEN)], "now there is one"
    assert queue.at(2000, PASSES) == [Record(EventKind.PASSAGE, BEN)]


@pytest.mark.parametrize("policy", SecondBadge)
def test_nobody_is_let_in_and_out_at_once(policy: SecondBadge) -> None:
    """The same card at the other side, while it lets somebody in, was handed over: refused under every policy."""
    handed = lane(policy)
    handed.at(0, Admit(ANNE))
    assert handed.at(500, Admit(leaving(ANNE))) == [Record(EventKind.DENIED, leaving(ANNE), BUSY)]


def test_signal_that_sticks_does_not_stop_the_queue() -> None:
    """A passage contact that never rests is told, and the next one has a turn: every grant ends."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), Admit(BEN))
    queue.at(1000, PASSES)
    (fault, *turn, unused) = [action for _, action in queue.run(60_000)]
    assert isinstance(fault, Record) and fault.kind is EventKind.INPUT_FAULT
    assert (turn, unused) == ([Release(300), ItsTurn(BEN)], Record(EventKind.GRANT_NOT_USED, BEN))


def test_failed_output_sends_the_queue_away() -> None:
    """Whoever waits for an output that failed could not pass either."""
    queue = lane(SecondBadge.QUEUE)
    queue.at(0, Admit(ANNE), Admit(BEN))
    assert queue.kinds(100, OutputFailed()) == [EventKind.GRANT_NOT_USED] * 2
    assert not queue.machine.busy_for(CLEO.credential)


def test_occupied_lane_takes_no_card() -> None:
    """The lane says that somebody stands in it: who would pass on a new grant?"""
    occupied = lane()
    occupied.at(0, OCCUPIED)
    assert occupied.machine.busy
    assert occupied.at(100, Admit(ANNE)) == [Record(EventKind.DENIED, ANNE, BUSY)]
    assert occupied.kinds(200, EMPTY, Admit(ANNE)) == [EventKind.GRANTED]


def test_occupied_for_ever_is_a_fault_and_not_believed() -> None:
    """A sensor that a bag blocks shuts nobody out for good; told once, and its end too."""
    occupied = lane()
    occupied.at(0, OCCUPIED)
    assert [action.kind for _, action in occupied.run(STUCK_MS) if isinstance(action, Record)] == [
        EventKind.INPUT_FAULT
    ]
    assert occupied.machine.troubles == (EventKind.INPUT_FAULT,)
    assert occupied.kinds(STUCK_MS + 1, Admit(ANNE)) == [EventKind.GRANTED]
    assert occupied.at(STUCK_MS + 2, EMPTY) == [
        Record(EventKind.INPUT_RESTORED, detail="lane_busy: at rest again", by="lane_busy")
    ]
    assert occupied.machine.troubles == ()


def test_ready_lamp_invites_only_who_can_pass() -> None:
    """Lit while idle, dark from the grant until the lane is clear again, lit anew; renewed as every hold is."""
    lit = Fed(TurnstileLane(pulse_ms=300, passage_window_ms=5000, has_ready_lamp=True))
    assert lit.at(0, CLEARS) == [Hold(Part.READY)]
    assert lit.at(100, Admit(ANNE))[-1] == Lock(Part.READY)
    assert lit.at(900, PASSES) == [Record(EventKind.PASSAGE, ANNE)]
    assert lit.at(1400, CLEARS) == [Hold(Part.READY)]
    assert lit.at(3400, Tick()) == [Hold(Part.READY)]


@pytest.mark.parametrize("bearing", [Bearing.BLOCKED, Bearing.LOCKDOWN, Bearing.FIRE])
def test_ready_lamp_is_dark_where_nobody_is_invited(bearing: Bearing) -> None:
    """Closed, locked down or on fire: no lamp says come in; a lane that stands free does."""
    lit = Fed(TurnstileLane(pulse_ms=300, passage_window_ms=5000, has_ready_lamp=True))
    lit.at(0, CLEARS)
    assert Lock(Part.READY) in lit.at(100, bears(bearing))
    assert Hold(Part.READY) in lit.at(200, bears(Bearing.FREE))


def test_failing_lamp_stops_nobody() -> None:
    """The lamp's output is not the lane's: the grant goes on, the lamp is asked for at its next renewal."""
    lit = Fed(TurnstileLane(pulse_ms=300, passage_window_ms=5000, has_ready_lamp=True))
    lit.at(0, CLEARS, Admit(ANNE))
    assert lit.at(100, OutputFailed(Part.READY)) == []
    assert lit.machine.busy


def test_level_drive_shows_the_lane_a_gap_between_two_people() -> None:
    """Locked at the passage, released again when the lane is clear: one release, one person."""
    queue = lane(SecondBadge.QUEUE, drive=Drive.LEVEL)
    queue.at(0, Admit(ANNE), Admit(BEN))
    assert queue.at(1000, PASSES) == [Lock(), Record(EventKind.PASSAGE, ANNE)]
    assert queue.at(1600, CLEARS) == [Release(5000), ItsTurn(BEN)]


def test_turns_must_wait_for_the_lane_to_be_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch that off and the release goes on without a gap while the first is still in the lane."""
    monkeypatch.setattr(LaneLines, "clear", True)
    hurried = lane(SecondBadge.QUEUE)
    hurried.at(0, CLEARS, Admit(ANNE), Admit(BEN))
    assert hurried.at(1000, PASSES) == [Record(EventKind.PASSAGE, ANNE), Release(300), ItsTurn(BEN)]
