"""Taxes of one invoice: per rate on the invoice, never per line; half away from zero; never a tax on a tax."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from portillon_cloud.ledger import LedgerCode
from portillon_cloud.money import PPM, divide_half_away, share_ppm, split


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax: its name on the invoice, its rate in parts per million, the ledger account it is owed from."""

    tax: str
    rate_ppm: int
    code: LedgerCode


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


# Each regime's rates with the first day they hold; a new rate is a new row, the old one stays for old invoices.
# Quebec: TPS 5 % (Excise Tax Act), TVQ 9.975 % on the price without TPS (since 2013-01-01).
# France: TVA 20 % (since 2014-01-01).
_CATALOGUE: dict[str, tuple[tuple[datetime.date, tuple[Rate, ...]], ...]] = {
    "ca-qc": (
        (
            datetime.date(2013, 1, 1),
            (Rate("TPS", 50_000, LedgerCode.TAX_TPS), Rate("TVQ", 99_750, LedgerCode.TAX_TVQ)),
        ),
    ),
    "fr": ((datetime.date(2014, 1, 1), (Rate("TVA", 200_000, LedgerCode.TAX_TVA),)),),
    "none": ((datetime.date.min, ()),),
}


@lru_cache(maxsize=256)  # asked once per invoice
def rates_on(regime: str, day: datetime.date) -> tuple[Rate, ...]:
    """The rates of `regime` in force on `day`; raises ValueError for a day before the catalogue begins."""
    known = [rates for since, rates in _CATALOGUE[regime] if since <= day]
    if not known:
        raise ValueError(f"no tax rates of {regime!r} are known for {day}; the catalogue begins later")
    return known[-1]


@lru_cache(maxsize=4096)  # most invoices of a run have the same amounts
def tax(
    amounts_minor: tuple[int, ...], taxable: tuple[bool, ...], *, inclusive: bool, rates: tuple[Rate, ...]
) -> Taxed:
    """Tax the lines of one invoice; `inclusive`: the amounts (>= 0) have tax inside and their sum is fixed."""
    due = [amount for amount, is_taxable in zip(amounts_minor, taxable, strict=True) if is_taxable]
    base, nets = _take_out(due, rates) if inclusive else (sum(due), due)
    taxes = [TaxLine(rate, base, share_ppm(base, rate.rate_ppm)) for rate in rates] if due else []
    if inclusive and taxes:
        # The gross is what people were told: the last tax takes what rounding leaves.
        others = sum(line.amount_minor for line in taxes[:-1])
        taxes[-1] = TaxLine(taxes[-1].rate, base, sum(due) - base - others)
    remaining = iter(nets)
    lines = tuple(
        next(remaining) if is_taxable else amount for amount, is_taxable in zip(amounts_minor, taxable, strict=True)
    )
    net, tax_sum = sum(lines), sum(line.amount_minor for line in taxes)
    return Taxed(lines, tuple(taxes), net, tax_sum, net + tax_sum)


def _take_out(gross_minor: Sequence[int], rates: Sequence[Rate]) -> tuple[int, Sequence[int]]:
    gross = sum(gross_minor)
    if gross == 0:
        return 0, gross_minor
    net = divide_half_away(gross * PPM, PPM + sum(rate.rate_ppm for rate in rates))
    return net, split(net, gross_minor)
