"""What a batch of an invoice run comes to, beside what was foretold of it. Pure.

Rules:
1. Foretold is what each due subscription was billed for the cycle before, or its price in the catalogue if this is its
   first: neither knows how the engine reckoned the new one.
2. Beside it stands what the batch bills of the same subscriptions for the cycles that begin now: the plan itself,
   without discounts, fees and other people's parts.
3. A repair is a credit, or a line of what began before it fell due or was billed once already. A nightly run repairs
   next to nothing: who changes a subscription gets the documents at once.
4. Both bounds leave room: small sums and single repairs stop nothing, however large a share of a small gym they are.
"""

from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any


class Leaving(StrEnum):
    """In which way a batch left its forecast."""

    TOO_MUCH = "too_much"
    TOO_LITTLE = "too_little"
    TOO_MANY_REPAIRS = "too_many_repairs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Of one batch: subscriptions due, what was foretold and is billed of them, and repairs of what was before."""

    due: int
    foretold_minor: int
    billed_minor: int
    repairs: int

    def to_body(self) -> dict[str, int]:
        """JSON-ready."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How far a batch may leave its forecast. Percent of what was foretold, and of the subscriptions due.

    A sum stops a run only if it is `difference_minor_least` away or more, repairs if there are `repairs_least`.
    """

    billed_percent_most: int = 150
    billed_percent_least: int = 30
    difference_minor_least: int = 1_000_00
    repairs_percent_most: int = 10
    repairs_least: int = 20

    def to_body(self) -> dict[str, int]:
        """JSON-ready."""
        return asdict(self)

    @classmethod
    def from_body(cls, body: dict[str, Any]) -> "Bounds":
        """The same again."""
        return cls(**body)

    def widened_to(self, confirmed: Figures) -> "Bounds":
        """Bounds that let pass what somebody confirmed, and a quarter more: the next batch is alike, not the same."""
        billed = _percent(confirmed.billed_minor, confirmed.foretold_minor)
        repairs = _percent(confirmed.repairs, confirmed.due)
        return replace(
            self,
            billed_percent_most=max(self.billed_percent_most, billed * 5 // 4 + 1),
            billed_percent_least=min(self.billed_percent_least, billed * 3 // 4),
            repairs_percent_most=max(self.repairs_percent_most, repairs * 5 // 4 + 1),
        )


def leavings(figures: Figures, bounds: Bounds) -> tuple[Leaving, ...]:
    """In which ways these figures are out of bounds; none: the batch may be written."""
    found = []
    off_minor = figures.billed_minor - figures.foretold_minor
    if abs(off_minor) >= bounds.difference_minor_least:
        if figures.billed_minor * 100 > figures.foretold_minor * bounds.billed_percent_most:
            found.append(Leaving.TOO_MUCH)
        if figures.billed_minor * 100 < figures.foretold_minor * bounds.billed_percent_least:
            found.append(Leaving.TOO_LITTLE)
    if figures.repairs >= bounds.repairs_least and figures.repairs * 100 > figures.due * bounds.repairs_percent_most:
        found.append(Leaving.TOO_MANY_REPAIRS)
    return tuple(found)


def _percent(part: int, whole: int) -> int:
    return 100 * max(part, 0) // max(whole, 1)
