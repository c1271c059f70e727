"""Parts of a billing period, against published examples and as properties."""

import datetime
from datetime import date
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Interval, IntervalUnit, period_on
from portillon_cloud.billing.proration import Proration, part_minor
from portillon_cloud.billing.span import Moment, Span

MONTH = Interval(IntervalUnit.MONTH, 1)
YEAR = Interval(IntervalUnit.MONTH, 12)
WEEK = Interval(IntervalUnit.WEEK, 1)


def days_minor(
    price_minor: int,
    start: date,
    end: date,
    *,
    anchor_on: date,
    interval: Interval = MONTH,
    policy: Proration = Proration.REAL_DAYS,
) -> int:
    cycle = period_on(anchor_on, interval, start)
    whole = Span.of_days(cycle.start, cycle.end)
    return part_minor(price_minor, Span.of_days(start, end), cycle=whole, interval=interval, policy=policy)


@pytest.mark.parametrize(
    ("start", "end", "anchor_on", "real_minor"),
    [
        (date(2023, 5, 23), date(2023, 6, 15), date(2023, 5, 15), 741_935_484),
        (date(2023, 2, 23), date(2023, 3, 15), date(2023, 2, 15), 714_285_714),
    ],
)
def test_real_and_fixed_days(start: date, end: date, anchor_on: date, real_minor: int) -> None:
    """Kill Bill's TestInvoiceDateUtils, cases 13, 15, 17: 23 of 31 days, 20 of 28; fixed 30 days: 22/30 both."""
    whole_minor = 10**9
    assert days_minor(whole_minor, start, end, anchor_on=anchor_on) == real_minor
    assert days_minor(whole_minor, start, end, anchor_on=anchor_on, policy=Proration.FIXED_30) == 733_333_333


def test_a_fixed_month_of_1995() -> None:
    """Kill Bill's TestInvoiceFixedProration: 15 to 23 May is 5.32, 23 May to 15 June 14.63, and so are the credits."""
    fixed = Proration.FIXED_30
    head, tail = (date(2012, 5, 15), date(2012, 5, 23)), (date(2012, 5, 23), date(2012, 6, 15))
    assert days_minor(1995, *head, anchor_on=date(2012, 4, 23), policy=fixed) == 532
    assert days_minor(1995, *tail, anchor_on=date(2012, 5, 23), policy=fixed) == 1463
    # A month from the 15th, cancelled on the 23rd: what is left of it is 22 of 30 days.
    assert days_minor(1995, *tail, anchor_on=date(2012, 5, 15), policy=fixed) == 1995 - 532


def test_an_upgrade_on_the_last_day_of_a_cycle() -> None:
    """Lago's upgrade_spec: 10.00 a month to 120.00 a year on 2023-09-28, anchor 29: one day of 31 is 0.32 (case 25)."""
    assert days_minor(1000, date(2023, 9, 28), date(2023, 9, 29), anchor_on=date(2023, 8, 29)) == 32


def test_days_of_a_calendar_week() -> None:
    """Lago's invoices_spec: 7.00 a week from Monday; begun on Friday locally 3.00, on Thursday 4.00 (case 29)."""
    monday = date(2023, 6, 12)
    assert days_minor(700, date(2023, 6, 16), date(2023, 6, 19), anchor_on=monday, interval=WEEK) == 300
    assert days_minor(700, date(2023, 6, 15), date(2023, 6, 19), anchor_on=monday, interval=WEEK) == 400


def test_half_way_by_the_second() -> None:
    """Stripe's example: exactly half way from 10.00 to 20.00 is -5.00 and +10.00 (case 26)."""
    april = Span.of_days(date(2023, 4, 1), date(2023, 5, 1))
    rest = Span(Moment(date(2023, 4, 16)), april.end)
    for price_minor, half_minor in ((1000, 500), (2000, 1000)):
        assert part_minor(price_minor, rest, cycle=april, interval=MONTH, policy=Proration.SECONDS) == half_minor
    noon = Span(Moment(date(2023, 4, 30), 43_200), april.end)
    assert part_minor(6000, noon, cycle=april, interval=MONTH, policy=Proration.SECONDS) == 100


def test_whole_periods_only() -> None:
    """What began is owed whole, the rest of it costs nothing more."""
    whole = Proration.WHOLE
    start, change, end = date(2023, 4, 1), date(2023, 4, 11), date(2023, 5, 1)
    assert days_minor(3000, start, change, anchor_on=start, policy=whole) == 3000
    assert days_minor(3000, change, end, anchor_on=start, policy=whole) == 0


def test_a_part_lies_in_its_period() -> None:
    """A part of another month is refused, not priced."""
    april = Span.of_days(date(2023, 4, 1), date(2023, 5, 1))
    may = Span.of_days(date(2023, 4, 20), date(2023, 5, 2))
    with pytest.raises(ValueError, match="does not lie in the billing period"):
        part_minor(1000, may, cycle=april, interval=MONTH, policy=Proration.REAL_DAYS)


@given(
    price_minor=st.integers(-500_000, 500_000),
    anchor_on=st.dates(date(2019, 1, 1), date(2030, 1, 1)),
    interval=st.sampled_from([MONTH, YEAR, WEEK, Interval(IntervalUnit.DAY, 30), Interval(IntervalUnit.MONTH, 3)]),
    policy=st.sampled_from(list(Proration)),
    cuts=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 86_399)), max_size=6),
)
def test_parts_add_up_to_the_whole(
    price_minor: int, anchor_on: date, interval: Interval, policy: Proration, cuts: list[tuple[int, int]]
) -> None:
    """However a period is cut, its parts come to its price, and none of them is against its sign."""
    cycle = period_on(anchor_on, interval, anchor_on)
    whole = Span.of_days(cycle.start, cycle.end)
    at = {Moment(anchor_on + datetime.timedelta(days=day), second) for day, second in cuts}
    bounds = sorted({whole.start, whole.end, *(moment for moment in at if whole.start < moment < whole.end)})
    parts = [
        part_minor(price_minor, Span(start, end), cycle=whole, interval=interval, policy=policy)
        for start, end in pairwise(bounds)
    ]
    assert sum(parts) == price_minor
    assert all(part * price_minor >= 0 for part in parts)
