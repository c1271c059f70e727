"""Which orders of staff stand, whatever became of the table that carried them. Pure.

1. What locks (LOCKDOWN, BLOCKED) is kept from the table that said so; what frees is not: no damage holds a door open.
2. Kept is kept until the feed itself says that the order went: an entry that withdraws it, a repair of its rows or a
   whole new table without it. A table that merely lacks it has lost a row, at whatever revision: a bit that flips in
   a row's name makes it no row of orders at all, and nothing is left to disbelieve.
3. No table (quarantined, or never fetched again) says nothing; nor does a table of no later revision than the one it
   was kept from: an old copy, or the last commits went with a power cut. What an older table says against an order
   counts as little, and an order that only it has stands while that table does: it is not kept, for it may be the very
   one that was withdrawn later.
4. Whatever else a table says of a door is right: another order for it takes the kept one's place.
5. An order that is in a table of a new epoch, or in one that was made anew, is kept from that one on.
An order's own end holds as ever (bearing.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_wire.digest import bucket_of
from portillon_wire.rows import RowKind
from portillon_wire.rule_rows import EVERY_BUCKET


@dataclass(frozen=True, slots=True)
class StandingOrders:
    """By door, what was believed last; `epoch` and `revision`: of the table from which."""

    orders: Mapping[str, DoorOrder] = field(default_factory=dict)
    epoch: int = 0
    revision: int = 0

    def after(self, rules: SiteRules) -> "StandingOrders":
        """What is to be kept now that the table says `rules`; the same object if that is nothing new."""
        if rules.epoch is None or rules.revision is None or self._older(rules):
            return self
        locking = {
            door: order for door, order in self.over(rules).orders.items() if order.standing is not Standing.FREE
        }
        if locking == self.orders and not any(self._went(door, rules) for door in locking):
            return self
        return StandingOrders(locking, rules.epoch, rules.revision)

    def over(self, rules: SiteRules) -> SiteRules:
        """The site's rules with the orders that stand."""
        stand = {door: order for door, order in self.orders.items() if not self._went(door, rules)}
        if not stand:
            return rules
        if self._older(rules):
            return replace(rules, orders={**rules.orders, **stand})
        return replace(rules, orders={**stand, **rules.orders})

    def _went(self, door: str, rules: SiteRules) -> bool:
        """Whether the feed has said since that the order went, unless the table has it (again)."""
        if rules.epoch is None or rules.epoch < self.epoch:
            return False
        if rules.epoch > self.epoch:
            return True
        told = (rules.went.get(bucket, 0) for bucket in (EVERY_BUCKET, bucket_of(RowKind.DOOR_ORDER, door)))
        return max(told) > self.revision

    def _older(self, rules: SiteRules) -> bool:
        if rules.epoch is None or rules.revision is None:
            return True
        return (rules.epoch, rules.revision) < (self.epoch, self.revision)


NO_ORDERS = StandingOrders()
