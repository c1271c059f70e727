"""Consumer law as pure functions, one file per law: what a contract may say, and how one may leave or renew it."""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.law import france, quebec
from portillon_cloud.billing.law.terms import (
    Leaving,
    Priced,
    Renewal,
    Repricing,
    Terms,
    Violation,
    WayOut,
    Window,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Law:
    """One law. `violations` of a contract to be signed, `way_out` of a running one, what prolonging it breaks.

    `renewal_window`: by the first day without the term, when members are told of its renewal, or offered one; None: no
    law asks. `offers_renewal`: nothing renews itself, so each is offered and accepted. `repricing`: the clause that
    lets whoever was told of a higher price leave, and how many days after it holds (-1: the day before).
    """

    version: str
    violations: Callable[[Terms], Sequence[Violation]]
    way_out: Callable[[Leaving], WayOut | None]
    renewal_violations: Callable[[Renewal], Sequence[Violation]]
    repricing_violations: Callable[[Repricing], Sequence[Violation]]
    renewal_window: Callable[[datetime.date], Window] | None
    offers_renewal: bool
    repricing: str
    refuses_price_days: int


LAWS = {
    "ca-qc": Law(
        version=quebec.VERSION,
        violations=quebec.violations,
        way_out=quebec.way_out,
        renewal_violations=quebec.renewal_violations,
        repricing_violations=quebec.repricing_violations,
        renewal_window=quebec.renewal_offer,
        offers_renewal=True,
        repricing=quebec.REPRICING,
        refuses_price_days=quebec.REPRICING_DAYS,
    ),
    "fr": Law(
        version=france.VERSION,
        violations=france.violations,
        way_out=france.way_out,
        renewal_violations=france.renewal_violations,
        repricing_violations=france.repricing_violations,
        renewal_window=france.renewal_notice_of,
        offers_renewal=False,
        repricing=france.REPRICING,
        refuses_price_days=-1,
    ),
    "none": Law(
        version="1",
        violations=lambda _terms: (),
        way_out=lambda _leaving: None,
        renewal_violations=lambda _renewal: (),
        repricing_violations=lambda _repricing: (),
        renewal_window=None,
        offers_renewal=False,
        repricing="the notice of the new price",
        refuses_price_days=-1,
    ),
}

VERSIONS = {code: law.version for code, law in LAWS.items()}

__all__ = [
    "LAWS",
    "VERSIONS",
    "Law",
    "Leaving",
    "Priced",
    "Renewal",
    "Repricing",
    "Terms",
    "Violation",
    "WayOut",
    "Window",
]
