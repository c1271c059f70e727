"""The rules at the head of barrier.py, one by one."""

import dataclasses
from typing import Any

import pytest
from edge.doors.fed_machine import ANNE, BEN, Fed, bears
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.barrier import Barrier
from portillon_edge.doors.machine import (
    RENEW_MS,
    Admit,
    Bearing,
    Hold,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Release,
    Tick,
)
from portillon_rules.reason import DenyReason

ARRIVES, LEAVES = LineChanged(Line.LOOP, True), LineChanged(Line.LOOP, False)
REX, REX_UP = LineChanged(Line.REX, True), LineChanged(Line.REX, False)
OPENS, CLOSES, STOPS = Release(500), Release(400, Part.CLOSE), Lock(Part.CLOSE)


def barrier(*, seen: bool = True, **options: Any) -> Fed:
    fed = Fed(
        Barrier(
            **{
                "pulse_ms": 500,
                "passage_window_ms": 10_000,
                "close_pulse_ms": 400,
                "clear_ms": 2000,
                "closing_ms": 6000,
                "obstacle_ms": 30_000,
                **options,
            }
        )
    )
    if seen:
        fed.at(0, LEAVES)
    return fed


def test_grant_opens_and_the_vehicle_on_the_loop_is_its_passage() -> None:
    """Opened first, recorded then; the loop tells that somebody drives through."""
    gate = barrier()
    assert gate.at(100, Admit(ANNE)) == [OPENS, Record(EventKind.GRANTED, ANNE)]
    assert (gate.machine.busy, gate.machine.state, gate.machine.open) == (True, "granted", True)
    assert gate.at(4000, ARRIVES) == [Record(EventKind.PASSAGE, ANNE)]
    assert not gate.machine.busy


def test_closes_once_the_loop_has_been_clear_for_long_enough() -> None:
    """Not when the vehicle leaves, but `clear_ms` later; once for each opening."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.at(4000, ARRIVES)
    assert gate.at(7000, LEAVES) == []
    assert gate.deadline_ms == 9000
    assert gate.at(8999, Tick()) == []
    assert gate.at(9000, Tick()) == [CLOSES]
    assert gate.run(600_000) == []
    assert gate.machine.open is False


def test_trailer_keeps_it_open() -> None:
    """The loop blinks between car and trailer: the time begins again."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.at(4000, ARRIVES)
    gate.at(5000, LEAVES)
    gate.at(6500, ARRIVES)
    gate.at(9000, LEAVES)
    assert gate.run(60_000)[0] == (11_000, CLOSES)


def test_nobody_coming_closes_after_the_window() -> None:
    """Not used is told, and only then does it come down."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    assert gate.run(60_000) == [(10_000, Record(EventKind.GRANT_NOT_USED, ANNE)), (10_000, CLOSES)]


def test_loop_that_was_never_seen_or_is_lost_keeps_it_up() -> None:
    """Not known is not clear; found clear, the time begins then."""
    gate = barrier(seen=False)
    gate.at(0, Admit(ANNE))
    assert [kind for _, kind in gate.run(600_000)] == [
        Record(EventKind.GRANT_NOT_USED, ANNE, detail="nobody could see it: the loop is not known")
    ]
    gate.at(600_000, LEAVES)
    gate.at(601_000, LineLost(Line.LOOP))
    assert gate.run(700_000) == []
    gate.at(700_000, LEAVES)
    assert gate.run(800_000) == [(702_000, CLOSES)]


@pytest.mark.parametrize("signal", [ARRIVES, LineLost(Line.LOOP)])
def test_turns_back_if_somebody_comes_under_it_as_it_closes(signal: LineChanged | LineLost) -> None:
    """The closing signal ends, it opens again and says so; then it waits for the loop as ever."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.run(10_100)
    turned = gate.at(10_200, signal)
    assert [a for a in turned if not isinstance(a, Record)] == [STOPS, OPENS]
    assert EventKind.OBSTACLE in [a.kind for a in turned if isinstance(a, Record)]
    assert gate.machine.troubles == (EventKind.OBSTACLE,)
    assert gate.run(20_000) == []
    assert gate.at(20_000, LEAVES) == [Record(EventKind.OBSTACLE_GONE)]
    assert gate.run(60_000) == [(22_000, CLOSES)]


def test_turns_back_until_the_boom_is_down() -> None:
    """Also after the closing signal itself is over; once it is down, nothing is lifted for who forces through."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.run(15_999)
    assert gate.at(15_999, ARRIVES)[-2:] == [OPENS, Record(EventKind.OBSTACLE, detail=gate_told())]
    other = barrier()
    other.at(0, Admit(ANNE))
    other.run(16_000)
    assert other.kinds(16_000, ARRIVES) == [EventKind.DOOR_FORCED]


def gate_told() -> str:
    return "under the boom as it came down: opened again"


@pytest.mark.parametrize("signal", [Admit(BEN), REX, OpenOnce("s-7")])
def test_opening_ends_closing_first(signal: Admit | LineChanged | OpenOnce) -> None:
    """Up and down are never asked for at once."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.run(10_100)
    assert gate.at(10_200, signal)[:2] == [STOPS, OPENS]


def test_order_that_frees_ends_closing_too() -> None:
    """Fire while the boom comes down: up it goes, and it is held there."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.run(10_100)
    assert gate.at(10_200, bears(Bearing.FIRE))[1:] == [STOPS, Hold()]


def test_obstacle_is_told_once_and_its_end() -> None:
    """Somebody parks under the boom: an alarm, not a closing."""
    gate = barrier()
    gate.at(0, Admit(ANNE), ARRIVES)
    ((due, told),) = gate.run(600_000)
    assert (due, told) == (
        30_000,
        Record(EventKind.OBSTACLE, detail="something stands under the boom for longer than a passage takes"),
    )
    assert gate.machine.state == "obstacle"
    assert gate.at(600_000, LEAVES) == [Record(EventKind.OBSTACLE_GONE)]
    assert gate.run(700_000) == [(602_000, CLOSES)]


def test_second_vehicle_on_one_grant_is_forced() -> None:
    """It keeps the boom up as anybody does, and it is told."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.at(3000, ARRIVES)
    gate.at(5000, LEAVES)
    assert gate.at(5500, ARRIVES) == [
        Record(EventKind.DOOR_FORCED, detail="a vehicle that nobody was granted"),
    ]


def test_same_card_again_is_one_grant_and_another_is_refused() -> None:
    """Who hesitates badges again; who stands behind waits."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    assert gate.at(5000, Admit(ANNE)) == [OPENS, Record(EventKind.REBADGED, ANNE)]
    assert gate.at(5100, Admit(BEN)) == [Record(EventKind.DENIED, BEN, DenyReason.LANE_BUSY)]
    assert gate.machine.busy_for(BEN.credential) and not gate.machine.busy_for(ANNE.credential)
    assert gate.at(14_999, ARRIVES) == [Record(EventKind.PASSAGE, ANNE)]


def test_long_access_waits_longer() -> None:
    """Who needs longer is not driven out by the boom."""
    gate = barrier()
    slow = dataclasses.replace(ANNE, long_access=True)
    gate.at(0, Admit(slow))
    assert gate.run(60_000)[0] == (30_000, Record(EventKind.GRANT_NOT_USED, slow))


@pytest.mark.parametrize("bearing", Bearing)
def test_exit_request_opens_in_every_bearing_and_its_vehicle_is_nobodys(bearing: Bearing) -> None:
    """Egress stands above everything that keeps people out, and it does not come down on who asked."""
    gate = barrier()
    gate.at(0, bears(bearing))
    assert gate.at(100, REX) == [OPENS, Record(EventKind.EXIT_REQUEST)]
    assert Lock() not in gate.at(200, bears(Bearing.LOCKDOWN))
    assert gate.kinds(9000, ARRIVES) == []
    gate.at(12_000, LEAVES)
    assert gate.run(60_000) == [(14_000, CLOSES)]


def test_wedged_exit_button_is_its_own_fault_and_its_end_is_told() -> None:
    """It opens once and does not hold the boom up for ever."""
    gate = barrier()
    gate.at(0, REX)
    assert EventKind.INPUT_FAULT in [a.kind for _, a in gate.run(60_000) if isinstance(a, Record)]
    assert gate.machine.troubles == (EventKind.INPUT_FAULT,)
    assert gate.machine.open is False
    assert gate.kinds(60_000, REX_UP) == [EventKind.INPUT_RESTORED]


@pytest.mark.parametrize("bearing", [Bearing.FREE, Bearing.FIRE])
def test_free_barrier_is_held_open_and_forces_nothing(bearing: Bearing) -> None:
    """Held and renewed; vehicles are nobody's unless somebody badged, and standing under it is no obstacle."""
    gate = barrier()
    assert gate.at(0, bears(bearing)) == [Record(EventKind.DOOR_FREED, reason="order", by="s-1"), Hold()]
    assert gate.at(RENEW_MS, Tick()) == [Hold()]
    assert gate.at(3000, ARRIVES) == [Record(EventKind.PASSAGE, detail="nobody badged: the barrier stands free")]
    assert gate.run(120_000) == []
    gate.at(120_000, LEAVES)
    assert gate.at(121_000, Admit(ANNE)) == [Record(EventKind.GRANTED, ANNE)]
    assert gate.at(121_500, ARRIVES) == [Record(EventKind.PASSAGE, ANNE)]


def test_end_of_free_closes_over_a_clear_loop_only() -> None:
    """The hold ends, and the boom waits for whoever stands under it."""
    gate = barrier()
    gate.at(0, bears(Bearing.FREE), ARRIVES)
    assert gate.at(1000, bears(Bearing.PLAN))[-1] == Lock()
    assert gate.run(20_000) == []
    gate.at(20_000, LEAVES)
    assert gate.run(60_000) == [(22_000, CLOSES)]


@pytest.mark.parametrize(
    ("bearing", "reason"), [(Bearing.BLOCKED, DenyReason.DOOR_BLOCKED), (Bearing.LOCKDOWN, DenyReason.LOCKDOWN)]
)
def test_closed_barrier_comes_down_without_waiting_for_the_grant(bearing: Bearing, reason: DenyReason) -> None:
    """As soon as the loop allows; staff's opening is refused; nobody's exit is."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    assert gate.at(1000, bears(bearing)) == [] and gate.machine.closed_for is reason
    assert gate.run(5000) == [(2000, CLOSES)]
    assert gate.at(5000, OpenOnce("s-7")) == [Record(EventKind.ORDER_REFUSED, reason=reason, by="s-7")]


def test_who_is_exempt_from_lockdown_has_the_whole_window() -> None:
    """It does not come down in front of whom the decision let in although it is closed to all others."""
    gate = barrier()
    gate.at(0, bears(Bearing.LOCKDOWN), Admit(ANNE))
    assert gate.run(9000) == []
    assert gate.at(9000, ARRIVES) == [Record(EventKind.PASSAGE, ANNE)]
    gate.at(11_000, LEAVES)
    assert gate.run(60_000) == [(13_000, CLOSES)]


def test_blocked_takes_nobody_and_lockdown_whom_the_decision_lets() -> None:
    """The machine refuses at a blocked barrier whatever was decided."""
    gate = barrier()
    gate.at(0, bears(Bearing.BLOCKED))
    assert gate.at(100, Admit(ANNE)) == [Record(EventKind.DENIED, ANNE, DenyReason.DOOR_BLOCKED)]
    gate.at(200, bears(Bearing.LOCKDOWN))
    assert gate.at(300, Admit(ANNE)) == [OPENS, Record(EventKind.GRANTED, ANNE)]


def test_staff_opens_once_for_one_vehicle() -> None:
    """Whose order it was is told with the passage; the next vehicle is forced."""
    gate = barrier()
    assert gate.at(0, OpenOnce("s-7")) == [OPENS, Record(EventKind.COMMAND_DONE, detail="opened once", by="s-7")]
    assert gate.at(2000, ARRIVES) == [Record(EventKind.PASSAGE, detail="let in without a card", by="s-7")]
    gate.at(3000, LEAVES)
    assert gate.kinds(3500, ARRIVES) == [EventKind.DOOR_FORCED]


def test_failed_opening_ends_the_grant() -> None:
    """Whoever was to pass could not."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    assert gate.at(10, OutputFailed()) == [Lock(), Record(EventKind.GRANT_NOT_USED, ANNE, detail="the output failed")]
    assert not gate.machine.busy


def test_failed_closing_leaves_it_open_until_the_loop_clears_anew() -> None:
    """Nobody knows how far it came down: it is not tried again and again, and not before somebody has passed."""
    gate = barrier()
    gate.at(0, Admit(ANNE))
    gate.run(10_000)
    gate.at(10_001, OutputFailed(Part.CLOSE))
    assert gate.machine.open is None
    assert gate.run(600_000) == []
    gate.at(600_000, ARRIVES)
    gate.at(601_000, LEAVES)
    assert gate.run(700_000) == [(603_000, CLOSES)]


def test_without_close_output_its_own_controller_closes() -> None:
    """We never ask it to close, and claim not to know whether it is up."""
    gate = barrier(close_pulse_ms=None)
    gate.at(0, Admit(ANNE))
    gate.at(3000, ARRIVES)
    gate.at(5000, LEAVES)
    assert gate.run(600_000) == []
    assert gate.machine.open is None


def test_without_loop_the_passage_is_assumed_and_said_to_be() -> None:
    """Attendance is not lost, and nobody is told that anybody was seen."""
    gate = barrier(seen=False, close_pulse_ms=None, has_loop=False)
    gate.at(0, Admit(ANNE))
    assert gate.run(10_000) == [
        (10_000, Record(EventKind.PASSAGE, ANNE, detail="assumed: the barrier has no loop")),
    ]


def test_nothing_moves_after_a_start() -> None:
    """Found clear, found occupied, time passing: no output is asked for before somebody is let through."""
    gate = barrier(seen=False)
    assert gate.at(0, LineChanged(Line.LOOP, True), LEAVES) == []
    assert gate.run(600_000) == []
