"""Which taxes are on what, where and from when. A new rate is a new row: the old one stays for what was sold before it.

Sources. Quebec: Excise Tax Act, s. 165 (TPS 5 % since 2008-01-01) and schedules V and VI; Act respecting the Québec
sales tax, s. 16 (TVQ 9.975 % of the price without TPS since 2013-01-01). France: Code général des impôts, articles 278
(20 % since 2014-01-01), 278-0 bis, 279, 298 septies, 261. Other countries of the Union: standard rates as the
Commission lists them (database "Taxes in Europe"), each since the day it has held; no reduced rates yet.
Greece is `gr`, as in ISO 3166.
"""

import datetime
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache

from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.ledger import LedgerCode

VERSION = "2026-1"
"""Raise it with every change; an invoice says by which one it was taxed."""


class TaxCategory(StrEnum):
    """What a gym sells, as tax laws tell it apart."""

    STANDARD = "standard"  # memberships, day passes, classes, clothes, drinks with alcohol
    EVENT_ENTRY = "event_entry"  # a ticket to watch a match or a show of sport
    MEAL = "meal"  # eaten here
    GROCERIES = "groceries"  # basic food, taken away
    BOOK = "book"
    PRESS = "press"
    CARE = "care"  # by a regulated health profession
    NON_PROFIT = "non_profit"  # by an association of public benefit to its members


@dataclass(frozen=True, slots=True)
class Rate:
    """One tax: its name on the invoice, its rate in parts per million, the ledger account it is owed from."""

    tax: str
    rate_ppm: int
    code: LedgerCode


@dataclass(frozen=True, slots=True)
class Treatment:
    """The taxes on something; of what bears none, why, as it is printed."""

    rates: tuple[Rate, ...]
    exempt_because: str | None = None


_Dated = tuple[tuple[datetime.date, Treatment], ...]
_BEGIN = datetime.date.min


def _tps_and(tvq_ppm: int) -> Treatment:
    tps = Rate("TPS", 50_000, LedgerCode.TAX_TPS)
    return Treatment((tps, Rate("TVQ", tvq_ppm, LedgerCode.TAX_TVQ)) if tvq_ppm else (tps,))


def _vat(tax: str, since: str, *rates_percent: str) -> _Dated:
    """`since` and `rates_percent` go together: "2014-01-01" "20", or "2013-01-01 2024-09-01" "24" "25.5"."""
    return tuple(
        (
            datetime.date.fromisoformat(day),
            Treatment((Rate(tax, int(Decimal(percent) * 10_000), LedgerCode.TAX_TVA),)),
        )
        for day, percent in zip(since.split(), rates_percent, strict=True)
    )


def _none(because: str) -> _Dated:
    return ((_BEGIN, Treatment((), because)),)


_QUEBEC: dict[TaxCategory, _Dated] = {
    TaxCategory.STANDARD: ((datetime.date(2013, 1, 1), _tps_and(99_750)),),
    TaxCategory.BOOK: ((datetime.date(2013, 1, 1), _tps_and(0)),),  # the TVQ's point-of-sale rebate
    TaxCategory.GROCERIES: _none("TPS/TVQ 0 % (Excise Tax Act, sch. VI, part III)"),
    TaxCategory.CARE: _none("TPS/TVQ exempt (Excise Tax Act, sch. V, part II)"),
}

_FRANCE: dict[TaxCategory, _Dated] = {
    TaxCategory.STANDARD: _vat("TVA", "2014-01-01", "20"),
    TaxCategory.EVENT_ENTRY: _vat("TVA", "2015-01-01", "5.5"),  # 278-0 bis, J
    TaxCategory.MEAL: _vat("TVA", "2014-01-01", "10"),  # 279, m and n
    TaxCategory.GROCERIES: _vat("TVA", "2014-01-01", "5.5"),  # 278-0 bis, A, 1°
    TaxCategory.BOOK: _vat("TVA", "2014-01-01", "5.5"),  # 278-0 bis, A, 3°
    TaxCategory.PRESS: _vat("TVA", "2014-01-01", "2.1"),  # 298 septies
    TaxCategory.CARE: _none("Exonération de TVA, article 261, 4, 1° du CGI"),
    TaxCategory.NON_PROFIT: _none("Exonération de TVA, article 261, 7, 1° du CGI"),
}

_UNION: dict[str, _Dated] = {
    "at": _vat("USt", "1984-01-01", "20"),
    "be": _vat("TVA", "1996-01-01", "21"),
    "bg": _vat("VAT", "2007-01-01", "20"),
    "cy": _vat("VAT", "2014-01-13", "19"),
    "cz": _vat("VAT", "2013-01-01", "21"),
    "de": _vat("USt", "2007-01-01 2020-07-01 2021-01-01", "19", "16", "19"),
    "dk": _vat("moms", "1992-01-01", "25"),
    "ee": _vat("VAT", "2009-07-01 2024-01-01 2025-07-01", "20", "22", "24"),
    "es": _vat("IVA", "2012-09-01", "21"),
    "fi": _vat("ALV", "2013-01-01 2024-09-01", "24", "25.5"),
    "gr": _vat("VAT", "2016-06-01", "24"),
    "hr": _vat("VAT", "2012-03-01", "25"),
    "hu": _vat("VAT", "2012-01-01", "27"),
    "ie": _vat("VAT", "2012-01-01 2020-09-01 2021-03-01", "23", "21", "23"),
    "it": _vat("IVA", "2013-10-01", "22"),
    "lt": _vat("VAT", "2009-09-01", "21"),
    "lu": _vat("TVA", "2015-01-01 2023-01-01 2024-01-01", "17", "16", "17"),
    "lv": _vat("VAT", "2012-07-01", "21"),
    "mt": _vat("VAT", "2004-01-01", "18"),
    "nl": _vat("BTW", "2012-10-01", "21"),
    "pl": _vat("VAT", "2011-01-01", "23"),
    "pt": _vat("IVA", "2011-01-01", "23"),
    "ro": _vat("VAT", "2017-01-01 2025-08-01", "19", "21"),
    "se": _vat("moms", "1990-07-01", "25"),
    "si": _vat("VAT", "2013-07-01", "22"),
    "sk": _vat("VAT", "2011-01-01 2025-01-01", "20", "23"),
}

CATALOGUE: dict[str, dict[TaxCategory, _Dated]] = {
    "ca-qc": _QUEBEC,
    "fr": _FRANCE,
    **{country: {TaxCategory.STANDARD: dated} for country, dated in _UNION.items()},
    "none": {TaxCategory.STANDARD: ((_BEGIN, Treatment(())),)},
}
"""By regime, then by category. What has no row of its own is taxed at the standard rate."""

CODES = {
    rate.tax: rate.code
    for categories in CATALOGUE.values()
    for dated in categories.values()
    for _, treatment in dated
    for rate in treatment.rates
}
"""Every tax's ledger account."""


@lru_cache(maxsize=1024)  # asked once per price and invoice
def treatment_on(regime: str, category: TaxCategory, day: datetime.date) -> Treatment:
    """What is on `category` in `regime` on `day`; raises CatalogueError for a day before the catalogue begins."""
    categories = CATALOGUE[regime]
    dated = categories.get(category, categories[TaxCategory.STANDARD])
    known = [treatment for since, treatment in dated if since <= day]
    if not known:
        raise CatalogueError(f"no taxes of {regime!r} on {category} are known for {day}; the catalogue begins later")
    return known[-1]
