"""Consumer law as checks on a contract's terms: one file per law, each a pure function from terms to violations."""

from collections.abc import Callable, Sequence

from portillon_cloud.billing.law import france, quebec
from portillon_cloud.billing.law.terms import Terms

Law = Callable[[Terms], Sequence[str]]

LAWS: dict[str, Law] = {"ca-qc": quebec.violations, "fr": france.violations, "none": lambda _terms: ()}
VERSIONS = {"ca-qc": quebec.VERSION, "fr": france.VERSION, "none": "1"}

__all__ = ["LAWS", "VERSIONS", "Law", "Terms"]
