"""Which doors stand free by their plan. Pure.

1. While its schedule is open, a door stands free; with `first_person` only from the passage of somebody who may begin
   it, and until the schedule closes. Who passed before it opened began nothing, nor does a restart remember it.
2. Schedules go by the clock on the wall: an hour that is skipped frees nothing, an hour that comes twice frees twice.
   They change on whole minutes, and so does the wall's clock at either end of summer time: each whole minute is looked
   at, and nothing needs to be foreseen.
3. What would not let members in frees no door: time unknown or (by policy) uncertain, a lease that is over, no policy.
"""

from portillon_rules.decision import DecisionTime, SiteRules
from portillon_rules.door_plan import DoorPlan
from portillon_rules.policy import AfterLease, SitePolicy
from portillon_rules.schedule import local_time, open_at

from portillon_edge.doors.bearing import trusted

MINUTE_MS = 60_000
_HOUR_MS = 3_600_000


class PlanWatch:
    """Remembers who began which plan."""

    def __init__(self) -> None:
        self._begun: set[str] = set()

    def stands_free(self, door: str, rules: SiteRules, time: DecisionTime) -> bool:
        """Whether the door's plan frees it now; to be asked at least once a minute."""
        plan = rules.plans.get(door)
        if plan is None or not _open(plan, rules, time):
            self._begun.discard(door)
            return False
        return not plan.first_person or door in self._begun

    def passed(self, door: str, rules: SiteRules, time: DecisionTime) -> bool:
        """Somebody who may begin plans has passed this door; whether that began one."""
        plan = rules.plans.get(door)
        if plan is None or not plan.first_person or door in self._begun or not _open(plan, rules, time):
            return False
        self._begun.add(door)
        return True


def next_look_ms(rules: SiteRules, time: DecisionTime) -> int | None:
    """In how many milliseconds a plan or the end of an order may change how a door stands; None: not by itself."""
    waits = [MINUTE_MS - time.business_ms % MINUTE_MS] if rules.plans else []
    if rules.plans and time.lease_remaining_ms > 0:
        waits.append(time.lease_remaining_ms)
    ends = (order.until_ms for order in rules.orders.values() if order.until_ms is not None)
    waits += [end - time.business_ms for end in ends if end > time.business_ms]
    return min(waits, default=None)


def _open(plan: DoorPlan, rules: SiteRules, time: DecisionTime) -> bool:
    policy, schedule = rules.policy, rules.schedules.get(plan.unlock)
    if policy is None or schedule is None or not trusted(time, policy) or not _lease_holds(policy, time):
        return False
    return open_at(schedule, local_time(time.business_ms, policy.time_zone), rules.holidays)


def _lease_holds(policy: SitePolicy, time: DecisionTime) -> bool:
    if time.lease_remaining_ms > 0 or policy.after_lease is AfterLease.PASS_AND_FLAG:
        return True
    for_hours = policy.after_lease is AfterLease.PASS_FOR_HOURS
    return for_hours and -time.lease_remaining_ms < policy.after_lease_hours * _HOUR_MS
