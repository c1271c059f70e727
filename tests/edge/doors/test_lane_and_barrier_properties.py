"""Anybody doing anything in any order at a two-way lane or a barrier: what must hold nevertheless (DESIGN §8, 4-6)."""

from typing import Any, ClassVar

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.barrier import Barrier
from portillon_edge.doors.machine import (
    HOLD_MS,
    NS_PER_MS,
    Action,
    Admit,
    Bearing,
    BearingChanged,
    DoorMachine,
    Grant,
    Hold,
    ItsTurn,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Release,
    Signal,
    Tick,
)
from portillon_edge.doors.part_drive import PartDrive
from portillon_edge.doors.turns import QUEUE_MAX, SecondBadge, Turns
from portillon_edge.doors.turnstile_lane import Drive, TurnstileLane
from portillon_rules.reason import DenyReason

PULSE_MS, WINDOW_MS, CLEAR_MS, CLOSING_MS = 700, 4000, 1500, 3000
WAITS_MS = st.integers(0, 3000) | st.sampled_from([PULSE_MS, WINDOW_MS, WINDOW_MS - 1, CLEAR_MS, CLOSING_MS, 11_000])
ENDS = (EventKind.PASSAGE, EventKind.GRANT_NOT_USED)


class InUse(RuleBasedStateMachine):
    """An access point with its guard: a release ends at its time, a hold HOLD_MS after it was last asked for."""

    make: ClassVar[Any]
    lines: ClassVar[tuple[Line, ...]]
    parts: ClassVar[tuple[Part, ...]]
    longest_ms: ClassVar[int]
    exit_part: ClassVar[Part]
    grants_max: ClassVar[int] = 1
    free_grants_max: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.machine: DoorMachine = self.make()
        self.now_ms = 0
        self.until_ms = dict.fromkeys(Part, 0)
        self.asked_for: dict[Part, set[str]] = {part: set() for part in Part}
        self.exit_until_ms = 0
        self.bearing = Bearing.PLAN
        self.given = 0
        self.pending: set[str] = set()
        self.told_to_wait: set[str] = set()
        self.freed: set[str] = set()
        """Told to pass at once: where it stands free, nobody waits."""
        self.loop: bool | None = None
        self.loop_since_ms = 0
        self.deadline_ms: int | None = 0

    def releasing(self, part: Part) -> bool:
        return self.now_ms < self.until_ms[part]

    def feed(self, signal: Signal) -> list[Record]:
        step = self.machine.handle(signal, self.now_ms * NS_PER_MS)
        self.deadline_ms = None if step.deadline_ns is None else -(-step.deadline_ns // NS_PER_MS)
        if Record(EventKind.EXIT_REQUEST) in step.actions:
            self.exit_until_ms = self.now_ms + PULSE_MS
        for action in step.actions:
            self.carry_out(action)
        return [action for action in step.actions if isinstance(action, Record)]

    def carry_out(self, action: Action) -> None:
        match action:
            case Release(on_ms, part):
                assert 0 < on_ms <= self.longest_ms and part in self.parts
                self.until_ms[part] = max(self.until_ms[part], self.now_ms + on_ms)
                if part is Part.CLOSE:
                    self.closes_on_nobody()
            case Hold(part):
                assert part in self.parts and part is not Part.CLOSE
                self.until_ms[part] = max(self.until_ms[part], self.now_ms + HOLD_MS)
            case Lock(part):
                assert part is not self.exit_part or self.now_ms >= self.exit_until_ms, "locked on who asked to leave"
                self.until_ms[part] = self.now_ms
            case ItsTurn(grant):
                assert grant.member in self.told_to_wait | self.freed and grant.member in self.pending
                assert any(self.releasing(part) for part in self.parts), "told to pass, and nothing is released"
                self.told_to_wait.discard(grant.member)
            case Record(kind, grant) if grant is not None:
                if kind is EventKind.GRANTED:
                    self.pending.add(grant.member)
                    (self.told_to_wait if action.queued else self.freed).add(grant.member)
                elif kind in ENDS:
                    assert kind is not EventKind.PASSAGE or grant.member not in self.told_to_wait, "not told to pass"
                    assert grant.member in self.pending, "only a grant that still runs can end, and once"
                    self.pending.discard(grant.member)

    def closes_on_nobody(self) -> None:
        assert self.loop is False, "closes on a loop that is not known to be clear"
        assert self.now_ms >= self.loop_since_ms + CLEAR_MS, "closes too soon"
        assert not self.releasing(Part.ENTRY), "opens and closes at once"

    @rule(again=st.booleans(), leaves=st.booleans(), slow=st.booleans())
    def badge(self, again: bool, leaves: bool, slow: bool) -> None:
        self.given += not again
        way = Way.EXIT if leaves else Way.ENTRY
        name = f"m{self.given}"
        (first, *_) = [
            record
            for record in self.feed(Admit(Grant(member=name, credential=name, reader="r", way=way, long_access=slow)))
            if record.grant and record.grant.member == name and record.kind not in ENDS
        ]
        assert first.kind is not EventKind.DENIED or first.reason is not None
        assert self.bearing is not Bearing.BLOCKED or first.kind is EventKind.DENIED
        if self.bearing.released and self.free_grants_max > 1:
            assert first.reason is not DenyReason.LANE_BUSY, "told to wait where nobody has to"
        elif first.kind is EventKind.GRANTED:
            assert len(self.pending) <= self.grants_max

    @rule(data=st.data(), active=st.booleans())
    def line(self, data: st.DataObject, active: bool) -> None:
        line = data.draw(st.sampled_from(self.lines))
        if line is Line.LOOP and active is not self.loop:
            self.loop, self.loop_since_ms = active, self.now_ms
        self.feed(LineChanged(line, active))

    @rule(data=st.data())
    def lose_line(self, data: st.DataObject) -> None:
        line = data.draw(st.sampled_from((*self.lines, Line.REX)))
        self.loop = None if line is Line.LOOP else self.loop
        self.feed(LineLost(line))

    @rule()
    def leave(self) -> None:
        self.feed(LineChanged(Line.REX, False))
        assert EventKind.EXIT_REQUEST in [record.kind for record in self.feed(LineChanged(Line.REX, True))]
        assert self.until_ms[self.exit_part] >= self.now_ms + PULSE_MS, "egress is never held back"

    @rule(bearing=st.sampled_from(Bearing))
    def stand(self, bearing: Bearing) -> None:
        self.bearing = bearing
        if bearing.released:
            self.freed |= self.told_to_wait
            self.told_to_wait.clear()
        self.feed(BearingChanged(bearing, "order"))

    @rule()
    def staff_opens(self) -> None:
        kinds = [record.kind for record in self.feed(OpenOnce("s-1"))]
        closed = self.bearing in (Bearing.BLOCKED, Bearing.LOCKDOWN)
        assert (EventKind.ORDER_REFUSED in kinds) is closed

    @rule(data=st.data())
    def output_fails(self, data: st.DataObject) -> None:
        part = data.draw(st.sampled_from(self.parts))
        if part is Part.CLOSE:
            self.until_ms[part] = self.now_ms  # a guard tries no failed release again, and locks first when it can
        self.feed(OutputFailed(part))

    @rule(wait_ms=WAITS_MS)
    def time_passes(self, wait_ms: int) -> None:
        until_ms = self.now_ms + wait_ms
        for _ in range(200):
            if self.deadline_ms is None or self.deadline_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, self.deadline_ms)
            self.feed(Tick())
        else:
            raise AssertionError("deadlines do not end")
        self.now_ms = until_ms
        self.feed(Tick())

    @invariant()
    def freed_is_held(self) -> None:
        if self.bearing.released and self.deadline_ms is not None:
            for part in {Part.ENTRY, self.exit_part}:
                assert self.releasing(part), "a free access point keeps somebody out, or in"

    @invariant()
    def closing_is_clear_and_alone(self) -> None:
        if self.releasing(Part.CLOSE):
            assert self.loop is False and not self.releasing(Part.ENTRY)

    @invariant()
    def grants_are_bounded_and_watched(self) -> None:
        assert len(self.pending) <= max(self.grants_max, self.free_grants_max)
        assert not self.pending or self.deadline_ms is not None, "a grant without an end"

    def teardown(self) -> None:
        self.stand(Bearing.PLAN)
        self.time_passes(10 * 3 * WINDOW_MS)
        assert not self.pending, "every grant ends"
        assert not self.releasing(Part.ENTRY), "left released"


class LaneInUse(InUse):
    make = staticmethod(
        lambda: TurnstileLane(
            pulse_ms=PULSE_MS,
            passage_window_ms=WINDOW_MS,
            second_badge=SecondBadge.QUEUE,
            has_exit_output=True,
            tells_ways=True,
            has_ready_lamp=True,
        )
    )
    lines = (Line.PASSAGE, Line.PASSAGE_OUT, Line.LANE_BUSY, Line.LANE_FAULT)
    parts = (Part.ENTRY, Part.EXIT, Part.READY)
    longest_ms = PULSE_MS
    exit_part = Part.EXIT
    grants_max = free_grants_max = QUEUE_MAX + 1


class OneOutputLaneInUse(LaneInUse):
    make = staticmethod(
        lambda: TurnstileLane(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS, drive=Drive.LEVEL, free_exit=True)
    )
    lines = (Line.PASSAGE, Line.LANE_FAULT)
    parts = (Part.ENTRY,)
    longest_ms = 3 * WINDOW_MS
    exit_part = Part.ENTRY
    grants_max = 1


def made_barrier(kind: type[Barrier] = Barrier) -> Barrier:
    return kind(
        pulse_ms=PULSE_MS,
        passage_window_ms=WINDOW_MS,
        close_pulse_ms=2500,
        clear_ms=CLEAR_MS,
        closing_ms=CLOSING_MS,
        obstacle_ms=8000,
    )


class BarrierInUse(InUse):
    make = staticmethod(made_barrier)
    lines = (Line.LOOP, Line.LOOP, Line.REX)
    parts = (Part.ENTRY, Part.CLOSE)
    longest_ms = 2500
    free_grants_max = QUEUE_MAX + 1
    exit_part = Part.ENTRY

    @rule(late_ms=st.integers(0, CLOSING_MS))
    def somebody_comes_as_it_closes(self, late_ms: int) -> None:
        self.loop, self.loop_since_ms = False, self.now_ms if self.loop is not False else self.loop_since_ms
        self.feed(LineChanged(Line.LOOP, False))
        self.badge(again=False, leaves=False, slow=False)
        self.time_passes(WINDOW_MS)
        self.time_passes(late_ms)
        self.loop, self.loop_since_ms = True, self.now_ms
        self.feed(LineChanged(Line.LOOP, True))


RUNS = settings(max_examples=60, stateful_step_count=30, deadline=None, derandomize=True)
ABLATED = settings(RUNS, phases=[Phase.generate], print_blob=False, report_multiple_bugs=False)


@pytest.mark.parametrize("used", [LaneInUse, OneOutputLaneInUse, BarrierInUse])
def test_anything_in_any_order(used: type[InUse]) -> None:
    """Bounded releases, one end for each grant, egress never held back, freed is held, and nobody is closed on."""
    run_state_machine_as_test(used, settings=RUNS)


class TurnsThatNeverEnd(Turns):
    """Ablation: a newer card overtakes nobody."""

    def overtaken_by(self, grant: Grant) -> list[Grant]:
        return []


class LaneThatLetsACrowdGrow(TurnstileLane):
    """Ablation: a free lane queues whoever badges, and forgets nobody."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._turns = TurnsThatNeverEnd(SecondBadge.REFUSE)


class LaneThatIsNeverFree(TurnstileLane):
    """Ablation: at a free lane a second card goes by the policy, too."""

    def _admit(self, grant: Grant, now: int) -> list[Action]:
        bearing, self._bearing = self._bearing, Bearing.PLAN
        done = super()._admit(grant, now)
        self._bearing = bearing
        return done


def test_a_free_barrier_must_take_every_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: one that asks at FREE, too, who is let in already."""
    take = Turns.take
    monkeypatch.setattr(
        Turns, "take", lambda turns, grant, *, occupied, free: take(turns, grant, occupied=occupied, free=False)
    )
    with pytest.raises(AssertionError):
        run_state_machine_as_test(BarrierInUse, settings=ABLATED)


@pytest.mark.parametrize("broken", [LaneThatLetsACrowdGrow, LaneThatIsNeverFree])
def test_each_defence_of_a_free_lane_is_needed(broken: type[TurnstileLane]) -> None:
    """Switch one off and a crowd grows without bound, or somebody is told to wait at a lane that stands free."""
    make = staticmethod(lambda: broken(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS))
    ablated = type(broken.__name__ + "InUse", (OneOutputLaneInUse,), {"make": make})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ablated, settings=ABLATED)


class BarrierThatTrustsAnUnknownLoop(Barrier):
    """Ablation: a loop that is lost counts as clear."""

    def _close_at_ns(self) -> int | None:
        known, self._occupied = self._occupied, False if self._occupied is None else self._occupied
        close_at = super()._close_at_ns()
        self._occupied = known
        return close_at


class BarrierThatHurries(Barrier):
    """Ablation: it closes as soon as the loop is clear."""

    def _close_at_ns(self) -> int | None:
        close_at = super()._close_at_ns()
        return None if close_at is None else close_at - CLEAR_MS * NS_PER_MS


class BarrierThatGoesOnClosing(Barrier):
    """Ablation: it does not turn back."""

    def _reverse(self, now: int, why: str) -> list[Action]:
        return []


class BarrierThatPullsBothWays(Barrier):
    """Ablation: it opens without ending the closing signal."""

    def _raise(self, now: int, *, to_leave: bool = False) -> list[Action]:
        return [action for action in super()._raise(now, to_leave=to_leave) if action != Lock(Part.CLOSE)]


@pytest.mark.parametrize(
    "broken", [BarrierThatTrustsAnUnknownLoop, BarrierThatHurries, BarrierThatGoesOnClosing, BarrierThatPullsBothWays]
)
def test_each_defence_of_the_barrier_is_needed(broken: type[Barrier]) -> None:
    """Switch one off and somebody is closed on."""
    ablated = type(broken.__name__ + "InUse", (BarrierInUse,), {"make": staticmethod(lambda: made_barrier(broken))})
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ablated, settings=ABLATED)


class DriveThatForgetsToRenew(PartDrive):
    """Ablation: a hold is asked for once."""

    def stand(self, now: int, *, released: bool) -> list[Action]:
        return [] if self.held and released else super().stand(now, released=released)


class DriveThatNeverLocks(PartDrive):
    """Ablation: the end of a hold is not told."""

    def stand(self, now: int, *, released: bool) -> list[Action]:
        return super().stand(now, released=released or self.held)


class DriveThatLocksAnybody(PartDrive):
    """Ablation: whoever asked to leave is locked in by the next passage."""

    def withdraw(self, now: int) -> list[Action]:
        self._exit_until_ns = 0
        return super().withdraw(now)


@pytest.mark.parametrize("broken", [DriveThatForgetsToRenew, DriveThatNeverLocks, DriveThatLocksAnybody])
def test_each_defence_of_a_drive_is_needed(broken: type[PartDrive], monkeypatch: pytest.MonkeyPatch) -> None:
    """Switch one off and somebody is kept out, kept in, or let in for ever."""
    monkeypatch.setattr("portillon_edge.doors.turnstile_lane.PartDrive", broken)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(OneOutputLaneInUse, settings=ABLATED)
