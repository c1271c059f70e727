"""What a door asks of whoever comes, beyond a card that opens it: a PIN at some hours, company, a supervisor inside."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portillon_rules.reserved import Reserved, reserved_from

COMPANY_WITHIN_S = 30
"""How long somebody's badge counts as company, where the door does not say: the 30 s per next card that two-person
rules are usually delivered with."""
COMPANY_WITHIN_S_MAX = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorRule:
    """One door's; a door without one asks for nothing. People wait for each other `within_s` seconds at most.

    `pin_schedule`: while it is open a card alone is not enough. `two_people`: it opens for two different members only.
    `supervisors`: members of whom one must be in the door's zone, or lately let in here; None: it needs none, empty:
    nobody may supervise now, and nobody enters. `minors_alone`: it asks for no guardian, at a lobby. `reserved`: hours
    of one group.
    """

    door: str
    pin_schedule: str | None = None
    two_people: bool = False
    supervisors: tuple[str, ...] | None = None
    minors_alone: bool = False
    within_s: int = COMPANY_WITHIN_S
    reserved: tuple[Reserved, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.within_s <= COMPANY_WITHIN_S_MAX:
            raise ValueError(f"door {self.door!r}: within_s is 1 to {COMPANY_WITHIN_S_MAX}, not {self.within_s!r}")

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `door`."""
        return {
            "pin_schedule": self.pin_schedule,
            "two_people": self.two_people,
            "supervisors": None if self.supervisors is None else sorted(self.supervisors),
            "minors_alone": self.minors_alone,
            "within_s": self.within_s,
            # Told only where there are any.
            **({"reserved": [one.to_body() for one in self.reserved]} if self.reserved else {}),
        }

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "DoorRule":
        """Rebuild the rule of door `key`; raises KeyError, TypeError or ValueError."""
        supervisors = body["supervisors"]
        return cls(
            door=key,
            pin_schedule=body["pin_schedule"],
            two_people=body["two_people"],
            supervisors=None if supervisors is None else tuple(supervisors),
            minors_alone=body["minors_alone"],
            within_s=body["within_s"],
            reserved=reserved_from(body.get("reserved", ())),
        )
