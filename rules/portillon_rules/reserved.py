"""Hours that are reserved for a group: women-only hours of the pool, the seniors' morning.

While a schedule is open, only its group enters. Where several windows are open at once, each of their groups does.
Staff enter too: of a zone unless its rule holds for them, of a door always. Who is inside stays, and leaves.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

RESERVED_MAX = 32
"""Windows of one zone or door: a row of the feed stays a short one."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """While `schedule` is open, `group` enters and nobody else."""

    schedule: str
    group: str

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form."""
        return {"schedule": self.schedule, "group": self.group}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Reserved":
        """Rebuild it; raises KeyError or TypeError."""
        return cls(body["schedule"], body["group"])


def reserved_from(bodies: Iterable[Mapping[str, Any]]) -> tuple[Reserved, ...]:
    """The windows of one rule; raises KeyError, TypeError, or ValueError for more than RESERVED_MAX."""
    found = tuple(map(Reserved.from_body, bodies))
    if len(found) > RESERVED_MAX:
        raise ValueError(f"{len(found)} reserved windows: write {RESERVED_MAX} at most")
    return found
