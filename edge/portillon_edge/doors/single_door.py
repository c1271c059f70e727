"""A door with a strike or a maglock, a contact and an exit request. Every transition is in this file.

1. A grant releases the output for `pulse_ms` (the guard ends it) and opens the window of `passage_window_ms`. Long
   access multiplies both, and how long the door may then stand open, by `long_access_factor`.
2. The door opening within the window is the grant's one PASSAGE; with `relock_on_open` it also ends the release, so
   that the door is locked as soon as it falls shut. Not opening is GRANT_NOT_USED. A grant ends as one of the two.
3. A card during a grant is refused, LANE_BUSY; the same credential again is REBADGED: window and release start anew,
   and it stays one grant.
4. A card at a door that already stands open is granted and passes at once, and the time that the door may stand open
   starts again. It is released all the same until it falls shut: a contact that lies must keep nobody out.
5. A door without a contact cannot show a passage: at the end of the window it is assumed, and the event says so.
6. Opening while nothing released the door is DOOR_FORCED. The first level after a start or a lost contact is how the
   door was found, no edge: it is nobody's passage and forces nothing.
7. Open for `held_open_warn_ms` is DOOR_HELD_SOON, for `held_open_ms` DOOR_HELD, each once, neither on top of
   DOOR_FORCED; falling shut after any of them is DOOR_CLOSED. Falling shut ends every release but one to leave.
8. An exit request always releases, in every bearing and whatever else holds; opening within its window, or while it
   is pressed, is nobody's passage. No opening and no order cuts short a release that somebody asked for to leave. A
   request that is found active releases too: better once too often than somebody kept in.
9. An exit request that stays active is INPUT_FAULT once; so is a contact that never moves (`door_contact.py`). The
   end of either is INPUT_RESTORED. A stuck exit request explains no opening any more.
10. FREE and FIRE hold the door released, renewed by the deadline: nothing is forced or held open, a card is granted
    and needs no release. Nobody waits there for who badged before: those who badge before it opens pass together, and
    of more than TOGETHER_MAX the eldest grant ends unused. BLOCKED and LOCKDOWN lock at once and end a grant that
    waits; BLOCKED takes nobody, LOCKDOWN whom the decision exempts. A change of bearing that frees or locks the door
    is DOOR_FREED or DOOR_SECURED.
11. OpenOnce releases as a grant does, for one opening that is nobody's passage; BLOCKED and LOCKDOWN refuse it.
12. An output that fails ends the grant as not used: whoever was to pass could not.
Windows are half-open: opening at the very end of the window is too late.
"""

from typing import assert_never

from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.door_contact import DoorContact, Moved
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
from portillon_edge.doors.open_time import OpenTime
from portillon_edge.doors.part_drive import PartDrive

REX_STUCK = Record(EventKind.INPUT_FAULT, detail="the exit request stays active: stuck button or wire", by=Line.REX)
REX_FREED = Record(EventKind.INPUT_RESTORED, detail="the exit request is at rest again", by=Line.REX)
CONTACT_STUCK = Record(
    EventKind.INPUT_FAULT, detail="the contact does not move through grants: it or the lock is stuck", by=Line.CONTACT
)
CONTACT_FREED = Record(EventKind.INPUT_RESTORED, detail="the contact moves again", by=Line.CONTACT)
TOGETHER_MAX = 8
"""More do not go through one opening of a door within one window."""


class SingleDoor:
    """The pure machine of one door; `held_open_ms` and `held_open_warn_ms` 0 never complain."""

    def __init__(
        self,
        *,
        pulse_ms: int,
        passage_window_ms: int,
        held_open_ms: int,
        held_open_warn_ms: int = 0,
        relock_on_open: bool = True,
        has_contact: bool = True,
        contact_bounce_ms: int = 0,
        long_access_factor: int = 3,
    ) -> None:
        self._pulse_ms = pulse_ms
        self._window_ns = passage_window_ms * NS_PER_MS
        self._relock_on_open = relock_on_open
        self._has_contact = has_contact
        self._long_access_factor = long_access_factor
        self._drive = PartDrive(Part.ENTRY)
        self._contact = DoorContact(bounce_ms=contact_bounce_ms)
        self._open_time = OpenTime(held_ms=held_open_ms, warn_ms=held_open_warn_ms)
        self._rex = LineWatch()
        self._now_ns = 0
        self._bearing = Bearing.PLAN
        self._grants: list[Grant] = []
        self._window_ends_ns = 0
        self._exit_until_ns = 0
        self._staff_until_ns = 0
        self._trouble: EventKind | None = None

    @property
    def busy(self) -> bool:
        return bool(self._grants) and not self._bearing.released

    def busy_for(self, credential: str) -> bool:
        return self.busy and all(grant.credential != credential for grant in self._grants)

    @property
    def open(self) -> bool | None:
        return self._contact.open

    @property
    def troubles(self) -> tuple[EventKind, ...]:
        trouble = (self._trouble,) if self._trouble else ()
        return (*trouble, EventKind.INPUT_FAULT) if self._rex.stuck or self._contact.stuck else trouble

    @property
    def closed_for(self) -> DenyReason | None:
        return self._bearing.closed_for

    @property
    def state(self) -> str:
        if self.open:
            return self._trouble.value if self._trouble else "open"
        return "granted" if self._grants else "idle"

    def handle(self, signal: Signal, now_ns: int) -> Step:
        now = self._now_ns = max(self._now_ns, now_ns)
        actions = self._elapse(now)
        match signal:
            case Admit(grant):
                actions += self._admit(grant, now)
            case LineChanged(Line.REX, active):
                actions += self._exit_line(active, now)
            case LineChanged(Line.CONTACT, active):
                actions += self._contact_line(active, now)
            case LineLost(Line.REX):
                self._rex.lose()
            case LineLost(Line.CONTACT):
                self._contact.lose()
                self._open_time.stop()
            case LineChanged() | LineLost() | Tick():
                pass  # a door has no other lines
            case OutputFailed():
                actions += self._output_failed(now)
            case BearingChanged():
                actions += self._bear(signal, now)
            case OpenOnce(by):
                actions += self._open_once(by, now)
            case _:
                assert_never(signal)
        actions += self._drive.stand(now, released=self._bearing.released)
        return Step(tuple(actions), self._deadline_ns())

    # Somebody badges ------------------------------------------------------------------------------------------------

    def _admit(self, grant: Grant, now: int) -> list[Action]:
        if self._bearing is Bearing.BLOCKED:
            return [Record(EventKind.DENIED, grant, DenyReason.DOOR_BLOCKED)]
        for waiting in self._grants:
            if (waiting.credential, waiting.member) == (grant.credential, grant.member):
                return [*self._let_in(waiting, now), Record(EventKind.REBADGED, waiting)]
        if self.busy:
            return [Record(EventKind.DENIED, grant, DenyReason.LANE_BUSY)]
        settled = self._settle(now, at_once=True)
        if self.open:
            return [*settled, *self._pass_open_door(grant, now)]
        settled += self._overtaken()
        self._grants.append(grant)
        return [*settled, *self._let_in(grant, now), Record(EventKind.GRANTED, grant)]

    def _overtaken(self) -> list[Action]:
        eldest = [self._grants.pop(0)] if len(self._grants) >= TOGETHER_MAX else []
        detail = "overtaken by a newer card: the door stands free"
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail) for grant in eldest]

    def _let_in(self, grant: Grant, now: int) -> list[Action]:
        self._window_ends_ns = max(self._window_ends_ns, now + self._window_ns * self._factor(grant))
        return self._release(self._pulse_ms * self._factor(grant), now)

    def _pass_open_door(self, grant: Grant, now: int) -> list[Action]:
        self._watch_open_time(now, self._factor(grant))
        passes = [Record(EventKind.GRANTED, grant), Record(EventKind.PASSAGE, grant, detail="the door stood open")]
        # The release comes last: should it fail, the passage is true nevertheless.
        return [*passes, *self._not_moved(), *self._release(self._pulse_ms * self._factor(grant), now)]

    def _factor(self, grant: Grant) -> int:
        return self._long_access_factor if grant.long_access else 1

    # The door moves -------------------------------------------------------------------------------------------------

    def _contact_line(self, active: bool, now: int) -> list[Action]:
        was_stuck = self._contact.stuck
        match self._contact.change(active, now):
            case Moved.OPENED:
                actions = self._opened(now)
            case Moved.FOUND_OPEN:
                self._watch_open_time(now)
                actions = []
            case Moved.SHUT:
                actions = self._shut(now)
            case None:
                return []
        return [CONTACT_FREED, *actions] if was_stuck else actions

    def _settle(self, now: int, *, at_once: bool = False) -> list[Action]:
        was_stuck = self._contact.stuck
        if self._contact.settle(now, at_once=at_once) is None:
            return []
        return [CONTACT_FREED, *self._shut(now)] if was_stuck else self._shut(now)

    def _opened(self, now: int) -> list[Action]:
        passing = self._end_grants()
        self._watch_open_time(now, max(map(self._factor, passing), default=1))
        if passing:
            return [*self._relock(now), *(Record(EventKind.PASSAGE, grant) for grant in passing)]
        if now < self._exit_until_ns or (self._rex.active and not self._rex.stuck):
            return []
        if now < self._staff_until_ns:
            self._staff_until_ns = 0
            return self._relock(now)
        if self._drive.held or now < self._drive.rest_ns:
            return []
        self._trouble = EventKind.DOOR_FORCED
        self._open_time.stop()
        return [Record(EventKind.DOOR_FORCED, detail="opened without a grant or an exit request")]

    def _relock(self, now: int) -> list[Action]:
        return self._withdraw(now) if self._relock_on_open else []

    def _shut(self, now: int) -> list[Action]:
        self._open_time.stop()
        actions = [] if self._grants else self._withdraw(now)
        trouble, self._trouble = self._trouble, None
        return [*actions, Record(EventKind.DOOR_CLOSED, detail=f"after {trouble}")] if trouble else actions

    def _watch_open_time(self, now: int, factor: int = 1) -> None:
        if self._bearing.released or self._trouble in (EventKind.DOOR_FORCED, EventKind.DOOR_HELD):
            return
        self._trouble = None
        self._open_time.start(now, factor)

    def _not_moved(self) -> list[Action]:
        counts = self._has_contact and not self._bearing.released
        return [CONTACT_STUCK] if counts and self._contact.newly_stuck() else []

    # Somebody leaves, orders, or something breaks ---------------------------------------------------------------------

    def _exit_line(self, active: bool, now: int) -> list[Action]:
        was_stuck = self._rex.stuck
        before = self._rex.change(active, now)
        if not active or before is True:
            return [REX_FREED] if was_stuck and not active else []
        self._exit_until_ns = now + self._window_ns
        return [*self._drive.release(self._pulse_ms, now, to_leave=True), Record(EventKind.EXIT_REQUEST)]

    def _bear(self, changed: BearingChanged, now: int) -> list[Action]:
        before, self._bearing = self._bearing, changed.bearing
        released = changed.bearing.released
        actions: list[Action] = []
        if changed.bearing.closed_for:
            self._staff_until_ns = 0
            actions += [*self._drive.withdraw(now), *self._end_unused("the door was closed")]
        # What moves the lock comes before what is only told.
        actions = [*self._drive.stand(now, released=released), *actions]
        if released and not before.released:
            self._open_time.stop()
            self._trouble = None if self._trouble is EventKind.DOOR_HELD_SOON else self._trouble
        elif before.released and not released and self.open:
            self._watch_open_time(now)
        return [*actions, *changed.told_after(before)]

    def _open_once(self, by: str, now: int) -> list[Action]:
        if reason := self._bearing.closed_for:
            return [Record(EventKind.ORDER_REFUSED, reason=reason, by=by)]
        self._staff_until_ns = now + self._window_ns
        return [*self._release(self._pulse_ms, now), Record(EventKind.COMMAND_DONE, detail="opened once", by=by)]

    def _output_failed(self, now: int) -> list[Action]:
        self._staff_until_ns = 0
        actions = [*self._drive.withdraw(now), *self._end_unused("the output failed")]
        self._drive.failed(now)
        return actions

    def _elapse(self, now: int) -> list[Action]:
        actions = self._settle(now)
        if self._grants and now >= self._window_ends_ns:
            actions += [*self._withdraw(now), *self._window_over()]
        if self._contact.deadline_ns is None and (told := self._open_time.due(now)):
            self._trouble = told.kind
            actions.append(told)
        if self._rex.newly_stuck(now):
            actions.append(REX_STUCK)
        return actions

    def _window_over(self) -> list[Action]:
        if not self._has_contact:
            assumed = "assumed: the door has no contact"
            return [Record(EventKind.PASSAGE, grant, detail=assumed) for grant in self._end_grants()]
        unseen = "nobody could see it: the contact is not known" if self.open is None else None
        return [*self._end_unused(unseen), *self._not_moved()]

    def _end_unused(self, detail: str | None) -> list[Action]:
        return [Record(EventKind.GRANT_NOT_USED, grant, detail=detail) for grant in self._end_grants()]

    def _end_grants(self) -> list[Grant]:
        ended, self._grants, self._window_ends_ns = self._grants, [], 0
        return ended

    # How the lock stands --------------------------------------------------------------------------------------------

    def _release(self, on_ms: int, now: int) -> list[Action]:
        """Released for so long, also where it stands free: should that end, this release still runs."""
        release = self._drive.release(on_ms, now)
        return [] if self._drive.held else release

    def _withdraw(self, now: int) -> list[Action]:
        """Lock early, unless staff, an exit or the bearing wants it released."""
        return [] if now < self._staff_until_ns else self._drive.withdraw(now)

    def _deadline_ns(self) -> int | None:
        window = self._window_ends_ns if self._grants else None
        # While it may be shut, its time to stand open waits: nothing would come of that deadline.
        stands = self._contact.deadline_ns or self._open_time.deadline_ns
        due = (window, stands, self._rex.deadline_ns, self._drive.deadline_ns)
        return min((ns for ns in due if ns is not None), default=None)
