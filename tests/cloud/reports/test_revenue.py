"""Billed, earned and deferred by month: hand-made numbers, and their sums in the ledger."""

from datetime import date

import pytest
from cloud.gym import Gym
from cloud.reports.small_business import APRIL, JUNE, MAY, april, balance, bill, book, recognise
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing.calendar import Period
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.reports.book import UnknownLegalEntityError, book_of
from portillon_cloud.reports.months import by_month, months_from, months_until, whole
from portillon_cloud.reports.revenue import deferred, earned_by_month, revenue
from sqlalchemy import text


def test_months_are_calendar_months_over_the_turn_of_a_year() -> None:
    """The last is that of the day asked for; each ends where the next begins."""
    months = months_until(date(2026, 2, 28), 3)
    assert [month.start for month in months] == [date(2025, 12, 1), date(2026, 1, 1), date(2026, 2, 1)]
    assert months[0].end == months[1].start
    assert whole(months) == Period(date(2025, 12, 1), date(2026, 3, 1))
    assert [month.start for month in months_from(date(2026, 12, 31), 2)] == [date(2026, 12, 1), date(2027, 1, 1)]
    assert by_month([(date(2026, 1, 5), 3), (date(2026, 2, 1), 5), (date(2026, 1, 31), 4)]) == {
        date(2026, 1, 1): 7,
        date(2026, 2, 1): 5,
    }


def test_a_month_of_a_gym(gym: Gym) -> None:
    """200.00 billed, 50.00 credited; Alice's half month and twenty of Bob's thirty days are earned, ten to come."""
    april(gym)
    recognise(gym, MAY)
    with gym.db.read() as conn:
        march, month = revenue(conn, book(gym), months_until(APRIL, 2))
        to_come = deferred(conn, book(gym), months_from(MAY, 2))
    assert (march.billed_minor, march.credited_minor, march.net_minor, march.earned_minor) == (0, 0, 0, 0)
    assert (month.billed_minor, month.credited_minor, month.net_minor) == (200_00, 50_00, 150_00)
    assert month.earned_minor == 50_00 + 66_67
    assert [(one.month, one.earned_minor) for one in to_come.months] == [(MAY, 33_33), (JUNE, 0), (None, 0)]
    assert (to_come.balance_minor, to_come.behind_minor) == (33_33, 0)


def test_the_sums_are_those_of_the_ledger(gym: Gym) -> None:
    """Over all months: net is earned and deferred, and both stand in the trial balance."""
    april(gym)
    for month, day in ((5, 11), (6, 11)):
        bill(gym, date(2026, month, day))
        recognise(gym, date(2026, month, 1))
    with gym.db.read() as conn:
        rows = revenue(conn, book(gym), months_until(date(2026, 6, 30), 12))
        to_come = deferred(conn, book(gym), months_from(JUNE, 1))
    earned, net = sum(row.earned_minor for row in rows), sum(row.net_minor for row in rows)
    assert earned == -balance(gym, LedgerCode.REVENUE) > 0
    assert net - earned == -balance(gym, LedgerCode.DEFERRED_REVENUE) == to_come.balance_minor
    assert to_come.behind_minor == 0
    assert to_come.months[-1].earned_minor == 33_33  # Bob's ten days of July


def test_a_month_without_its_entry_is_behind(gym: Gym) -> None:
    """Nobody recognised April: what it earned is told apart from what is still to come."""
    april(gym)
    with gym.db.read() as conn:
        to_come = deferred(conn, book(gym), months_from(MAY, 1))
    assert (to_come.balance_minor, to_come.behind_minor) == (150_00, 116_67)


def test_what_was_credited_is_not_to_come(gym: Gym) -> None:
    """Seen from April itself: Alice's 100.00 less the 50.00 taken back, and Bob's two parts."""
    april(gym)
    with gym.db.read() as conn:
        to_come = deferred(conn, book(gym), months_from(APRIL, 1))
    assert [one.earned_minor for one in to_come.months] == [100_00 - 50_00 + 66_67, 33_33]
    assert (to_come.balance_minor, to_come.behind_minor) == (150_00, 0)


@given(nets=st.lists(st.tuples(st.integers(-50_000, 50_000), st.integers(0, 80), st.integers(1, 400)), max_size=8))
def test_the_months_to_come_lose_no_cent(nets: list[tuple[int, int, int]]) -> None:
    """Of periods that begin with the first month or later, all that is billed is earned in one of the rows."""
    start = date(2026, 1, 1)
    periods = [
        (net, Period(date.fromordinal(start.toordinal() + first), date.fromordinal(start.toordinal() + first + days)))
        for net, first, days in nets
    ]
    rows = earned_by_month(periods, months_from(start, 5))
    assert sum(row.earned_minor for row in rows) == sum(net for net, _ in periods)


def test_only_the_own_legal_entity_is_reported(gym: Gym) -> None:
    """An entity of nobody, or of another organisation, is not there."""
    with gym.db.read() as conn:
        assert book_of(conn, gym.organisation_id, gym.legal_entity_id).name == "Gym Mont-Royal inc."
        for organisation_id, entity_id in ((gym.organisation_id, 999), (gym.organisation_id + 1, gym.legal_entity_id)):
            with pytest.raises(UnknownLegalEntityError):
                book_of(conn, organisation_id, entity_id)


def test_a_window_of_documents_is_read_by_its_days(sqlite_gym: Gym) -> None:
    """However many years of invoices lie before it."""
    statement = (
        "EXPLAIN QUERY PLAN SELECT issued_on, sum(net_minor) FROM invoice WHERE legal_entity_id = 1"
        " AND issued_on >= '2026-01-01' AND issued_on < '2026-02-01' GROUP BY issued_on"
    )
    with sqlite_gym.db.read() as conn:
        for document in ("invoice", "credit_note"):
            plan = conn.execute(text(statement.replace("FROM invoice", f"FROM {document}"))).all()
            assert "legal_entity_id=? AND issued_on>? AND issued_on<?" in str(plan)
