"""Amounts as people type them into a form: '49.99', '49,99', '1 149,98 $'. No float ever."""

import re
from decimal import Decimal

from babel.numbers import format_decimal, get_currency_precision

from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money

AMOUNT_MINOR_MAX = 10_000_000_00


class AmountError(ValueError):
    """The text is no amount of this currency."""


def amount_minor(text: str, currency: str) -> int:
    """Minor units. One separator is decimal if at most the currency's decimals follow it. Raises AmountError."""
    precision: int = get_currency_precision(currency)
    plain = re.sub(r"[\s\u00a0\u202f$€]", "", text)
    found = re.fullmatch(r"([0-9]{1,10})(?:[.,]([0-9]+))?", plain)
    if found is None or len(found[2] or "") > precision:
        raise AmountError(f"{text!r} is no amount in {currency}")
    minor: int = int(found[1]) * 10**precision + int((found[2] or "").ljust(precision, "0") or "0")
    if not 0 < minor <= AMOUNT_MINOR_MAX:
        raise AmountError(f"{text!r} is out of bounds for one payment")
    return minor


def amount_text(amount: Money, words: Words) -> str:
    """The amount for a form's field, as `amount_minor` reads it back."""
    precision: int = get_currency_precision(amount.currency)
    value = Decimal(amount.amount_minor).scaleb(-precision)
    text: str = format_decimal(value, format=f"0.{'0' * precision}" if precision else "0", locale=words.locale)
    return text
