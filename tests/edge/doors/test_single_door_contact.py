"""Rules 4, 7 and 9 at the head of single_door.py: time to stand open, contacts that bounce, lie or stick."""

import dataclasses

import pytest
from edge.doors.fed_machine import ANNE, BEN, bears
from edge.doors.opened_door import CLOSES, LETS_GO, OPENS, PRESSES, door
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.door_contact import STUCK_GRANTS
from portillon_edge.doors.machine import Admit, Bearing, Line, LineLost, Lock, Record, Release, Tick

ANNE_LONGER = dataclasses.replace(ANNE, long_access=True)


def told(did: list[tuple[int, object]]) -> list[tuple[int, EventKind]]:
    return [(ms, action.kind) for ms, action in did if isinstance(action, Record)]


def test_a_warning_comes_before_the_alarm() -> None:
    """DOOR_HELD_SOON, then DOOR_HELD, each once; the end is told, and the trouble is shown meanwhile."""
    side = door(held_open_warn_ms=20_000)
    side.at(0, Admit(ANNE))
    side.at(1000, OPENS)
    assert told(side.run(21_000)) == [(21_000, EventKind.DOOR_HELD_SOON)]
    assert (side.machine.state, side.machine.troubles) == ("door_held_soon", (EventKind.DOOR_HELD_SOON,))
    assert told(side.run(900_000)) == [(31_000, EventKind.DOOR_HELD)]
    assert side.at(900_001, CLOSES) == [Record(EventKind.DOOR_CLOSED, detail="after door_held")]
    assert side.machine.troubles == ()


def test_shutting_it_on_the_warning_raises_no_alarm() -> None:
    """The warning did its work, and its end is told too."""
    side = door(held_open_warn_ms=20_000)
    side.at(0, Admit(ANNE))
    side.at(0, OPENS)
    side.run(20_000)
    assert side.kinds(25_000, CLOSES) == [EventKind.DOOR_CLOSED]
    assert told(side.run(99_000)) == []


def test_a_door_found_open_is_watched_but_not_forced() -> None:
    """After a start: nobody knows since when it stands open, so its time begins now."""
    side = door(seen=False)
    assert side.kinds(0, OPENS) == []
    assert told(side.run(30_000)) == [(30_000, EventKind.DOOR_HELD)]


def test_a_leaf_that_springs_back_never_shut() -> None:
    """One opening, one passage, one time to stand open, however often it bounces off its frame."""
    side = door(contact_bounce_ms=200)
    side.at(0, Admit(ANNE))
    assert side.at(1000, OPENS) == [Lock(), Record(EventKind.PASSAGE, ANNE)]
    for ms in (2000, 2150, 2300):
        assert side.kinds(ms, CLOSES) == side.kinds(ms + 100, OPENS) == []
    assert side.machine.open
    assert told(side.run(31_000)) == [(31_000, EventKind.DOOR_HELD)]
    assert side.at(40_000, CLOSES) == []
    assert told(side.run(40_200)) == [(40_200, EventKind.DOOR_CLOSED)]


def test_without_the_bounce_time_the_same_leaf_is_forced() -> None:
    """Ablation: what the bounce time is for."""
    side = door(contact_bounce_ms=0)
    side.at(0, Admit(ANNE))
    side.at(1000, OPENS)
    side.at(2000, CLOSES)
    assert side.kinds(2100, OPENS) == [EventKind.DOOR_FORCED]


def test_a_door_that_shuts_in_time_is_not_held_while_that_is_settled() -> None:
    """Shut at the last moment: the alarm does not slip in before the bounce time is over."""
    side = door(contact_bounce_ms=200)
    side.at(0, Admit(ANNE))
    side.at(0, OPENS)
    side.at(29_900, CLOSES)
    assert told(side.run(60_000)) == []
    side.at(70_000, Admit(BEN))
    side.at(70_000, OPENS)
    side.at(99_900, CLOSES)
    assert side.kinds(100_050, OPENS) == []
    assert side.kinds(100_050, Tick()) == [EventKind.DOOR_HELD]


def test_a_card_just_as_it_falls_shut_finds_it_shut() -> None:
    """Whoever badges in that moment stands before a locked door and must be let in."""
    side = door(contact_bounce_ms=200)
    side.at(0, Admit(ANNE))
    side.at(1000, OPENS)
    side.at(2000, CLOSES)
    assert side.at(2050, Admit(BEN)) == [Release(3000), Record(EventKind.GRANTED, BEN)]
    assert side.at(3000, OPENS) == [Lock(), Record(EventKind.PASSAGE, BEN)]


def test_a_card_at_an_open_door_releases_until_it_falls_shut() -> None:
    """A contact that lies keeps nobody out; one that tells the truth lets nobody follow."""
    side = door()
    side.at(0, Admit(ANNE))
    side.at(1000, OPENS)
    passed = [Record(EventKind.GRANTED, BEN), Record(EventKind.PASSAGE, BEN, detail="the door stood open")]
    assert side.at(2000, Admit(BEN)) == [*passed, Release(3000)]
    assert side.at(2500, CLOSES) == [Lock()]
    assert side.kinds(2600, OPENS) == [EventKind.DOOR_FORCED]


def test_long_access_gives_more_time_for_everything() -> None:
    """Three times as long to be released, to open, and to stand open; the next person's time does not shorten it."""
    side = door(held_open_warn_ms=20_000)
    assert side.at(0, Admit(ANNE_LONGER)) == [Release(9000), Record(EventKind.GRANTED, ANNE_LONGER)]
    assert side.kinds(14_999, OPENS) == [EventKind.PASSAGE]
    side.at(16_000, Admit(BEN))
    assert told(side.run(200_000)) == [(74_999, EventKind.DOOR_HELD_SOON), (104_999, EventKind.DOOR_HELD)]


def test_a_contact_that_never_shuts_is_a_fault() -> None:
    """Everybody gets in nevertheless; told once, shown, and its end is told when it moves."""
    side = door(seen=False)
    side.at(0, OPENS)
    kinds = [kind for n in range(STUCK_GRANTS + 2) for kind in side.kinds(1000 * n, Admit(ANNE))]
    assert kinds.count(EventKind.INPUT_FAULT) == 1
    assert kinds.count(EventKind.PASSAGE) == STUCK_GRANTS + 2
    assert EventKind.INPUT_FAULT in side.machine.troubles
    assert side.kinds(20_000, CLOSES) == [EventKind.INPUT_RESTORED]
    assert side.machine.troubles == ()


def test_a_contact_that_never_opens_is_a_fault() -> None:
    """Or the lock does not release: five people in a row did not come to badge and walk away."""
    side = door()
    kinds = []
    for n in range(STUCK_GRANTS):
        side.at(10_000 * n, Admit(ANNE))
        kinds += [kind for _, kind in told(side.run(10_000 * n + 9000))]
    assert kinds == [*[EventKind.GRANT_NOT_USED] * STUCK_GRANTS, EventKind.INPUT_FAULT]
    side.at(100_000, Admit(ANNE))
    assert side.kinds(100_100, OPENS) == [EventKind.INPUT_RESTORED, EventKind.PASSAGE]


def test_a_contact_that_moves_now_and_then_is_well() -> None:
    """Grants in a row count, not grants ever."""
    side = door()
    for n in range(3 * STUCK_GRANTS):
        side.at(20_000 * n, Admit(ANNE))
        assert told(side.run(20_000 * n + 9000)) == [(20_000 * n + 5000, EventKind.GRANT_NOT_USED)]
        if n % (STUCK_GRANTS - 1) == 0:
            side.at(20_000 * n + 10_000, PRESSES, OPENS, CLOSES, LETS_GO)


def test_a_door_that_may_stand_open_is_not_stuck() -> None:
    """While it stands free, cards at the open door say nothing about its contact."""
    side = door()
    side.at(0, bears(Bearing.FREE))
    side.at(0, OPENS)
    assert EventKind.INPUT_FAULT not in [k for n in range(20) for k in side.kinds(1000 * n, Admit(ANNE))]


def test_a_lost_contact_sees_no_passage_and_says_so() -> None:
    """The grant ends unused with the reason, forces nothing, and is no proof of a stuck contact."""
    side = door()
    side.at(0, LineLost(Line.CONTACT))
    for n in range(STUCK_GRANTS + 1):
        side.at(10_000 * n, Admit(ANNE))
        unseen = Record(EventKind.GRANT_NOT_USED, ANNE, detail="nobody could see it: the contact is not known")
        assert side.at(10_000 * n + 5000, Tick()) == [unseen]
    assert side.machine.open is None


def test_a_stuck_exit_button_is_told_and_its_end_too() -> None:
    """INPUT_FAULT once, also over a loss of the line; INPUT_RESTORED when it is seen at rest."""
    side = door()
    side.at(0, PRESSES)
    assert told(side.run(600_000)) == [(10_000, EventKind.INPUT_FAULT)]
    assert side.machine.troubles == (EventKind.INPUT_FAULT,)
    side.at(600_001, LineLost(Line.REX))
    assert side.kinds(600_002, PRESSES) == [EventKind.EXIT_REQUEST]
    assert told(side.run(700_000)) == []
    assert side.kinds(700_001, LETS_GO) == [EventKind.INPUT_RESTORED]
    assert side.machine.troubles == ()


def test_two_stuck_inputs_of_a_door_are_told_apart() -> None:
    """Each fault and each end says which of the door's inputs it is about."""
    side = door()
    side.at(0, PRESSES)
    for n in range(STUCK_GRANTS):
        side.at(20_000 * (n + 1), Admit(ANNE))
        side.run(20_000 * (n + 1) + 9000)
    freed = [*side.at(200_000, LETS_GO), *side.at(200_001, Admit(ANNE)), *side.at(200_100, OPENS)]
    ended = [one.by for one in freed if isinstance(one, Record) and one.kind is EventKind.INPUT_RESTORED]
    assert ended == [Line.REX, Line.CONTACT]


@pytest.mark.parametrize(("held_ms", "kind"), [(9000, None), (60_000, EventKind.DOOR_FORCED)])
def test_a_pressed_button_explains_an_opening_until_it_is_stuck(held_ms: int, kind: EventKind | None) -> None:
    """Leaning on it past the window forces nothing; a stuck one must not hide a break-in."""
    side = door()
    side.at(0, PRESSES)
    side.run(held_ms - 1)
    assert side.kinds(held_ms, OPENS) == ([kind] if kind else [])


def test_a_lost_contact_holds_no_door_open() -> None:
    """Nobody knows whether it still stands open: its time ends, and no alarm is made up."""
    side = door()
    side.at(0, Admit(ANNE))
    side.at(0, OPENS)
    side.at(10_000, LineLost(Line.CONTACT))
    assert told(side.run(60_000)) == []


@pytest.mark.parametrize(("open_ms", "kind"), [(4999, None), (5000, EventKind.DOOR_FORCED)])
def test_a_touch_of_the_button_explains_an_opening_within_its_window(open_ms: int, kind: EventKind | None) -> None:
    """Pressed and let go: never logged as forced within the window; forced at its very end."""
    side = door()
    side.at(0, PRESSES)
    side.at(200, LETS_GO)
    assert side.kinds(open_ms, OPENS) == ([kind] if kind else [])
