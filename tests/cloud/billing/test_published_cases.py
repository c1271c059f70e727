"""Cases that others published, or were reported for, and that no other test here has: billing.md 3 and 4."""

import datetime
from datetime import UTC, date
from zoneinfo import ZoneInfo

import pytest
from cloud.billing.bill_book import BillBook
from portillon_cloud.billing.calendar import Interval, IntervalUnit, Period, period_on
from portillon_cloud.billing.difference import Difference
from portillon_cloud.billing.errors import CatalogueError, TimelineError
from portillon_cloud.billing.sold_terms import SoldTerms
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.timeline import Ended, Frozen, Started, Tariff, TariffChanged
from portillon_cloud.clock.local import local_date, start_of_day_ms

MONTH, YEAR = Interval(IntervalUnit.MONTH, 1), Interval(IntervalUnit.MONTH, 12)
THIRTY_DAYS = Interval(IntervalUnit.DAY, 30)
BASIC = Tariff(price_id=1, unit_minor=29_95, interval=MONTH)


def first_period(billing_day: int | None, interval: Interval, starts_on: date) -> Period:
    anchor_on = SoldTerms(billing_day=billing_day).anchor_on(interval, starts_on)
    return period_on(anchor_on, interval, starts_on)


def test_a_start_the_day_after_the_billing_day() -> None:
    """Kill Bill's TestInvoiceDateUtils, case 7: from 2012-01-31 with day 30; thirty days know no billing day."""
    start = date(2012, 1, 31)
    assert first_period(30, MONTH, start).end == date(2012, 2, 29)
    assert first_period(30, YEAR, start).end == date(2013, 1, 30)
    assert first_period(None, THIRTY_DAYS, start).start == start
    with pytest.raises(CatalogueError, match="billing_day"):
        first_period(30, THIRTY_DAYS, start)


def test_a_billing_day_that_the_first_month_has_not() -> None:
    """Kill Bill's TestInvoiceDateUtils, case 9: from 2012-04-30 with day 31 the period ends on 2012-05-31."""
    assert first_period(31, MONTH, date(2012, 4, 30)) == Period(date(2012, 4, 30), date(2012, 5, 31))


def test_nothing_ends_before_it_begins_or_is_billed_before_its_start() -> None:
    """Kill Bill's TestValidationProRation, case 12: an end before the start is refused, a run bills nothing."""
    start = Started(at=Moment(date(2011, 5, 10)), tariff=BASIC, anchor_on=date(2011, 5, 10))
    with pytest.raises(TimelineError):
        BillBook().bring_up([start, Ended(at=Moment(date(2011, 4, 10)))], date(2011, 6, 1))
    assert BillBook().bring_up([start], date(2011, 4, 20)) == Difference()


def test_no_piece_is_longer_than_its_period() -> None:
    """Kill Bill's trailing piece, case 18: 2012-03-02 to 06-02 is 92/31 of a month there, and three months here."""
    start = Started(at=Moment(date(2012, 3, 2)), tariff=BASIC, anchor_on=date(2012, 3, 2))
    done = BillBook().bring_up([start, Ended(at=Moment(date(2012, 6, 2)))], date(2012, 6, 2))
    assert [new.piece.amount_minor for new in done.lines] == [29_95] * 3


def test_a_trial_over_a_change_of_clocks() -> None:
    """killbill#743, case 30: half past eleven at night in Los Angeles, 30 days free: from the 31st, not the 1st."""
    began = datetime.datetime(2017, 3, 1, 23, 30, tzinfo=ZoneInfo("America/Los_Angeles"))
    today = local_date(int(began.timestamp() * 1000), "America/Los_Angeles")
    free_until = today + datetime.timedelta(days=30)
    book = BillBook()
    start = Started(at=Moment(today), charged_from=Moment(free_until), tariff=BASIC, anchor_on=free_until)
    assert book.bring_up([start], date(2017, 3, 30)) == Difference()
    (new,) = book.bring_up([start], date(2017, 3, 31)).lines
    assert (new.piece.span.start.day, new.piece.span.end.day) == (date(2017, 3, 31), date(2017, 4, 30))
    assert new.piece.amount_minor == 29_95


def test_every_day_of_juneau_has_a_first_instant() -> None:
    """killbill#445, an endless loop at a change of clocks in America/Juneau: each day begins once, and days follow."""
    days = [date(1983, 10, 1) + datetime.timedelta(days=on) for on in range(400)]  # Juneau changed its zone then, too
    starts = [start_of_day_ms(day, "America/Juneau") for day in days]
    assert starts == sorted(set(starts))
    assert [local_date(start, "America/Juneau") for start in starts] == days


def test_late_in_the_evening_a_month_is_a_month() -> None:
    """woocommerce-subscriptions-core#422: bought on 27 February at 23:00 for a month, in UTC already the 28th."""
    bought = datetime.datetime(2023, 2, 27, 23, tzinfo=ZoneInfo("America/Los_Angeles"))
    assert bought.astimezone(UTC).date() == date(2023, 2, 28)
    today = local_date(int(bought.timestamp() * 1000), "America/Los_Angeles")
    start = Started(at=Moment(today), tariff=BASIC, anchor_on=today)
    book, end = BillBook(), Ended(at=Moment(date(2023, 3, 27)))
    assert len(book.bring_up([start, end], date(2023, 2, 27)).lines) == 1
    assert book.bring_up([start, end], date(2024, 1, 1)) == Difference()


@pytest.mark.parametrize(
    ("held_from", "billed_minor", "credited_minor", "left_days"),
    [(14, [29_95], [], 1), (15, [29_95] * 2, [29_95], 0), (16, [29_95] * 2, [], 27)],
)
def test_a_hold_around_the_due_day(
    held_from: int, billed_minor: list[int], credited_minor: list[int], left_days: int
) -> None:
    """Wodify, case 57, due on the 15th: held before, no charge; after, charged and kept. The hold's end is the due day.

    Held from the 15th itself Wodify charges and keeps it. Here a period of which no day is used is given back, and the
    days that are left of one are had after the hold, before anything is charged again.
    """
    start, over_on = Started(at=Moment(date(2023, 1, 15)), tariff=BASIC, anchor_on=date(2023, 1, 15)), date(2023, 3, 1)
    book, again_on = BillBook(), over_on + datetime.timedelta(days=left_days)
    book.bring_up([start], date(2023, 1, 15))
    due = book.bring_up([start], date(2023, 2, held_from)).lines
    hold = Frozen(at=Moment(date(2023, 2, held_from)), until=Moment(over_on), moves_on=True)
    after = book.bring_up([start, hold], again_on)
    assert [new.piece.amount_minor for new in (*due, *after.lines)] == billed_minor
    assert [credit.amount_minor for credit in after.credits] == credited_minor
    assert after.lines[-1].piece.span.start.day == again_on


def test_prices_over_a_thousand() -> None:
    """restrict-content-pro#418 read 1,200.00 as 1: half way from 1,200.00 to 2,400.00 is -600.00 and +1,200.00."""
    april = Moment(date(2023, 4, 1))
    start = Started(at=april, tariff=Tariff(price_id=1, unit_minor=1_200_00, interval=MONTH), anchor_on=april.day)
    book = BillBook()
    book.bring_up([start], april.day)
    gold = Tariff(price_id=2, unit_minor=2_400_00, interval=MONTH)
    done = book.bring_up([start, TariffChanged(at=Moment(date(2023, 4, 16)), tariff=gold)], date(2023, 4, 16))
    assert [credit.amount_minor for credit in done.credits] == [600_00]
    assert [new.piece.amount_minor for new in done.lines] == [1_200_00]
