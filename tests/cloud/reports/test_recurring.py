"""MRR, its movements, ARPU, churn and cohorts: hand-made numbers, then the same out of recorded events."""

import itertools
from datetime import date

import pytest
from cloud.gym import MONTHLY, Gym
from cloud.reports.small_business import APRIL, FREELY, JUNE, MAY, april, bill, book, cancel, do, freeze
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import Extras, create_price, price_by_id
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.timeline import Discounted, Ended, Started, Tariff
from portillon_cloud.reports.cohorts import cohorts
from portillon_cloud.reports.months import months_until
from portillon_cloud.reports.payers import held_span, payers
from portillon_cloud.reports.recurring import Payer, Piece, monthly_minor, recurring

JULY = date(2026, 7, 1)


def payer(member_id: int, *spans: tuple[date, date | None, int]) -> Payer:
    """Held and paying over each of the spans."""
    return Payer(
        member_id=member_id,
        held=tuple((Moment(start), None if end is None else Moment(end)) for start, end, _ in spans),
        pieces=tuple(
            Piece(start=Moment(start), until=None if end is None else Moment(end), monthly_minor=minor)
            for start, end, minor in spans
        ),
    )


@pytest.mark.parametrize(
    ("amount_minor", "unit", "count", "monthly"),
    [
        (60_00, IntervalUnit.MONTH, 1, 60_00),
        (600_00, IntervalUnit.MONTH, 12, 50_00),
        (100_00, IntervalUnit.MONTH, 3, 33_33),
        (12_00, IntervalUnit.WEEK, 1, 52_14),  # 12 x 365 / 84
        (24_00, IntervalUnit.DAY, 28, 26_07),  # 24 x 365 / 336
        (-10_00, IntervalUnit.MONTH, 4, -2_50),
    ],
)
def test_a_cycle_counts_as_its_part_of_a_month(amount_minor: int, unit: IntervalUnit, count: int, monthly: int) -> None:
    """A twelfth of a year, or the days of a year over twelve."""
    assert monthly_minor(amount_minor, Interval(unit, count)) == monthly


def test_each_movement_has_its_name() -> None:
    """One comes, one leaves, one comes back, one pays more, one less: and the month closes at what is left."""
    people = [
        payer(1, (date(2026, 6, 10), None, 70_00)),
        payer(2, (APRIL, date(2026, 6, 15), 60_00)),
        payer(3, (date(2025, 1, 1), date(2026, 2, 1), 50_00), (date(2026, 6, 2), None, 55_00)),
        Payer(
            member_id=4,
            held=((Moment(APRIL), None),),
            pieces=(
                Piece(start=Moment(APRIL), until=Moment(date(2026, 6, 20)), monthly_minor=40_00),
                Piece(start=Moment(date(2026, 6, 20)), until=None, monthly_minor=90_00),
            ),
        ),
        Payer(
            member_id=5,
            held=((Moment(APRIL), None),),
            pieces=(
                Piece(start=Moment(APRIL), until=None, monthly_minor=80_00),
                Piece(start=Moment(JUNE), until=None, monthly_minor=-30_00),
            ),
        ),
        payer(6, (date(2026, 6, 3), date(2026, 6, 9), 99_00)),  # came and went between two looks
    ]
    [june] = recurring(people, months_until(JUNE, 1), today=JULY)
    assert (june.opening_minor, june.closing_minor) == (180_00, 265_00)
    assert (june.new_minor, june.returned_minor, june.churn_minor) == (70_00, 55_00, 60_00)
    assert (june.expansion_minor, june.contraction_minor) == (50_00, 30_00)
    assert (june.members_opening, june.members_came, june.members_left, june.members) == (3, 2, 1, 4)
    assert (june.arpu_minor, june.churn_ppm) == (66_25, 333_333)


def test_bounds_of_a_month() -> None:
    """Who starts on the last day is of that month; who ends on the first of the next leaves in the next."""
    people = [payer(1, (date(2026, 5, 31), None, 10_00)), payer(2, (APRIL, JUNE, 20_00))]
    may, june = recurring(people, months_until(JUNE, 2), today=JULY)
    assert (may.new_minor, may.churn_minor, may.closing_minor) == (10_00, 0, 30_00)
    assert (june.churn_minor, june.closing_minor) == (20_00, 10_00)


def test_the_month_that_runs_ends_today() -> None:
    """A planned leave is not told before it happens, and months to come have no row."""
    [june] = recurring([payer(1, (APRIL, date(2026, 6, 20), 10_00))], months_until(JULY, 2), today=date(2026, 6, 19))
    assert (june.churn_minor, june.closing_minor) == (0, 10_00)


def test_nobody_has_no_average() -> None:
    """No members: no ARPU and no churn rate, rather than nought."""
    [june] = recurring([], months_until(JUNE, 1), today=JULY)
    assert (june.arpu_minor, june.churn_ppm, june.members) == (None, None, 0)


days = st.dates(date(2025, 11, 1), date(2026, 9, 1))


@given(lives=st.lists(st.lists(st.tuples(days, st.integers(1, 200), st.integers(0, 10_000)), min_size=1, max_size=3)))
def test_movements_always_close(lives: list[list[tuple[date, int, int]]]) -> None:
    """Whatever lives: each month opens where the last closed, and closes at the sum of its movements."""
    people = [
        payer(
            number,
            *((start, date.fromordinal(start.toordinal() + length), minor) for start, length, minor in spans),
        )
        for number, spans in enumerate(lives)
    ]
    months = months_until(JULY, 6)
    rows = recurring(people, months, today=date(2026, 12, 1))
    for month, row in zip(months, rows, strict=True):
        at = Moment(month.last_day, 86_399)
        assert row.closing_minor == sum(one.monthly_minor(at) for one in people)
        assert row.members == sum(one.is_held(at) for one in people)
    for before, after in itertools.pairwise(rows):
        assert (before.closing_minor, before.members) == (after.opening_minor, after.members_opening)


def test_cohorts_count_who_is_left() -> None:
    """Three joined in April: one left in May, one in June came back in July; nobody joined in June."""
    people = [
        payer(1, (date(2026, 4, 5), date(2026, 5, 31), 1)),
        payer(2, (APRIL, date(2026, 6, 2), 1), (date(2026, 7, 3), None, 1)),
        payer(3, (date(2026, 4, 30), None, 1)),
        payer(4, (MAY, None, 1)),
        payer(5, (date(2026, 9, 1), None, 1)),
    ]
    found = cohorts(people, months_until(JULY, 4), today=date(2026, 7, 9))
    assert [(one.month, one.members, one.kept) for one in found] == [
        (APRIL, 3, (3, 2, 1, 2)),
        (MAY, 1, (1, 1, 1)),
        (JUNE, 0, (0, 0)),
        (JULY, 0, (0,)),
    ]


def test_a_trial_is_not_held_before_it_is_charged() -> None:
    """Held from the end of the trial; never, for who ended it before."""
    tariff = Tariff(price_id=1, unit_minor=10_00, interval=MONTHLY)
    start = Started(at=Moment(APRIL), tariff=tariff, anchor_on=APRIL, charged_from=Moment(MAY))
    assert held_span([start]) == (Moment(MAY), None)
    assert held_span([start, Ended(at=Moment(JUNE))]) == (Moment(MAY), Moment(JUNE))
    assert held_span([start, Ended(at=Moment(date(2026, 4, 20)))]) is None


def test_out_of_the_events_of_a_gym(gym: Gym) -> None:
    """Alice leaves in April; Bob goes up by 50.00 in May, has a fifth off in June, and freezes in July."""
    _, bob = april(gym)
    with gym.db.write() as conn:
        price_id = create_price(conn, plan_id=gym.plan_id, amount_minor=150_00, interval=MONTHLY, term_months=None)
        tariff = changes.price_tariff(price_by_id(conn, gym.organisation_id, price_id))
    up_on, off_on = date(2026, 5, 11), date(2026, 6, 11)
    do(
        gym, bob,
        lambda known, today: subscription.change_tariff(known, FREELY, tariff, on=up_on, today=today),
        on=up_on,
    )  # fmt: skip
    bill(gym, up_on)
    fifth = Discounted(at=Moment(off_on), code="FIFTH", share_ppm=200_000)
    do(gym, bob, lambda known, today: subscription.discount(known, fifth, today=today), on=date(2026, 5, 20))
    freeze(gym, bob, date(2026, 7, 11), date(2026, 8, 11), today=date(2026, 6, 1))
    with gym.db.read() as conn:
        people = payers(conn, book(gym), rates_of=APRIL)
    rows = recurring(people, months_until(JULY, 4), today=date(2026, 7, 31))
    assert [row.closing_minor for row in rows] == [100_00, 150_00, 120_00, 0]
    assert [(row.new_minor, row.expansion_minor, row.contraction_minor) for row in rows] == [
        (100_00, 0, 0),  # Alice was never there at the end of a month
        (0, 50_00, 0),
        (0, 0, 30_00),
        (0, 0, 120_00),
    ]
    assert [row.members for row in rows] == [1, 1, 1, 1]
    assert cohorts(people, months_until(JULY, 4), today=date(2026, 7, 31))[0].kept == (1, 1, 1, 1)


def test_a_day_pass_recurs_for_nobody(gym: Gym) -> None:
    """15.00 for the last day of the month is no 450.00 a month, and its buyer is no member who left."""
    with gym.db.write() as conn:
        day = Interval(IntervalUnit.DAY, 1)
        once = Extras(times=1)
        price_id = create_price(
            conn, plan_id=gym.plan_id, amount_minor=15_00, interval=day, term_months=None, extras=once
        )
    gym.join(starts_on=date(2026, 4, 30), price_id=price_id)
    with gym.db.read() as conn:
        assert payers(conn, book(gym), rates_of=APRIL) == []


def test_recurring_revenue_is_before_tax(gym: Gym) -> None:
    """A price with the taxes inside counts without them: 114.98 is 100.00 (5 % and 9.975 %)."""
    with gym.db.write() as conn:
        price_id = create_price(
            conn, plan_id=gym.plan_id, amount_minor=114_98, interval=MONTHLY, term_months=12, tax_inclusive=True
        )
    joined = gym.join(starts_on=APRIL, price_id=price_id)
    cancel(gym, joined, MAY, today=APRIL)
    with gym.db.read() as conn:
        [row] = recurring(payers(conn, book(gym), rates_of=APRIL), months_until(APRIL, 1), today=APRIL)
    assert row.closing_minor == 100_00
