"""Sales and payments of consumers by day and rate: they tie to the documents, and to the takings of each day."""

from collections import defaultdict
from dataclasses import replace
from datetime import date

import pytest
from cloud.accounting.french_book import MONTHLY, live_a_winter, open_french_gym
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.accounting.e_reporting import PaidDay, SoldDay, paid, parts_of, require_french, sold
from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.billing.operations import create_plan, create_price
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.payments.tables import Means, payment
from portillon_cloud.takings.tables import taking
from sqlalchemy import func, select, update

ALL = {"from_on": date(2025, 12, 1), "through_on": date(2026, 2, 28)}


@pytest.fixture
def lyon(sqlite_db, keyring):
    return open_french_gym(sqlite_db, keyring)


def test_sales_by_day_and_rate(db, keyring):
    """Invoices less credit notes, as printed on them, on the day of issue."""
    lyon = open_french_gym(db, keyring)
    live_a_winter(lyon)
    with lyon.db.read() as conn:
        found = sold(conn, lyon.book, **ALL)
    one = {"rate_ppm": 200_000, "documents": 1}
    assert found == [
        SoldDay(on=date(2025, 12, 10), **one, net_minor=49_92, tax_minor=9_98),
        SoldDay(on=date(2025, 12, 20), **one, net_minor=49_92, tax_minor=9_98),
        SoldDay(on=date(2026, 1, 10), **one, net_minor=49_92, tax_minor=9_98),
        SoldDay(on=date(2026, 1, 20), **one, net_minor=49_92, tax_minor=9_98),
        SoldDay(on=date(2026, 1, 25), **one, net_minor=-30_59, tax_minor=-6_12),
    ]


def test_payments_by_day_and_rate(lyon):
    """On the day they came, with tax; what settles no invoice stands without a rate; each day ties to its takings."""
    live_a_winter(lyon)
    with lyon.db.read() as conn:
        found = paid(conn, lyon.book, **ALL)
        taken = conn.execute(select(taking.c.taken_on, func.sum(taking.c.amount_minor)).group_by(taking.c.taken_on))
        by_day = {on: int(minor) for on, minor in taken}
    assert found == [
        PaidDay(on=date(2025, 12, 20), rate_ppm=200_000, amount_minor=59_90),
        PaidDay(on=date(2026, 1, 12), rate_ppm=200_000, amount_minor=59_90),
        PaidDay(on=date(2026, 1, 28), rate_ppm=None, amount_minor=10_00),
    ]
    assert {one.on: one.amount_minor for one in found} == by_day


def test_what_bears_no_tax_and_what_companies_buy(lyon):
    """Without tax at rate 0; of companies nothing: theirs are electronic invoices."""
    with lyon.db.write() as conn:
        same = {"organisation_id": lyon.book.organisation_id, "legal_entity_id": lyon.book.legal_entity_id}
        plan_id = create_plan(conn, **same, code="kine", name="Kiné")
        free = create_price(
            conn,
            plan_id=plan_id,
            amount_minor=30_00,
            interval=MONTHLY,
            term_months=12,
            tax_inclusive=True,
            taxable=False,
        )
    payer, _ = replace(lyon, price_id=free).join("Ada", "Roux", on=date(2026, 1, 5))
    lyon.join("Soierie", "SAS", on=date(2026, 1, 5), kind="company")
    lyon.bill(date(2026, 1, 5))
    lyon.pay(payer, 30_00, Means.CASH, on=date(2026, 1, 5))
    with lyon.db.read() as conn:
        assert [(one.rate_ppm, one.net_minor, one.tax_minor) for one in sold(conn, lyon.book, **ALL)] == [(0, 30_00, 0)]
        assert [(one.rate_ppm, one.amount_minor) for one in paid(conn, lyon.book, **ALL)] == [(0, 30_00)]
        assert conn.execute(select(func.count()).select_from(invoice)).scalar_one() == 2


@settings(max_examples=60)
@given(
    gross=st.lists(st.integers(1, 20_000), min_size=1, max_size=4),
    cuts=st.lists(st.integers(1, 5_000), min_size=1, max_size=8),
)
def test_however_it_is_paid_the_parts_come_to_the_invoice(gross, cuts):
    """Every payment is parted whole, and all together give each rate exactly its own amount."""
    rates, left = dict(enumerate(gross)), sum(gross)
    amounts = []
    for cut in [*cuts, left]:
        amounts.append(min(cut, left))
        left -= amounts[-1]
    sums = defaultdict(int)
    for amount, parts in zip(amounts, parts_of(amounts, rates), strict=True):
        assert sum(parts.values()) == amount
        for rate, minor in parts.items():
            sums[rate] += minor
    assert sums == rates


def test_a_payment_at_night_is_of_the_day_on_the_gyms_wall(lyon):
    """Midnight in Paris on the 2nd is the 1st in UTC."""
    payer, _ = lyon.join("Ada", "Roux", on=date(2026, 1, 1))
    lyon.bill(date(2026, 1, 1))
    lyon.pay(payer, 59_90, Means.CASH, on=date(2026, 1, 2), hour=0)
    with lyon.db.read() as conn:
        received_ms = conn.execute(select(payment.c.received_at_ms)).scalar_one()
        [found] = paid(conn, lyon.book, from_on=date(2026, 1, 2), through_on=date(2026, 1, 2))
        assert paid(conn, lyon.book, from_on=date(2026, 1, 1), through_on=date(2026, 1, 1)) == []
    assert (found.on, local_date(received_ms, "UTC")) == (date(2026, 1, 2), date(2026, 1, 1))


def test_only_french_sales_are_reported_so(lyon):
    """Another regime is told no."""
    with lyon.db.write() as conn:
        require_french(conn, lyon.book)
        conn.execute(update(legal_entity).values(tax_regime="ca-qc"))
        with pytest.raises(ExportRefusedError):
            require_french(conn, lyon.book)
