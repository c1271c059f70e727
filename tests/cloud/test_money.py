"""Rounding and splitting, against published examples and as properties."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.money import PPM, Money, MoneyError, divide_half_away, minor_digits, share_ppm, split


@pytest.mark.parametrize(
    ("amount_minor", "rate_ppm", "expected"),
    [
        (1000_00, 250_000, 250_00),  # EN 16931, BR-CO-17
        (-6491_34, 250_000, -1622_84),  # half away from zero, also below it
        (2141_05, 140_000, 299_75),
        (1460_50, 250_000, 365_13),  # banker's rounding would give 365.12
        (100_00, 50_000, 5_00),  # Revenu Québec
        (100_00, 99_750, 9_98),
    ],
)
def test_a_share_is_rounded_half_away_from_zero(amount_minor: int, rate_ppm: int, expected: int) -> None:
    """billing.md 35, 38, 39: the examples of the European norm and of Revenu Québec come out to the cent."""
    assert share_ppm(amount_minor, rate_ppm) == expected


@given(st.integers(-(10**15), 10**15), st.integers(1, PPM))
def test_division_is_the_nearest_integer(numerator: int, denominator: int) -> None:
    """Never further than a half, and at a half the larger magnitude."""
    got = divide_half_away(numerator, denominator)
    exact = Fraction(numerator, denominator)
    assert abs(got - exact) <= Fraction(1, 2)
    if abs(got - exact) == Fraction(1, 2):
        assert abs(got) > abs(exact)


def test_three_instalments_of_a_hundred() -> None:
    """billing.md 48: the remainder goes to the earlier parts and nothing is lost."""
    assert split(100_00, [1, 1, 1]) == [33_34, 33_33, 33_33]


@given(
    st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**9), min_size=1).filter(lambda weights: sum(weights) > 0)
)
def test_a_split_is_exact_and_fair(total: int, weights: list[int]) -> None:
    """The parts sum to the whole and none is a unit away from its exact share."""
    parts = split(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


@pytest.mark.parametrize("weights", [[], [0, 0], [2, -1]])
def test_a_split_without_a_meaning_is_refused(weights: list[int]) -> None:
    """No weights, only zeros, or a negative one: an error, never a guess."""
    with pytest.raises((MoneyError, ValueError)):
        split(100, weights)


def test_two_currencies_never_mix() -> None:
    """Adding dollars to euros is an error."""
    with pytest.raises(MoneyError, match="CAD with EUR"):
        Money(1, "CAD") + Money(1, "EUR")
    assert Money(3, "CAD") - Money(1, "CAD") == -Money(-2, "CAD")


def test_people_read_their_own_way() -> None:
    """English and French Canada, and France, each see their own form."""
    assert Money(1_114_98, "CAD").format("en") == "$1,114.98"
    assert Money(1_114_98, "CAD").format("fr").replace("\xa0", " ").replace("\u202f", " ") == "1 114,98 $"
    assert Money(49_90, "EUR").format("fr", "FR").replace("\xa0", " ").replace("\u202f", " ") == "49,90 €"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "text"),
    [
        (1_234_567, "JPY", "JP¥1,234,567"),  # no minor unit
        (1_234_567, "KWD", "KWD1,234.567"),  # a thousand fils
        (1_234_567, "RSD", "RSD12,345.67"),  # a hundred para, though people write none of them
        (1_234_567, "CLF", "CLF123.4567"),
        (-5, "EUR", "-€0.05"),
    ],
)
def test_minor_units_are_those_of_iso_4217(amount_minor: int, currency: str, text: str) -> None:
    """Currencies without cents, with a thousand and with ten thousand to the unit are written as what they are."""
    assert Money(amount_minor, currency).format("en") == text


def test_minor_digits_of_a_plain_currency() -> None:
    """Most have a hundred."""
    assert [minor_digits(currency) for currency in ("CAD", "EUR", "USD", "CHF")] == [2, 2, 2, 2]
