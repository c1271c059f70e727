"""Which lockdowns have begun and which have ended, each told once, also over a restart. Pure.

1. A lockdown is named by what causes it: a switch, the order for a door given here, the cloud's order for a door. Two
   causes are two lockdowns; one cause goes on as one, whoever gives its order again.
2. It has ended when its cause is gone, and is told with who ended it: the switch, whoever withdrew or replaced an order
   here, or whoever gave the cloud's order that replaced it. Who withdrew one in the cloud, the cloud knows.
3. What was told is kept over a restart: what goes on is not told again, what ended meanwhile is told as ended. An order
   given here ends with the gateway (site_stand.py).
4. A switch that has not been read since the start stands as it was kept: see site_watch.py, rule 5.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from portillon_rules.decision import DecisionTime, SiteRules
from portillon_rules.door_plan import EVERY_DOOR, DoorOrder, Standing

from portillon_edge.domain.events import EventKind
from portillon_edge.doors.bearing import Why, in_force
from portillon_edge.doors.site_watch import Tell


@dataclass(frozen=True, slots=True)
class Lockdown:
    """One cause: `why` LOCKDOWN (the switch `name`), LOCAL_ORDER or ORDER (for the door `name`, or EVERY_DOOR)."""

    why: Why
    name: str
    door: str | None
    """The one that it is about, None: more than one."""
    by: str


def ordered_lockdown(why: Why, key: str, by: str) -> Lockdown:
    """The lockdown that an order for this door, or for EVERY_DOOR, causes."""
    return Lockdown(why, key, None if key == EVERY_DOOR else key, by)


class LockdownWatch:
    """`told`: those that were told and had not ended when the gateway did."""

    def __init__(self, told: Iterable[Lockdown] = ()) -> None:
        self._told = {(one.why, one.name): one for one in told}
        self._enders: dict[str, str] = {}

    @property
    def told(self) -> frozenset[Lockdown]:
        """What has begun and not ended."""
        return frozenset(self._told.values())

    def withdrawn(self, door: str, by: str) -> None:
        """Somebody here withdrew or replaced the order given here for that door."""
        self._enders[door] = by

    def look(self, causes: Iterable[Lockdown], rules: SiteRules, time: DecisionTime) -> Iterator[Tell]:
        """What began and what ended since the last look."""
        now = {(one.why, one.name): one for one in causes}
        before, self._told = self._told, {key: self._told.get(key, one) for key, one in now.items()}
        enders, self._enders = self._enders, {}
        for key, one in now.items():
            if key not in before:
                yield Tell(EventKind.LOCKDOWN_BEGAN, one.door, by=one.by, reason=one.why)
        for key, one in before.items():
            if key not in now:
                by, detail = _end(one, enders, rules.orders, time)
                yield Tell(EventKind.LOCKDOWN_ENDED, one.door, by=by, reason=one.why, detail=detail)


def orders_of(rules: SiteRules, doors: Iterable[str], time: DecisionTime) -> Iterator[Lockdown]:
    """The lockdowns that the cloud's orders in force cause for these doors."""
    for key in (*doors, EVERY_DOOR):
        order = rules.orders.get(key)
        if order is not None and order.standing is Standing.LOCKDOWN and in_force(order, time, rules.policy):
            yield ordered_lockdown(Why.ORDER, key, order.by)


def _end(
    one: Lockdown, enders: Mapping[str, str], orders: Mapping[str, DoorOrder], time: DecisionTime
) -> tuple[str | None, str]:
    """Who ended it, None: nobody here; and how it ended."""
    if one.why is Why.LOCKDOWN:
        return one.by, "the switch was turned back"
    if one.why is Why.LOCAL_ORDER:
        by = enders.get(one.name)
        return by, "withdrawn here" if by else "its time was over, or the gateway started anew"
    order = orders.get(one.name)
    if order is None:
        return None, "withdrawn in the cloud"
    if order.standing is Standing.LOCKDOWN:
        return None, "its time was over"
    return order.by, f"replaced: {order.standing}"
