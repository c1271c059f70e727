"""Taxes, against Revenu Québec, the European norm and arithmetic."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.tax import Taxed, rates_on, tax, tax_credit
from portillon_cloud.money import PPM, divide_half_away, share_ppm

QUEBEC = rates_on("ca-qc", date(2026, 1, 1))
FRANCE = rates_on("fr", date(2026, 1, 1))


def one(amount_minor: int, *, inclusive: bool, regime: str) -> Taxed:
    return tax((amount_minor,), (True,), inclusive=inclusive, rates=rates_on(regime, date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("net_minor", "tps_minor", "tvq_minor", "total_minor"),
    [(100_00, 5_00, 9_98, 114_98), (20_07, 1_00, 2_00, 23_07), (1, 0, 0, 1), (0, 0, 0, 0)],
)
def test_quebec_shows_two_taxes_each_on_the_net(
    net_minor: int, tps_minor: int, tvq_minor: int, total_minor: int
) -> None:
    """TVQ is 9.975 % of the price without TPS, and each tax is rounded by itself: 20.07 is 23.07, not 23.08."""
    taxed = one(net_minor, inclusive=False, regime="ca-qc")
    assert [(line.rate.tax, line.amount_minor) for line in taxed.taxes] == [("TPS", tps_minor), ("TVQ", tvq_minor)]
    assert (taxed.net_minor, taxed.total_minor) == (net_minor, total_minor)


def test_two_stages_differ_from_one_rate_a_quarter_of_the_time() -> None:
    """billing.md 37: 5,000 of the 20,000 prices from 0.01 to 200.00 would be wrong at a single 14.975 %."""
    differ = sum(
        one(price, inclusive=False, regime="ca-qc").tax_minor != share_ppm(price, 149_750) for price in range(1, 20_001)
    )
    assert differ == 5_000


def test_per_rate_on_the_invoice_not_per_line() -> None:
    """Three lines of 3.33 at 20 % bear 2.00 of tax (billing.md 43); line by line it would be 2.01."""
    taxed = tax((3_33, 3_33, 3_33), (True,) * 3, inclusive=False, rates=FRANCE)
    assert taxed.tax_minor == 2_00


@pytest.mark.parametrize(("gross_minor", "net_minor", "tax_minor"), [(49_90, 41_58, 8_32), (29_99, 24_99, 5_00)])
def test_france_prices_include_the_tva(gross_minor: int, net_minor: int, tax_minor: int) -> None:
    """billing.md 45: the price people were told is the total, to the cent."""
    taxed = one(gross_minor, inclusive=True, regime="fr")
    assert (taxed.net_minor, taxed.tax_minor, taxed.total_minor) == (net_minor, tax_minor, gross_minor)


def test_untaxed_lines_stay_out_of_the_base() -> None:
    """A deposit beside a fee: only the fee is taxed, and each line keeps its place."""
    taxed = tax((50_00, 100_00), (False, True), inclusive=False, rates=QUEBEC)
    assert taxed.nets_minor == (50_00, 100_00)
    assert {line.base_minor for line in taxed.taxes} == {100_00}
    assert taxed.total_minor == 164_98
    assert tax((50_00,), (False,), inclusive=False, rates=QUEBEC).taxes == ()


def test_no_regime_no_tax() -> None:
    """A place without tax rules bears none."""
    assert one(10_00, inclusive=False, regime="none") == Taxed((10_00,), (), 10_00, 0, 10_00)


def test_a_day_before_the_catalogue_is_an_error() -> None:
    """Rates are never guessed."""
    with pytest.raises(CatalogueError, match="begins later"):
        rates_on("ca-qc", date(2012, 12, 31))


amounts = st.lists(st.tuples(st.integers(0, 10**9), st.booleans()), min_size=1, max_size=20)


@given(amounts, st.booleans(), st.sampled_from(["ca-qc", "fr", "none"]))
def test_an_invoice_adds_up(lines: list[tuple[int, bool]], inclusive: bool, regime: str) -> None:
    """Total = lines + taxes; inclusive: the total is what was asked; no line or tax is negative."""
    given_minor, taxable = tuple(amount for amount, _ in lines), tuple(is_taxable for _, is_taxable in lines)
    taxed = tax(given_minor, taxable, inclusive=inclusive, rates=rates_on(regime, date(2026, 1, 1)))
    assert taxed.total_minor == sum(taxed.nets_minor) + sum(line.amount_minor for line in taxed.taxes)
    assert (taxed.total_minor if inclusive else taxed.net_minor) == sum(given_minor)
    assert min(taxed.nets_minor) >= 0
    for line in taxed.taxes:
        assert abs(line.amount_minor - share_ppm(line.base_minor, line.rate.rate_ppm)) <= 2


@given(
    st.lists(st.integers(-(10**6), 10**7), min_size=1, max_size=8).filter(lambda lines: sum(lines) >= 0),
    st.booleans(),
    st.sampled_from(["ca-qc", "fr", "none"]),
)
def test_credits_come_to_the_invoice(lines: list[int], inclusive: bool, regime: str) -> None:
    """Credited line by line, in any sizes, an invoice with discounts gives back its own net and taxes, to the cent."""
    rates = rates_on(regime, date(2026, 1, 1))
    whole = tax(tuple(lines), (True,) * len(lines), inclusive=inclusive, rates=rates)
    left_minor, credited = sum(lines), []
    for line in lines:
        left_minor -= line
        credited.append(tax_credit((line,), (True,), left_minor=left_minor, inclusive=inclusive, rates=rates))
    assert sum(credit.net_minor for credit in credited) == whole.net_minor
    assert sum(credit.total_minor for credit in credited) == whole.total_minor
    for index, line_of_tax in enumerate(whole.taxes):
        assert sum(credit.taxes[index].amount_minor for credit in credited) == line_of_tax.amount_minor


@given(
    st.lists(st.integers(-(10**6), 10**7), min_size=1, max_size=8).filter(lambda lines: sum(lines) >= 0),
    st.sampled_from(["ca-qc", "fr"]),
)
def test_lines_with_tax_inside_are_off_by_no_more_than_rounding(lines: list[int], regime: str) -> None:
    """Each line's net is its price without tax to within two minor units, a discount's too."""
    rates = rates_on(regime, date(2026, 1, 1))
    taxed = tax(tuple(lines), (True,) * len(lines), inclusive=True, rates=rates)
    whole_ppm = PPM + sum(rate.rate_ppm for rate in rates)
    for gross_minor, net_minor in zip(lines, taxed.nets_minor, strict=True):
        assert abs(net_minor - divide_half_away(gross_minor * PPM, whole_ppm)) <= 2
