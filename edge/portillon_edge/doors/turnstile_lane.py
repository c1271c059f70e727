"""A turnstile lane, one- or two-way: one lane, one grant, one passage. Every transition is in this file.

Whose turn it is says `turns.py`, what the lane's own lines are worth `lane_lines.py`.

1. A grant releases its way's output and opens the passage window of `passage_window_ms`. Pulse drive: for `pulse_ms`,
   the lane itself waits for the person. Level drive: for the whole window. Long access multiplies the window.
2. The first passage within the window, in the grant's way, is the grant's one PASSAGE and ends the release early: the
   next one needs a card. No passage within the window is GRANT_NOT_USED. A grant ends as exactly one of the two.
3. The same credential in the same way again, before its passage, is REBADGED: window and release start anew (queued: it
   keeps its place), and it stays one grant. In the other way it is LANE_BUSY.
4. Another card while somebody is let in, or while LANE_BUSY says that somebody stands in the lane, goes by
   `second_badge`: refused as LANE_BUSY; ignored, as PASSAGE_REFUSED; or granted and queued. A queued grant's release
   and window begin at its turn: the one before has ended, and the lane is clear or its signal stuck. That it waits,
   and that its turn has come, is told to whoever shows it.
5. A passage against the way of the release that runs is WRONG_WAY and ends that release; the grant keeps its window. A
   passage for which nothing was released is DOOR_FORCED. The first level after a start or a lost input is how the input
   was found, no edge: it is nobody's passage and forces nothing. A lane without `passage_out` cannot tell ways apart.
6. An exit request always releases, whatever else holds, and no passage or order cuts it short; a passage out within its
   window is nobody's. With `free_exit` the way out stands released always. A passage that needs no grant (free exit,
   free lane, staff's OpenOnce) is a PASSAGE without a member, with its way.
7. FREE and FIRE hold every way; passages force nothing, and a grant needs no release. Nobody has to wait there, so no
   card is LANE_BUSY: the second one is queued, and a grant that it overtakes ends unused; the queue ends when they do,
   where `second_badge` knows none. BLOCKED and LOCKDOWN end releases and the queue; BLOCKED takes nobody, LOCKDOWN
   whom the decision exempts. A running grant still ends as in 2.
8. LANE_FAULT is told once, closes the lane to cards (fire apart), ends releases and queue; its end is LANE_RESTORED.
9. An output that fails ends the grant and the queue as not used: whoever was to pass could not.
10. A line that is active for longer than anybody could need is INPUT_FAULT, and not believed: `lane_lines.py`.
11. READY is lit while the lane is clear and would take the next person.
Windows are half-open: a passage at the very end of the window is too late.
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import assert_never

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.lane_lines import LaneLines
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


class Drive(StrEnum):
    """What the lane's own electronics make of the releasing contact."""

    PULSE = "pulse"
    """A pulse opens it; the lane itself waits for the passage and locks after it."""
    LEVEL = "level"
    """It is open for as long as the contact says so."""


class TurnstileLane:
    """The pure machine of one lane."""

    def __init__(
        self,
        *,
        pulse_ms: int,
        passage_window_ms: int,
        drive: Drive = Drive.PULSE,
        second_badge: SecondBadge = SecondBadge.REFUSE,
        long_access_factor: int = 3,
        has_exit_output: bool = False,
        tells_ways: bool = False,
        free_exit: bool = False,
        has_ready_lamp: bool = False,
    ) -> None:
        self._pulse_ms = pulse_ms
        self._window_ms = passage_window_ms
        self._drive = drive
        self._long_access_factor = long_access_factor
        self._tells_ways = tells_ways
        self._free_exit = free_exit
        entry = PartDrive(Part.ENTRY)
        self._drives = {Way.ENTRY: entry, Way.EXIT: PartDrive(Part.EXIT) if has_exit_output else entry}
        self._two_outputs = has_exit_output
        self._ready = PartDrive(Part.READY) if has_ready_lamp else None
        self._lines = LaneLines(tells_ways=tells_ways)
        self._turns = Turns(second_badge)
        self._now_ns = 0
        self._bearing = Bearing.PLAN
        self._faulty = False
        self._window_ends_ns = 0
        self._exit_until_ns = 0
        self._opened_by: str | None = None
        self._opened_until_ns = 0

    @property
    def busy(self) -> bool:
        return self._turns.busy(occupied=self._lines.occupied, free=self._bearing.released)

    def busy_for(self, credential: str) -> bool:
        """As `busy`, for this credential: whoever is being let in anyway may badge again."""
        return self.busy and self._turns.own(credential) is None

    @property
    def open(self) -> bool | None:
        return None

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        fault = (EventKind.LANE_FAULT,) if self._faulty else ()
        return (*fault, EventKind.INPUT_FAULT) if self._lines.stuck else fault

    @property
    def closed_for(self) -> DenyReason | None:
        if self._bearing is Bearing.LOCKDOWN:
            return DenyReason.LOCKDOWN  # the decision exempts some; a lane fault still stops them at `_admit`
        return self._closed_to_all

    @property
    def state(self) -> str:
        if self._faulty:
            return EventKind.LANE_FAULT.value
        return "granted" if self._turns.any else "idle"

    def handle(self, signal: Signal, now_ns: int) -> Step:
        now = self._now_ns = max(self._now_ns, now_ns)
        actions = self._elapse(now)
        match signal:
            case Admit(grant):
                actions += self._admit(grant, now)
            case LineChanged(Line.LANE_FAULT, active):
                actions += self._fault(active, now)
            case LineChanged(Line.CONTACT | Line.LOOP, _):
                pass  # a lane has neither
            case LineChanged(line, active):
                actions += self._line(line, active, now)
            case LineLost(line):
                self._lines.lose(line)
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
        return Step(tuple(actions), self._deadline_ns())

    # Somebody badges ------------------------------------------------------------------------------------------------

    def _admit(self, grant: Grant, now: int) -> list[Action]:
        if reason := self._closed_to_all:
            return [Record(EventKind.DENIED, grant, reason)]
        free = self._bearing.released
        overtaken = self._turns.overtaken_by(grant) if free else ()
        ended = self._end_unused(overtaken, "overtaken by a newer card: the lane stands free", now)
        match self._turns.take(grant, occupied=self._lines.occupied, free=free):
            case Place.NOW:
                return [*ended, *self._let_in(grant, now), Record(EventKind.GRANTED, grant)]
            case Place.QUEUED:
                return [*ended, Record(EventKind.GRANTED, grant, detail="waits for its turn", queued=not free)]
            case Place.AGAIN:
                return self._again(grant, now)
            case Place.IGNORED:
                return [Record(EventKind.PASSAGE_REFUSED, grant, DenyReason.LANE_BUSY)]
            case Place.BUSY:
                return [Record(EventKind.DENIED, grant, DenyReason.LANE_BUSY)]

    def _again(self, grant: Grant, now: int) -> list[Action]:
        own = self._turns.own(grant.credential)
        runs = own is self._turns.running
        anew = self._let_in(own, now) if own and runs else []
        return [*anew, Record(EventKind.REBADGED, own, queued=not runs and not self._bearing.released)]

    def _let_in(self, grant: Grant, now: int) -> list[Action]:
        factor = self._long_access_factor if grant.long_access else 1
        self._turns.running = grant
        self._window_ends_ns = now + self._window_ms * factor * NS_PER_MS
        return [] if self._bearing.released else self._drives[grant.way].release(self._release_ms(factor), now)

    def _release_ms(self, factor: int = 1) -> int:
        return self._pulse_ms if self._drive is Drive.PULSE else self._window_ms * factor

    def _next_turn(self, now: int) -> list[Action]:
        following = self._turns.next() if self._lines.clear else None
        if following is None:
            return []
        return [*self._let_in(following, now), *([] if self._bearing.released else [ItsTurn(following)])]

    # Somebody moves -------------------------------------------------------------------------------------------------

    def _line(self, line: Line, active: bool, now: int) -> list[Action]:
        before, told = self._lines.change(line, active, now)
        actions: list[Action] = [*told]
        if line is Line.REX and active and before is not True:
            actions += self._exit_request(now)
        if line is Line.PASSAGE and active and before is False:
            actions += self._passage(Way.ENTRY if self._tells_ways else None, now)
        if line is Line.PASSAGE_OUT and active and before is False:
            actions += self._passage(Way.EXIT, now)
        return actions

    def _passage(self, way: Way | None, now: int) -> list[Action]:
        grant = self._turns.running
        if grant and way in (None, grant.way):
            locked = self._lock_early(now)
            self._turns.end(grant)
            return [*locked, Record(EventKind.PASSAGE, grant)]
        if self._bearing.released:
            return [Record(EventKind.PASSAGE, detail="nobody badged: the lane stands free", way=way)]
        if self._free_exit and way is Way.EXIT:
            return [Record(EventKind.PASSAGE, detail="nobody badges here: the way out is free", way=way)]
        if now < self._exit_until_ns and way is not Way.ENTRY:
            return [Record(EventKind.PASSAGE, detail="after an exit request", way=way)] if way else []
        if now < self._opened_until_ns and way is not Way.EXIT:
            self._opened_until_ns = 0
            told = Record(EventKind.PASSAGE, detail="let in without a card", way=way, by=self._opened_by)
            return [*self._drives[Way.ENTRY].withdraw(now), told]
        if grant:
            told = Record(EventKind.WRONG_WAY, detail=f"while the lane was released for an {grant.way}", way=way)
            return [*self._lock_early(now), told]
        if now < max(self._exit_until_ns, self._opened_until_ns):
            return [Record(EventKind.WRONG_WAY, detail="while the lane was released for the other way", way=way)]
        return [Record(EventKind.DOOR_FORCED, detail="a passage that nobody was granted", way=way)]

    def _exit_request(self, now: int) -> list[Action]:
        self._exit_until_ns = now + self._window_ms * NS_PER_MS
        release = self._drives[Way.EXIT].release(self._release_ms(), now, to_leave=True)
        return [*release, Record(EventKind.EXIT_REQUEST)]

    # Somebody orders, or something breaks -----------------------------------------------------------------------------

    def _bear(self, changed: BearingChanged, now: int) -> list[Action]:
        before, self._bearing = self._bearing, changed.bearing
        closed: list[Action] = []
        if changed.bearing.closed_for:
            closed = [*self._withdraw(now), *self._dismiss("the lane was closed", now)]
        elif before.released and not changed.bearing.released and not self._turns.queues:
            closed = self._dismiss("the lane stands free no more", now)
        return [*closed, *changed.told_after(before)]

    def _open_once(self, by: str, now: int) -> list[Action]:
        if reason := self._bearing.closed_for:
            return [Record(EventKind.ORDER_REFUSED, reason=reason, by=by)]
        self._opened_by, self._opened_until_ns = by, now + self._window_ms * NS_PER_MS
        release = [] if self._bearing.released else self._drives[Way.ENTRY].release(self._release_ms(), now)
        return [*release, Record(EventKind.COMMAND_DONE, detail="opened once", by=by)]

    def _fault(self, active: bool, now: int) -> list[Action]:
        before, self._faulty = self._faulty, active
        if active and not before:
            told = Record(EventKind.LANE_FAULT, detail="the lane says that it is out of order")
            return [told, *self._withdraw(now), *self._dismiss("the lane is out of order", now)]
        return [Record(EventKind.LANE_RESTORED)] if before and not active else []

    def _output_failed(self, part: Part, now: int) -> list[Action]:
        if part is Part.READY:
            if self._ready:
                self._ready.failed(now)
            return []
        way = Way.EXIT if part is Part.EXIT and self._two_outputs else Way.ENTRY
        drive, actions = self._drives[way], list[Action]()
        grant = self._turns.running
        if grant and self._drives[grant.way] is drive:
            actions += self._end_unused([grant], "the output failed", now)
        drive.failed(now)
        if drive is self._drives[Way.ENTRY]:
            self._opened_until_ns = 0
        return [*actions, *self._dismiss("the output failed", now)]

    def _elapse(self, now: int) -> list[Action]:
        actions: list[Action] = []
        grant = self._turns.running
        if grant and now >= self._window_ends_ns:
            seen = self._lines.sees_passages(grant.way)
            detail = None if seen else "nobody could see it: the passage input is not known"
            actions += self._end_unused([grant], detail, now)
        return [*actions, *self._lines.newly_stuck(now)]

    def _lock_early(self, now: int) -> list[Action]:
        """The release of whoever is let in is over before its time."""
        grant = self._turns.running
        return self._drives[grant.way].withdraw(now) if grant else []

    def _end_unused(self, grants: Iterable[Grant], detail: str | None, now: int) -> list[Action]:
        actions: list[Action] = []
        for grant in grants:
            if grant is self._turns.running:
                actions += self._lock_early(now)
            self._turns.end(grant)
            actions.append(Record(EventKind.GRANT_NOT_USED, grant, detail=detail))
        return actions

    def _dismiss(self, detail: str, now: int) -> list[Action]:
        """Nobody who waits gets a turn."""
        return self._end_unused(self._turns.waiting, detail, now)

    def _withdraw(self, now: int) -> list[Action]:
        self._opened_until_ns = 0
        return [action for drive in self._ways for action in drive.withdraw(now)]

    # How the lane stands ----------------------------------------------------------------------------------------------

    def _stand(self, now: int) -> list[Action]:
        actions: list[Action] = []
        for drive in self._ways:
            out = self._two_outputs and self._free_exit and drive is self._drives[Way.EXIT]
            actions += drive.stand(now, released=self._bearing.released or out)
        if self._ready:
            invites = self._bearing in (Bearing.PLAN, Bearing.FREE) and not self._faulty
            ready = invites and self._lines.clear and not self._turns.any
            actions += self._ready.stand(now, released=ready)
        return actions

    @property
    def _ways(self) -> tuple[PartDrive, ...]:
        return tuple(dict.fromkeys(self._drives.values()))

    @property
    def _closed_to_all(self) -> DenyReason | None:
        if self._bearing is Bearing.BLOCKED:
            return DenyReason.DOOR_BLOCKED
        return DenyReason.LANE_FAULT if self._faulty and self._bearing is not Bearing.FIRE else None

    def _deadline_ns(self) -> int | None:
        window = self._window_ends_ns if self._turns.running else None
        drives = (*self._ways, *((self._ready,) if self._ready else ()))
        due = (window, self._lines.deadline_ns, *(drive.deadline_ns for drive in drives))
        return min((ns for ns in due if ns is not None), default=None)
