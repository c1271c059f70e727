"""The terms of a price: read back as written, the billing day for all, and what a contract then says."""

from datetime import date, timedelta

import pytest
from cloud.billing.test_changes import bill, do
from cloud.gym import Gym
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing import subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.calendar import Interval, IntervalUnit, period_on
from portillon_cloud.billing.catalogue import create_price, price_by_id
from portillon_cloud.billing.errors import CatalogueError, SubscriptionRefusedError
from portillon_cloud.billing.offer import offer, payments
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.sold_terms import SoldFreeze, SoldTerms, from_body, to_body
from portillon_cloud.billing.subscription import Agreement, Why
from portillon_cloud.billing.tables import invoice, invoice_line
from portillon_cloud.billing.timeline import Tariff
from sqlalchemy import select

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


def sell(gym: Gym, terms: SoldTerms, *, term_months: int | None = 12) -> int:
    with gym.db.write() as conn:
        return create_price(
            conn, plan_id=gym.plan_id, amount_minor=100_00, interval=MONTH, term_months=term_months, terms=terms
        )


def test_one_billing_day_for_all(gym: Gym) -> None:
    """Who begins on 15 January pays the part up to the 1st, then whole months, and the other part at the end."""
    joined = gym.join(starts_on=date(2026, 1, 15), price_id=sell(gym, SoldTerms(billing_day=1)))
    for months in range(14):
        bill(gym, date(2026 + months // 12, months % 12 + 1, 15))
    with gym.db.read() as conn:
        lines = conn.execute(
            select(invoice_line.c.period_start, invoice_line.c.net_minor)
            .join(invoice, invoice.c.id == invoice_line.c.invoice_id)
            .where(invoice.c.account_id == joined.account_id)
            .order_by(invoice_line.c.id)
        ).all()
    assert [(row.period_start, row.net_minor) for row in lines] == [
        (date(2026, 1, 15), 54_84),  # 17 of 31 days
        *((date(2026, month, 1), 100_00) for month in range(2, 13)),
        (date(2027, 1, 1), 45_16),
    ]


def test_a_preview_knows_the_billing_day(gym: Gym) -> None:
    """Thirteen payments that come to twelve months, of which the first and the last are parts of one."""
    price_id = sell(gym, SoldTerms(billing_day=1, proration=Proration.FIXED_30))
    with gym.db.read() as conn:
        offered = offer(price_by_id(conn, gym.organisation_id, price_id), starts_on=date(2026, 1, 16))
    due = payments(offered, regime="none")
    assert (offered.periods, len(due), sum(one.total_minor for one in due)) == (12, 13, 1200_00)
    assert (due[0].total_minor, due[-1].total_minor) == (50_00, 50_00)


def test_a_contract_keeps_the_terms_it_was_signed_under(gym: Gym) -> None:
    """Its freezes cost their fee, and nobody leaves before the minimum term and the notice."""
    freeze = SoldFreeze(days_least=1, fee_minor=10_00)
    joined = gym.join(
        starts_on=date(2026, 4, 1), price_id=sell(gym, SoldTerms(minimum_months=3, notice_days=10, freeze=freeze))
    )
    bill(gym, date(2026, 4, 1))
    with gym.db.read() as conn:
        agreed: Agreement = agreement_of(conn, joined.contract_id)
    with pytest.raises(SubscriptionRefusedError) as refused:
        do(
            gym,
            joined,
            lambda known, today: subscription.cancel(known, agreed, on=date(2026, 5, 1), today=today),
            on=date(2026, 4, 2),
        )
    assert (refused.value.why, refused.value.possible_on) == (Why.MINIMUM_TERM, date(2026, 7, 1))
    back_on = date(2026, 5, 1)
    frozen = do(
        gym,
        joined,
        lambda known, today: subscription.freeze(
            known, agreed, on=back_on - timedelta(days=15), until_on=back_on, today=today
        ),
        on=date(2026, 4, 16),
    )
    assert [line.net_minor for draft in frozen.invoices for line in draft.lines] == [5_00]
