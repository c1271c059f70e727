"""A turnstile lane, one- or two-way: one lane, one grant, one passage. Every transition is in this file.

1. A grant releases its way's output and opens the passage window of `passage_window_ms`. Pulse drive: for `pulse_ms`,
   the lane itself waits for the person. Level drive: for the whole window. Long access multiplies the window.
2. The first passage within the window, in the grant's way, is the grant's one PASSAGE and ends the release early: the
   next one needs a card. No passage within the window is GRANT_NOT_USED. A grant ends as exactly one of the two.
3. The same credential in the same way again, before its passage, is REBADGED: window and release start anew (queued: it
   keeps its place), and it stays one grant. In the other way it is LANE_BUSY: nobody stands on both sides.
4. Another card while somebody is let in, or while LANE_BUSY says that somebody stands in the lane, goes by
   `second_badge`: refused as LANE_BUSY; ignored, as PASSAGE_REFUSED; or granted and queued, at most QUEUE_MAX. A queued
   grant's release and window begin at its turn: the one before has ended, and the lane is clear or its signal stuck.
5. A passage against the way of the release that runs is WRONG_WAY and ends that release; the grant keeps its window. A
   passage for which nothing was released is DOOR_FORCED. The first level after a start or a lost input is how the input
   was found, no edge: it is nobody's passage and forces nothing. A lane without `passage_out` cannot tell ways apart.
6. An exit request always releases, whatever else holds, and no passage or order cuts it short; a passage out within its
   window is nobody's. With `free_exit` the way out stands released always. A passage that needs no grant (free exit,
   free lane, staff's OpenOnce) is a PASSAGE without a member, with its way.
7. FREE and FIRE hold every way; passages force nothing, and a grant needs no release. Nobody has to wait there, so no
   card is LANE_BUSY: whatever `second_badge` says, the second one is queued. Its credential's grant in the other way,
   and the eldest queued beyond QUEUE_MAX, end unused for it. BLOCKED and LOCKDOWN end releases and the queue; BLOCKED
   takes nobody, LOCKDOWN whom the decision exempts. A running grant still ends as in 2, a queued one gets its turn.
8. LANE_FAULT is told once, closes the lane to cards (fire apart), ends releases and queue; its end is LANE_RESTORED.
9. An output that fails ends the grant and the queue as not used: whoever was to pass could not.
10. An input active for longer than anybody could need is INPUT_FAULT once, and not believed until it rests again:
    INPUT_RESTORED.
11. READY is lit while the lane is clear and would take the next person.
Windows are half-open: a passage at the very end of the window is too late.
"""

from collections import deque
from enum import StrEnum
from typing import assert_never

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind, Way
from portillon_edge.doors.line_watch import LineWatch
from portillon_edge.doors.machine import (
    NS_PER_MS,
    Action,
    Admit,
    Bearing,
    BearingChanged,
    Grant,
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

QUEUE_MAX = 3
"""Nobody can follow who stands in front of them, beyond this many."""
STUCK = {
    Line.PASSAGE: "the passage input stays active: stuck, or somebody in it",
    Line.PASSAGE_OUT: "the passage input of the way out stays active: stuck, or somebody in it",
    Line.LANE_BUSY: "the lane stays occupied for longer than anybody needs: stuck, or something in it",
    Line.REX: "the exit request stays active: stuck button or wire",
}


class Drive(StrEnum):
    """What the lane's own electronics make of the releasing contact."""

    PULSE = "pulse"
    """A pulse opens it; the lane itself waits for the passage and locks after it."""
    LEVEL = "level"
    """It is open for as long as the contact says so."""


class SecondBadge(StrEnum):
    """What becomes of a card while another person is being let through."""

    REFUSE = "refuse"
    QUEUE = "queue"
    IGNORE = "ignore"


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
        self._second_badge = second_badge
        self._long_access_factor = long_access_factor
        self._tells_ways = tells_ways
        self._free_exit = free_exit
        entry = PartDrive(Part.ENTRY)
        self._drives = {Way.ENTRY: entry, Way.EXIT: PartDrive(Part.EXIT) if has_exit_output else entry}
        self._two_outputs = has_exit_output
        self._ready = PartDrive(Part.READY) if has_ready_lamp else None
        self._watches = {line: LineWatch() for line in STUCK}
        self._now_ns = 0
        self._bearing = Bearing.PLAN
        self._faulty = False
        self._grant: Grant | None = None
        self._window_ends_ns = 0
        self._waiting: deque[Grant] = deque()
        self._exit_until_ns = 0
        self._opened_by: str | None = None
        self._opened_until_ns = 0

    @property
    def busy(self) -> bool:
        if self._bearing.released:
            return False
        match self._second_badge:
            case SecondBadge.REFUSE:
                return self._occupied or bool(self._waiting)
            case SecondBadge.QUEUE:
                return len(self._waiting) >= QUEUE_MAX
            case SecondBadge.IGNORE:
                return False

    def busy_for(self, credential: str) -> bool:
        """As `busy`, for this credential: whoever is being let in anyway may badge again."""
        return self.busy and self._own(credential) is None

    @property
    def open(self) -> bool | None:
        return None

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        fault = (EventKind.LANE_FAULT,) if self._faulty else ()
        return (*fault, EventKind.INPUT_FAULT) if any(w.stuck for w in self._watches.values()) else fault

    @property
    def closed_for(self) -> DenyReason | None:
        if self._bearing is Bearing.LOCKDOWN:
            return DenyReason.LOCKDOWN  # the decision exempts some; a lane fault still stops them at `_admit`
        return self._closed_to_all

    @property
    def state(self) -> str:
        if self._faulty:
            return EventKind.LANE_FAULT.value
        return "granted" if self._grant or self._waiting else "idle"

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
                if line in self._watches:
                    self._watches[line].lose()
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
        own = self._own(grant.credential)
        if own and (own.member, own.way) == (grant.member, grant.way):
            return [*(self._let_in(own, now) if own is self._grant else []), Record(EventKind.REBADGED, own)]
        ended = self._overtake(own, now) if self._bearing.released else []
        if not self._occupied and not self._waiting:
            return [*ended, *self._let_in(grant, now), Record(EventKind.GRANTED, grant)]
        queues = self._second_badge is SecondBadge.QUEUE and own is None and len(self._waiting) < QUEUE_MAX
        if queues or self._bearing.released:
            self._waiting.append(grant)
            return [*ended, Record(EventKind.GRANTED, grant, detail="waits for its turn")]
        if self._second_badge is SecondBadge.IGNORE and own is None:
            return [Record(EventKind.PASSAGE_REFUSED, grant, DenyReason.LANE_BUSY)]
        return [Record(EventKind.DENIED, grant, DenyReason.LANE_BUSY)]

    def _overtake(self, own: Grant | None, now: int) -> list[Action]:
        """At a lane that stands free the newest card counts: room for it, and nobody on both sides."""
        actions = self._retire(own, "badged the other way", now) if own else []
        if len(self._waiting) >= QUEUE_MAX:
            actions += self._retire(self._waiting[0], "others badged since at the lane that stands free", now)
        return actions

    def _retire(self, grant: Grant, detail: str, now: int) -> list[Action]:
        if grant is self._grant:
            return [*self._lock_early(now), *self._end_unused(detail)]
        self._waiting.remove(grant)
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail)]

    def _own(self, credential: str) -> Grant | None:
        """The grant that this credential has already, running or queued."""
        running = (self._grant,) if self._grant else ()
        return next((grant for grant in (*running, *self._waiting) if grant.credential == credential), None)

    def _let_in(self, grant: Grant, now: int) -> list[Action]:
        factor = self._long_access_factor if grant.long_access else 1
        self._grant = grant
        self._window_ends_ns = now + self._window_ms * factor * NS_PER_MS
        return [] if self._bearing.released else self._drives[grant.way].release(self._release_ms(factor), now)

    def _release_ms(self, factor: int = 1) -> int:
        return self._pulse_ms if self._drive is Drive.PULSE else self._window_ms * factor

    def _next_turn(self, now: int) -> list[Action]:
        if self._grant or not self._waiting or not self._clear:
            return []
        return self._let_in(self._waiting.popleft(), now)

    # Somebody moves -------------------------------------------------------------------------------------------------

    def _line(self, line: Line, active: bool, now: int) -> list[Action]:
        watch = self._watches[line]
        stuck, before = watch.stuck, watch.change(active, now)
        actions: list[Action] = []
        if stuck and not active:
            actions.append(Record(EventKind.INPUT_RESTORED, detail=f"{line}: at rest again", by=line))
        if line is Line.REX and active and before is not True:
            actions += self._exit_request(now)
        if line is Line.PASSAGE and active and before is False:
            actions += self._passage(Way.ENTRY if self._tells_ways else None, now)
        if line is Line.PASSAGE_OUT and active and before is False:
            actions += self._passage(Way.EXIT, now)
        return actions

    def _passage(self, way: Way | None, now: int) -> list[Action]:
        if self._grant and way in (None, self._grant.way):
            passed = [*self._lock_early(now), Record(EventKind.PASSAGE, self._grant)]
            self._grant = None
            return passed
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
        if self._grant:
            told = Record(EventKind.WRONG_WAY, detail=f"while the lane was released for an {self._grant.way}", way=way)
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
        actions: list[Action] = []
        if changed.bearing in (Bearing.BLOCKED, Bearing.LOCKDOWN):
            actions += [*self._withdraw(now), *self._dismiss("the lane was closed")]
        if before.released is not changed.bearing.released:
            kind = EventKind.DOOR_FREED if changed.bearing.released else EventKind.DOOR_SECURED
            actions.append(Record(kind, reason=changed.reason, by=changed.by))
        return actions

    def _open_once(self, by: str, now: int) -> list[Action]:
        if self._bearing in (Bearing.BLOCKED, Bearing.LOCKDOWN):
            return [Record(EventKind.ORDER_REFUSED, reason=self.closed_for, by=by)]
        self._opened_by, self._opened_until_ns = by, now + self._window_ms * NS_PER_MS
        release = [] if self._bearing.released else self._drives[Way.ENTRY].release(self._release_ms(), now)
        return [*release, Record(EventKind.COMMAND_DONE, detail="opened once", by=by)]

    def _fault(self, active: bool, now: int) -> list[Action]:
        before, self._faulty = self._faulty, active
        if active and not before:
            told = Record(EventKind.LANE_FAULT, detail="the lane says that it is out of order")
            return [told, *self._withdraw(now), *self._dismiss("the lane is out of order")]
        return [Record(EventKind.LANE_RESTORED)] if before and not active else []

    def _output_failed(self, part: Part, now: int) -> list[Action]:
        if part is Part.READY:
            if self._ready:
                self._ready.failed(now)
            return []
        way = Way.EXIT if part is Part.EXIT and self._two_outputs else Way.ENTRY
        drive, actions = self._drives[way], list[Action]()
        if self._grant and self._drives[self._grant.way] is drive:
            actions += [*self._lock_early(now), *self._end_unused("the output failed")]
        drive.failed(now)
        if drive is self._drives[Way.ENTRY]:
            self._opened_until_ns = 0
        return [*actions, *self._dismiss("the output failed")]

    def _elapse(self, now: int) -> list[Action]:
        actions: list[Action] = []
        if self._grant and now >= self._window_ends_ns:
            unseen = self._tells(self._grant.way).active is None
            actions += self._lock_early(now)
            actions += self._end_unused("nobody could see it: the passage input is not known" if unseen else None)
        for line, watch in self._watches.items():
            if watch.newly_stuck(now):
                actions.append(Record(EventKind.INPUT_FAULT, detail=STUCK[line], by=line))
        return actions

    def _lock_early(self, now: int) -> list[Action]:
        """The release of whoever is let in is over before its time."""
        return self._drives[self._grant.way].withdraw(now) if self._grant else []

    def _end_unused(self, detail: str | None) -> list[Action]:
        if not self._grant:
            return []
        grant, self._grant = self._grant, None
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail)]

    def _dismiss(self, detail: str) -> list[Action]:
        """Nobody in the queue gets a turn."""
        dismissed, self._waiting = self._waiting, deque()
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail) for grant in dismissed]

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
            ready = invites and self._clear and not self._grant and not self._waiting
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

    @property
    def _occupied(self) -> bool:
        return self._grant is not None or self._sees(Line.LANE_BUSY)

    @property
    def _clear(self) -> bool:
        return not any(self._sees(line) for line in (Line.PASSAGE, Line.PASSAGE_OUT, Line.LANE_BUSY))

    def _sees(self, line: Line) -> bool:
        return self._watches[line].active is True and not self._watches[line].stuck

    def _tells(self, way: Way) -> LineWatch:
        return self._watches[Line.PASSAGE_OUT if self._tells_ways and way is Way.EXIT else Line.PASSAGE]

    def _deadline_ns(self) -> int | None:
        window = self._window_ends_ns if self._grant else None
        drives = (*self._ways, *((self._ready,) if self._ready else ()))
        due = (window, *(w.deadline_ns for w in self._watches.values()), *(d.deadline_ns for d in drives))
        return min((ns for ns in due if ns is not None), default=None)
