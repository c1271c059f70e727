"""How many may be in a zone: below, at and above its capacity. Pure.

The count is of the zone and all zones within it, before whoever asks has entered; who is in it already adds nothing.
Nobody is ever kept in: leaving is no business of this rule.
"""

from portillon_rules.passback import Crossing
from portillon_rules.reason import DenyReason, GrantFlag
from portillon_rules.ruling import Ruling
from portillon_rules.zone_rule import Strictness, lies_in

RULE = "occupancy"
_NOTHING = Ruling(RULE)


def judge(crossing: Crossing, occupancy: int) -> Ruling:
    """What stands against one more person among `occupancy`."""
    rule = crossing.zones.get(crossing.zone)
    if rule is None or crossing.leaving or (crossing.staff and rule.staff_exempt):
        return _NOTHING
    presence = crossing.believed()
    if presence is not None and lies_in(presence.zone, crossing.zone, crossing.zones):
        return _NOTHING
    row = f"zone_rule/{rule.zone}"
    if rule.capacity is not None and occupancy >= rule.capacity:
        how = rule.at_capacity if occupancy == rule.capacity else rule.above_capacity
        if how is Strictness.HARD:
            return Ruling(RULE, DenyReason.ZONE_FULL, row=row)
        return Ruling(RULE, flags=(GrantFlag.ZONE_FULL,) if how is Strictness.SOFT else (), row=row)
    if rule.almost_full is not None and occupancy >= rule.almost_full:
        return Ruling(RULE, flags=(GrantFlag.ZONE_ALMOST_FULL,), row=row)
    return _NOTHING
