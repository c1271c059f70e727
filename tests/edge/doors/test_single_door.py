"""The rules at the head of single_door.py, one by one."""

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Admit,
    Grant,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OutputFailed,
    Record,
    Release,
    Signal,
    Tick,
)
from portillon_edge.doors.single_door import SingleDoor
from portillon_rules.reason import DenyReason

ANNE = Grant(member="m-anne", credential="k1.aa", reader="door-reader")
BEN = Grant(member="m-ben", credential="k1.bb", reader="door-reader")
OPENS = LineChanged(Line.CONTACT, True)
CLOSES = LineChanged(Line.CONTACT, False)
PRESSES = LineChanged(Line.REX, True)


class Door:
    """A door that is fed milliseconds and returns actions only."""

    def __init__(self, *, relock_on_open: bool = True, has_contact: bool = True, held_open_ms: int = 30_000) -> None:
        self.machine = SingleDoor(
            pulse_ms=3000,
            passage_window_ms=5000,
            held_open_ms=held_open_ms,
            relock_on_open=relock_on_open,
            has_contact=has_contact,
        )
        self.at(0, CLOSES)

    def at(self, ms: int, signal: Signal) -> list[Action]:
        return list(self.machine.handle(signal, ms * NS_PER_MS).actions)

    def kinds(self, ms: int, signal: Signal) -> list[EventKind]:
        return [action.kind for action in self.at(ms, signal) if isinstance(action, Record)]


def test_opening_is_the_passage_and_locks_again() -> None:
    """Released, opened, locked as soon as it falls shut: nobody follows on the same grant."""
    door = Door()
    assert door.at(0, Admit(ANNE)) == [Release(3000), Record(EventKind.GRANTED, ANNE)]
    assert door.machine.state == "granted"
    assert door.at(1000, OPENS) == [Lock(), Record(EventKind.PASSAGE, ANNE)]
    assert door.machine.state == "open"
    assert door.at(3000, CLOSES) == []


def test_without_relock_the_release_runs_out_by_itself() -> None:
    """`relock_on_open = false` for locks that must stay released until the door is shut."""
    door = Door(relock_on_open=False)
    door.at(0, Admit(ANNE))
    assert door.at(1000, OPENS) == [Record(EventKind.PASSAGE, ANNE)]


def test_nobody_opening_is_a_grant_not_used() -> None:
    """Opening at the window's end is too late, and forced."""
    door = Door()
    door.at(0, Admit(ANNE))
    assert door.kinds(5000, OPENS) == [EventKind.GRANT_NOT_USED, EventKind.DOOR_FORCED]


def test_second_card_waits_for_the_first_grant() -> None:
    """LANE_BUSY, the first grant is untouched."""
    door = Door()
    door.at(0, Admit(ANNE))
    assert door.at(100, Admit(BEN)) == [Record(EventKind.DENIED, BEN, DenyReason.LANE_BUSY)]
    assert door.at(200, OPENS) == [Lock(), Record(EventKind.PASSAGE, ANNE)]


def test_card_at_an_open_door_passes_at_once() -> None:
    """Nothing to release; the passage counts, and the time to stand open starts again."""
    door = Door()
    door.at(0, Admit(ANNE))
    door.at(1000, OPENS)
    assert door.kinds(20_000, Admit(BEN)) == [EventKind.GRANTED, EventKind.PASSAGE]
    assert door.kinds(31_000, Tick()) == []
    assert door.kinds(50_000, Tick()) == [EventKind.DOOR_HELD]


def test_held_open_is_reported_once_and_its_end_too() -> None:
    """DOOR_HELD once however long, DOOR_CLOSED when it is over."""
    door = Door()
    door.at(0, Admit(ANNE))
    door.at(1000, OPENS)
    assert door.kinds(31_000, Tick()) == [EventKind.DOOR_HELD]
    assert door.machine.state == "door_held"
    assert door.kinds(900_000, Tick()) == []
    assert door.kinds(900_001, CLOSES) == [EventKind.DOOR_CLOSED]
    assert door.kinds(900_002, CLOSES) == []


def test_held_open_zero_never_complains() -> None:
    """A door that may stand open all day says nothing about it."""
    door = Door(held_open_ms=0)
    door.at(0, Admit(ANNE))
    door.at(1000, OPENS)
    assert door.kinds(86_400_000, Tick()) == []


def test_opening_without_a_grant_is_forced() -> None:
    """DOOR_FORCED once, no DOOR_HELD on top, DOOR_CLOSED at its end."""
    door = Door()
    assert door.kinds(0, OPENS) == [EventKind.DOOR_FORCED]
    assert door.machine.state == "door_forced"
    assert door.kinds(60_000, Tick()) == []
    assert door.kinds(60_001, CLOSES) == [EventKind.DOOR_CLOSED]


def test_first_level_is_no_edge() -> None:
    """After a replug the contact may come back open: nothing is forced, nobody passed, but the door may be held."""
    door = Door()
    door.at(0, LineLost(Line.CONTACT))
    door.at(5, Admit(ANNE))
    assert door.kinds(10, OPENS) == []
    assert door.kinds(5005, Tick()) == [EventKind.GRANT_NOT_USED]
    assert door.kinds(30_010, Tick()) == [EventKind.DOOR_HELD]


def test_exit_request_always_releases() -> None:
    """Idle, granted, open or forced: the exit button releases, and what it lets out is nobody's passage."""
    door = Door()
    assert door.at(0, PRESSES) == [Release(3000), Record(EventKind.EXIT_REQUEST)]
    assert door.at(1000, OPENS) == []
    door.at(2000, CLOSES)
    door.at(2001, LineChanged(Line.REX, False))
    door.at(20_000, OPENS)
    assert door.at(20_001, PRESSES) == [Release(3000), Record(EventKind.EXIT_REQUEST)]


def test_opening_does_not_cut_short_a_release_to_leave() -> None:
    """Somebody comes in on a card while another one leaves: the passage counts, the lock stays released."""
    door = Door()
    door.at(0, Admit(ANNE))
    door.at(100, PRESSES)
    assert door.at(200, OPENS) == [Record(EventKind.PASSAGE, ANNE)]


def test_without_contact_the_passage_is_assumed_and_says_so() -> None:
    """Attendance of a door that cannot see is better said to be assumed than lost or made up."""
    door = Door(has_contact=False)
    door.at(0, Admit(ANNE))
    assert door.at(5000, Tick()) == [Record(EventKind.PASSAGE, ANNE, detail="assumed: the door has no contact")]


def test_failed_output_ends_the_grant_unused() -> None:
    """Also without a contact: nobody can be assumed to have passed a lock that did not release."""
    door = Door(has_contact=False)
    door.at(0, Admit(ANNE))
    assert door.kinds(10, OutputFailed()) == [EventKind.GRANT_NOT_USED]
    assert door.kinds(5000, Tick()) == []


def test_stuck_exit_button_is_a_fault_once() -> None:
    """One release, one INPUT_FAULT."""
    door = Door()
    door.at(0, PRESSES)
    assert door.kinds(10_000, Tick()) == [EventKind.INPUT_FAULT]
    assert door.kinds(99_000, Tick()) == []
    door.at(99_001, LineLost(Line.REX))
    assert door.at(99_002, PRESSES) == [Release(3000), Record(EventKind.EXIT_REQUEST)]


def test_same_credential_again_is_one_grant() -> None:
    """Badging twice is impatience, not a second visit: released anew, the window starts again."""
    door = Door()
    door.at(0, Admit(ANNE))
    assert not door.machine.busy_for(ANNE.credential)
    assert door.machine.busy_for(BEN.credential)
    assert door.at(4000, Admit(ANNE)) == [Release(3000), Record(EventKind.REBADGED, ANNE)]
    assert door.at(8999, OPENS) == [Record(EventKind.PASSAGE, ANNE)]


def test_a_second_opening_while_it_is_still_released_is_not_forced() -> None:
    """Without relocking the lock stands released for its pulse, and falling shut ends that."""
    door = Door(relock_on_open=False)
    door.at(0, Admit(ANNE))
    door.at(100, OPENS)
    assert door.at(200, CLOSES) == [Lock()]
    assert door.kinds(300, OPENS) == [EventKind.DOOR_FORCED]


def test_the_grant_ends_with_the_exit_that_kept_the_lock_released() -> None:
    """Two people at once: locked when the one who leaves has had their time, not at the end of the card's pulse."""
    door = Door()
    door.at(0, PRESSES)
    door.at(2000, Admit(ANNE))
    assert door.at(2100, OPENS) == [Record(EventKind.PASSAGE, ANNE)]
    assert door.at(3000, Tick()) == [Lock()]
