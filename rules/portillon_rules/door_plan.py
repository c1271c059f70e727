"""What a door is meant to do without anybody badging: its plan, and the order of staff that stands above the plan."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

EVERY_DOOR = "*"
"""The key of an order for all doors of the site. No door has this name."""


class Standing(StrEnum):
    """How a door is to stand until told otherwise; fire and egress stand above all of them."""

    FREE = "free"
    """Released: whoever comes may pass."""
    BLOCKED = "blocked"
    """Locked: no card opens it."""
    LOCKDOWN = "lockdown"
    """Locked, and above every other order: only who is exempt may pass, and no schedule unlocks."""


@dataclass(frozen=True, slots=True)
class DoorPlan:
    """While the schedule `unlock` is open the door stands FREE; with `first_person` only once one such has passed."""

    door: str
    unlock: str
    first_person: bool = False

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `door`."""
        return {"unlock": self.unlock, "first_person": self.first_person}

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "DoorPlan":
        """Rebuild the plan of door `key`; raises KeyError."""
        return cls(key, body["unlock"], body["first_person"])


@dataclass(frozen=True, slots=True)
class DoorOrder:
    """Staff's order for a door (or EVERY_DOOR), until business time `until_ms` (None: until withdrawn).

    `by` names who gave it: a staff id, never a name in clear. Withdrawing an order deletes its row: back to the plan.
    """

    door: str
    standing: Standing
    by: str
    until_ms: int | None = None

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `door`."""
        return {"standing": self.standing.value, "by": self.by, "until_ms": self.until_ms}

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "DoorOrder":
        """Rebuild the order for door `key`; raises KeyError or ValueError."""
        return cls(key, Standing(body["standing"]), body["by"], body["until_ms"])
