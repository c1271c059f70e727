"""Consumer law as pure functions, one file per law: what a contract may say, and how one may leave or renew it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.law import france, quebec
from portillon_cloud.billing.law.terms import Leaving, Renewal, Terms, Violation, WayOut


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law. `violations` of a contract to be signed, `way_out` of a running one, what prolonging it breaks."""

    version: str
    violations: Callable[[Terms], Sequence[Violation]]
    way_out: Callable[[Leaving], WayOut | None]
    renewal_violations: Callable[[Renewal], Sequence[Violation]]


LAWS = {
    "ca-qc": Law(
        version=quebec.VERSION,
        violations=quebec.violations,
        way_out=quebec.way_out,
        renewal_violations=quebec.renewal_violations,
    ),
    "fr": Law(
        version=france.VERSION,
        violations=france.violations,
        way_out=france.way_out,
        renewal_violations=france.renewal_violations,
    ),
    "none": Law(
        version="1",
        violations=lambda _terms: (),
        way_out=lambda _leaving: None,
        renewal_violations=lambda _renewal: (),
    ),
}

VERSIONS = {code: law.version for code, law in LAWS.items()}

__all__ = ["LAWS", "VERSIONS", "Law", "Leaving", "Renewal", "Terms", "Violation", "WayOut"]
