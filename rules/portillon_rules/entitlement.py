"""Who may pass where, when, until: one row of the feed for each credential."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from portillon_rules.reason import DenyReason
from portillon_rules.right import ALWAYS, FOREVER_MS, Right, Turn

__all__ = ["ALWAYS", "FOREVER_MS", "Entitlement", "Right", "Turn"]

TOLD_WHERE_TRUE = (
    "single_use",
    "duress",
    "long_access",
    "first_person",
    "lockdown_exempt",
    "escort",
    "escorted",
    "shared",
)
TOLD_WHERE_ANY = ("guardians", "hosts", "groups")
TOLD_WHERE_SET = ("language", "grace_from_ms")

_TOLD_ALWAYS = 8
"""Keys that every body has; most rows have no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """One credential's right to pass. Validity is half-open business time, `[valid_from_ms, valid_until_ms)`.

    `zones` and `schedule` are the first of its `rights`, `also` the others: each zone at the hours of its own right.
    `refusal` is why the standing refuses until `valid_from_ms` (a far one if no end is known): the row stays on the
    gateway so that the turnstile can say why, and a freeze that ends next week ends at a gateway that hears nothing.
    `turns`: what holds from later instants on instead of all that, so that it goes on to answer as the cloud would.
    `grace_from_ms`: from then on it lets in although something is open (dues, a lenient site). `shared`: although the
    pass looks shared.
    `single_use`: the first passage spends it. `duress`: it grants, and raises a silent alarm.
    `long_access`: the door gives this person more time. `first_person`: an unlock schedule that waits for somebody
    begins with this person's passage. `lockdown_exempt`: passes in a lockdown. `escort`: may lead visitors in who are
    `escorted`. `guardians` of a minor and `hosts` of a guest: members of whom one must be there (company.py).
    `groups`: for whom hours are reserved (reserved.py).
    `language`: the one to speak to them, "en" or "fr"; None: nobody said. It opens nothing.
    """

    credential: str
    member: str
    zones: tuple[str, ...]
    schedule: str
    valid_from_ms: int
    valid_until_ms: int
    also: tuple[Right, ...] = ()
    refusal: DenyReason | None = None
    staff: bool = False
    day_pass: bool = False
    single_use: bool = False
    duress: bool = False
    long_access: bool = False
    first_person: bool = False
    lockdown_exempt: bool = False
    escort: bool = False
    escorted: bool = False
    shared: bool = False
    guardians: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    language: str | None = None
    grace_from_ms: int | None = None
    turns: tuple[Turn, ...] = ()

    @property
    def rights(self) -> tuple[Right, ...]:
        """Every right of the row, the first one first."""
        return (Right(self.zones, self.schedule), *self.also)

    def schedules_of(self, zone: str) -> tuple[str, ...]:
        """The schedules of the rights that open this zone; none: nothing opens it."""
        if not self.also:
            return (self.schedule,) if zone in self.zones else ()
        return tuple(right.schedule for right in self.rights if zone in right.zones)

    def at(self, business_ms: int) -> "Entitlement":
        """The row as it stands at an instant: as written until its first turn, then as the latest one says."""
        begun = [turn for turn in self.turns if turn.from_ms <= business_ms]
        if not begun:
            return self
        turn = begun[-1]
        first, *also = turn.rights or (Right(()),)
        return replace(
            self,
            zones=first.zones,
            schedule=first.schedule,
            also=tuple(also),
            refusal=turn.refusal,
            valid_from_ms=turn.from_ms if turn.refusal is None else FOREVER_MS,
            valid_until_ms=FOREVER_MS,
            staff=turn.staff,
            shared=turn.shared,
            grace_from_ms=turn.grace_from_ms,
            turns=(),
        )

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `credential`."""
        body: dict[str, Any] = {
            "member": self.member,
            "zones": sorted(self.zones),
            "schedule": self.schedule,
            "valid_from_ms": self.valid_from_ms,
            "valid_until_ms": self.valid_until_ms,
            "refusal": self.refusal.value if self.refusal else None,
            "staff": self.staff,
            "day_pass": self.day_pass,
        }
        # Told only where there is something to tell: rows of gateways and clouds that do not know these keys stay the
        # same rows. Who knows no `also` reads the first right alone, and who knows no `turns` an earlier end.
        body.update({key: True for key in TOLD_WHERE_TRUE if getattr(self, key)})
        body.update({key: sorted(getattr(self, key)) for key in TOLD_WHERE_ANY if getattr(self, key)})
        body.update({key: getattr(self, key) for key in TOLD_WHERE_SET if getattr(self, key) is not None})
        for key, parts in (("also", self.also), ("turns", self.turns)):
            if parts:
                body[key] = [one.to_body() for one in parts]
        return body

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "Entitlement":
        """Rebuild the row of credential hash `key`; raises KeyError, TypeError or ValueError for an unreadable body."""
        refusal = body["refusal"]
        more: dict[str, Any] = _told_where_any(body) if len(body) > _TOLD_ALWAYS else {}
        return cls(
            credential=key,
            member=body["member"],
            zones=tuple(body["zones"]),
            schedule=body["schedule"],
            valid_from_ms=body["valid_from_ms"],
            valid_until_ms=body["valid_until_ms"],
            refusal=DenyReason(refusal) if refusal is not None else None,
            staff=body["staff"],
            day_pass=body["day_pass"],
            **more,
        )


def _told_where_any(body: Mapping[str, Any]) -> dict[str, Any]:
    """What only some rows tell, as arguments."""
    more: dict[str, Any] = {name: body[name] for name in (*TOLD_WHERE_TRUE, *TOLD_WHERE_SET) if name in body}
    more.update({name: tuple(body[name]) for name in TOLD_WHERE_ANY if name in body})
    if "also" in body:
        more["also"] = tuple(map(Right.from_body, body["also"]))
    if "turns" in body:
        more["turns"] = tuple(map(Turn.from_body, body["turns"]))
    return more
