"""Rules 10 to 12 at the head of single_door.py: free, blocked, lockdown, fire, staff's opening, a failing output."""

import dataclasses

import pytest
from edge.doors.fed_machine import ANNE, BEN, bears
from edge.doors.opened_door import CLOSES, LETS_GO, OPENS, PRESSES, door
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import (
    RENEW_MS,
    Admit,
    Bearing,
    Hold,
    Lock,
    OpenOnce,
    OutputFailed,
    Record,
    Release,
    Tick,
)
from portillon_edge.doors.single_door import TOGETHER_MAX, SingleDoor
from portillon_rules.reason import DenyReason

FREED = Record(EventKind.DOOR_FREED, reason="order", by="s-1")
SECURED = Record(EventKind.DOOR_SECURED, reason="order", by="s-1")
RELEASED, LOCKED = (Bearing.FREE, Bearing.FIRE), (Bearing.PLAN, Bearing.BLOCKED, Bearing.LOCKDOWN)


@pytest.mark.parametrize("bearing", RELEASED)
def test_free_is_held_at_once_and_renewed_until_it_ends(bearing: Bearing) -> None:
    """Released before it is told, asked for again every RENEW_MS, locked once at the end."""
    side = door()
    assert side.at(100, bears(bearing)) == [Hold(), FREED]
    assert side.deadline_ms == 100 + RENEW_MS
    assert side.at(100 + RENEW_MS, Tick()) == [Hold()]
    assert side.at(100 + RENEW_MS + 1, Tick()) == []
    assert side.at(3000, bears(Bearing.PLAN)) == [Lock(), SECURED]
    assert side.deadline_ms is None


def test_only_what_frees_or_locks_is_told() -> None:
    """From one released bearing to another, or from one locked to another, nothing moves and nothing is told here."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    assert side.at(10, bears(Bearing.FIRE)) == []
    assert side.at(20, bears(Bearing.FREE)) == []
    side.at(30, bears(Bearing.LOCKDOWN))
    assert side.at(40, bears(Bearing.BLOCKED)) == side.at(50, bears(Bearing.PLAN)) == []


@pytest.mark.parametrize("bearing", RELEASED)
def test_openings_of_a_free_door_are_no_alarm(bearing: Bearing) -> None:
    """Nobody forces a door that stands free, and it may stand open all day."""
    side = door(held_open_warn_ms=20_000)
    side.at(0, bears(bearing))
    assert side.kinds(1000, OPENS) == []
    assert [action for _, action in side.run(1_800_000)] == []
    assert side.kinds(1_800_001, CLOSES) == []


def test_a_card_at_a_free_door_is_granted_and_its_passage_is_known() -> None:
    """No release is needed; opening is the grant's passage, and not opening is told as always."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    assert side.at(100, Admit(ANNE)) == [Record(EventKind.GRANTED, ANNE)]
    assert side.at(1000, OPENS) == [Record(EventKind.PASSAGE, ANNE)]
    side.at(1500, CLOSES)
    side.at(1600, Admit(BEN))
    assert side.run(7000) == [(6600, Record(EventKind.GRANT_NOT_USED, BEN))]


def test_nobody_waits_before_a_free_door() -> None:
    """Who badges before it opens passes with who badged first; a door that is locked lets in one at a time."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    assert side.kinds(100, Admit(ANNE), Admit(BEN), Admit(ANNE)) == [
        EventKind.GRANTED,
        EventKind.GRANTED,
        EventKind.REBADGED,
    ]
    assert not side.machine.busy
    assert side.at(1000, OPENS) == [Record(EventKind.PASSAGE, ANNE), Record(EventKind.PASSAGE, BEN)]
    side.at(1500, CLOSES)
    side.at(2000, Admit(ANNE), Admit(BEN))
    side.at(2100, bears(Bearing.PLAN))
    assert side.machine.busy
    assert side.kinds(7000, Tick()) == [EventKind.GRANT_NOT_USED] * 2


@pytest.mark.parametrize("bearing", RELEASED)
def test_nobody_is_told_to_wait_at_a_free_door(bearing: Bearing) -> None:
    """However many badge before it opens; a reader that repeats itself for ever fills no memory: the eldest ends."""
    side = door()
    side.at(0, bears(bearing))
    many = [dataclasses.replace(ANNE, credential=f"k1.{n}") for n in range(TOGETHER_MAX + 2)]
    kinds = side.kinds(100, *map(Admit, many))
    overtakes = [EventKind.GRANT_NOT_USED, EventKind.GRANTED]
    assert kinds == [*[EventKind.GRANTED] * TOGETHER_MAX, *overtakes, *overtakes]
    assert not side.machine.busy
    passed = [action.grant for action in side.at(200, OPENS) if isinstance(action, Record)]
    assert passed == many[2:], "each grant ends once, as exactly one of the two"


def test_without_overtaking_a_free_door_would_remember_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ablation: nothing ends for the ninth, and a window's memory grows with every card."""
    monkeypatch.setattr(SingleDoor, "_overtaken", lambda _: [])
    side = door()
    side.at(0, bears(Bearing.FREE))
    many = [dataclasses.replace(ANNE, credential=f"k1.{n}") for n in range(TOGETHER_MAX + 2)]
    side.at(100, *map(Admit, many))
    assert len([action for action in side.at(200, OPENS) if isinstance(action, Record)]) > TOGETHER_MAX


def test_the_end_of_free_cuts_short_nobody_who_badged_or_leaves() -> None:
    """A second before closing time somebody badges: the door stays released for the time their grant gives them."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    side.at(9000, Admit(ANNE))
    assert side.at(10_000, bears(Bearing.PLAN)) == [SECURED]
    assert (12_000, Lock()) in side.run(13_000)
    side.at(20_000, bears(Bearing.FREE))
    assert side.at(21_000, PRESSES) == [Release(3000), Record(EventKind.EXIT_REQUEST)]
    assert side.at(21_100, bears(Bearing.BLOCKED)) == [SECURED]
    assert (24_000, Lock()) in side.run(25_000)


def test_a_door_that_stands_open_as_free_ends_may_do_so_from_then() -> None:
    """The time to stand open begins when the door is to be shut again, not when somebody opened it."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    side.at(1000, OPENS)
    side.at(50_000, bears(Bearing.PLAN))
    assert [(ms, a.kind) for ms, a in side.run(90_000) if isinstance(a, Record)] == [(80_000, EventKind.DOOR_HELD)]


def test_free_ends_a_warning_but_not_an_alarm() -> None:
    """What was told as an alarm ends when the door is shut; a warning has nothing more to warn of."""
    side = door(held_open_warn_ms=20_000)
    side.at(0, Admit(ANNE))
    side.at(0, OPENS)
    side.at(20_000, Tick())
    assert side.machine.troubles == (EventKind.DOOR_HELD_SOON,)
    side.at(20_001, bears(Bearing.FREE))
    assert side.machine.troubles == ()
    side.at(30_000, bears(Bearing.PLAN))
    side.at(60_000, Tick())
    side.at(60_001, bears(Bearing.FREE))
    assert side.machine.troubles == (EventKind.DOOR_HELD,)
    assert side.kinds(60_002, CLOSES) == [EventKind.DOOR_CLOSED]


@pytest.mark.parametrize(
    ("bearing", "reason"), [(Bearing.BLOCKED, DenyReason.DOOR_BLOCKED), (Bearing.LOCKDOWN, DenyReason.LOCKDOWN)]
)
def test_closing_locks_at_once_and_ends_a_grant(bearing: Bearing, reason: DenyReason) -> None:
    """Whoever was about to come in does not; the decision is told why; opening now is forced."""
    side = door()
    side.at(0, Admit(ANNE))
    assert side.at(500, bears(bearing)) == [
        Lock(),
        Record(EventKind.GRANT_NOT_USED, ANNE, detail="the door was closed"),
    ]
    assert side.machine.closed_for is reason
    assert not side.machine.busy
    assert side.kinds(600, OPENS) == [EventKind.DOOR_FORCED]


def test_blocked_takes_nobody_and_lockdown_whom_the_decision_exempts() -> None:
    """A card that the decision let through opens a door in lockdown; none opens one that staff blocked."""
    side = door()
    side.at(0, bears(Bearing.LOCKDOWN))
    assert side.at(10, Admit(ANNE)) == [Release(3000), Record(EventKind.GRANTED, ANNE)]
    side.at(20, bears(Bearing.BLOCKED))
    assert side.at(30, Admit(BEN)) == [Record(EventKind.DENIED, BEN, DenyReason.DOOR_BLOCKED)]


@pytest.mark.parametrize("bearing", Bearing)
def test_whoever_wants_out_gets_out_in_every_bearing(bearing: Bearing) -> None:
    """The exit button releases, its opening is never forced, and no order cuts it short."""
    side = door()
    side.at(0, bears(bearing))
    assert side.at(10, PRESSES) == [Release(3000), Record(EventKind.EXIT_REQUEST)]
    locked = [side.at(20, bears(order)) for order in (Bearing.BLOCKED, Bearing.LOCKDOWN, Bearing.PLAN)]
    assert Lock() not in [action for actions in locked for action in actions]
    assert side.kinds(30, OPENS) == []
    assert side.kinds(40, CLOSES, LETS_GO) == []


@pytest.mark.parametrize("bearing", [Bearing.PLAN, Bearing.FREE, Bearing.FIRE])
def test_staff_opens_once_for_one_opening(bearing: Bearing) -> None:
    """It is told who did; the opening is nobody's passage and locks again; the next one is forced unless it is free."""
    side = door()
    side.at(0, bears(bearing))
    did = side.at(10, OpenOnce("s-2"))
    assert did[-1] == Record(EventKind.COMMAND_DONE, detail="opened once", by="s-2")
    assert bearing.released or did[0] == Release(3000)
    assert side.at(1000, OPENS) == ([] if bearing.released else [Lock()])
    side.at(1500, CLOSES)
    assert side.kinds(2000, OPENS) == ([] if bearing.released else [EventKind.DOOR_FORCED])


def test_staffs_opening_outlives_the_window_of_a_grant() -> None:
    """A grant that nobody used ends, and the release that staff asked for a moment before goes on."""
    side = door(pulse_ms=3000, passage_window_ms=2000)
    side.at(0, Admit(ANNE))
    side.at(1500, OpenOnce("s-2"))
    assert side.at(2000, Tick()) == [Record(EventKind.GRANT_NOT_USED, ANNE)]
    assert side.at(3000, OPENS) == [Lock()]


@pytest.mark.parametrize("bearing", [Bearing.BLOCKED, Bearing.LOCKDOWN])
def test_staff_cannot_open_a_closed_door(bearing: Bearing) -> None:
    """The order stands above a single opening: it is refused, with the reason and by whom it was asked."""
    side = door()
    side.at(0, bears(bearing))
    refused = Record(EventKind.ORDER_REFUSED, reason=side.machine.closed_for, by="s-2")
    assert side.at(10, OpenOnce("s-2")) == [refused]


def test_an_output_that_cannot_be_held_is_asked_again() -> None:
    """Not at once, not never: at the next renewal."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    assert side.at(10, OutputFailed()) == []
    assert side.at(1000, Tick()) == []
    assert side.at(10 + RENEW_MS, Tick()) == [Hold()]


@pytest.mark.parametrize("bearing", LOCKED)
def test_nothing_moves_at_the_first_word(bearing: Bearing) -> None:
    """A door that starts is told how to stand: a locked one does nothing at all."""
    assert door(seen=False).at(0, bears(bearing)) == []


def test_whoever_needs_longer_keeps_it_beside_others() -> None:
    """Two who badged before a free door closed pass together: the door may stand open for the longer time."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    side.at(100, Admit(dataclasses.replace(ANNE, long_access=True)), Admit(BEN))
    side.at(200, bears(Bearing.PLAN))
    assert side.kinds(1000, OPENS) == [EventKind.PASSAGE, EventKind.PASSAGE]
    assert [(ms, a.kind) for ms, a in side.run(99_000) if isinstance(a, Record)] == [(91_000, EventKind.DOOR_HELD)]


def test_staffs_opening_ends_with_its_window() -> None:
    """Windows are half-open: at the very end of it a door that opens was not opened for anybody."""
    side = door()
    side.at(0, OpenOnce("s-2"))
    assert side.kinds(5000, OPENS) == [EventKind.DOOR_FORCED]


def test_closing_a_door_takes_back_what_staff_opened() -> None:
    """Blocked a moment after OpenOnce: locked, and who opens it now forces it."""
    side = door()
    side.at(0, OpenOnce("s-2"))
    assert side.at(500, bears(Bearing.BLOCKED)) == [Lock()]
    assert side.kinds(4000, OPENS) == [EventKind.DOOR_FORCED]


def test_freeing_an_open_door_stops_its_time() -> None:
    """Somebody's passage began to count, then the door may stand open: no alarm comes of the old time."""
    side = door(held_open_warn_ms=20_000)
    side.at(0, Admit(ANNE))
    side.at(0, OPENS)
    side.at(10_000, bears(Bearing.FREE))
    assert side.run(60_000) == []
