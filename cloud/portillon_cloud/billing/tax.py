"""Taxes of one invoice: per rate on the invoice, never per line; half away from zero; never a tax on a tax."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from portillon_cloud.billing.tax_catalogue import CODES, TaxCategory, treatment_on
from portillon_cloud.billing.tax_catalogue import Rate as Rate
from portillon_cloud.money import PPM, divide_half_away, share_ppm


@dataclass(frozen=True, slots=True)
class TaxLine:
    """One tax of one invoice, in minor units."""

    rate: Rate
    base_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Taxed:
    """What an invoice comes to. `net_minor` has one amount per line, in their order."""

    nets_minor: tuple[int, ...]
    taxes: tuple[TaxLine, ...]
    net_minor: int
    tax_minor: int
    total_minor: int


def issued_rates(taxes: Mapping[str, int]) -> tuple[Rate, ...]:
    """The rates that an invoice was issued with, from its taxes and their parts per million."""
    return tuple(Rate(tax, taxes[tax], code) for tax, code in CODES.items() if tax in taxes)


def rates_on(regime: str, day: datetime.date, category: TaxCategory = TaxCategory.STANDARD) -> tuple[Rate, ...]:
    """The rates of `regime` in force on `day`; raises CatalogueError for a day before the catalogue begins."""
    return treatment_on(regime, category, day).rates


@dataclass(frozen=True, slots=True)
class SumTaxed:
    """What a sum of taxable amounts comes to; `amounts_minor` has one tax per rate, in their order."""

    net_minor: int
    amounts_minor: tuple[int, ...]


def tax_sum(priced_minor: int, *, inclusive: bool, rates: tuple[Rate, ...]) -> SumTaxed:
    """Tax one sum; `inclusive`: it has tax inside and is fixed: the last tax takes what rounding leaves."""
    if not inclusive:
        return SumTaxed(priced_minor, tuple(share_ppm(priced_minor, rate.rate_ppm) for rate in rates))
    net_minor = divide_half_away(priced_minor * PPM, PPM + sum(rate.rate_ppm for rate in rates))
    amounts = [share_ppm(net_minor, rate.rate_ppm) for rate in rates]
    if amounts:
        amounts[-1] = priced_minor - net_minor - sum(amounts[:-1])
    return SumTaxed(net_minor, tuple(amounts))


@lru_cache(maxsize=4096)  # most invoices of a run have the same amounts
def tax(
    amounts_minor: tuple[int, ...], taxable: tuple[bool, ...], *, inclusive: bool, rates: tuple[Rate, ...]
) -> Taxed:
    """Tax the lines of one invoice; a discount's amount is negative. `inclusive`: the amounts have tax inside."""
    return tax_credit(amounts_minor, taxable, left_minor=0, inclusive=inclusive, rates=rates)


def tax_credit(
    amounts_minor: tuple[int, ...],
    taxable: tuple[bool, ...],
    *,
    left_minor: int,
    inclusive: bool,
    rates: tuple[Rate, ...],
) -> Taxed:
    """Tax lines that are taken back of an invoice of which taxable lines of `left_minor`, as priced, are left then.

    The difference between the taxes before and after: so all credits of an invoice come to its own taxes, whatever
    parts it is credited in.
    """
    due = [amount for amount, is_taxable in zip(amounts_minor, taxable, strict=True) if is_taxable]
    before = tax_sum(left_minor + sum(due), inclusive=inclusive, rates=rates)
    after = tax_sum(left_minor, inclusive=inclusive, rates=rates)
    base = before.net_minor - after.net_minor
    amounts = [had - has for had, has in zip(before.amounts_minor, after.amounts_minor, strict=True)]
    taxes = [TaxLine(rate, base, amount) for rate, amount in zip(rates, amounts, strict=True)] if due else []
    remaining = iter(_nets(due, base, rates) if inclusive else due)
    lines = tuple(
        next(remaining) if is_taxable else amount for amount, is_taxable in zip(amounts_minor, taxable, strict=True)
    )
    net, tax_minor = sum(lines), sum(line.amount_minor for line in taxes)
    return Taxed(lines, tuple(taxes), net, tax_minor, net + tax_minor)


def _nets(gross_minor: Sequence[int], net_minor: int, rates: Sequence[Rate]) -> Sequence[int]:
    """Each line without its tax, by largest remainder (ties: the earlier line), so that they come to `net_minor`."""
    whole = PPM + sum(rate.rate_ppm for rate in rates)
    nets = [gross * PPM // whole for gross in gross_minor]
    by_remainder = sorted(range(len(nets)), key=lambda index: (-(gross_minor[index] * PPM % whole), index))
    step = 1 if net_minor >= sum(nets) else -1
    for turn in range(abs(net_minor - sum(nets))):
        nets[by_remainder[turn % len(nets)]] += step
    return nets
