"""Which orders of staff stand, whatever became of the table that carried them. Pure.

1. What locks (LOCKDOWN, BLOCKED) is kept from the table that said so; what frees is not: no damage holds a door open.
2. No table (quarantined, or never fetched again) withdraws nothing: what was kept stands.
3. Nor does a table of no later revision than the one it was kept from: an old copy, or one that lost a row. What an
   older table says against it counts as little.
4. Nor does a table with an order's row that cannot be believed: it may be the very row. Its other orders count.
   With a line the row is mended within seconds; without one, no withdrawal could have come either.
5. Any other table is right, also in saying nothing: an order that it does not have was withdrawn.
An order's own end holds as ever (bearing.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from portillon_rules.decision import SiteRules
from portillon_rules.door_plan import DoorOrder, Standing
from portillon_wire.rows import RowKind


@dataclass(frozen=True, slots=True)
class StandingOrders:
    """By door, what was believed last; `epoch` and `revision`: of the table from which."""

    orders: Mapping[str, DoorOrder] = field(default_factory=dict)
    epoch: int = 0
    revision: int = 0

    def after(self, rules: SiteRules) -> "StandingOrders":
        """What is to be kept now that the table says `rules`; the same object if that is nothing new."""
        if rules.epoch is None or rules.revision is None:
            return self
        locking = {
            door: order for door, order in self.over(rules).orders.items() if order.standing is not Standing.FREE
        }
        if locking == self.orders:
            return self
        epoch, revision = max((self.epoch, self.revision), (rules.epoch, rules.revision))
        return StandingOrders(locking, epoch, revision)

    def over(self, rules: SiteRules) -> SiteRules:
        """The site's rules with the orders that stand."""
        if not self.orders or self._heard_out(rules):
            return rules
        if self._older(rules):
            return replace(rules, orders={**rules.orders, **self.orders})
        return replace(rules, orders={**self.orders, **rules.orders})

    def _heard_out(self, rules: SiteRules) -> bool:
        """Whether an order that this table does not have was withdrawn."""
        if rules.epoch is None or rules.revision is None or RowKind.DOOR_ORDER in rules.unread:
            return False
        return (rules.epoch, rules.revision) > (self.epoch, self.revision)

    def _older(self, rules: SiteRules) -> bool:
        if rules.epoch is None or rules.revision is None:
            return True
        return (rules.epoch, rules.revision) < (self.epoch, self.revision)


NO_ORDERS = StandingOrders()
