"""Amounts as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.locale.words import Words
from portillon_cloud.money import Money
from portillon_cloud.web.amount import AMOUNT_MINOR_MAX, AmountError, amount_minor, amount_text


@given(st.integers(1, AMOUNT_MINOR_MAX), st.sampled_from(["en", "fr"]), st.sampled_from(["CAD", "EUR", "JPY"]))
def test_what_the_form_suggests_is_read_back(minor, language, currency):
    """In either language and for any number of decimals, to the cent."""
    assert amount_minor(amount_text(Money(minor, currency), Words(language)), currency) == minor


@pytest.mark.parametrize(
    ("text", "minor"),
    [("49.99", 4999), ("49,99", 4999), ("49", 4900), ("49,9", 4990), ("1 149,98 $", 114998), ("$5", 500)],
)
def test_ways_to_write_an_amount(text, minor):
    """Point or comma, with or without cents, with a currency sign."""
    assert amount_minor(text, "CAD") == minor


@pytest.mark.parametrize("text", ["", "0", "-1", "1.234,56", "1,234.56", "4.999", "1e5", "٣", "nan", "9" * 40])
def test_what_could_be_misread_is_refused(text):
    """An amount is never guessed."""
    with pytest.raises(AmountError):
        amount_minor(text, "CAD")
