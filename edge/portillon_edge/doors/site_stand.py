"""How every door of the site is to stand now, and what changed since the last look. Pure.

1. At the start every door stands on its plan; the first look turns those that should stand otherwise.
2. A door is turned when its bearing changes, not when only the reason for it does.
3. A lockdown is told once when it begins and once when it ends, for each that causes it (lockdown_watch.py).
4. A door whose relay or lock may not stay released is never freed by plan or order; that is told once. Fire is tried.
5. Local orders end by themselves, and with the gateway.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from portillon_rules.decision import DecisionTime, SiteRules
from portillon_rules.door_plan import EVERY_DOOR, Standing

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import ON_PLAN, Say, Why, in_force, last_word, ordered
from portillon_edge.doors.lockdown_watch import Lockdown, LockdownWatch, ordered_lockdown, orders_of
from portillon_edge.doors.machine import NS_PER_MS, Bearing
from portillon_edge.doors.plan_watch import PlanWatch, next_look_ms
from portillon_edge.doors.site_watch import SiteWatch, Tell, only
from portillon_edge.doors.staff_order import HoldDoor, ReleaseDoor


@dataclass(frozen=True, slots=True)
class Turn:
    """From now on the door stands so."""

    door: str
    say: Say


class SiteStand:
    """For all doors of a site; `may_stand_free` names those whose outputs may stay released.

    `lockdowns`: those that were told before the gateway ended.
    """

    def __init__(
        self,
        doors: Iterable[str],
        *,
        may_stand_free: Collection[str],
        watch: SiteWatch,
        lockdowns: Collection[Lockdown] = (),
    ) -> None:
        self._doors = tuple(doors)
        self._may_stand_free = frozenset(may_stand_free)
        self._watch = watch
        self._plans = PlanWatch()
        self._local: dict[str, HoldDoor] = {}
        self._says: dict[str, Say] = dict.fromkeys(self._doors, ON_PLAN)
        self._lockdowns = LockdownWatch(lockdowns)
        self._refused: dict[str, Why] = {}
        self.deadline_ns: int | None = None
        """When the next look is due, whatever happens."""

    @property
    def lockdowns(self) -> frozenset[Lockdown]:
        """Those that were told and have not ended."""
        return self._lockdowns.told

    def bearing(self, door: str) -> Bearing:
        """How the door stands since the last look."""
        return self._says[door].bearing

    def order(self, order: HoldDoor | ReleaseDoor) -> Tell | None:
        """Take a technician's order; returns why not, if not."""
        if order.door != EVERY_DOOR and order.door not in self._says:
            return Tell(EventKind.ORDER_REFUSED, by=order.by, detail=f"there is no door {order.door}")
        if isinstance(order, HoldDoor):
            self._local[order.door] = order
        elif self._local.pop(order.door, None) is None:
            return Tell(
                EventKind.ORDER_REFUSED,
                by=order.by,
                detail=f"no order was given here for {order.door}; see the cloud's",
            )
        self._lockdowns.withdrawn(order.door, order.by)
        return None

    def passed(self, door: str, rules: SiteRules, time: DecisionTime) -> bool:
        """Somebody who may begin plans has passed; whether that began one."""
        return self._plans.passed(door, rules, time)

    def look(self, rules: SiteRules, time: DecisionTime, now_ns: int) -> Iterator[Tell | Turn]:
        """What changed; the deadline is set anew."""
        self._local = {door: order for door, order in self._local.items() if now_ns < _ends_ns(order)}
        yield from self._lockdowns.look(self._causes(rules, time), rules, time)
        for door in self._doors:
            say = self._last_word(door, rules, time)
            refused = self._refused.pop(door, None)
            if say.bearing is Bearing.FREE and door not in self._may_stand_free:
                self._refused[door] = say.why
                if refused is not say.why:
                    detail = "its output may not stay released: write continuous = true there if relay and lock bear it"
                    yield Tell(EventKind.ORDER_REFUSED, door, by=say.by, detail=detail, reason=say.why)
                say = ON_PLAN
            before, self._says[door] = self._says[door], say
            if say.bearing is not before.bearing:
                yield Turn(door, say)
        self.deadline_ns = self._next_ns(rules, time, now_ns)

    def _last_word(self, door: str, rules: SiteRules, time: DecisionTime) -> Say:
        says = [*self._watch.frees(door), *self._watch.locks_down(door)]
        for key in (door, EVERY_DOOR):
            if (local := self._local.get(key)) is not None:
                says.append(ordered(local.standing, local.by, local=True))
        for key in (door, EVERY_DOOR):
            order = rules.orders.get(key)
            if order is not None and in_force(order, time, rules.policy):
                says.append(ordered(order.standing, order.by, local=False))
        if self._plans.stands_free(door, rules, time):
            says.append(Say(Bearing.FREE, Why.SCHEDULE))
        return last_word(says)

    def _causes(self, rules: SiteRules, time: DecisionTime) -> Iterator[Lockdown]:
        for watch in self._watch.lockdowns():
            yield Lockdown(Why.LOCKDOWN, watch.name, only(watch.doors), watch.input)
        for key, local in self._local.items():
            if local.standing is Standing.LOCKDOWN:
                yield ordered_lockdown(Why.LOCAL_ORDER, key, local.by)
        yield from orders_of(rules, self._doors, time)

    def _next_ns(self, rules: SiteRules, time: DecisionTime, now_ns: int) -> int | None:
        due = [_ends_ns(order) for order in self._local.values()]
        wait_ms = next_look_ms(rules, time)
        if wait_ms is not None:
            due.append(now_ns + wait_ms * NS_PER_MS)
        return min(due, default=None)


def _ends_ns(order: HoldDoor) -> int:
    return order.at_ns + order.for_ms * NS_PER_MS
