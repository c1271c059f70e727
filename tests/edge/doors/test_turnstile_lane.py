"""The rules at the head of turnstile_lane.py, one by one."""

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
from portillon_edge.doors.turnstile_lane import TurnstileLane
from portillon_rules.reason import DenyReason

ANNE = Grant(member="m-anne", credential="k1.aa", reader="lane1-reader")
BEN = Grant(member="m-ben", credential="k1.bb", reader="lane1-reader")
PASSES = LineChanged(Line.PASSAGE, True)
CLEARS = LineChanged(Line.PASSAGE, False)
PRESSES = LineChanged(Line.REX, True)


class Lane:
    """A lane that is fed milliseconds and returns actions only."""

    def __init__(self, *, pulse_ms: int = 500, passage_window_ms: int = 5000, seen: bool = True) -> None:
        self.machine = TurnstileLane(pulse_ms=pulse_ms, passage_window_ms=passage_window_ms)
        if seen:
            self.at(0, CLEARS)

    def at(self, ms: int, signal: Signal) -> list[Action]:
        return list(self.machine.handle(signal, ms * NS_PER_MS).actions)

    def deadline_ms(self, ms: int) -> int | None:
        ns = self.machine.handle(Tick(), ms * NS_PER_MS).deadline_ns
        return None if ns is None else ns // NS_PER_MS


def test_grant_releases_for_the_pulse_and_is_recorded() -> None:
    """A grant releases first (nobody waits for the journal) and makes the lane busy until its window ends."""
    lane = Lane()
    assert lane.at(100, Admit(ANNE)) == [Release(500), Record(EventKind.GRANTED, ANNE)]
    assert lane.machine.busy
    assert lane.machine.state == "granted"
    assert lane.deadline_ms(100) == 5100


def test_passage_within_the_pulse_locks_again() -> None:
    """The first passage ends the release early and is the grant's one PASSAGE."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    assert lane.at(300, PASSES) == [Lock(), Record(EventKind.PASSAGE, ANNE)]
    assert not lane.machine.busy
    assert lane.at(5001, Tick()) == []


def test_passage_after_the_pulse_has_nothing_to_lock() -> None:
    """A pulse-mode turnstile stays free by itself: the passage counts although the release is long over."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    assert lane.at(4999, PASSES) == [Record(EventKind.PASSAGE, ANNE)]


def test_nobody_passing_is_a_grant_not_used() -> None:
    """The window's end is too late for a passage: it is not used, and who then passes was not granted."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    assert lane.at(5000, PASSES) == [
        Record(EventKind.GRANT_NOT_USED, ANNE),
        Record(EventKind.DOOR_FORCED, detail="a passage that nobody was granted"),
    ]


def test_window_shorter_than_the_pulse_ends_the_release() -> None:
    """A release never outlives its grant."""
    lane = Lane(pulse_ms=3000, passage_window_ms=1000)
    lane.at(0, Admit(ANNE))
    assert lane.at(1000, Tick()) == [Lock(), Record(EventKind.GRANT_NOT_USED, ANNE)]


def test_second_card_during_a_grant_is_refused_with_its_reason() -> None:
    """LANE_BUSY, and the first grant is untouched."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    assert lane.at(200, Admit(BEN)) == [Record(EventKind.DENIED, BEN, DenyReason.LANE_BUSY)]
    assert lane.at(300, PASSES) == [Lock(), Record(EventKind.PASSAGE, ANNE)]


def test_next_card_after_the_passage_is_granted() -> None:
    """Two people one after the other are two grants and two passages."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    lane.at(300, PASSES)
    lane.at(500, CLEARS)
    assert lane.at(600, Admit(BEN)) == [Release(500), Record(EventKind.GRANTED, BEN)]
    assert lane.at(900, PASSES) == [Lock(), Record(EventKind.PASSAGE, BEN)]


def test_following_somebody_through_is_forced() -> None:
    """The second passage on one grant is nobody's."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    lane.at(300, PASSES)
    lane.at(500, CLEARS)
    assert [a.kind for a in lane.at(700, PASSES) if isinstance(a, Record)] == [EventKind.DOOR_FORCED]


def test_repeated_level_is_no_second_passage() -> None:
    """Only an edge is a passage: a driver that repeats the level after a reconnect counts nobody twice."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    lane.at(300, PASSES)
    assert lane.at(400, PASSES) == []


def test_first_level_is_no_edge() -> None:
    """At start or after a lost input nothing was seen to move: nothing is forced, and nobody passed."""
    lane = Lane(seen=False)
    assert lane.at(0, PASSES) == []
    lane.at(100, LineLost(Line.PASSAGE))
    lane.at(200, Admit(ANNE))
    assert lane.at(300, PASSES) == []
    lane.at(400, CLEARS)
    assert lane.at(450, PASSES) == [Lock(), Record(EventKind.PASSAGE, ANNE)]


def test_stuck_passage_input_is_a_fault_once() -> None:
    """One INPUT_FAULT for each time that the input sticks, however long."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    lane.at(100, PASSES)
    assert lane.deadline_ms(101) == 10_100
    faults = [a for ms in (9000, 10_100, 20_000, 900_000) for a in lane.at(ms, Tick())]
    assert [a.kind for a in faults if isinstance(a, Record)] == [EventKind.INPUT_FAULT]
    lane.at(900_001, CLEARS)
    lane.at(900_002, PASSES)
    assert [a.kind for a in lane.at(920_000, Tick()) if isinstance(a, Record)] == [EventKind.INPUT_FAULT]


def test_exit_request_always_releases() -> None:
    """Leaving needs nobody's permission, idle or granted, and a passage locks nobody in who asked to leave."""
    lane = Lane()
    assert lane.at(0, PRESSES) == [Release(500), Record(EventKind.EXIT_REQUEST)]
    assert lane.at(200, PASSES) == []
    lane.at(300, CLEARS)
    lane.at(6000, Admit(ANNE))
    lane.at(6050, LineChanged(Line.REX, False))
    assert lane.at(6100, PRESSES) == [Release(500), Record(EventKind.EXIT_REQUEST)]
    assert lane.at(6200, PASSES) == [Record(EventKind.PASSAGE, ANNE)]


def test_held_exit_button_releases_once_and_is_a_fault_once() -> None:
    """A button that somebody wedged does not hold the lane open."""
    lane = Lane()
    lane.at(0, PRESSES)
    assert lane.at(100, PRESSES) == []
    assert [a.kind for a in lane.at(10_000, Tick()) if isinstance(a, Record)] == [EventKind.INPUT_FAULT]
    assert lane.at(60_000, Tick()) == []


def test_failed_output_ends_the_grant_unused() -> None:
    """Whoever was to pass could not; the lane is free for the next try."""
    lane = Lane()
    lane.at(0, Admit(ANNE))
    assert lane.at(10, OutputFailed()) == [
        Lock(),
        Record(EventKind.GRANT_NOT_USED, ANNE, detail="the output failed"),
    ]
    assert lane.at(20, OutputFailed()) == []
    assert not lane.machine.busy


def test_time_never_runs_backwards_inside() -> None:
    """A signal stamped earlier by another thread is taken at the latest time seen: no window is lengthened."""
    lane = Lane()
    lane.at(1000, Admit(ANNE))
    lane.at(900, CLEARS)
    assert lane.deadline_ms(0) == 6000
