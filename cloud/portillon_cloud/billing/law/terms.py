"""What consumer law looks at in a contract, and what it says."""

import datetime
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken: the clause that says so, and why in words."""

    clause: str
    why: str

    def __str__(self) -> str:
        return f"{self.why} ({self.clause})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A contract before it is signed. Amounts in minor units with tax; `ends_on` is the first day without it."""

    signed_on: datetime.date
    starts_on: datetime.date
    ends_on: datetime.date | None
    renews: bool
    instalments_minor: tuple[int, ...]  # a fixed term's payments in order; of an open-ended contract the first
    first_payment_on: datetime.date
    tax_inclusive: bool


@dataclass(frozen=True, slots=True)
class Priced:
    """What the whole term would come to at the price that holds from `from_on`; minor units, with tax."""

    from_on: datetime.date
    price_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """A consumer who leaves: told on `told_on`, without the contract from `on`. `price_minor`: of the term, with tax.

    An open-ended contract has no term: `price_minor` is what was to be paid until `paid_until_on`. `repriced`: what it
    was changed to since. `at_distance`: it was signed online or by telephone. `renewed_untold_on`: the day on which it
    went on by itself, if nobody had told them in time that they might leave.
    """

    signed_on: datetime.date
    starts_on: datetime.date
    ends_on: datetime.date | None
    price_minor: int
    told_on: datetime.date
    on: datetime.date
    paid_until_on: datetime.date | None = None
    repriced: tuple[Priced, ...] = ()
    at_distance: bool = False
    renewed_untold_on: datetime.date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """The right to leave, whatever the contract says: by which clause, what may be kept (minor units, with tax), and
    by when the rest must be back; None: the law names no day, so at once. `withdrawal`: as if never signed."""

    clause: str
    kept_at_most_minor: int
    refund_due_on: datetime.date | None
    withdrawal: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A fixed term that is to be prolonged by `months`; `ends_on` is the first day without it."""

    agreed_on: datetime.date
    ends_on: datetime.date
    months: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Repricing:
    """A price that shall be another from `from_on`, told on `announced_on`; `ends_on` of the term that runs then."""

    announced_on: datetime.date
    from_on: datetime.date
    ends_on: datetime.date | None
    rises: bool


@dataclass(frozen=True, slots=True)
class Window:
    """Days on which something must be done, both included."""

    first_day: datetime.date
    last_day: datetime.date
