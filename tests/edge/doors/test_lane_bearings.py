"""How a lane stands when it is told to: free, fire, blocked, lockdown, out of order (rules 6, 7 and 8)."""

from typing import Any

import pytest
from edge.doors.fed_machine import ANNE, BEN, CLEO, Fed, bears
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.machine import (
    RENEW_MS,
    Action,
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
from portillon_edge.doors.part_drive import PartDrive
from portillon_edge.doors.turns import SecondBadge
from portillon_edge.doors.turnstile_lane import Drive, TurnstileLane
from portillon_rules.reason import DenyReason

IN, IN_CLEAR = LineChanged(Line.PASSAGE, True), LineChanged(Line.PASSAGE, False)
OUT, OUT_CLEAR = LineChanged(Line.PASSAGE_OUT, True), LineChanged(Line.PASSAGE_OUT, False)
REX = LineChanged(Line.REX, True)
BROKEN, REPAIRED = LineChanged(Line.LANE_FAULT, True), LineChanged(Line.LANE_FAULT, False)
CLOSED = {Bearing.BLOCKED: DenyReason.DOOR_BLOCKED, Bearing.LOCKDOWN: DenyReason.LOCKDOWN}


def lane(**options: Any) -> Fed:
    fed = Fed(
        TurnstileLane(
            **{"pulse_ms": 300, "passage_window_ms": 5000, "has_exit_output": True, "tells_ways": True, **options}
        )
    )
    fed.at(0, IN_CLEAR, OUT_CLEAR)
    return fed


@pytest.mark.parametrize("bearing", [Bearing.FREE, Bearing.FIRE])
def test_free_lane_is_held_both_ways_and_renewed(bearing: Bearing) -> None:
    """At once, by a hold that ends by itself unless it is asked for again; told once, with reason and person."""
    free = lane()
    freed = Record(EventKind.DOOR_FREED, reason="order", by="s-1")
    assert free.at(100, bears(bearing)) == [freed, Hold(Part.ENTRY), Hold(Part.EXIT)]
    assert free.deadline_ms == 100 + RENEW_MS
    assert free.at(100 + RENEW_MS, Tick()) == [Hold(Part.ENTRY), Hold(Part.EXIT)]
    secured = Record(EventKind.DOOR_SECURED, reason="schedule")
    assert free.at(3000, bears(Bearing.PLAN, reason="schedule", by=None)) == [
        secured,
        Lock(Part.ENTRY),
        Lock(Part.EXIT),
    ]
    assert free.deadline_ms is None


def test_fire_after_free_changes_nothing_that_stands() -> None:
    """Freed is freed: no second event, no gap."""
    free = lane()
    free.at(0, bears(Bearing.FREE))
    assert free.at(100, bears(Bearing.FIRE)) == []


@pytest.mark.parametrize("bearing", [Bearing.FREE, Bearing.FIRE])
def test_passages_through_a_free_lane_force_nothing(bearing: Bearing) -> None:
    """Nobody's passage, with its way."""
    free = lane()
    free.at(0, bears(bearing))
    told = "nobody badged: the lane stands free"
    assert free.at(100, IN) == [Record(EventKind.PASSAGE, detail=told, way=Way.ENTRY)]
    assert free.at(200, OUT) == [Record(EventKind.PASSAGE, detail=told, way=Way.EXIT)]


def test_card_at_a_free_lane_needs_no_release_and_owns_its_passage() -> None:
    """Granted as always; the next passage in its way is that person's, or the grant was not used. Nothing locks."""
    free = lane()
    free.at(0, bears(Bearing.FREE))
    assert free.at(100, Admit(ANNE)) == [Record(EventKind.GRANTED, ANNE)]
    assert free.at(900, IN, IN_CLEAR) == [Record(EventKind.PASSAGE, ANNE)]
    free.at(1000, Admit(BEN))
    assert free.run(6000)[-1] == (6000, Record(EventKind.GRANT_NOT_USED, BEN))


def test_grant_from_before_the_end_of_free_badges_again() -> None:
    """Whoever badged while it stood free and comes too late to walk through is released by the second badge."""
    free = lane()
    free.at(0, bears(Bearing.FREE), Admit(ANNE), bears(Bearing.PLAN))
    assert free.at(1000, Admit(ANNE)) == [Release(300, Part.ENTRY), Record(EventKind.REBADGED, ANNE)]


@pytest.mark.parametrize("bearing", [Bearing.PLAN, Bearing.BLOCKED, Bearing.LOCKDOWN])
def test_end_of_free_never_cuts_an_exit_short(bearing: Bearing) -> None:
    """An exit's release runs on under the hold, and only then is the lane locked: no gap, no lock before."""
    free = lane(drive=Drive.LEVEL)
    free.at(0, bears(Bearing.FREE))
    assert Release(5000, Part.EXIT) in free.at(1000, REX)
    assert free.at(1500, bears(bearing))[-1:] == [Lock(Part.ENTRY)]
    later = free.run(60_000)
    assert later[0] == (6000, Lock(Part.EXIT))


@pytest.mark.parametrize(("bearing", "reason"), CLOSED.items())
def test_closed_lane_locks_and_says_why(bearing: Bearing, reason: DenyReason) -> None:
    """The release ends now; the person who was let in is still told as passed or not."""
    closed = lane(drive=Drive.LEVEL)
    closed.at(0, Admit(ANNE))
    assert closed.at(1000, bears(bearing)) == [Lock(Part.ENTRY)]
    assert closed.machine.closed_for is reason
    assert closed.at(1500, IN) == [Record(EventKind.PASSAGE, ANNE)]


def test_blocked_lane_takes_nobody_and_lockdown_whom_the_decision_lets() -> None:
    """The machine refuses at a blocked lane whatever was decided; who is exempt from lockdown passes."""
    closed = lane()
    closed.at(0, bears(Bearing.BLOCKED))
    assert closed.at(100, Admit(ANNE)) == [Record(EventKind.DENIED, ANNE, DenyReason.DOOR_BLOCKED)]
    closed.at(200, bears(Bearing.LOCKDOWN))
    assert closed.at(300, Admit(ANNE)) == [Release(300, Part.ENTRY), Record(EventKind.GRANTED, ANNE)]


@pytest.mark.parametrize("bearing", CLOSED)
def test_closing_sends_the_queue_away(bearing: Bearing) -> None:
    """Who was waiting has no turn in a closed lane."""
    closed = lane(second_badge=SecondBadge.QUEUE)
    closed.at(0, Admit(ANNE), Admit(BEN), Admit(CLEO))
    assert closed.kinds(100, bears(bearing)) == [EventKind.GRANT_NOT_USED] * 2


@pytest.mark.parametrize("bearing", Bearing)
def test_exit_request_releases_in_every_bearing(bearing: Bearing) -> None:
    """Egress stands above lockdown, orders and plan."""
    anyhow = lane()
    anyhow.at(0, bears(bearing))
    assert anyhow.at(100, REX) == [Release(300, Part.EXIT), Record(EventKind.EXIT_REQUEST)]
    assert Lock(Part.EXIT) not in anyhow.at(200, bears(Bearing.LOCKDOWN))


@pytest.mark.parametrize("bearing", Bearing)
def test_free_exit_stands_in_every_bearing(bearing: Bearing) -> None:
    """A lockdown keeps people out, never in."""
    free = lane(free_exit=True)
    assert Lock(Part.EXIT) not in free.at(100, bears(bearing))
    later = [action for ms in range(RENEW_MS, 5 * RENEW_MS, RENEW_MS) for action in free.at(ms, Tick())]
    assert later.count(Hold(Part.EXIT)) == 4


@pytest.mark.parametrize("bearing", CLOSED)
def test_staff_cannot_open_a_closed_lane_by_hand(bearing: Bearing) -> None:
    """The order is refused and told, with who gave it."""
    closed = lane()
    closed.at(0, bears(bearing))
    assert closed.at(100, OpenOnce("s-7")) == [Record(EventKind.ORDER_REFUSED, reason=CLOSED[bearing], by="s-7")]


def test_staff_opening_a_free_lane_changes_nothing() -> None:
    """It stands open already; the order is carried out all the same."""
    free = lane()
    free.at(0, bears(Bearing.FREE))
    assert free.kinds(100, OpenOnce("s-7")) == [EventKind.COMMAND_DONE]
    assert not [action for action in free.at(200, OpenOnce("s-7")) if isinstance(action, Release)]


def test_lane_out_of_order_is_told_once_and_takes_nobody() -> None:
    """LANE_FAULT at once even if it was found so; cards are refused for it; repaired, it goes on."""
    broken = lane()
    assert broken.kinds(0, BROKEN, BROKEN) == [EventKind.LANE_FAULT]
    assert (broken.machine.closed_for, broken.machine.state) == (DenyReason.LANE_FAULT, "lane_fault")
    assert broken.machine.troubles == (EventKind.LANE_FAULT,)
    assert broken.at(100, Admit(ANNE)) == [Record(EventKind.DENIED, ANNE, DenyReason.LANE_FAULT)]
    assert broken.at(200, REPAIRED, REPAIRED) == [Record(EventKind.LANE_RESTORED)]
    assert broken.machine.closed_for is None and broken.kinds(300, Admit(ANNE)) == [EventKind.GRANTED]


def test_lane_fault_ends_releases_and_the_queue_but_not_egress() -> None:
    """Nobody is sent into a broken lane; who asks to leave is released, and fire frees it."""
    broken = lane(drive=Drive.LEVEL, second_badge=SecondBadge.QUEUE)
    broken.at(0, Admit(ANNE), Admit(BEN), REX)
    fault, *rest = broken.at(100, BROKEN)
    assert isinstance(fault, Record) and fault.kind is EventKind.LANE_FAULT
    unused = Record(EventKind.GRANT_NOT_USED, BEN, detail="the lane is out of order")
    assert rest == [Lock(Part.ENTRY), unused]
    assert broken.at(200, bears(Bearing.FIRE))[1:] == [Hold(Part.ENTRY), Hold(Part.EXIT)]
    assert broken.machine.closed_for is None


def test_lost_fault_line_leaves_the_lane_as_it_was_told() -> None:
    """A cut wire proves neither a fault nor a repair; the driver tells that the wire is cut."""
    broken = lane()
    broken.at(0, BROKEN)
    assert broken.at(100, LineLost(Line.LANE_FAULT)) == []
    assert broken.machine.closed_for is DenyReason.LANE_FAULT


def test_lockdown_shows_before_a_fault_and_the_fault_still_stops_the_exempt() -> None:
    """Who is exempt from lockdown is not exempt from a broken lane."""
    broken = lane()
    broken.at(0, BROKEN, bears(Bearing.LOCKDOWN))
    assert broken.machine.closed_for is DenyReason.LOCKDOWN
    assert broken.at(100, Admit(ANNE)) == [Record(EventKind.DENIED, ANNE, DenyReason.LANE_FAULT)]


def test_hold_that_failed_is_asked_for_at_its_renewal() -> None:
    """An output that is away is not hammered, and is held as soon as it is back."""
    free = lane()
    free.at(0, bears(Bearing.FREE))
    assert free.at(10, OutputFailed(Part.ENTRY)) == []
    assert free.at(10 + RENEW_MS, Tick())[0] in (Hold(Part.ENTRY), Hold(Part.EXIT))


class DriveThatLocksAtOnce(PartDrive):
    """Ablation: the end of a hold does not look whether somebody is leaving."""

    def stand(self, now: int, *, released: bool) -> list[Action]:
        self._exit_until_ns = 0
        return super().stand(now, released=released)


def test_end_of_a_hold_must_look_for_who_is_leaving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch that off and the lane locks on somebody who asked to leave."""
    monkeypatch.setattr("portillon_edge.doors.turnstile_lane.PartDrive", DriveThatLocksAtOnce)
    free = lane(drive=Drive.LEVEL)
    free.at(0, bears(Bearing.FREE), REX)
    assert Lock(Part.EXIT) in free.at(1500, bears(Bearing.PLAN))
