"""How the site stood by order, kept apart from the table: for after a restart, and for when the table is damaged."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from portillon_rules.door_plan import DoorOrder

from portillon_edge.doors.bearing import Why
from portillon_edge.doors.lockdown_watch import Lockdown
from portillon_edge.doors.standing_orders import NO_ORDERS, StandingOrders

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """The orders that lock, and the lockdowns that were told and have not ended."""

    orders: StandingOrders = NO_ORDERS
    lockdowns: frozenset[Lockdown] = frozenset()

    def to_body(self) -> dict[str, Any]:
        """JSON-ready."""
        told = sorted(self.lockdowns, key=lambda one: (one.why, one.name))
        return {
            "epoch": self.orders.epoch,
            "revision": self.orders.revision,
            "orders": {door: order.to_body() for door, order in sorted(self.orders.orders.items())},
            "lockdowns": [asdict(one) for one in told],
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Kept":
        """Rebuild; raises KeyError, TypeError, AttributeError or ValueError for a body that is not one."""
        orders = {door: DoorOrder.from_body(door, order) for door, order in body["orders"].items()}
        lockdowns = (Lockdown(Why(one["why"]), one["name"], one["door"], one["by"]) for one in body["lockdowns"])
        return cls(StandingOrders(orders, body["epoch"], body["revision"]), frozenset(lockdowns))


class Standings(Protocol):
    """Where that is kept over restarts."""

    def load(self) -> Mapping[str, Any] | None:
        """The body saved last, if there is one that can be believed."""

    def save(self, body: Mapping[str, Any]) -> None:
        """Raises StandingUnwritable."""


class ForgetfulStandings:
    """Forgets with the process: for simulations."""

    def load(self) -> None:
        """Nothing."""

    def save(self, body: Mapping[str, Any]) -> None:
        """Forget it."""


def kept_in(standings: Standings) -> Kept:
    """What was kept last; nothing (and a log line) if it is not in a form that this version reads."""
    body = standings.load()
    if body is None:
        return Kept()
    try:
        return Kept.from_body(body)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        logger.error("the orders kept apart from their table are not used (%r): only the table says which stand", error)
        return Kept()
