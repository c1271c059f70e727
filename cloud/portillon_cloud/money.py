"""Money is an integer number of minor units and a currency. Rounding is half away from zero; no float, ever."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Self

from babel import Locale
from babel.numbers import NumberPattern

PPM = 1_000_000  # rates are parts per million: 9.975 % = 99,750

# ISO 4217, list one: the currencies whose minor unit is not a hundredth. Babel's figures are Unicode's: how many digits
# people write, which is another thing (none of Serbia's dinar, which has a hundred para).
_NO_MINOR_UNIT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THOUSANDTHS = "BHD IQD JOD KWD LYD OMR TND"
_TEN_THOUSANDTHS = "CLF UYW"
_MINOR_DIGITS = {
    currency: digits
    for digits, currencies in ((0, _NO_MINOR_UNIT), (3, _THOUSANDTHS), (4, _TEN_THOUSANDTHS))
    for currency in currencies.split()
}


class MoneyError(ValueError):
    """Two currencies met, or an amount or a share makes no sense."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency (ISO 4217)."""

    amount_minor: int
    currency: str

    def __add__(self, other: Self) -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount_minor, self.currency)

    def format(self, language: str, territory: str = "CA") -> str:
        """As people write it: `$114.98` in English, `114,98 $` in French (no-break spaces)."""
        value = Decimal(self.amount_minor).scaleb(-minor_digits(self.currency))
        pattern, locale = _pattern(f"{language}_{territory}", minor_digits(self.currency))
        text: str = pattern.apply(value, locale, currency=self.currency, currency_digits=False)
        return text

    def _same(self, other: Self) -> int:
        if other.currency != self.currency:
            raise MoneyError(f"cannot combine {self.currency} with {other.currency}")
        return other.amount_minor


def minor_digits(currency: str) -> int:
    """How many digits of an amount in `currency` are minor units (ISO 4217): CAD 2, JPY 0, KWD 3."""
    return _MINOR_DIGITS.get(currency, 2)


@lru_cache(maxsize=64)  # a language, a territory, and 0 to 4 digits
def _pattern(locale_name: str, digits: int) -> tuple[NumberPattern, Locale]:
    locale = Locale.parse(locale_name)
    pattern = copy.copy(locale.currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern, locale


def divide_half_away(numerator: int, denominator: int) -> int:
    """`numerator / denominator` rounded half away from zero; `denominator` > 0."""
    if denominator <= 0:
        raise MoneyError(f"cannot divide by {denominator}")
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return magnitude if numerator >= 0 else -magnitude


def share_ppm(amount_minor: int, rate_ppm: int) -> int:
    """`amount` x `rate`, rounded half away from zero."""
    return divide_half_away(amount_minor * rate_ppm, PPM)


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split `total` in proportion to `weights`, exactly, by largest remainder (ties: the earlier part)."""
    whole = sum(weights)
    if whole <= 0 or min(weights) < 0:
        raise MoneyError(f"cannot split {total} by weights {list(weights)}: they must not be negative nor all zero")
    magnitude = abs(total)
    parts = [magnitude * weight // whole for weight in weights]
    remainders = [magnitude * weight % whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: (-remainders[index], index))
    for index in by_remainder[: magnitude - sum(parts)]:
        parts[index] += 1
    return parts if total >= 0 else [-part for part in parts]
