"""What a price is sold under beside its amount: how parts of a period count, on which day it bills, how one leaves.

A contract keeps the terms it was signed under: those of a price are never changed, a new price takes its place.
"""

import datetime
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from portillon_cloud.billing.calendar import Interval, IntervalUnit, add_months
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.subscription import Agreement, FreezeTerms
from portillon_cloud.billing.timeline import Tariff

_MONTHS_PER_YEAR = 12
Days = Annotated[int, Field(ge=0, le=366)]
SomeDays = Annotated[int, Field(ge=1, le=366)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldFreeze:
    """What a member may freeze. `fee_minor`: for each billing period of it, tax as the price's.

    `proof_after_days`: a longer one needs a paper. `moves_on`: paid days are used up afterwards instead of credited.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    days_least: SomeDays = 7
    days_most: SomeDays = 90
    days_per_year: SomeDays = 90
    times_per_year: Annotated[int, Field(ge=1, le=99)] = 2
    notice_days: Days = 0
    proof_after_days: Days | None = None
    fee_minor: Annotated[int, Field(ge=0, le=100_000_000)] = 0
    moves_on: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SoldTerms:
    """`billing_day`: of the month, for everybody alike; None: the day on which each began.

    `minimum_months`: nobody leaves before, but by law. `notice_days`: to leave. `back_days`: how far back a change may
    hold. `freeze` None: there is none.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")

    proration: Proration = Proration.REAL_DAYS
    billing_day: Annotated[int, Field(ge=1, le=31)] | None = None
    minimum_months: Annotated[int, Field(ge=1, le=60)] | None = None
    notice_days: Days = 0
    back_days: Days = 0
    freeze: SoldFreeze | None = SoldFreeze()

    def anchor_on(self, interval: Interval, starts_on: datetime.date) -> datetime.date:
        """The day from which billing periods are counted, never after the start; with a billing day, in a January."""
        if self.billing_day is None:
            return starts_on
        self.require_days_in_common(interval)
        this_year = datetime.date(starts_on.year, 1, self.billing_day)
        return this_year if this_year <= starts_on else this_year.replace(year=starts_on.year - 1)

    def require_days_in_common(self, interval: Interval) -> None:
        """Raises CatalogueError for a billing day of periods that are no months, or do not fill a year."""
        months = interval.unit is IntervalUnit.MONTH and _MONTHS_PER_YEAR % interval.count == 0
        if self.billing_day is not None and not months:
            raise CatalogueError(
                f"billing_day: periods of {interval.count} {interval.unit} have no day of the month in common; "
                "leave it out, or bill by 1, 2, 3, 4, 6 or 12 months"
            )

    def agreement(self, *, price_id: int, interval: Interval, starts_on: datetime.date) -> Agreement:
        """What a contract that begins on this day says of leaving and freezing."""
        least = self.minimum_months
        return Agreement(
            freeze=None if self.freeze is None else _freeze(self.freeze, price_id, interval),
            term_until_on=None if least is None else add_months(starts_on, least),
            notice_days=self.notice_days,
            back_days=self.back_days,
        )


def _freeze(sold: SoldFreeze, price_id: int, interval: Interval) -> FreezeTerms:
    fee = Tariff(price_id=price_id, unit_minor=sold.fee_minor, interval=interval) if sold.fee_minor else None
    return FreezeTerms(
        days_least=sold.days_least,
        days_most=sold.days_most,
        days_per_year=sold.days_per_year,
        times_per_year=sold.times_per_year,
        notice_days=sold.notice_days,
        proof_after_days=sold.proof_after_days,
        fee=fee,
        moves_on=sold.moves_on,
    )


USUAL = SoldTerms()
"""Of a price that says nothing."""

_ADAPTER = TypeAdapter(SoldTerms)


def to_body(terms: SoldTerms) -> dict[str, Any]:
    """The JSON-ready body."""
    body: dict[str, Any] = _ADAPTER.dump_python(terms, mode="json")
    return body


def from_body(body: dict[str, Any]) -> SoldTerms:
    """The terms again; what is not said is as the class has it. Raises CatalogueError."""
    try:
        return _ADAPTER.validate_python(body)
    except ValidationError as error:
        raise CatalogueError(f"the terms {body} cannot be read: {error}") from error
