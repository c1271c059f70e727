"""How a door is to stand, from all that have a say. Pure; the order of the authorities is the promise:

1. fire and emergency release: the door is free, whatever else was ordered;
2. lockdown, whoever ordered it, for this door or for the site;
3. the order of a technician at the gateway: for this door, then for the site (he stands before it, without a cloud);
4. the order of staff: for this door, then for the site;
5. the plan.
An order that ends is over at that millisecond. Where time is uncertain, an end may have passed unseen: what keeps
doors locked then goes on, what keeps them free is over, unless the site's policy trusts an uncertain time.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from portillon_rules.decision import DecisionTime, TimeQuality
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_rules.policy import SitePolicy, TimeUncertain

from portillon_edge.doors.machine import Bearing


class Why(StrEnum):
    """Who had the last word."""

    PLAN = "plan"
    SCHEDULE = "schedule"
    ORDER = "order"
    LOCAL_ORDER = "local_order"
    LOCKDOWN = "lockdown"
    EMERGENCY_RELEASE = "emergency_release"
    FIRE = "fire"
    FIRE_LINE = "fire_line"
    """The loop is cut, shorted or tampered with, and nobody could see a fire."""


@dataclass(frozen=True, slots=True)
class Say:
    """One authority's word."""

    bearing: Bearing
    why: Why
    by: str | None = None


ON_PLAN = Say(Bearing.PLAN, Why.PLAN)
_OUTRANKING = (Bearing.FIRE, Bearing.LOCKDOWN)
_STANDINGS = {
    Standing.FREE: Bearing.FREE,
    Standing.BLOCKED: Bearing.BLOCKED,
    Standing.LOCKDOWN: Bearing.LOCKDOWN,
}


def last_word(says: Iterable[Say]) -> Say:
    """The one that counts; `says` come in the order of the authorities 3 to 5, 1 and 2 anywhere among them."""
    says = tuple(says)
    for outranking in _OUTRANKING:
        for say in says:
            if say.bearing is outranking:
                return say
    return next(iter(says), ON_PLAN)


def ordered(standing: Standing, by: str, *, local: bool) -> Say:
    """What an order says."""
    bearing = _STANDINGS[standing]
    if bearing is Bearing.LOCKDOWN:
        return Say(bearing, Why.LOCKDOWN, by)
    return Say(bearing, Why.LOCAL_ORDER if local else Why.ORDER, by)


def in_force(order: DoorOrder, time: DecisionTime, policy: SitePolicy | None) -> bool:
    """Whether an order of staff still stands."""
    if order.until_ms is None:
        return True
    if not trusted(time, policy):
        return order.standing is not Standing.FREE
    return time.business_ms < order.until_ms


def trusted(time: DecisionTime, policy: SitePolicy | None) -> bool:
    """Whether doors may be freed by this time of day."""
    if time.quality is TimeQuality.CERTAIN:
        return True
    return (
        time.quality is TimeQuality.UNCERTAIN and policy is not None and policy.time_uncertain is not TimeUncertain.DENY
    )
