"""What an answer rests on, so that door, journal, `explain` and front desk can all show the same."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an answer rests on: the rule that spoke, the feed row it read (`kind/key`), the table's revision.

    A grant rests on its entitlement. No row: the rule looked at the gateway or the door itself.
    """

    rule: str
    row: str | None = None
    revision: int | None = None


NO_EVIDENCE = Evidence("none")
