"""What owners and technicians set, by which doors and plans go."""

from enum import StrEnum


class RuleKind(StrEnum):
    """What a change was of. DOOR_PLAN: at which hours a door stands unlocked; DOOR_RULE: whom it asks for what."""

    HOURS = "hours"
    HOLIDAYS = "holidays"
    ZONE = "zone"
    ZONE_RULE = "zone_rule"
    DOOR_PLAN = "door_plan"
    DOOR_RULE = "door_rule"
    POLICY = "policy"
    PLAN = "plan"
    PRICE = "price"
