"""A door with a strike (or a lock that works like one) and a contact. Every transition is in this file.

1. A grant releases the output for `pulse_ms` (the guard ends it) and opens the window of `passage_window_ms`.
2. The door opening within the window is the grant's one PASSAGE; with `relock_on_open` it also ends the release, so
   that the door is locked as soon as it falls shut. Not opening is GRANT_NOT_USED. A grant ends as one of the two.
3. A card during a grant is refused, LANE_BUSY. A card at a door that already stands open is granted and passes at once:
   there is nothing to release, and the time that the door may stand open starts again.
4. A door without a contact cannot show a passage: at the end of the window it is assumed, and the event says so.
5. Opening without grant or exit request is DOOR_FORCED. The first level after a start or a lost contact is how the
   door was found, no edge: it is nobody's passage and forces nothing.
6. Open for longer than `held_open_ms` is DOOR_HELD, once; closing after DOOR_FORCED or DOOR_HELD is DOOR_CLOSED.
7. An exit request always releases, whatever else holds, and opening within its window is nobody's passage.
   Opening does not cut short a release that somebody asked for to leave.
8. An output that fails ends the grant as not used. An exit button that stays active is INPUT_FAULT once.
Windows are half-open: opening at the very end of the window is too late.
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


class SingleDoor:
    """The pure machine of one door; `held_open_ms` 0 never complains."""

    def __init__(
        self,
        *,
        pulse_ms: int,
        passage_window_ms: int,
        held_open_ms: int,
        relock_on_open: bool = True,
        has_contact: bool = True,
    ) -> None:
        self._pulse_ms = pulse_ms
        self._window_ns = passage_window_ms * NS_PER_MS
        self._held_open_ns = held_open_ms * NS_PER_MS
        self._relock_on_open = relock_on_open
        self._has_contact = has_contact
        self._now_ns = 0
        self._grant: Grant | None = None
        self._window_ends_ns = 0
        self._released_until_ns = 0
        self._exit_released_until_ns = 0
        self._exit_until_ns = 0
        self._open: bool | None = None
        self._held_at_ns: int | None = None
        self._trouble: EventKind | None = None
        self._rex = LineWatch()

    @property
    def busy(self) -> bool:
        return self._grant is not None

    @property
    def open(self) -> bool | None:
        return self._open

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        return ()

    @property
    def closed_for(self) -> DenyReason | None:
        return None

    @property
    def state(self) -> str:
        if self._open and self._trouble:
            return self._trouble.value
        if self._open:
            return "open"
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
                actions += self._opened(now) if active else self._closed()
            case LineLost(Line.REX):
                self._rex.lose()
            case LineLost(_):
                self._open, self._held_at_ns = None, None
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
        if self._open:
            self._watch_held(now)
            return [Record(EventKind.GRANTED, grant), Record(EventKind.PASSAGE, grant, detail="the door stood open")]
        self._grant = grant
        self._window_ends_ns = now + self._window_ns
        self._released_until_ns = now + self._pulse_ms * NS_PER_MS
        return [Release(self._pulse_ms), Record(EventKind.GRANTED, grant)]

    def _opened(self, now: int) -> list[Action]:
        before, self._open = self._open, True
        if before:
            return []
        actions = self._opening(now) if before is False else []
        self._watch_held(now)
        return actions

    def _opening(self, now: int) -> list[Action]:
        if self._grant:
            grant, self._grant = self._grant, None
            return [*(self._lock_early(now) if self._relock_on_open else []), Record(EventKind.PASSAGE, grant)]
        if now < self._exit_until_ns:
            return []
        self._trouble = EventKind.DOOR_FORCED
        return [Record(EventKind.DOOR_FORCED, detail="opened without a grant or an exit request")]

    def _closed(self) -> list[Action]:
        self._open, self._held_at_ns = False, None
        trouble, self._trouble = self._trouble, None
        return [Record(EventKind.DOOR_CLOSED, detail=f"after {trouble}")] if trouble else []

    def _watch_held(self, now: int) -> None:
        if self._held_open_ns and not self._trouble:
            self._held_at_ns = now + self._held_open_ns

    def _exit_request(self, active: bool, now: int) -> list[Action]:
        if self._rex.change(active, now) is True or not active:
            return []
        self._exit_released_until_ns = now + self._pulse_ms * NS_PER_MS
        self._exit_until_ns = now + self._window_ns
        return [Release(self._pulse_ms), Record(EventKind.EXIT_REQUEST)]

    def _elapse(self, now: int) -> list[Action]:
        actions: list[Action] = []
        if self._grant and now >= self._window_ends_ns:
            actions += [*self._lock_early(now), *self._window_over()]
        if self._held_at_ns is not None and now >= self._held_at_ns:
            self._held_at_ns = None
            self._trouble = EventKind.DOOR_HELD
            actions.append(Record(EventKind.DOOR_HELD, detail="open for longer than it may be"))
        if self._rex.newly_stuck(now):
            actions.append(Record(EventKind.INPUT_FAULT, detail="the exit request stays active: stuck button or wire"))
        return actions

    def _window_over(self) -> list[Action]:
        if self._has_contact or not self._grant:
            return self._end_unused(None)
        grant, self._grant = self._grant, None
        return [Record(EventKind.PASSAGE, grant, detail="assumed: the door has no contact")]

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
        due = (window, self._held_at_ns, self._rex.deadline_ns)
        return min((ns for ns in due if ns is not None), default=None)
