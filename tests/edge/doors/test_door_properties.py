"""Any person doing anything in any order at either door: what must hold nevertheless (DESIGN §8, 4–6)."""

import dataclasses
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from portillon_edge.domain.events import EventKind
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Admit,
    Bearing,
    BearingChanged,
    DoorMachine,
    Grant,
    Line,
    LineChanged,
    LineLost,
    Lock,
    OpenOnce,
    OutputFailed,
    Record,
    Release,
    Signal,
    Tick,
)
from portillon_edge.doors.single_door import TOGETHER_MAX, SingleDoor
from portillon_edge.doors.turnstile_lane import TurnstileLane

PULSE_MS, WINDOW_MS, HELD_MS = 700, 4000, 9000
WAITS_MS = st.integers(0, 3000) | st.sampled_from([PULSE_MS, WINDOW_MS, WINDOW_MS - 1, HELD_MS, 20_000])


class DoorInUse(RuleBasedStateMachine):
    """A door with its guard: the guard ends a release at its bound, whatever the machine forgets."""

    make: ClassVar[Any]
    lines: ClassVar[tuple[Line, ...]]

    def __init__(self) -> None:
        super().__init__()
        self.machine: DoorMachine = self.make()
        self.now_ms = 0
        self.released_until_ms = 0
        self.exit_until_ms = 0
        self.given = 0
        self.ended: dict[str, EventKind] = {}
        self.pending: set[str] = set()
        self.deadline_ms: int | None = None

    def feed(self, signal: Signal) -> list[Record]:
        step = self.machine.handle(signal, self.now_ms * NS_PER_MS)
        self.deadline_ms = None if step.deadline_ns is None else -(-step.deadline_ns // NS_PER_MS)
        records = []
        if Record(EventKind.EXIT_REQUEST) in step.actions:
            self.exit_until_ms = self.now_ms + PULSE_MS
        for action in step.actions:
            match action:
                case Release(on_ms):
                    assert 0 < on_ms <= PULSE_MS
                    self.released_until_ms = self.now_ms + on_ms
                case Lock():
                    assert self.now_ms >= self.exit_until_ms, "a lock cut short a release that was asked for to leave"
                    self.released_until_ms = self.now_ms
                case Record():
                    self.keep(action)
                    records.append(action)
        return records

    def keep(self, record: Record) -> None:
        member = record.grant.member if record.grant else None
        match record.kind:
            case EventKind.GRANTED:
                assert member is not None and member not in self.ended
                self.pending.add(member)
            case EventKind.PASSAGE | EventKind.GRANT_NOT_USED:
                assert member in self.pending, "only a grant that still runs can end"
                self.pending.discard(member)
                self.ended[member] = record.kind
            case EventKind.DENIED:
                assert record.reason is not None, "every denial has a reason"
            case _:
                assert record.grant is None

    @rule()
    def badge(self) -> None:
        self.given += 1
        busy = self.machine.busy
        records = self.feed(Admit(Grant(member=f"m{self.given}", credential="k1.00", reader="r")))
        mine = [r.kind for r in records if r.grant and r.grant.member == f"m{self.given}"]
        assert mine[0] in (EventKind.GRANTED, EventKind.DENIED)
        assert busy or mine[0] is EventKind.GRANTED or self.given > 1 or self.machine.closed_for

    @rule(data=st.data(), active=st.booleans())
    def line(self, data: st.DataObject, active: bool) -> None:
        self.feed(LineChanged(data.draw(st.sampled_from(self.lines)), active))

    @rule()
    def leave(self) -> None:
        self.feed(LineChanged(Line.REX, False))
        assert EventKind.EXIT_REQUEST in [r.kind for r in self.feed(LineChanged(Line.REX, True))]
        assert self.released_until_ms == self.now_ms + PULSE_MS, "egress is never held back"

    @rule(data=st.data())
    def lose_line(self, data: st.DataObject) -> None:
        self.feed(LineLost(data.draw(st.sampled_from((*self.lines, Line.REX)))))

    @rule()
    def output_fails(self) -> None:
        self.feed(OutputFailed())
        assert not self.pending

    @rule(wait_ms=WAITS_MS)
    def time_passes(self, wait_ms: int) -> None:
        until_ms = self.now_ms + wait_ms
        for _ in range(20):
            if self.deadline_ms is None or self.deadline_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, self.deadline_ms)
            self.feed(Tick())
        else:
            raise AssertionError("deadlines do not end")
        self.now_ms = until_ms
        self.feed(Tick())

    @invariant()
    def released_only_within_the_bound(self) -> None:
        assert self.released_until_ms <= self.now_ms + PULSE_MS

    @invariant()
    def busy_is_exactly_a_pending_grant(self) -> None:
        assert self.machine.busy == bool(self.pending)
        assert len(self.pending) <= 1
        assert not self.pending or self.deadline_ms is not None, "a pending grant always has a deadline"

    @invariant()
    def released_without_grant_only_to_leave(self) -> None:
        if not self.pending and self.relocks and not self.machine.open:
            assert self.released_until_ms <= self.now_ms or self.now_ms < self.exit_until_ms + PULSE_MS

    relocks: ClassVar[bool] = True

    def teardown(self) -> None:
        self.time_passes(WINDOW_MS)
        assert not self.pending, "every grant ends"


class LaneInUse(DoorInUse):
    make = staticmethod(lambda: TurnstileLane(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS))
    lines = (Line.PASSAGE,)


class StrikeInUse(DoorInUse):
    make = staticmethod(
        lambda: SingleDoor(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS, held_open_ms=HELD_MS, relock_on_open=True)
    )
    lines = (Line.CONTACT,)


class StrikeWithoutRelockInUse(DoorInUse):
    make = staticmethod(
        lambda: SingleDoor(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS, held_open_ms=HELD_MS, relock_on_open=False)
    )
    lines = (Line.CONTACT,)
    relocks = False


class BlindStrikeInUse(DoorInUse):
    make = staticmethod(
        lambda: SingleDoor(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS, held_open_ms=0, has_contact=False)
    )
    lines = (Line.REX,)


class StrikeUnderOrders(StrikeInUse):
    """Freed, blocked and opened by staff in between: still one end for each grant; nobody waits where it is free."""

    def __init__(self) -> None:
        super().__init__()
        self.bearing = Bearing.PLAN

    @rule(bearing=st.sampled_from(Bearing))
    def stand(self, bearing: Bearing) -> None:
        self.bearing = bearing
        self.feed(BearingChanged(bearing, "order"))

    @rule()
    def staff_opens(self) -> None:
        kinds = [record.kind for record in self.feed(OpenOnce("s-1"))]
        assert EventKind.ORDER_REFUSED in kinds or EventKind.COMMAND_DONE in kinds

    @rule()
    def forced_only_where_it_is_locked(self) -> None:
        self.feed(LineChanged(Line.CONTACT, False))
        kinds = [record.kind for record in self.feed(LineChanged(Line.CONTACT, True))]
        assert not (self.bearing.released and EventKind.DOOR_FORCED in kinds)

    @invariant()
    def busy_is_exactly_a_pending_grant(self) -> None:
        assert len(self.pending) <= TOGETHER_MAX
        assert not self.pending or self.deadline_ms is not None, "a pending grant always has a deadline"
        assert self.machine.busy is (bool(self.pending) and not self.bearing.released)
        assert self.bearing is not Bearing.BLOCKED or not self.pending, "staff blocked it, and somebody may pass"

    @invariant()
    def released_without_grant_only_to_leave(self) -> None:
        pass  # test_never_stuck_open.py asks that in every bearing


RUNS = settings(max_examples=80, stateful_step_count=40, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    "door", [LaneInUse, StrikeInUse, StrikeUnderOrders, StrikeWithoutRelockInUse, BlindStrikeInUse]
)
def test_door_in_use(door: type[DoorInUse]) -> None:
    """Bounded releases, one end for each grant, a reason for each denial, egress never held back."""
    run_state_machine_as_test(door, settings=RUNS)


class LaneThatForgetsItsWindow(TurnstileLane):
    """Ablation: the window never ends."""

    def _elapse(self, now: int) -> list[Any]:
        return []


class LaneThatTakesAnyCard(TurnstileLane):
    """Ablation: the second card replaces the first."""

    def _admit(self, grant: Grant, now: int) -> list[Any]:
        self._turns.running = None
        return super()._admit(grant, now)


class LaneThatNeverRelocks(TurnstileLane):
    """Ablation: a passage leaves the lane released."""

    def _lock_early(self, now: int) -> list[Any]:
        return []


class LaneThatLocksPeopleIn(TurnstileLane):
    """Ablation: a passage locks although somebody asked to leave."""

    def _lock_early(self, now: int) -> list[Any]:
        return [Lock()]


@pytest.mark.parametrize(
    "broken", [LaneThatForgetsItsWindow, LaneThatTakesAnyCard, LaneThatNeverRelocks, LaneThatLocksPeopleIn]
)
def test_each_defence_is_needed(broken: type[TurnstileLane]) -> None:
    """Switch one defence off and the properties go red."""
    body = {"make": staticmethod(lambda: broken(pulse_ms=PULSE_MS, passage_window_ms=WINDOW_MS))}
    ablated = type(broken.__name__ + "InUse", (LaneInUse,), body)
    quiet = settings(RUNS, print_blob=False, report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(ablated, settings=quiet)


def test_signals_and_actions_are_frozen() -> None:
    """What passes between machine and shell cannot be changed on the way."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Release(1).on_ms = 2  # type: ignore[misc]
