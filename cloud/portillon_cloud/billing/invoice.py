"""An invoice as a pure function of recorded facts: the same facts and engine give the same document, always."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from babel.dates import format_date

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.billing.tax import Rate, TaxLine, tax
from portillon_cloud.billing.timeline import DISCOUNT, FREEZE_FEE, JOINING, TAKING_OVER, payer_of

ENGINE = "5"  # raise it with every change that could alter a document; old invoices keep the engine they were made by


_WORDS = {
    ("en", DISCOUNT): "Discount",
    ("fr", DISCOUNT): "Remise",
    ("en", FREEZE_FEE): "Freeze",
    ("fr", FREEZE_FEE): "Gel",
    ("en", JOINING): "Joining fee",
    ("fr", JOINING): "Frais d’inscription",
    ("en", TAKING_OVER): "Transfer fee",
    ("fr", TAKING_OVER): "Frais de transfert",
}
"""What stands before the plan's name on lines that are not the plan itself."""

_PAID_BY = {"en": "paid by {payer}", "fr": "payé par {payer}"}
_PART_OF = {"en": "Part of", "fr": "Part de"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One recurring thing that fell due: whose, which billing period, at what price.

    `unit_minor` is the price of one unit for the whole `cycle`; `priced_minor` what the part of it comes to that is
    covered: `part`, or all of it (None). Minor units, tax inside if the price is inclusive.
    """

    subscription_id: int
    component: str
    price_id: int
    plan_name: str
    member_name: str
    cycle: Period
    part: Span | None = None
    unit_minor: int
    quantity: int = 1
    taken_from_minor: int | None = None
    priced_minor: int
    taxable: bool
    exempt_because: str | None = None
    generation: int = 1
    codes: tuple[str, ...] = ()
    paid_by: tuple[str, ...] = ()

    @property
    def start(self) -> Moment:
        """The first moment covered."""
        return Moment(self.cycle.start) if self.part is None else self.part.start

    @property
    def end(self) -> Moment:
        """The first moment not covered."""
        return Moment(self.cycle.end) if self.part is None else self.part.end


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
    inclusive: bool
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
        tuple(charge.priced_minor for charge in charges),
        tuple(charge.taxable for charge in charges),
        inclusive=inclusive,
        rates=rates,
    )
    first_start = min(charge.start.day for charge in charges)
    return Draft(
        buyer=buyer,
        due_on=max(issued_on + datetime.timedelta(days=payment_days), first_start),
        lines=tuple(
            Line(charge, _description(charge, buyer.language), net)
            for charge, net in zip(charges, taxed.nets_minor, strict=True)
        ),
        taxes=taxed.taxes,
        inclusive=inclusive,
        net_minor=taxed.net_minor,
        tax_minor=taxed.tax_minor,
        total_minor=taxed.total_minor,
    )


def _description(charge: Charge, language: str) -> str:
    what = charge.plan_name
    if charge.component == DISCOUNT:
        what = f"{_taken_off(charge, language)} ({what})"
    elif (language, charge.component) in _WORDS:
        what = f"{_WORDS[language, charge.component]} ({what})"
    elif payer_of(charge.component) is not None:
        what = f"{_PART_OF[language]} {what}"
    if charge.exempt_because is not None:
        what = f"{what} [{charge.exempt_because}]"
    return f"{what}, {charge.member_name}, {days_in_words(charge.start, charge.end, language)}"


def _taken_off(charge: Charge, language: str) -> str:
    """Why a line is negative: a discount by its codes, and who pays instead."""
    paid_by = [_PAID_BY[language].format(payer=payer) for payer in charge.paid_by]
    discount = [" ".join((_WORDS[language, DISCOUNT], *charge.codes))] if charge.codes or not paid_by else []
    said = ", ".join((*discount, *paid_by))
    return said[0].upper() + said[1:]


@lru_cache(maxsize=4096)  # a nightly run bills few different periods
def days_in_words(start: Moment, end: Moment, language: str) -> str:
    """The days of a stretch from the first to the last, both included."""
    last_day = end.day if end.second else end.day - datetime.timedelta(days=1)
    first, last = (format_date(day, format="medium", locale=language) for day in (start.day, last_day))
    return f"{first} – {last}"
