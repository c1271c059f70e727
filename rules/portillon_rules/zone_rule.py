"""What holds in one zone: who may enter it again, how many may be in it, and when everybody counts as gone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from portillon_rules.reserved import Reserved, reserved_from

EVERY_ZONE = "*"
"""The key of the rule that holds site-wide. No zone has this name."""
NESTING_MAX = 8
"""Zones within zones; rows that name each other in a ring are followed no further."""
_HOURS = 24


class Strictness(StrEnum):
    """What comes of somebody whom a rule is about."""

    OFF = "off"
    SOFT = "soft"
    """They pass, and the grant is flagged."""
    HARD = "hard"
    """They are refused."""

    @property
    def rank(self) -> int:
        """The higher, the stricter."""
        return _RANKS.index(self)


_RANKS = (Strictness.OFF, Strictness.SOFT, Strictness.HARD)
_STRICT = ("passback", "passback_after", "not_inside", "stale", "at_capacity", "above_capacity")


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRule:
    """The rule of one zone, or of EVERY_ZONE. What is not set says nothing.

    `within`: the zone from which one enters it and into which one leaves it; None: outside.
    `passback`: for whoever enters and is in it already, by what was passed; with `passback_minutes` for that long after
    the last passage, and from then on `passback_after`. Site-wide: also for whoever is still somewhere else.
    `not_inside`: for whoever leaves it, or goes further in from it, and did not enter it.
    `stale`: the most that either may come to while it is not known well who is where.
    `reset_hour`: at that hour of the site's day everybody counts as gone. `stay_minutes`: so does who stays for longer.
    `capacity`: how many may be in it, and in the zones within it. One more comes `at_capacity`, even more
    `above_capacity`; from `almost_full` people on, entries below it are flagged.
    `reserved`: hours of one group, in it and in the zones within it.
    `staff_exempt`: none of it holds for staff; they are counted.
    """

    zone: str
    within: str | None = None
    passback: Strictness = Strictness.OFF
    passback_minutes: int | None = None
    passback_after: Strictness = Strictness.OFF
    not_inside: Strictness = Strictness.OFF
    stale: Strictness = Strictness.SOFT
    reset_hour: int | None = None
    stay_minutes: int | None = None
    capacity: int | None = None
    almost_full: int | None = None
    at_capacity: Strictness = Strictness.HARD
    above_capacity: Strictness = Strictness.HARD
    reserved: tuple[Reserved, ...] = ()
    staff_exempt: bool = True

    def __post_init__(self) -> None:
        if self.reset_hour is not None and not 0 <= self.reset_hour < _HOURS:
            raise ValueError(f"zone {self.zone!r}: reset_hour {self.reset_hour} is no hour of the day: write 0 to 23")
        for name in ("passback_minutes", "stay_minutes", "capacity", "almost_full"):
            if (number := getattr(self, name)) is not None and number < 1:
                raise ValueError(f"zone {self.zone!r}: {name} is {number}: write 1 or more, or leave it out")
        if self.zone == EVERY_ZONE and (self.within or self.capacity or self.almost_full):
            raise ValueError("site-wide: within, capacity and almost_full belong to a zone, such as the outermost one")

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row: what differs from the defaults; its key is `zone`."""
        told = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "zone"}
        told["reserved"] = [one.to_body() for one in self.reserved] or ()
        return {name: value for name, value in told.items() if value != getattr(_NOTHING, name)}

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "ZoneRule":
        """Rebuild the rule of zone `key`; raises TypeError or ValueError. Keys of a newer version are not read."""
        known = {f.name: body[f.name] for f in fields(cls) if f.name in body}
        known.update({name: Strictness(known[name]) for name in _STRICT if name in known})
        known["reserved"] = reserved_from(known.get("reserved", ()))
        return cls(**{**known, "zone": key})


_NOTHING = ZoneRule(zone="")


def chain(zone: str | None, zones: Mapping[str, ZoneRule]) -> Iterator[str]:
    """The zone and the ones that it lies in, from the inside out."""
    for _ in range(NESTING_MAX):
        if zone is None:
            return
        yield zone
        rule = zones.get(zone)
        zone = rule.within if rule else None


def lies_in(place: str | None, zone: str, zones: Mapping[str, ZoneRule]) -> bool:
    """Whether whoever is at `place` is in `zone`: there itself, or in a zone within it."""
    return zone in chain(place, zones)
