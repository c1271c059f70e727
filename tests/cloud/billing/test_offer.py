"""What a price comes to: trial, term, joining fee, coupon and instalments as payments, with no database."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Interval, IntervalUnit, add_months
from portillon_cloud.billing.catalogue import Extras, Price
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.offer import Gift, offer, payments
from portillon_cloud.billing.timeline import Discounted

MONTHLY = Price(
    id=1,
    organisation_id=1,
    legal_entity_id=1,
    plan_id=1,
    plan_name="Basic",
    amount_minor=60_00,
    currency="CAD",
    interval=Interval(IntervalUnit.MONTH, 1),
    tax_inclusive=False,
    taxable=True,
    term_months=12,
)
DAY_PASS = replace(
    MONTHLY, amount_minor=15_00, interval=Interval(IntervalUnit.DAY, 1), term_months=None, extras=Extras(times=1)
)
YEARLY = replace(MONTHLY, amount_minor=420_00, interval=Interval(IntervalUnit.MONTH, 12))
START = date(2026, 1, 31)


def due(price, **terms):
    offered = offer(price, starts_on=terms.pop("starts_on", START), **terms)
    return [(one.due_on, one.total_minor) for one in payments(offered, regime="ca-qc")]


def test_a_trial_costs_nothing_and_sets_the_billing_day():
    """Kill Bill 743: thirty days from 1 March end on the 31st, which is the billing day from then on."""
    price = replace(MONTHLY, extras=Extras(trial_days=30))
    offered = offer(price, starts_on=date(2017, 3, 1))
    assert offered.trial_until_on == offered.anchor_on == date(2017, 3, 31)
    assert offered.ends_on == date(2018, 3, 31) and not offered.plain
    assert [on for on, _ in due(price, starts_on=date(2017, 3, 1))][:3] == [
        date(2017, 3, 31),
        date(2017, 4, 30),
        date(2017, 5, 31),
    ]


def test_a_joining_fee_is_paid_once_with_the_first_period():
    """25.00 beside the first 60.00, with taxes; then the price alone."""
    price = replace(MONTHLY, extras=Extras(joining_minor=25_00))
    amounts = [minor for _, minor in due(price)]
    assert amounts == [97_73, *[68_99] * 11]
    waived = Gift(code="JAN", waives_joining=True)
    assert [minor for _, minor in due(price, gift=waived)] == [68_99] * 12


def test_a_day_pass_is_one_day_once():
    """One payment, one day, then nothing: a pack for six months is the same with six months."""
    assert due(DAY_PASS) == [(START, 17_25)]
    assert offer(DAY_PASS, starts_on=START).ends_on == START + timedelta(days=1)
    pack = replace(MONTHLY, interval=Interval(IntervalUnit.MONTH, 6), term_months=None, extras=Extras(times=1))
    assert offer(pack, starts_on=START).ends_on == date(2026, 7, 31) and len(due(pack)) == 1


def test_a_coupon_counts_its_cycles_from_the_first_paid_one():
    """Half price for two months after the trial; the third is whole."""
    gift = Gift(code="HALF", share_ppm=500_000, cycles=2)
    amounts = [minor for _, minor in due(replace(MONTHLY, extras=Extras(trial_days=7)), gift=gift)]
    assert amounts == [34_49, 34_49, *[68_99] * 10]


def test_an_add_on_ends_with_what_it_is_beside():
    """Its last period is cut there and costs its days."""
    offered = offer(MONTHLY, starts_on=START, beside_until_on=date(2026, 3, 15))
    assert offered.ends_on == date(2026, 3, 15) and not offered.plain
    assert [one.pieces[0].amount_minor for one in payments(offered, regime="ca-qc")] == [
        60_00,
        29_03,
    ]  # 15 of the 31 days from 28 February
    with pytest.raises(CatalogueError, match="starts_on"):
        offer(MONTHLY, starts_on=START, beside_until_on=START)


def test_an_import_pays_no_trial_joining_fee_or_past_period_again():
    """What was billed elsewhere before the given day stays there, and the whole contract is still what was signed."""
    price = replace(MONTHLY, extras=Extras(joining_minor=25_00, trial_days=14))
    offered = offer(price, starts_on=START, billed_from_on=date(2026, 6, 1))
    assert (offered.first_on, offered.anchor_on, offered.plain) == (date(2026, 6, 30), START, True)
    assert len(payments(offered, regime="ca-qc")) == 12


def test_what_has_no_end_is_told_for_a_year():
    """Twelve payments of an open-ended month, and no end."""
    offered = offer(replace(MONTHLY, term_months=None), starts_on=START)
    assert offered.ends_on is offered.periods is None
    assert len(payments(offered, regime="fr")) == 12


def test_instalments_are_equal_and_lose_no_cent():
    """A year's 482.90 with taxes in twelve parts a month apart; two cents that are left over go first."""
    price = replace(YEARLY, extras=Extras(instalments=12))
    parts = due(price)
    assert sum(minor for _, minor in parts) == 482_90 and [on for on, _ in parts][:2] == [START, date(2026, 2, 28)]
    assert [minor for _, minor in parts] == [40_25, 40_25, *[40_24] * 10]
    third = replace(YEARLY, amount_minor=100_00, taxable=False, extras=Extras(instalments=3))
    assert [minor for _, minor in due(third)] == [33_34, 33_33, 33_33]


@settings(max_examples=60, deadline=None)
@given(
    amount_minor=st.integers(1, 1_000_00),
    unit=st.sampled_from(IntervalUnit),
    count=st.integers(1, 12),
    times=st.integers(1, 24),
    instalments=st.integers(1, 12),
    joining_minor=st.integers(0, 100_00),
    trial_days=st.integers(0, 60),
    cycles=st.none() | st.integers(1, 30),
    share_ppm=st.integers(0, 1_000_000),
)
def test_payments_come_to_the_price_less_the_coupon(
    amount_minor, unit, count, times, instalments, joining_minor, trial_days, cycles, share_ppm
):
    """Whatever is sold: so many periods, less the coupon's share of its cycles, the fee once, and not a cent beside."""
    extras = Extras(times=times, instalments=instalments, joining_minor=joining_minor, trial_days=trial_days)
    price = replace(
        MONTHLY, amount_minor=amount_minor, interval=Interval(unit, count), term_months=None, taxable=False,
        extras=extras,
    )  # fmt: skip
    offered = offer(price, starts_on=START, gift=Gift(code="X", share_ppm=share_ppm, cycles=cycles))
    found = payments(offered, regime="none")
    off = (amount_minor * share_ppm * 2 + 1_000_000) // 2_000_000
    discounted = times if cycles is None else min(cycles, times)
    assert sum(one.total_minor for one in found) == amount_minor * times + joining_minor - off * discounted
    assert offered.periods == times
    assert all(one.total_minor > 0 for one in found if instalments == 1)
    assert any(isinstance(event, Discounted) for event in offered.events) == (share_ppm > 0)
    assert offered.ends_on is not None and offered.anchor_on == START + timedelta(days=trial_days)
    if unit is IntervalUnit.MONTH:
        assert offered.ends_on == add_months(offered.anchor_on, count * times)
