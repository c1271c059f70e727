"""A turnstile lane: one grant, one passage. Every transition is in this file.

1. A grant releases the output for `pulse_ms` (the guard ends it) and opens the passage window of `passage_window_ms`.
2. The first passage within the window is the grant's one PASSAGE and ends the release early: the next one needs a card.
3. No passage within the window is GRANT_NOT_USED. A grant ends as exactly one of the two.
4. A card during a grant is refused, LANE_BUSY: whose passage would it be?
5. A passage that nobody was granted is DOOR_FORCED. The first level after a start or a lost input is how the input was
   found, no edge: it is nobody's passage and forces nothing.
6. An exit request always releases, whatever else holds; a passage within its window is nobody's and is not forced.
   A passage does not cut short a release that somebody asked for to leave.
7. An output that fails ends the grant as not used: whoever was to pass could not.
8. An input active for longer than anybody could need is INPUT_FAULT once.
Windows are half-open: a passage at the very end of the window is too late.
"""

from typing import assert_never

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.line_watch import LineWatch
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Admit,
    BearingChanged,
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
    Step,
    Tick,
)


class TurnstileLane:
    """The pure machine of one lane in one direction."""

    def __init__(self, *, pulse_ms: int, passage_window_ms: int) -> None:
        self._pulse_ms = pulse_ms
        self._window_ns = passage_window_ms * NS_PER_MS
        self._now_ns = 0
        self._grant: Grant | None = None
        self._window_ends_ns = 0
        self._released_until_ns = 0
        self._exit_released_until_ns = 0
        self._exit_until_ns = 0
        self._passage = LineWatch()
        self._rex = LineWatch()

    @property
    def busy(self) -> bool:
        return self._grant is not None

    @property
    def open(self) -> bool | None:
        return None

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        return ()

    @property
    def closed_for(self) -> DenyReason | None:
        return None

    @property
    def state(self) -> str:
        return "granted" if self._grant else "idle"

    def handle(self, signal: Signal, now_ns: int) -> Step:
        now = self._now_ns = max(self._now_ns, now_ns)
        actions = self._elapse(now)
        match signal:
            case Admit(grant):
                actions += self._admit(grant, now)
            case LineChanged(Line.REX, active):
                actions += self._exit_request(active, now)
            case LineChanged(_, active):
                actions += self._passage_changed(active, now)
            case LineLost(line):
                (self._rex if line is Line.REX else self._passage).lose()
            case OutputFailed():
                actions += [*self._lock_early(now), *self._end_unused("the output failed")]
            case Tick() | BearingChanged() | OpenOnce():
                pass
            case _:
                assert_never(signal)
        return Step(tuple(actions), self._deadline_ns())

    def _admit(self, grant: Grant, now: int) -> list[Action]:
        if self._grant:
            return [Record(EventKind.DENIED, grant, DenyReason.LANE_BUSY)]
        self._grant = grant
        self._window_ends_ns = now + self._window_ns
        self._released_until_ns = now + self._pulse_ms * NS_PER_MS
        return [Release(self._pulse_ms), Record(EventKind.GRANTED, grant)]

    def _passage_changed(self, active: bool, now: int) -> list[Action]:
        before = self._passage.change(active, now)
        if not active or before is not False:
            return []
        if self._grant:
            grant, self._grant = self._grant, None
            return [*self._lock_early(now), Record(EventKind.PASSAGE, grant)]
        if now < self._exit_until_ns:
            return []
        return [Record(EventKind.DOOR_FORCED, detail="a passage that nobody was granted")]

    def _exit_request(self, active: bool, now: int) -> list[Action]:
        if self._rex.change(active, now) is True or not active:
            return []
        self._exit_released_until_ns = now + self._pulse_ms * NS_PER_MS
        self._exit_until_ns = now + self._window_ns
        return [Release(self._pulse_ms), Record(EventKind.EXIT_REQUEST)]

    def _elapse(self, now: int) -> list[Action]:
        actions: list[Action] = []
        if self._grant and now >= self._window_ends_ns:
            actions += [*self._lock_early(now), *self._end_unused(None)]
        if self._passage.newly_stuck(now):
            actions.append(
                Record(EventKind.INPUT_FAULT, detail="the passage input stays active: stuck, or somebody in it")
            )
        if self._rex.newly_stuck(now):
            actions.append(Record(EventKind.INPUT_FAULT, detail="the exit request stays active: stuck button or wire"))
        return actions

    def _end_unused(self, detail: str | None) -> list[Action]:
        if not self._grant:
            return []
        grant, self._grant = self._grant, None
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail)]

    def _lock_early(self, now: int) -> list[Action]:
        """Lock if the grant's release still runs and no exit's does."""
        released, self._released_until_ns = now < self._released_until_ns, 0
        return [Lock()] if released and now >= self._exit_released_until_ns else []

    def _deadline_ns(self) -> int | None:
        window = self._window_ends_ns if self._grant else None
        due = (window, self._passage.deadline_ns, self._rex.deadline_ns)
        return min((ns for ns in due if ns is not None), default=None)
