"""A barrier for vehicles with a loop under its boom. It never closes on anybody. Every transition is in this file.

1. A grant opens for `pulse_ms` (the guard ends it) and begins the window of `passage_window_ms`; long access multiplies
   the window.
2. The loop becoming occupied within the window is the grant's one PASSAGE; staying empty is GRANT_NOT_USED. A grant
   ends as one of the two. Without a loop the passage is assumed at the window's end, and the event says so.
3. The same credential again before its passage is REBADGED and opens anew; another card is refused, LANE_BUSY
   (`turns.py`).
4. With a close output we close, once for each opening: only after whoever was let in has passed or their window is
   over, the opening release has ended, and the loop has been known to be clear for `clear_ms` on end. A loop that was
   never seen, is lost or occupied keeps the boom up. Without a close output the barrier's own controller closes.
5. While the boom comes down (`closing_ms`) an occupied or lost loop ends the closing and opens again, OBSTACLE. A
   grant, an exit request, an order that frees do so too. Opening and closing are never asked for at once.
6. A loop occupied for longer than `obstacle_ms` is OBSTACLE, once; its clearing is OBSTACLE_GONE.
7. A vehicle for which nothing was opened is DOOR_FORCED. The first state of the loop after a start or a loss is how it
   was found: nobody's passage.
8. An exit request always opens, whatever else holds, and nothing cuts it short; a vehicle in its window is nobody's.
9. FREE and FIRE hold it open; vehicles force nothing, and a PASSAGE has no member unless somebody badged. Another card
   is granted there, and its window begins once the vehicle before has passed; who still waits at their end goes unused.
   BLOCKED and LOCKDOWN end the opening and close by rule 4 without waiting for who was let in before; BLOCKED takes
   nobody, LOCKDOWN whom the decision exempts. OpenOnce opens without a card, in PLAN and FREE.
10. An opening that fails ends the grant as not used. A closing that fails leaves it open until the loop clears anew.
Windows are half-open. After a start nothing moves: whether the boom is up is not known before we opened it.
"""

from collections.abc import Iterable
from typing import assert_never

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.line_watch import LineWatch
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Admit,
    Bearing,
    BearingChanged,
    Grant,
    ItsTurn,
    Line,
    LineChanged,
    LineLost,
    OpenOnce,
    OutputFailed,
    Part,
    Record,
    Signal,
    Step,
    Tick,
)
from portillon_edge.doors.part_drive import PartDrive
from portillon_edge.doors.turns import Place, SecondBadge, Turns

REX_STUCK = Record(EventKind.INPUT_FAULT, detail="the exit request stays active: stuck button or wire", by=Line.REX)


class Barrier:
    """The pure machine of one barrier; `close_pulse_ms` None: its own controller closes it."""

    def __init__(
        self,
        *,
        pulse_ms: int,
        passage_window_ms: int,
        close_pulse_ms: int | None = None,
        clear_ms: int = 2_000,
        closing_ms: int = 6_000,
        obstacle_ms: int = 60_000,
        long_access_factor: int = 3,
        has_loop: bool = True,
    ) -> None:
        self._pulse_ms = pulse_ms
        self._close_pulse_ms = close_pulse_ms
        self._window_ns = passage_window_ms * NS_PER_MS
        self._clear_ns = clear_ms * NS_PER_MS
        self._closing_ns = closing_ms * NS_PER_MS
        self._obstacle_ns = obstacle_ms * NS_PER_MS
        self._long_access_factor = long_access_factor
        self._has_loop = has_loop
        self._now_ns = 0
        self._bearing = Bearing.PLAN
        self._opening = PartDrive(Part.ENTRY)
        self._closing = PartDrive(Part.CLOSE)
        self._up: bool | None = None
        self._to_close = False
        self._close_failed = False
        self._closing_until_ns = 0
        self._turns = Turns(SecondBadge.REFUSE)
        self._window_ends_ns = 0
        self._waits_until_ns = 0
        self._exit_until_ns = 0
        self._opened_by: str | None = None
        self._opened_until_ns = 0
        self._occupied: bool | None = None
        self._clear_since_ns = 0
        self._obstacle_at_ns: int | None = None
        self._obstacle = False
        self._rex = LineWatch()

    @property
    def busy(self) -> bool:
        return self._turns.busy(occupied=False, free=self._bearing.released)

    def busy_for(self, credential: str) -> bool:
        """As `busy`, for this credential: whoever is being let in anyway may badge again."""
        return self.busy and self._turns.own(credential) is None

    @property
    def open(self) -> bool | None:
        return self._up if self._close_pulse_ms else None

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        obstacle = (EventKind.OBSTACLE,) if self._obstacle else ()
        return (*obstacle, EventKind.INPUT_FAULT) if self._rex.stuck else obstacle

    @property
    def closed_for(self) -> DenyReason | None:
        return self._bearing.closed_for

    @property
    def state(self) -> str:
        if self._obstacle:
            return EventKind.OBSTACLE.value
        if self._turns.any:
            return "granted"
        return "open" if self.open else "idle"

    def handle(self, signal: Signal, now_ns: int) -> Step:
        now = self._now_ns = max(self._now_ns, now_ns)
        actions = self._elapse(now)
        match signal:
            case Admit(grant):
                actions += self._admit(grant, now)
            case LineChanged(Line.LOOP, active):
                actions += self._arrived(now) if active else self._cleared(now)
            case LineChanged(Line.REX, active):
                actions += self._exit_request(active, now)
            case LineChanged():
                pass  # a barrier has no other lines
            case LineLost(Line.LOOP):
                self._occupied, self._obstacle_at_ns = None, None
                actions += self._reverse(now, "the loop was lost as the boom came down: opened again")
            case LineLost(Line.REX):
                self._rex.lose()
            case LineLost():
                pass
            case OutputFailed(part):
                actions += self._output_failed(part, now)
            case BearingChanged():
                actions += self._bear(signal, now)
            case OpenOnce(by):
                actions += self._open_once(by, now)
            case Tick():
                pass
            case _:
                assert_never(signal)
        actions += self._next_turn(now)
        actions += self._stand(now)
        actions += self._close_when_clear(now)
        return Step(tuple(actions), self._deadline_ns())

    # Who is let in --------------------------------------------------------------------------------------------------

    def _admit(self, grant: Grant, now: int) -> list[Action]:
        if self._bearing is Bearing.BLOCKED:
            return [Record(EventKind.DENIED, grant, DenyReason.DOOR_BLOCKED)]
        own, free = self._turns.own(grant.credential), self._bearing.released
        if own and own.member == grant.member:
            runs = own is self._turns.running
            again = Record(EventKind.REBADGED, own, queued=not runs and not free)
            return [*(self._let_in(own, now) if runs else []), again]
        ended = self._end_unused(self._turns.overtaken_by(grant) if free else (), "overtaken by a newer card")
        match self._turns.take(grant, occupied=False, free=free):
            case Place.NOW:
                return [*ended, *self._let_in(grant, now), Record(EventKind.GRANTED, grant)]
            case Place.QUEUED:
                return [*ended, Record(EventKind.GRANTED, grant, detail="waits for its turn", queued=not free)]
            case _:
                return [Record(EventKind.DENIED, grant, DenyReason.LANE_BUSY)]

    def _let_in(self, grant: Grant, now: int) -> list[Action]:
        self._turns.running = grant
        self._window_ends_ns = now + self._window_ns * (self._long_access_factor if grant.long_access else 1)
        self._waits_until_ns = self._window_ends_ns
        return [] if self._bearing.released else self._raise(now)

    def _next_turn(self, now: int) -> list[Action]:
        following = None if self._occupied else self._turns.next()
        if following is None:
            return []
        return [*self._let_in(following, now), *([] if self._bearing.released else [ItsTurn(following)])]

    def _end_unused(self, grants: Iterable[Grant], detail: str | None) -> list[Action]:
        ended = list(grants)
        for grant in ended:
            self._turns.end(grant)
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail) for grant in ended]

    def _exit_request(self, active: bool, now: int) -> list[Action]:
        stuck, before = self._rex.stuck, self._rex.change(active, now)
        if not active:
            return [Record(EventKind.INPUT_RESTORED, detail="rex: at rest again", by=Line.REX)] if stuck else []
        if before is True:
            return []
        self._exit_until_ns = now + self._window_ns
        return [*self._raise(now, to_leave=True), Record(EventKind.EXIT_REQUEST)]

    def _open_once(self, by: str, now: int) -> list[Action]:
        if reason := self.closed_for:
            return [Record(EventKind.ORDER_REFUSED, reason=reason, by=by)]
        self._opened_by, self._opened_until_ns = by, now + self._window_ns
        opened = [] if self._bearing.released else self._raise(now)
        return [*opened, Record(EventKind.COMMAND_DONE, detail="opened once", by=by)]

    def _bear(self, changed: BearingChanged, now: int) -> list[Action]:
        before, self._bearing = self._bearing, changed.bearing
        closed: list[Action] = []
        if self.closed_for:
            self._opened_until_ns = self._waits_until_ns = 0
            closed = self._opening.withdraw(now)
        if not changed.bearing.released:
            closed += self._end_unused(self._turns.waiting, "the barrier stands free no more")
        return [*closed, *changed.told_after(before)]

    # What the loop tells --------------------------------------------------------------------------------------------

    def _arrived(self, now: int) -> list[Action]:
        before, self._occupied = self._occupied, True
        if before is not True:
            self._obstacle_at_ns = now + self._obstacle_ns
        passed = self._passage(now) if before is False else []
        return [*passed, *self._reverse(now, "under the boom as it came down: opened again")]

    def _cleared(self, now: int) -> list[Action]:
        if self._occupied is not False:
            self._clear_since_ns = now
            self._to_close |= self._close_failed
            self._close_failed = False
        self._occupied, self._obstacle_at_ns = False, None
        told, self._obstacle = self._obstacle, False
        return [Record(EventKind.OBSTACLE_GONE)] if told else []

    def _passage(self, now: int) -> list[Action]:
        if grant := self._turns.running:
            self._turns.end(grant)
            return [Record(EventKind.PASSAGE, grant)]
        if self._bearing.released:
            return [Record(EventKind.PASSAGE, detail="nobody badged: the barrier stands free")]
        if now < self._exit_until_ns:
            self._exit_until_ns = 0
            return []
        if now < self._opened_until_ns:
            self._opened_until_ns = 0
            return [Record(EventKind.PASSAGE, detail="let in without a card", by=self._opened_by)]
        return [Record(EventKind.DOOR_FORCED, detail="a vehicle that nobody was granted")]

    def _elapse(self, now: int) -> list[Action]:
        actions: list[Action] = []
        if self._turns.running and now >= self._window_ends_ns:
            actions += [*self._opening.withdraw(now), *self._window_over(self._turns.running)]
        if self._obstacle_at_ns is not None and now >= self._obstacle_at_ns and not self._bearing.released:
            self._obstacle_at_ns = None
            actions += self._tell_obstacle("something stands under the boom for longer than a passage takes")
        if self._rex.newly_stuck(now):
            actions.append(REX_STUCK)
        return actions

    def _window_over(self, grant: Grant) -> list[Action]:
        if self._has_loop:
            unseen = self._occupied is None
            return self._end_unused([grant], "nobody could see it: the loop is not known" if unseen else None)
        self._turns.end(grant)
        return [Record(EventKind.PASSAGE, grant, detail="assumed: the barrier has no loop")]

    def _tell_obstacle(self, detail: str) -> list[Action]:
        told, self._obstacle = self._obstacle, True
        return [] if told else [Record(EventKind.OBSTACLE, detail=detail)]

    # How the boom moves ---------------------------------------------------------------------------------------------

    def _raise(self, now: int, *, to_leave: bool = False) -> list[Action]:
        stopped = self._closing.withdraw(now)
        self._went_up()
        return [*stopped, *self._opening.release(self._pulse_ms, now, to_leave=to_leave)]

    def _went_up(self) -> None:
        self._up, self._closing_until_ns, self._close_failed = True, 0, False
        self._to_close = self._close_pulse_ms is not None

    def _reverse(self, now: int, why: str) -> list[Action]:
        return [*self._raise(now), *self._tell_obstacle(why)] if now < self._closing_until_ns else []

    def _stand(self, now: int) -> list[Action]:
        stopped: list[Action] = []
        if self._bearing.released:
            stopped = self._closing.withdraw(now)
            self._went_up()
        return [*stopped, *self._opening.stand(now, released=self._bearing.released)]

    def _close_when_clear(self, now: int) -> list[Action]:
        close_at = self._close_at_ns()
        if close_at is None or now < close_at or self._close_pulse_ms is None:
            return []
        self._up, self._to_close = False, False
        self._closing_until_ns = now + self._closing_ns
        return self._closing.release(self._close_pulse_ms, now)

    def _close_at_ns(self) -> int | None:
        """When it may come down if nothing happens before; None: not as things are."""
        if not self._to_close or self._occupied is not False or self._opening.held:
            return None
        waits_until_ns = self._waits_until_ns if self._turns.running else 0
        let_in_until_ns = max(self._exit_until_ns, self._opened_until_ns, waits_until_ns)
        return max(self._clear_since_ns + self._clear_ns, self._opening.rest_ns, let_in_until_ns)

    def _output_failed(self, part: Part, now: int) -> list[Action]:
        if part is Part.CLOSE:
            self._closing.failed(now)
            self._up, self._closing_until_ns = None, 0
            self._close_failed = True
            return []
        actions = self._opening.withdraw(now)
        self._opening.failed(now)
        self._opened_until_ns = 0
        running = (self._turns.running,) if self._turns.running else ()
        return [*actions, *self._end_unused((*running, *self._turns.waiting), "the output failed")]

    def _deadline_ns(self) -> int | None:
        due = (
            self._window_ends_ns if self._turns.running else None,
            None if self._bearing.released else self._obstacle_at_ns,
            self._rex.deadline_ns,
            self._opening.deadline_ns,
            self._close_at_ns(),
        )
        return min((ns for ns in due if ns is not None), default=None)
