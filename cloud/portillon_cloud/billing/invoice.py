"""An invoice as a pure function of recorded facts: the same facts and engine give the same document, always."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from babel.dates import format_date

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.tax import Rate, TaxLine, tax

ENGINE = "1"  # raise it with every change that could alter a document; old invoices keep the engine they were made by


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One recurring thing that fell due: whose, which period, at what price (minor units, per unit)."""

    subscription_id: int
    component: str
    plan_name: str
    member_name: str
    period: Period
    unit_minor: int
    taxable: bool
    quantity: int = 1
    generation: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Buyer:
    """Who pays, as known at issue."""

    account_id: int
    name: str
    email: str | None
    language: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the document."""

    charge: Charge
    description: str
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A whole invoice but for its number."""

    buyer: Buyer
    due_on: datetime.date
    lines: tuple[Line, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


def draft_invoice(
    buyer: Buyer,
    charges: Sequence[Charge],
    *,
    issued_on: datetime.date,
    payment_days: int,
    inclusive: bool,
    rates: tuple[Rate, ...],
) -> Draft:
    """The invoice for `charges`; due `payment_days` after issue, and never before the first period it bills begins."""
    taxed = tax(
        tuple(charge.unit_minor * charge.quantity for charge in charges),
        tuple(charge.taxable for charge in charges),
        inclusive=inclusive,
        rates=rates,
    )
    first_start = min(charge.period.start for charge in charges)
    return Draft(
        buyer=buyer,
        due_on=max(issued_on + datetime.timedelta(days=payment_days), first_start),
        lines=tuple(
            Line(charge, _description(charge, buyer.language), net)
            for charge, net in zip(charges, taxed.nets_minor, strict=True)
        ),
        taxes=taxed.taxes,
        net_minor=taxed.net_minor,
        tax_minor=taxed.tax_minor,
        total_minor=taxed.total_minor,
    )


def _description(charge: Charge, language: str) -> str:
    return f"{charge.plan_name}, {charge.member_name}, {_days(charge.period, language)}"


@lru_cache(maxsize=4096)  # a nightly run bills few different periods
def _days(period: Period, language: str) -> str:
    first, last = (format_date(day, format="medium", locale=language) for day in (period.start, period.last_day))
    return f"{first} – {last}"
