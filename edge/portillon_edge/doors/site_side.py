"""What the attendant does for the site as a whole: hears the house's inputs and staff, and turns doors accordingly.

`settle` looks at everything that has a say when something of it may have changed, turns the doors and tells the rest.
It comes after each event, so that nobody's grant waits for it. A fire's latch and the orders that stand are written to
disk after the doors were turned: no slow or full disk keeps a door locked. What the disk did not take is told once, and
written again until it does.
"""

from collections.abc import Callable, Iterable, Mapping

from portillon_config.interlocks import Interlock
from portillon_config.watches import Watch
from portillon_drivers.events import LineTrouble
from portillon_rules.decision import DecisionTime, SiteRules, TimeQuality
from portillon_rules.reason import DenyReason

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import Why
from portillon_edge.doors.interlock import Interlocks, Seen
from portillon_edge.doors.kept import Kept, Standings, kept_in
from portillon_edge.doors.lockdown_watch import Lockdown
from portillon_edge.doors.machine import NS_PER_MS, Bearing, BearingChanged, Grant, OpenOnce
from portillon_edge.doors.site_stand import SiteStand, Turn
from portillon_edge.doors.site_watch import SiteWatch, Tell
from portillon_edge.doors.staff_order import Acknowledge, HoldDoor, OpenDoor, ReleaseDoor, ResetFire, StaffOrder
from portillon_edge.doors.stepping import Stepping
from portillon_edge.doors.surroundings import Clockwork, Door, Entitlements, FireLatch
from portillon_edge.doors.tried_again import TriedAgain
from portillon_edge.errors import LatchUnwritable, StandingUnwritable

CLOSED_RANK = (DenyReason.LANE_FAULT, DenyReason.DOOR_BLOCKED, DenyReason.INTERLOCKED, DenyReason.LOCKDOWN)
"""LOCKDOWN is last: it alone exempts some, and nobody is exempt from the others."""
LATCH_ALARM = "fire_latch"
STANDING_ALARM = "standing_orders"
_JOURNALED_NS = 2_000_000_000
"""The journal commits what it was given within a fraction of this; the loop settles at least each second."""
_STEP_MS = 1_000
"""Business time that is off the boot clock by more was turned: plans are looked at anew."""


class SiteSide:
    """For one gateway. Used by the attendant's thread only."""

    def __init__(
        self,
        doors: Mapping[str, Door],
        *,
        watches: Iterable[Watch],
        interlocks: Iterable[Interlock],
        latch: FireLatch,
        standings: Standings,
        stepping: Stepping,
        entitlements: Entitlements,
        clockwork: Clockwork,
        tell: Callable[[Tell, int], None],
    ) -> None:
        self._doors = doors
        self._stepping = stepping
        self._entitlements = entitlements
        self._clockwork = clockwork
        self._tell = tell
        self._latch = TriedAgain(latch.load(), latch.save)
        self._kept = TriedAgain(kept_in(standings), lambda kept: standings.save(kept.to_body()))
        self._told_ns: int | None = None
        locking = [one.name for one in self._kept.held.lockdowns if one.why is Why.LOCKDOWN]
        self._watch = SiteWatch(watches, doors=doors.keys(), latched=self._latch.held, locking=locking)
        may = [name for name, door in doors.items() if door.may_stand_free]
        self._stand = SiteStand(doors, may_stand_free=may, watch=self._watch, lockdowns=self._kept.held.lockdowns)
        self._interlocks = Interlocks(interlocks)
        self._stale = True
        self._rules: SiteRules | None = None
        self._time = DecisionTime(0, TimeQuality.UNKNOWN, 0)
        self._time_ns = 0

    @property
    def deadline_ns(self) -> int | None:
        """When `settle` is due, whatever happens."""
        timers = (self._stand.deadline_ns, self._latch.again_ns, self._kept.again_ns)
        due = [at_ns for at_ns in timers if at_ns is not None]
        for name in self._doors if self._interlocks else ():
            if self._interlocks.broken(name) and (until_ns := self._stepping.released_until_ns(name)):
                due.append(until_ns)
        return min(due, default=None)

    def bearing(self, door: str) -> Bearing:
        """How the door is to stand."""
        return self._stand.bearing(door)

    def watches(self, name: str) -> bool:
        """Whether the input of that name belongs to the site, and to no door."""
        return name in self._watch.inputs

    def closed_for(self, door: Door, at_ns: int) -> DenyReason | None:
        """Why the door takes nobody now; the decision knows whom a lockdown exempts."""
        reasons = {door.machine.closed_for}
        if self._interlocks and self._interlocks.holds_back(door.name, lambda name: self._seen(name, at_ns)):
            reasons.add(DenyReason.INTERLOCKED)
        return next((reason for reason in CLOSED_RANK if reason in reasons), None)

    def changed(self, name: str, active: bool, at_ns: int) -> None:
        """A level of one of the site's inputs."""
        self._stale = True
        for told in self._watch.changed(name, active):
            self._tell(told, at_ns)

    def troubled(self, name: str, trouble: LineTrouble | None) -> None:
        """One of the site's inputs cannot be believed; None: its device is gone."""
        self._stale = True
        self._watch.troubled(name, trouble)

    def passed(self, door: Door, grant: Grant, at_ns: int) -> None:
        """Somebody went through on a grant: perhaps the first person for whom a plan waits."""
        rules, time = self._entitlements.site_rules(), self._clockwork.at(at_ns)
        if grant.first_person and self._stand.passed(door.name, rules, time):
            self._stale = True
            self._tell(Tell(EventKind.FIRST_PERSON, door.name, member=grant.member), at_ns)

    def order(self, order: StaffOrder) -> None:
        """Carry out what staff told; each order ends as one event."""
        self._stale = True
        match order:
            case OpenDoor():
                self._open(order)
            case ResetFire(by, at_ns):
                for told in self._watch.reset(by):
                    self._tell(told, at_ns)
            case Acknowledge(alarm, by, at_ns, door, note):
                self._tell(Tell(EventKind.ALARM_ACKNOWLEDGED, door, by=by, detail=note, reason=alarm), at_ns)
            case HoldDoor() | ReleaseDoor():
                what = f"stands {order.standing}" if isinstance(order, HoldDoor) else "back to orders and plan"
                done = Tell(EventKind.COMMAND_DONE, by=order.by, detail=f"{order.door}: {what}")
                self._tell(self._stand.order(order) or done, order.at_ns)

    def settle(self, now_ns: int) -> None:
        """Turn the doors that are to stand otherwise from now on; tell what became of interlocks."""
        rules, time = self._entitlements.site_rules(), self._clockwork.at(now_ns)
        due_ns = self._stand.deadline_ns
        due = due_ns is not None and now_ns >= due_ns
        orders = self._kept.held.orders
        if self._stale or due or rules is not self._rules or self._time_turned(time, now_ns):
            self._stale, self._rules, self._time, self._time_ns = False, rules, time, now_ns
            for one in self._stand.look(orders.over(rules), time, now_ns):
                match one:
                    case Tell():
                        self._tell(one, now_ns)
                    case Turn(door, say):
                        signal = BearingChanged(say.bearing, say.why, say.by)
                        self._stepping.signal(self._doors[door], signal, now_ns)
            orders = orders.after(rules)
        self._save_latch(now_ns)
        self._keep(Kept(orders, self._to_keep_told(now_ns)), now_ns)
        if self._interlocks:
            for told in self._interlocks.watch(lambda name: self._seen(name, now_ns)):
                self._tell(told, now_ns)

    def _open(self, order: OpenDoor) -> None:
        door = self._doors.get(order.door)
        if door is None:
            self._tell(Tell(EventKind.ORDER_REFUSED, by=order.by, detail=f"there is no door {order.door}"), order.at_ns)
        elif self.closed_for(door, order.at_ns) is DenyReason.INTERLOCKED:
            refusal = Tell(EventKind.ORDER_REFUSED, door.name, by=order.by, reason=DenyReason.INTERLOCKED)
            self._tell(refusal, order.at_ns)
        else:
            self._stepping.signal(door, OpenOnce(order.by), order.at_ns)

    def _seen(self, door: str, now_ns: int) -> Seen:
        released = now_ns < self._stepping.released_until_ns(door)
        return Seen(self._doors[door].machine.open, released, self._stand.bearing(door))

    def _time_turned(self, time: DecisionTime, now_ns: int) -> bool:
        expected_ms = self._time.business_ms + (now_ns - self._time_ns) // NS_PER_MS
        off_ms = abs(time.business_ms - expected_ms)
        return time.quality is not self._time.quality or off_ms > _STEP_MS

    def _save_latch(self, now_ns: int) -> None:
        failed = self._latch.again_ns is not None
        try:
            self._latch.put(self._watch.latched, now_ns)
        except LatchUnwritable as error:
            if not failed:
                self._tell(Tell(EventKind.ALARM, reason=LATCH_ALARM, detail=str(error)), now_ns)

    def _to_keep_told(self, now_ns: int) -> frozenset[Lockdown]:
        """Not before the journal has it: told twice after a power cut is better than never."""
        kept, told = self._kept.held.lockdowns, self._stand.lockdowns
        if told == kept:
            self._told_ns = None
        elif self._told_ns is None:
            self._told_ns = now_ns
        elif now_ns - self._told_ns >= _JOURNALED_NS:
            return told
        return kept

    def _keep(self, kept: Kept, now_ns: int) -> None:
        failed = self._kept.again_ns is not None
        try:
            self._kept.put(kept, now_ns)
        except StandingUnwritable as error:
            if not failed:
                self._tell(Tell(EventKind.ALARM, reason=STANDING_ALARM, detail=str(error)), now_ns)
