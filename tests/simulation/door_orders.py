"""Orders of staff, door plans and hours in a life of gates; and what must hold of them beyond DESIGN §8:

16. What locks stands: once a gateway has kept an order that locks, no damage, restart or power cut ends it, until the
    cloud withdrew it or its time is over.
17. Hours are those of the clock on the wall, also when that is put forward or back: nobody comes in outside of theirs,
    no door stands free outside of its plan; and once all is mended each door stands as orders and plan say.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from portillon_edge.domain.timekeeping import STEP_MS_MAX
from portillon_edge.doors.machine import Bearing
from portillon_rules.door_plan import EVERY_DOOR, Standing
from simulation.cloud_side import BY_HOURS, PLANNED, CloudSide
from simulation.finding import Finding
from simulation.gateway_side import GatewaySide
from simulation.hours import open_all_along
from simulation.house_part import SWITCH
from simulation.lanes import ENTRIES, EXIT, LANES
from simulation.pace import Pace
from simulation.schedule import Schedule

LOCKED, HOURS = 16, 17
SLACK_MS = STEP_MS_MAX + 10_000
"""So far off a gateway's time may be that it believes to know."""
LOCKING = (Standing.LOCKDOWN, Standing.BLOCKED)
_BEARINGS = {
    Standing.LOCKDOWN: Bearing.LOCKDOWN, Standing.BLOCKED: Bearing.BLOCKED, Standing.FREE: Bearing.FREE,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Given:
    """An order in force at the cloud; `by` is of this one alone."""

    by: str
    standing: Standing
    until_ms: int | None

    def stands(self, at_ms: int) -> bool | None:
        """Whether it does, by any clock that is about right; None: it ends about now."""
        if self.until_ms is None or at_ms < self.until_ms - SLACK_MS:
            return True
        return None if at_ms < self.until_ms + SLACK_MS else False


class DoorOrders:
    """Mixed into a life."""

    random: random.Random
    schedule: Schedule
    finding: Finding
    cloud: CloudSide
    cloud_alive: bool
    pace: Pace
    everyone: Callable[[], list[GatewaySide]]
    gateways: list[GatewaySide]
    _clock_error_ms: int
    _cloud_tick: Callable[[], None]
    judge_lines: Callable[[GatewaySide], None]
    orders: dict[str, Given]
    """By door, as the cloud has them."""
    withdrawn: set[str]
    """Every order that was withdrawn or replaced at any time, even if a backup brought it back."""

    def begin_orders(self) -> None:
        """No order is given."""
        self.orders, self.withdrawn, self._orders_given = {}, set(), 0

    def order_doors(self) -> None:
        """Staff gives, replaces or withdraws an order, for a door or for all, with an end or without."""
        if not self.cloud_alive or self._clock_error_ms:
            return  # an end by a wrong clock is the truth once the clock is right again
        if self.orders and self.random.random() < 0.5:
            self.order(self.random.choice(sorted(self.orders)), None)
            return
        standing = self.random.choice([Standing.LOCKDOWN, Standing.LOCKDOWN, Standing.BLOCKED, Standing.FREE])
        ends = self.random.random() < 0.6 or standing is Standing.FREE
        self.order(
            self.random.choice([*ENTRIES, *ENTRIES, EVERY_DOOR]), standing,
            for_ms=round(self.pace.wait_ms * self.random.uniform(2, 60)) if ends else None,
        )  # fmt: skip

    def order(self, door: str, standing: Standing | None, *, for_ms: int | None = None) -> None:
        """Give that order; None: withdraw what was given."""
        self._orders_given += 1
        until_ms = None if for_ms is None else self.cloud.clock.real_ms() + for_ms
        by = self.cloud.order(door, standing, until_ms=until_ms, number=self._orders_given)
        if (before := self.orders.pop(door, None)) is not None:
            self.withdrawn.add(before.by)
        if standing is not None:
            self.orders[door] = Given(by, standing, until_ms)
        self._cloud_tick()

    def open_once(self) -> None:
        """A technician opens a lane at the gateway."""
        gateway = self.random.choice(self.everyone())
        lane = self.random.choice(ENTRIES)
        if gateway.alive and not gateway.relays[lane].releasing and gateway.bearings()[lane] is not Bearing.FIRE:
            locked = self._locked_by(gateway, lane)
            gateway.open_once(lane)
            if locked is not None and gateway.relays[lane].releasing:
                self.finding.breaks(LOCKED, f"{gateway.name} opened {lane} once, against {locked}")

    def judge_doors(self) -> None:
        """How every door stands now."""
        for gateway in self.everyone():
            if not gateway.alive:
                continue
            self.judge_lines(gateway)
            for lane, bearing in gateway.bearings().items():
                locked = self._locked_by(gateway, lane)
                if locked is not None:
                    self.finding.counts["doors seen locked by order"] += 1
                    if bearing not in (_BEARINGS[locked.standing], Bearing.LOCKDOWN, Bearing.FIRE):
                        self.finding.breaks(LOCKED, f"{gateway.name}'s {lane} stands {bearing} under {locked}")
                if bearing is Bearing.FREE:
                    self._judge_free(gateway, lane)

    def judge_hours(self, gateway: GatewaySide, number: int, lane: str) -> None:
        """That gateway let that member in at this moment."""
        locked = self._locked_by(gateway, lane) or ("its switch" if gateway.lines.active[SWITCH] else None)
        if locked is not None and gateway.bearings()[lane] is not Bearing.FIRE:
            self.finding.breaks(LOCKED, f"{gateway.name} let member {number} through {lane} under {locked}")
        if number in BY_HOURS and lane != EXIT and self._shut(gateway):
            self.finding.breaks(HOURS, f"{gateway.name} let in member {number} outside of their hours")

    def doors_stand_as_said(self) -> None:
        """Everything is mended: each door stands as the cloud's orders and the wall's clock say."""
        for gateway in self.gateways:
            bearings = gateway.bearings()
            for lane in LANES if gateway.knows(self.schedule.now_ms) else ():
                said = self._said(lane)
                if said is not None and bearings[lane] is not said:
                    self.finding.breaks(HOURS, f"{gateway.name}'s {lane} stands {bearings[lane]} and not {said}")

    def _locked_by(self, gateway: GatewaySide, lane: str) -> Given | None:
        """The order that this gateway has kept, that locks this lane and is neither withdrawn nor over."""
        now_ms = self.schedule.now_ms
        for door in (EVERY_DOOR, lane):
            given = self.orders.get(door)
            if given is None or gateway.promised.get(door) != given.by or given.by in self.withdrawn:
                continue
            if given.standing not in LOCKING or (given.standing is Standing.BLOCKED and door == EVERY_DOOR):
                continue  # what is ordered for this lane alone stands above a block of all
            if given.stands(now_ms) and (given.until_ms is None or gateway.knows(now_ms)):
                return given
        return None

    def _judge_free(self, gateway: GatewaySide, lane: str) -> None:
        now_ms, rules = self.schedule.now_ms, gateway.store.site_rules()
        if not gateway.knows(now_ms):
            return
        orders = (rules.orders.get(door) for door in (lane, EVERY_DOOR))
        ends = [order.until_ms for order in orders if order is not None and order.standing is Standing.FREE]
        if any(until_ms is None or now_ms < until_ms + SLACK_MS for until_ms in ends):
            return
        self.finding.counts["doors seen free by plan"] += 1
        if lane != PLANNED or self._shut(gateway):
            self.finding.breaks(HOURS, f"{gateway.name}'s {lane} stands free and no order or plan says so")

    def _shut(self, gateway: GatewaySide) -> bool:
        now_ms = self.schedule.now_ms
        return gateway.knows(now_ms) and open_all_along(now_ms, slack_ms=SLACK_MS) is False

    def _said(self, lane: str) -> Bearing | None:
        """How the lane is to stand; None: that changes about now."""
        now_ms = self.schedule.now_ms
        given = [one for door in (lane, EVERY_DOOR) if (one := self.orders.get(door)) is not None]
        if any(one.stands(now_ms) is None for one in given):
            return None
        standing = [one.standing for one in given if one.stands(now_ms)]
        if Standing.LOCKDOWN in standing:
            return Bearing.LOCKDOWN
        if standing:
            return _BEARINGS[standing[0]]
        planned = open_all_along(now_ms, slack_ms=SLACK_MS) if lane == PLANNED else False
        return None if planned is None else Bearing.FREE if planned else Bearing.PLAN
