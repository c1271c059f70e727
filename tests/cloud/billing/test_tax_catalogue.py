"""Which taxes are on what, where and from when; and invoices that bear them (billing.md D)."""

from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.billing.tables import invoice, invoice_line, invoice_tax
from portillon_cloud.billing.tax import rates_on, tax
from portillon_cloud.billing.tax_catalogue import CATALOGUE, VERSION, TaxCategory, treatment_on
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.members.tables import TAX_REGIMES
from sqlalchemy import select

DAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("regime", "category", "day", "rates"),
    [
        ("ca-qc", TaxCategory.STANDARD, DAY, {"TPS": 50_000, "TVQ": 99_750}),
        ("ca-qc", TaxCategory.BOOK, DAY, {"TPS": 50_000}),
        ("fr", TaxCategory.STANDARD, DAY, {"TVA": 200_000}),
        ("fr", TaxCategory.MEAL, DAY, {"TVA": 100_000}),
        ("fr", TaxCategory.EVENT_ENTRY, DAY, {"TVA": 55_000}),
        ("fr", TaxCategory.GROCERIES, DAY, {"TVA": 55_000}),
        ("fr", TaxCategory.PRESS, DAY, {"TVA": 21_000}),
        ("de", TaxCategory.STANDARD, date(2020, 6, 30), {"USt": 190_000}),
        ("de", TaxCategory.STANDARD, date(2020, 7, 1), {"USt": 160_000}),
        ("de", TaxCategory.STANDARD, date(2021, 1, 1), {"USt": 190_000}),
        ("fi", TaxCategory.STANDARD, date(2024, 8, 31), {"ALV": 240_000}),
        ("fi", TaxCategory.STANDARD, date(2024, 9, 1), {"ALV": 255_000}),
        ("ee", TaxCategory.STANDARD, date(2025, 7, 1), {"VAT": 240_000}),
        ("sk", TaxCategory.STANDARD, date(2025, 1, 1), {"VAT": 230_000}),
        ("ro", TaxCategory.STANDARD, date(2025, 8, 1), {"VAT": 210_000}),
        ("lu", TaxCategory.STANDARD, date(2023, 12, 31), {"TVA": 160_000}),
        ("be", TaxCategory.GROCERIES, DAY, {"TVA": 210_000}),  # no row of its own: the standard rate
    ],
)
def test_rates_by_place_thing_and_day(regime: str, category: TaxCategory, day: date, rates: dict[str, int]) -> None:
    """Each rate from its first day to the day before the next one's."""
    assert {rate.tax: rate.rate_ppm for rate in rates_on(regime, day, category)} == rates


def test_every_country_of_the_union_has_its_standard_rate() -> None:
    """Twenty-seven of them, none below 15 % (directive 2006/112/EC, article 97) nor above Hungary's 27 %."""
    union = set(CATALOGUE) - {"ca-qc", "none"}
    assert len(union) == 27
    for country in union:
        [rate] = rates_on(country, date(2026, 1, 1))
        assert 150_000 <= rate.rate_ppm <= 270_000, country
    assert set(TAX_REGIMES) == set(CATALOGUE)


def test_days_go_forward_and_what_bears_no_tax_says_why() -> None:
    """Rows are in order of their days; nothing is untaxed without a printed reason, but where no tax is."""
    for regime, categories in CATALOGUE.items():
        for dated in categories.values():
            days = [day for day, _ in dated]
            assert days == sorted(set(days))
            assert all(one.rates or one.exempt_because or regime == "none" for _, one in dated)


def test_before_the_catalogue_nothing_is_guessed() -> None:
    """The error names place, thing and day."""
    with pytest.raises(CatalogueError, match="'fr' on event_entry are known for 2014-12-31"):
        treatment_on("fr", TaxCategory.EVENT_ENTRY, date(2014, 12, 31))


def test_inclusive_rounding_is_stored_not_found_again() -> None:
    """billing.md 45: 2.99 with 4 % inside is 2.88 and 0.11: net first, the tax takes the rest."""
    [rate] = rates_on("hu", DAY)
    four_percent = type(rate)(rate.tax, 40_000, rate.code)
    taxed = tax((2_99,), (True,), inclusive=True, rates=(four_percent,))
    assert (taxed.net_minor, taxed.tax_minor) == (2_88, 11)


def test_ubl_example_two_at_a_quarter() -> None:
    """billing.md 39: 1460.50 at 25 % is 365.13; rounding half to even would give 365.12."""
    taxed = tax((1460_50,), (True,), inclusive=False, rates=rates_on("dk", DAY))
    assert taxed.tax_minor == 365_13


def test_what_is_taxed_otherwise_is_invoiced_apart(gym: Gym) -> None:
    """A membership, a book a month and a physiotherapist on one account: each invoice has its own taxes, the exempt one
    says why, and all say by which catalogue."""
    amounts = {TaxCategory.STANDARD: 60_00, TaxCategory.BOOK: 20_00, TaxCategory.CARE: 50_00}
    account_id = None
    for category, amount_minor in amounts.items():
        with gym.db.write() as conn:
            price_id = create_price(
                conn,
                plan_id=gym.plan_id,
                amount_minor=amount_minor,
                interval=MONTHLY,
                term_months=12,
                tax_category=category,
            )
        joined = gym.join("Zoé Roy", starts_on=DAY, account_id=account_id, price_id=price_id, language="en")
        account_id = joined.account_id
    run_invoices(gym.db, gym.legal_entity_id, on=DAY, now_ms=start_of_day_ms(DAY, "America/Toronto"))
    with gym.db.read() as conn:
        issued = conn.execute(select(invoice).order_by(invoice.c.id)).all()
        taxes = {(row.invoice_id, row.tax): row.amount_minor for row in conn.execute(select(invoice_tax)).all()}
        said = conn.scalars(select(invoice_line.c.description).order_by(invoice_line.c.id)).all()
    assert [row.total_minor for row in issued] == [68_99, 21_00, 50_00]
    assert {row.tax_catalogue for row in issued} == {VERSION}
    standard, book, _care = (row.id for row in issued)
    assert taxes == {(standard, "TPS"): 3_00, (standard, "TVQ"): 5_99, (book, "TPS"): 1_00}
    assert ["sch. V, part II" in one for one in said] == [False, False, True]
