"""What a row of the feed lets somebody do: rights side by side, and turns one after the other."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from portillon_rules.reason import DenyReason

ALWAYS = "always"
"""The schedule that is never closed."""
FOREVER_MS = 7_258_118_400_000
"""2200-01-01T00:00Z: stands for "no end known" in rows, and still fits every calendar library."""


@dataclass(frozen=True, slots=True)
class Right:
    """These zones, while this schedule is open."""

    zones: tuple[str, ...]
    schedule: str = ALWAYS

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form."""
        return {"zones": sorted(self.zones), "schedule": self.schedule}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Right":
        """Rebuild it; raises KeyError or TypeError."""
        return cls(tuple(body["zones"]), body["schedule"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What holds from `from_ms` on, until the next turn if the gateway hears nothing: a refusal, or rights.

    `staff`, `shared` and `grace_from_ms` as in the row itself.
    """

    from_ms: int
    refusal: DenyReason | None = None
    rights: tuple[Right, ...] = ()
    staff: bool = False
    shared: bool = False
    grace_from_ms: int | None = None

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form: a refusal is two keys long, since most turns are one."""
        if self.refusal is not None:
            return {"from_ms": self.from_ms, "refusal": self.refusal.value}
        told: dict[str, Any] = {"from_ms": self.from_ms, "rights": [one.to_body() for one in self.rights]}
        told.update({name: True for name in ("staff", "shared") if getattr(self, name)})
        return told if self.grace_from_ms is None else {**told, "grace_from_ms": self.grace_from_ms}

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Turn":
        """Rebuild it; raises KeyError, TypeError or ValueError."""
        if "refusal" in body:
            return cls(from_ms=body["from_ms"], refusal=DenyReason(body["refusal"]))
        return cls(
            from_ms=body["from_ms"],
            rights=tuple(map(Right.from_body, body["rights"])),
            staff=body.get("staff", False),
            shared=body.get("shared", False),
            grace_from_ms=body.get("grace_from_ms"),
        )


def joined(rights: Iterable[Right]) -> tuple[Right, ...]:
    """The same in the one shape that rows carry: one right for each schedule, the ones without hours first.

    A zone that somebody may enter always stands nowhere else.
    """
    zones: dict[str, set[str]] = {}
    for one in rights:
        zones.setdefault(one.schedule, set()).update(one.zones)
    free = zones.pop(ALWAYS, set())
    shapes = [(ALWAYS, free), *((schedule, zones[schedule] - free) for schedule in sorted(zones))]
    return tuple(Right(tuple(sorted(some)), schedule) for schedule, some in shapes if some)
