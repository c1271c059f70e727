"""Any signals at any times, at every kind of door, its outputs seen from the far side of a guard (DESIGN §6; §8, 4-5).

No sequence keeps an output releasing past its bound, holds back egress or fire, or leaves a door other than its
bearing; whoever dies, the outputs are locked within their bound, and nothing moves when the gateway is back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import pytest
from edge.doors.every_machine import BARRIER, DOOR, LANE, off, on
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.barrier import Barrier
from portillon_edge.doors.machine import (
    HOLD_MS,
    NS_PER_MS,
    RENEW_MS,
    Action,
    Admit,
    Bearing,
    BearingChanged,
    DoorMachine,
    Grant,
    Hold,
    Line,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Release,
    Signal,
    Step,
    Tick,
)
from portillon_edge.doors.part_drive import PartDrive
from portillon_edge.doors.single_door import SingleDoor
from portillon_edge.doors.turnstile_lane import Drive, TurnstileLane


@dataclass(frozen=True)
class Setup:
    """A door, how long one release of it may last, and when nothing that happened before may release it any more."""

    make: Callable[[], DoorMachine]
    lines: tuple[Line, ...]
    parts: tuple[Part, ...]
    exit_part: Part = Part.ENTRY
    pulse_ms: int = 3000
    longest_ms: int = 9000
    quiet_ms: int = 9000
    always_released: tuple[Part, ...] = ()

    @property
    def letting(self) -> tuple[Part, ...]:
        """The parts that let people through."""
        return tuple(part for part in self.parts if part in (Part.ENTRY, Part.EXIT))


SETUPS = {
    "door": Setup(DOOR.make, DOOR.lines, DOOR.parts),
    "door that does not relock": Setup(
        lambda: SingleDoor(pulse_ms=3000, passage_window_ms=2000, held_open_ms=0, relock_on_open=False),
        DOOR.lines,
        DOOR.parts,
    ),
    "door without contact": Setup(
        lambda: SingleDoor(pulse_ms=3000, passage_window_ms=5000, held_open_ms=0, has_contact=False),
        (Line.REX,),
        DOOR.parts,
    ),
    # A queue of three, each with three times their window, before the last release.
    "lane": Setup(LANE.make, LANE.lines, LANE.parts, Part.EXIT, 500, 500, 4 * 15_000),
    "lane by level, free way out": Setup(
        lambda: TurnstileLane(
            pulse_ms=500, passage_window_ms=5000, drive=Drive.LEVEL, has_exit_output=True, free_exit=True
        ),
        LANE.lines,
        (Part.ENTRY, Part.EXIT),
        Part.EXIT,
        5000,
        15_000,
        15_000,
        always_released=(Part.EXIT,),
    ),
    "barrier": Setup(BARRIER.make, BARRIER.lines, BARRIER.parts, pulse_ms=500, longest_ms=500),
    "barrier that closes by itself": Setup(
        lambda: Barrier(pulse_ms=500, passage_window_ms=5000),
        BARRIER.lines,
        (Part.ENTRY,),
        pulse_ms=500,
        longest_ms=500,
    ),
}
WAITS_MS = st.integers(0, 4000) | st.sampled_from([200, 3000, 5000, RENEW_MS, HOLD_MS, 12_000, 61_000])


class Used(RuleBasedStateMachine):
    """One door with its guard, which ends a release at its time and a hold HOLD_MS after it was last asked for."""

    setup: ClassVar[Setup]

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = 0
        self.until_ms = dict.fromkeys(self.setup.parts, 0)
        self.failed_ms = dict.fromkeys(self.setup.parts, -RENEW_MS)
        self.exit_until_ms = 0
        self.reason_ms = -self.setup.quiet_ms
        self.bearing = Bearing.PLAN
        self.starts()

    def starts(self) -> None:
        """A gateway begins: it sees every line at rest, and is told how the door is to stand."""
        self.machine = self.setup.make()
        self.deadline_ms: int | None = None
        moves = [action for line in self.setup.lines for action in self.feed(off(line))]
        moves += self.feed(BearingChanged(self.bearing, "order"))
        if self.bearing.released or self.setup.always_released:
            return
        for action in moves:
            lamp = isinstance(action, Release | Hold | Lock) and action.part is Part.READY
            assert lamp or isinstance(action, Record), f"{action} moves something at a start"

    def releasing(self, part: Part) -> bool:
        return self.now_ms < self.until_ms[part]

    def feed(self, signal: Signal) -> tuple[Action, ...]:
        step = self.machine.handle(signal, self.now_ms * NS_PER_MS)
        self.deadline_ms = None if step.deadline_ns is None else -(-step.deadline_ns // NS_PER_MS)
        for action in step.actions:
            match action:
                case Release(on_ms, part):
                    assert 0 < on_ms <= self.setup.longest_ms, "released past its bound"
                    self.until_ms[part] = max(self.until_ms[part], self.now_ms + on_ms)
                case Hold(part):
                    self.until_ms[part] = max(self.until_ms[part], self.now_ms + HOLD_MS)
                case Lock(part):
                    self.until_ms[part] = self.now_ms
        return step.actions

    @rule(person=st.integers(0, 3), leaves=st.booleans(), slow=st.booleans())
    def badge(self, person: int, leaves: bool, slow: bool) -> None:
        self.reason_ms = self.now_ms
        way = Way.EXIT if leaves else Way.ENTRY
        name = f"m{person}"
        self.feed(Admit(Grant(member=name, credential=name, reader="r", way=way, long_access=slow)))

    @rule(data=st.data(), active=st.booleans())
    def line(self, data: st.DataObject, active: bool) -> None:
        line = data.draw(st.sampled_from(self.setup.lines))
        if line is Line.REX and active:
            return self.leave()
        if line is Line.LOOP:
            self.reason_ms = self.now_ms  # a boom that comes down opens again
        self.feed(on(line) if active else off(line))

    @rule(data=st.data())
    def lose_line(self, data: st.DataObject) -> None:
        self.reason_ms = self.now_ms
        self.feed(LineLost(data.draw(st.sampled_from(self.setup.lines))))

    @rule()
    def leave(self) -> None:
        self.feed(off(Line.REX))
        self.feed(on(Line.REX))
        self.reason_ms = self.now_ms
        self.exit_until_ms = self.now_ms + self.setup.pulse_ms

    @rule(outwards=st.booleans())
    def comes_in_as_another_leaves(self, outwards: bool) -> None:
        self.badge(person=0, leaves=outwards, slow=True)
        self.leave()
        for line in self.setup.lines:
            if line in (Line.CONTACT, Line.PASSAGE, Line.PASSAGE_OUT):
                self.feed(off(line))
                self.feed(on(line))

    @rule(bearing=st.sampled_from(Bearing))
    def stand(self, bearing: Bearing) -> None:
        self.bearing = bearing
        self.feed(BearingChanged(bearing, "order"))

    @rule()
    def staff_opens(self) -> None:
        self.reason_ms = self.now_ms
        self.feed(OpenOnce("s-1"))

    @rule(data=st.data())
    def output_fails(self, data: st.DataObject) -> None:
        part = data.draw(st.sampled_from(self.setup.parts))
        self.until_ms[part], self.failed_ms[part] = self.now_ms, self.now_ms
        self.feed(OutputFailed(part))

    @rule()
    def lock_fails_in_a_fire(self) -> None:
        self.stand(Bearing.FIRE)
        for part in self.setup.letting:
            self.until_ms[part], self.failed_ms[part] = self.now_ms, self.now_ms
            self.feed(OutputFailed(part))
        self.time_passes(RENEW_MS + 1)

    @rule(wait_ms=WAITS_MS)
    def time_passes(self, wait_ms: int) -> None:
        until_ms = self.now_ms + wait_ms
        for _ in range(200):
            if self.deadline_ms is None or self.deadline_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, self.deadline_ms)
            self.feed(Tick())
            self.check()
        else:
            raise AssertionError("deadlines do not end")
        self.now_ms = until_ms
        self.feed(Tick())

    @rule(wait_ms=st.integers(0, 20_000))
    def gateway_dies_and_starts(self, wait_ms: int) -> None:
        """The guard ends everything as it loses its client, and locks again first of all."""
        self.now_ms += wait_ms
        bound_ms = max(self.setup.longest_ms, HOLD_MS)
        assert wait_ms < bound_ms or not any(self.releasing(part) for part in self.setup.parts), "outlives its bound"
        self.until_ms = dict.fromkeys(self.setup.parts, self.now_ms)
        self.exit_until_ms = 0
        self.starts()

    @invariant()
    def check(self) -> None:
        for until_ms in self.until_ms.values():
            assert until_ms <= self.now_ms + max(self.setup.longest_ms, HOLD_MS), "released past its bound"
        exit_part = self.setup.exit_part
        if self.now_ms < self.exit_until_ms and self.failed_ms[exit_part] < self.exit_until_ms - self.setup.pulse_ms:
            assert self.until_ms[exit_part] >= self.exit_until_ms, "somebody who asked to leave is kept in"
        for part in self.setup.letting:
            if self.bearing.released or part in self.setup.always_released:
                recovering = self.now_ms <= self.failed_ms[part] + RENEW_MS
                assert recovering or self.releasing(part), "it is to stand released, and is locked"
            elif self.now_ms >= self.reason_ms + self.setup.quiet_ms:
                assert not self.releasing(part), "it is to stand locked, and is released"

    def teardown(self) -> None:
        self.stand(Bearing.PLAN)
        self.time_passes(self.setup.quiet_ms)
        self.check()


RUNS = settings(max_examples=50, stateful_step_count=40, deadline=None, derandomize=True)
ABLATED = settings(RUNS, max_examples=100, phases=[Phase.generate], print_blob=False, report_multiple_bugs=False)


def used(name: str) -> type[Used]:
    return type("Used", (Used,), {"setup": SETUPS[name]})


@pytest.mark.parametrize("name", SETUPS)
def test_never_stuck_open_never_locked_in(name: str) -> None:
    """Locked where it is to be locked, released where it is to be released, and bounded whoever dies."""
    run_state_machine_as_test(used(name), settings=RUNS)


def forgets_to_renew(drive: PartDrive, now: int, *, released: bool) -> list[Action]:
    if not (drive.held and released):
        return STAND(drive, now, released=released)
    drive._renew_ns = now + RENEW_MS * NS_PER_MS
    return []


def never_locks(drive: PartDrive, now: int, *, released: bool) -> list[Action]:
    return STAND(drive, now, released=released or drive.held)


def holds_at_every_start(drive: PartDrive, now: int, *, released: bool) -> list[Action]:
    return STAND(drive, now, released=released or now == 0)


def locks_whoever_leaves(drive: PartDrive, now: int) -> list[Action]:
    drive._exit_until_ns = 0
    return WITHDRAW(drive, now)


def gives_up(drive: PartDrive, now: int) -> None:
    FAILED(drive, now)
    drive._renew_ns = now + 60 * RENEW_MS * NS_PER_MS


STAND, WITHDRAW, FAILED = PartDrive.stand, PartDrive.withdraw, PartDrive.failed


@pytest.mark.parametrize(
    ("method", "broken", "red"),
    [
        ("stand", forgets_to_renew, "is to stand released"),
        ("stand", never_locks, "is to stand locked"),
        ("stand", holds_at_every_start, "moves something at a start"),
        ("withdraw", locks_whoever_leaves, "is kept in"),
        ("failed", gives_up, "is to stand released"),
    ],
    ids=lambda it: getattr(it, "__name__", it),
)
@pytest.mark.parametrize("name", ["door", "lane"])
def test_each_defence_is_needed(
    name: str, method: str, broken: Callable[..., object], red: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switch one off, and somebody is kept out, kept in, or let in for ever."""
    monkeypatch.setattr(PartDrive, method, broken)
    with pytest.raises(AssertionError, match=red):
        run_state_machine_as_test(used(name), settings=ABLATED)


class DoorDeafInLockdown(SingleDoor):
    """Ablation: an order holds back egress."""

    def _exit_line(self, active: bool, now: int) -> list[Action]:
        return [] if self.closed_for else super()._exit_line(active, now)


class DoorThatNeverLocksAgain(SingleDoor):
    """Ablation: whoever asked to leave leaves it released for good, renewed by a machine that lives."""

    def handle(self, signal: Signal, now_ns: int) -> Step:
        step = super().handle(signal, now_ns)
        asked = Record(EventKind.EXIT_REQUEST) in step.actions
        self.released = getattr(self, "released", False) or asked
        return Step((*step.actions, *([Hold()] if self.released else [])), step.deadline_ns)


class DoorThatIgnoresFire(SingleDoor):
    """Ablation: lockdown stands above fire."""

    def _bear(self, changed: BearingChanged, now: int) -> list[Action]:
        return [] if self.closed_for and changed.bearing is Bearing.FIRE else super()._bear(changed, now)


class DoorThatReleasesForAnHour(SingleDoor):
    """Ablation: long access without a bound."""

    def _factor(self, grant: Grant) -> int:
        return 1200


@pytest.mark.parametrize(
    ("broken", "red"),
    [
        (DoorDeafInLockdown, "is kept in"),
        (DoorThatNeverLocksAgain, "is to stand locked"),
        (DoorThatIgnoresFire, "is to stand released"),
        (DoorThatReleasesForAnHour, "past its bound"),
    ],
)
def test_each_defence_of_the_door_is_needed(broken: type[SingleDoor], red: str) -> None:
    """Switch one off, and the properties go red."""
    made = Setup(lambda: broken(pulse_ms=3000, passage_window_ms=5000, held_open_ms=30_000), DOOR.lines, DOOR.parts)
    with pytest.raises(AssertionError, match=red):
        run_state_machine_as_test(type("Used", (Used,), {"setup": made}), settings=ABLATED)
