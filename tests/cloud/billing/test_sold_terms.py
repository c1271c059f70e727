"""The terms of a price: read back as written, the billing day for all, and what a contract then says."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Interval, IntervalUnit, period_on
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.sold_terms import SoldFreeze, SoldTerms, from_body, to_body
from portillon_cloud.billing.timeline import Tariff

MONTH = Interval(IntervalUnit.MONTH, 1)
STRICT = SoldTerms(
    proration=Proration.FIXED_30,
    billing_day=1,
    minimum_months=3,
    notice_days=30,
    freeze=SoldFreeze(days_most=60, proof_after_days=14, fee_minor=10_00, moves_on=True),
)


def test_they_are_read_back_as_written() -> None:
    """What rests in the database is the same terms again; of a price without any, the usual ones."""
    for terms in (STRICT, SoldTerms(), SoldTerms(freeze=None)):
        assert from_body(to_body(terms)) == terms
    assert from_body({}) == SoldTerms()


def test_what_cannot_be_is_refused() -> None:
    """A day that no month has, a key nobody reads, a notice of years."""
    for body in ({"billing_day": 32}, {"notice": 3}, {"notice_days": 4000}, {"freeze": {"fee": 3}}):
        with pytest.raises(CatalogueError, match="cannot be read"):
            from_body(body)


def test_what_a_contract_says_then() -> None:
    """Three months at least, thirty days of notice, a freeze that costs 10.00 a month."""
    agreed = STRICT.agreement(price_id=7, interval=MONTH, starts_on=date(2026, 1, 31))
    assert (agreed.term_until_on, agreed.notice_days, agreed.back_days) == (date(2026, 4, 30), 30, 0)
    assert agreed.freeze is not None
    assert agreed.freeze.fee == Tariff(price_id=7, unit_minor=10_00, interval=MONTH)
    assert (agreed.freeze.days_most, agreed.freeze.proof_after_days, agreed.freeze.moves_on) == (60, 14, True)


@given(
    starts_on=st.dates(date(2000, 1, 1), date(2100, 1, 1)),
    billing_day=st.integers(1, 31),
    months=st.sampled_from([1, 2, 3, 4, 6, 12]),
)
def test_everybody_bills_on_the_same_day(starts_on: date, billing_day: int, months: int) -> None:
    """Whenever they begin, the next period begins on the billing day, or the last day of a month that has none."""
    interval = Interval(IntervalUnit.MONTH, months)
    anchor_on = SoldTerms(billing_day=billing_day).anchor_on(interval, starts_on)
    assert anchor_on <= starts_on
    first = period_on(anchor_on, interval, starts_on)
    assert first.start <= starts_on < first.end
    next_month = period_on(anchor_on, interval, first.end)
    assert first.end.day == billing_day or next_month.start.day < billing_day
    assert (first.end.month - 1) % months == 0


def test_weeks_have_no_day_of_the_month() -> None:
    """Refused with the field's name and what would do."""
    for interval in (Interval(IntervalUnit.WEEK, 4), Interval(IntervalUnit.MONTH, 5)):
        with pytest.raises(CatalogueError, match="billing_day"):
            SoldTerms(billing_day=1).anchor_on(interval, date(2026, 1, 15))
