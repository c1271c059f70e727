"""What is sold without a subscription, as an invoice but for its number: things, with a text and a price of their own.

Pure. It is had on the day of the sale, and its revenue is earned on that day.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.invoice import Buyer
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tax import Rate, TaxLine, tax
from portillon_cloud.billing.tax_catalogue import TaxCategory, treatment_on

SALE = "sale"
"""The component of such lines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """So many of something, at so much each in minor units."""

    description: str
    quantity: int
    unit_minor: int
    taxable: bool = True
    tax_category: TaxCategory = TaxCategory.STANDARD


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A thing as its line is written: of no subscription, price or cycle but its day's."""

    thing: Thing
    cycle: Period
    subscription_id: None = None
    component: str = SALE
    price_id: None = None
    generation: None = None
    taken_from_minor: None = None

    @property
    def start(self) -> Moment:
        """The beginning of its day."""
        return Moment(self.cycle.start)

    @property
    def end(self) -> Moment:
        """The end of its day."""
        return Moment(self.cycle.end)

    @property
    def quantity(self) -> int:
        """How many."""
        return self.thing.quantity

    @property
    def unit_minor(self) -> int:
        """What one costs."""
        return self.thing.unit_minor

    @property
    def priced_minor(self) -> int:
        """What they cost together."""
        return self.thing.quantity * self.thing.unit_minor

    @property
    def taxable(self) -> bool:
        """Whether taxes are on it."""
        return self.thing.taxable


@dataclass(frozen=True, slots=True)
class SaleLine:
    """One line of the document."""

    charge: Item
    description: str
    net_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SaleDraft:
    """A whole invoice of a sale but for its number."""

    buyer: Buyer
    due_on: datetime.date
    lines: tuple[SaleLine, ...]
    taxes: tuple[TaxLine, ...]
    inclusive: bool
    net_minor: int
    tax_minor: int
    total_minor: int


def sale_drafts(
    buyer: Buyer,
    things: Sequence[Thing],
    *,
    regime: str,
    inclusive: bool,
    issued_on: datetime.date,
    due_on: datetime.date,
) -> Iterator[SaleDraft]:
    """The invoices of one sale: what is taxed alike is on one. Raises ValueError before the tax catalogue begins."""
    alike: dict[tuple[Rate, ...], list[tuple[Thing, str | None]]] = {}
    for thing in things:
        treatment = treatment_on(regime, thing.tax_category, issued_on)
        because = treatment.exempt_because if thing.taxable else None
        alike.setdefault(treatment.rates, []).append((thing, because))
    day = Period(issued_on, issued_on + datetime.timedelta(days=1))
    for rates, sold in alike.items():
        items = [Item(thing=thing, cycle=day) for thing, _ in sold]
        taxed = tax(
            tuple(item.priced_minor for item in items),
            tuple(item.taxable for item in items),
            inclusive=inclusive,
            rates=rates,
        )
        yield SaleDraft(
            buyer=buyer,
            due_on=due_on,
            lines=tuple(
                SaleLine(item, thing.description if because is None else f"{thing.description} [{because}]", net_minor)
                for item, (thing, because), net_minor in zip(items, sold, taxed.nets_minor, strict=True)
            ),
            taxes=taxed.taxes,
            inclusive=inclusive,
            net_minor=taxed.net_minor,
            tax_minor=taxed.tax_minor,
            total_minor=taxed.total_minor,
        )
