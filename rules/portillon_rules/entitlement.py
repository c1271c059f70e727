"""Who may pass where, when, until: one row of the feed for each credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portillon_rules.reason import DenyReason

ALWAYS = "always"
"""The schedule that is never closed."""
TOLD_WHERE_TRUE = (
    "single_use",
    "duress",
    "long_access",
    "first_person",
    "lockdown_exempt",
    "escort",
    "escorted",
)
TOLD_WHERE_ANY = ("guardians", "hosts")
TOLD_WHERE_SET = ("language",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """One credential's right to pass. Validity is half-open business time, `[valid_from_ms, valid_until_ms)`.

    `refusal` is why the standing refuses until `valid_from_ms` (a far one if no end is known): the row stays on the
    gateway so that the turnstile can say why, and a freeze that ends next week ends at a gateway that hears nothing.
    `single_use`: the first passage spends it. `duress`: it grants, and raises a silent alarm.
    `long_access`: the door gives this person more time. `first_person`: an unlock schedule that waits for somebody
    begins with this person's passage. `lockdown_exempt`: passes in a lockdown. `escort`: may lead visitors in who are
    `escorted`. `guardians` of a minor and `hosts` of a guest: members of whom one must be there (company.py).
    `language`: the one to speak to them, "en" or "fr"; None: nobody said. It opens nothing.
    """

    credential: str
    member: str
    zones: tuple[str, ...]
    schedule: str
    valid_from_ms: int
    valid_until_ms: int
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
    guardians: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    language: str | None = None

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready body of the feed row; its key is `credential`."""
        return {
            "member": self.member,
            "zones": sorted(self.zones),
            "schedule": self.schedule,
            "valid_from_ms": self.valid_from_ms,
            "valid_until_ms": self.valid_until_ms,
            "refusal": self.refusal.value if self.refusal else None,
            "staff": self.staff,
            "day_pass": self.day_pass,
            # Told only where true: rows of gateways and clouds that do not know these keys stay the same rows.
            **{key: True for key in TOLD_WHERE_TRUE if getattr(self, key)},
            **{key: sorted(getattr(self, key)) for key in TOLD_WHERE_ANY if getattr(self, key)},
            **{key: getattr(self, key) for key in TOLD_WHERE_SET if getattr(self, key) is not None},
        }

    @classmethod
    def from_body(cls, key: str, body: Mapping[str, Any]) -> "Entitlement":
        """Rebuild the row of credential hash `key`; raises KeyError or ValueError for an unreadable body."""
        refusal = body["refusal"]
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
            **{key: body[key] for key in TOLD_WHERE_TRUE if key in body},
            guardians=tuple(body.get("guardians", ())),
            hosts=tuple(body.get("hosts", ())),
            language=body.get("language"),
        )
