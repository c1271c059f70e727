"""How every door of the site is to stand now, and what changed since the last look. Pure.

1. At the start every door stands on its plan; the first look turns those that should stand otherwise.
2. A door is turned when its bearing changes, not when only the reason for it does.
3. A lockdown is told once when it begins and once when it ends, for each who ordered it.
4. A door whose relay or lock may not stay released is never freed by plan or order; that is told once. Fire is tried.
5. Local orders end by themselves, and with the gateway.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from portillon_rules.decision import DecisionTime, SiteRules
from portillon_rules.door_plan import EVERY_DOOR, Standing

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import ON_PLAN, Say, Why, in_force, last_word, ordered
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
    """For all doors of a site; `may_stand_free` names those whose outputs may stay released."""

    def __init__(self, doors: Iterable[str], *, may_stand_free: Collection[str], watch: SiteWatch) -> None:
        self._doors = tuple(doors)
        self._may_stand_free = frozenset(may_stand_free)
        self._watch = watch
        self._plans = PlanWatch()
        self._local: dict[str, HoldDoor] = {}
        self._says: dict[str, Say] = dict.fromkeys(self._doors, ON_PLAN)
        self._lockdowns: dict[str, Tell] = {}
        self._refused: dict[str, Why] = {}
        self.deadline_ns: int | None = None
        """When the next look is due, whatever happens."""

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
        return None

    def passed(self, door: str, rules: SiteRules, time: DecisionTime) -> bool:
        """Somebody who may begin plans has passed; whether that began one."""
        return self._plans.passed(door, rules, time)

    def look(self, rules: SiteRules, time: DecisionTime, now_ns: int) -> Iterator[Tell | Turn]:
        """What changed; the deadline is set anew."""
        self._local = {door: order for door, order in self._local.items() if now_ns < _ends_ns(order)}
        yield from self._told_lockdowns(rules, time)
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

    def _told_lockdowns(self, rules: SiteRules, time: DecisionTime) -> Iterator[Tell]:
        now = dict(self._causes(rules, time))
        before, self._lockdowns = self._lockdowns, now
        for cause, told in now.items():
            if cause not in before:
                yield told
        for cause, told in before.items():
            if cause not in now:
                yield replace(told, kind=EventKind.LOCKDOWN_ENDED)

    def _causes(self, rules: SiteRules, time: DecisionTime) -> Iterator[tuple[str, Tell]]:
        for watch in self._watch.lockdowns():
            yield f"watch {watch.name}", _began(only(watch.doors), watch.input, Why.LOCKDOWN)
        for key, local in self._local.items():
            if local.standing is Standing.LOCKDOWN:
                yield f"local {key}", _began(key, local.by, Why.LOCAL_ORDER)
        for key, order in rules.orders.items():
            ours = key == EVERY_DOOR or key in self._says
            if ours and order.standing is Standing.LOCKDOWN and in_force(order, time, rules.policy):
                yield f"order {key}", _began(key, order.by, Why.ORDER)

    def _next_ns(self, rules: SiteRules, time: DecisionTime, now_ns: int) -> int | None:
        due = [_ends_ns(order) for order in self._local.values()]
        wait_ms = next_look_ms(rules, time)
        if wait_ms is not None:
            due.append(now_ns + wait_ms * NS_PER_MS)
        return min(due, default=None)


def _began(door: str | None, by: str, why: Why) -> Tell:
    return Tell(EventKind.LOCKDOWN_BEGAN, None if door == EVERY_DOOR else door, by=by, reason=why)


def _ends_ns(order: HoldDoor) -> int:
    return order.at_ns + order.for_ms * NS_PER_MS
