"""What an organisation decided about unpaid dues: ladders, and what holds beside them. Pure.

One policy holds charges, reminders and restrictions, so that there are no two calendars to align by hand. Its own
ladder is that of every failure, except of those that `by_failure` gives another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.errors import PolicyInvalidError
from portillon_cloud.dunning.failures import RETRIES_CURE, FailureClass

DAYS_MAX = 366
STEPS_MAX = 32
BEFORE_DUE_DAYS_MAX = 30
PROMISE_DAYS_MAX = 60
PROMISES_MAX = 5
DEBIT_RETRIES_MAX = 2
"""A returned debit is submitted at most twice more (NACHA, reinitiation of returned entries; general knowledge)."""


class Household(StrEnum):
    """Whom unpaid dues shut out, where one account pays for several members."""

    ACCOUNT = "account"  # everybody of the account
    MEMBER = "member"  # those whose own lines are unpaid


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """From day `day` of the ladder, if at least so much is that old: `owed_minor_min`, or what its currency says."""

    day: int
    owed_minor_min: int = 1
    owed_minor_in: Mapping[str, int] = field(default_factory=dict)

    def least_minor(self, currency: str | None) -> int:
        """What must be owed, in minor units of this currency."""
        return self.owed_minor_min if currency is None else self.owed_minor_in.get(currency, self.owed_minor_min)

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form that is stored."""
        return {"day": self.day, "owed_minor_min": self.owed_minor_min, "owed_minor_in": dict(self.owed_minor_in)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction(Rung):
    """From then on these switches are off."""

    switches: frozenset[Switch]

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form that is stored."""
        return {**Rung.to_body(self), "switches": sorted(self.switches)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """What happens on which day after a charge failed. The last three end it, each by itself: to a collection agency,
    the memberships that the invoice bills, the debt."""

    retry_days: tuple[int, ...] = (3, 5, 7)
    reminder_days: tuple[int, ...] = (0, 3, 7)
    restrictions: tuple[Restriction, ...] = (Restriction(day=10, switches=frozenset({Switch.ACCESS})),)
    hand_over: Rung | None = None
    cancellation: Rung | None = None
    write_off: Rung | None = None

    def __post_init__(self) -> None:
        restriction_days = tuple(one.day for one in self.restrictions)
        _check_days("retry_days", self.retry_days, first=1)
        _check_days("reminder_days", self.reminder_days, first=0)
        _check_days("restrictions", restriction_days, first=0)
        endings = [one for one in (self.hand_over, self.cancellation, self.write_off) if one is not None]
        chased_until = max((0, *self.retry_days, *self.reminder_days))
        for ending in endings:
            if not chased_until <= ending.day <= DAYS_MAX:
                raise PolicyInvalidError(
                    f"day {ending.day}: hand over, cancel or write off once all was tried, from day {chased_until}"
                    f" to {DAYS_MAX}"
                )
        if self.write_off is not None and self.write_off.day < max(one.day for one in endings):
            raise PolicyInvalidError("write_off: what is written off is owed no more, so it comes last")
        if len(self.retry_days) + len(self.reminder_days) + len(restriction_days) + len(endings) > STEPS_MAX:
            raise PolicyInvalidError(f"a dunning ladder has at most {STEPS_MAX} steps")
        for rung in (*self.restrictions, *endings):
            if rung.owed_minor_min < 1 or any(minor < 1 for minor in rung.owed_minor_in.values()):
                raise PolicyInvalidError(f"day {rung.day}: it takes at least 1 minor unit that is owed")

    @property
    def grace_days(self) -> int | None:
        """Days for which somebody overdue still enters; None: dues never shut the door."""
        return min((one.day for one in self.restrictions if Switch.ACCESS in one.switches), default=None)

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form that is stored."""
        return {
            "retry_days": list(self.retry_days),
            "reminder_days": list(self.reminder_days),
            "restrictions": [one.to_body() for one in self.restrictions],
            "hand_over": None if self.hand_over is None else self.hand_over.to_body(),
            "cancellation": None if self.cancellation is None else self.cancellation.to_body(),
            "write_off": None if self.write_off is None else self.write_off.to_body(),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "Ladder":
        """Rebuild a stored ladder, of an older version too; raises PolicyInvalidError, KeyError."""
        return cls(**_parts(body))


@dataclass(frozen=True, slots=True, kw_only=True)
class DunningPolicy(Ladder):
    """The ladder of every failure but those in `by_failure`; and what holds beside the ladders.

    `before_due_days`: reminders so many days before an invoice or an instalment falls due. `promise_days`: how far off
    a promised day may be; 0: no promises. `promises`: how many of them one debt is given.
    """

    by_failure: Mapping[FailureClass, Ladder] = field(default_factory=dict)
    before_due_days: tuple[int, ...] = ()
    promise_days: int = 14
    promises: int = 1
    household: Household = Household.ACCOUNT

    def __post_init__(self) -> None:
        Ladder.__post_init__(self)
        for failure, ladder in self.by_failure.items():
            if ladder.retry_days and failure not in RETRIES_CURE:
                raise PolicyInvalidError(
                    f"{failure}: no charge is tried again that can never go through; leave it empty"
                )
            if failure is FailureClass.DEBIT_RETURN and len(ladder.retry_days) > DEBIT_RETRIES_MAX:
                raise PolicyInvalidError(
                    f"{failure}: banks take a returned debit at most {DEBIT_RETRIES_MAX} times more"
                )
        _check_days("before_due_days", self.before_due_days, first=1, last=BEFORE_DUE_DAYS_MAX)
        if not 0 <= self.promise_days <= PROMISE_DAYS_MAX or not 0 <= self.promises <= PROMISES_MAX:
            raise PolicyInvalidError(
                f"promises: up to {PROMISES_MAX} of them, for a day not more than {PROMISE_DAYS_MAX} days off"
            )

    def ladder_for(self, failure: FailureClass | None) -> Ladder:
        """The ladder of a failure; None: nothing has failed yet. Without charges that could cure nothing."""
        if failure is None:
            return self
        ladder = self.by_failure.get(failure, self)
        if failure not in RETRIES_CURE and ladder.retry_days:
            return replace(ladder, retry_days=())
        if failure is FailureClass.DEBIT_RETURN and len(ladder.retry_days) > DEBIT_RETRIES_MAX:
            return replace(ladder, retry_days=ladder.retry_days[:DEBIT_RETRIES_MAX])
        return ladder

    @property
    def shortest_grace_days(self) -> int | None:
        """The grace of the sternest of its ladders; None: dues never shut the door."""
        every = (self.grace_days, *(ladder.grace_days for ladder in self.by_failure.values()))
        return min((days for days in every if days is not None), default=None)

    def to_body(self) -> dict[str, Any]:
        """The JSON-ready form that is stored."""
        return {
            **Ladder.to_body(self),
            "by_failure": {str(failure): ladder.to_body() for failure, ladder in self.by_failure.items()},
            "before_due_days": list(self.before_due_days),
            "promise_days": self.promise_days,
            "promises": self.promises,
            "household": str(self.household),
        }

    @classmethod
    def from_body(cls, body: Mapping[str, Any]) -> "DunningPolicy":
        """Rebuild a stored policy, of an older version too; raises PolicyInvalidError, KeyError."""
        standard = cls()
        return cls(
            **_parts(body),
            by_failure={FailureClass(name): Ladder.from_body(one) for name, one in body.get("by_failure", {}).items()},
            before_due_days=tuple(body.get("before_due_days", ())),
            promise_days=body.get("promise_days", standard.promise_days),
            promises=body.get("promises", standard.promises),
            household=Household(body.get("household", standard.household)),
        )


def _parts(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "retry_days": tuple(body["retry_days"]),
        "reminder_days": tuple(body["reminder_days"]),
        "restrictions": tuple(
            Restriction(**_rung(one), switches=frozenset(Switch(switch) for switch in one["switches"]))
            for one in body["restrictions"]
        ),
        **{
            name: None if body.get(name) is None else Rung(**_rung(body[name]))
            for name in ("hand_over", "cancellation", "write_off")
        },
    }


def _rung(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "day": body["day"],
        "owed_minor_min": body["owed_minor_min"],
        "owed_minor_in": dict(body.get("owed_minor_in", {})),
    }


def _check_days(name: str, days: Sequence[int], *, first: int, last: int = DAYS_MAX) -> None:
    ascending = all(earlier < later for earlier, later in pairwise(days))
    if not ascending or any(not first <= day <= last for day in days):
        raise PolicyInvalidError(f"{name} {list(days)}: write ascending whole days from {first} to {last}")
