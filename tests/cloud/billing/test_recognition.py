"""Revenue: earned day by day, one entry per month, nothing lost or doubled."""

from datetime import date

import pytest
from cloud.gym import Gym
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.billing import operations
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.invoice_store import seller
from portillon_cloud.billing.operations import run_invoices, run_recognition_when_due
from portillon_cloud.billing.planning import RECOGNITION
from portillon_cloud.billing.recognition import earned_minor, recognise_until
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.timers.tables import timer as timers
from portillon_cloud.timers.timer import Timer, Work
from sqlalchemy import func, select

JANUARY_31 = date(2026, 1, 31)
PERIOD = Period(JANUARY_31, date(2026, 2, 28))


def test_a_period_is_earned_by_its_days() -> None:
    """28 days at 100.00: nothing before, one day 3.57, all of it at the end."""
    assert [earned_minor(100_00, PERIOD, day) for day in (JANUARY_31, date(2026, 2, 1), date(2026, 2, 14))] == [
        0,
        3_57,
        50_00,
    ]
    assert earned_minor(100_00, PERIOD, date(2030, 1, 1)) == 100_00
    assert earned_minor(100_00, PERIOD, date(2020, 1, 1)) == 0


days = st.dates(date(2020, 1, 1), date(2030, 1, 1))


@given(st.integers(0, 10**9), days, days, st.integers(1, 400))
def test_what_is_earned_only_grows(net_minor: int, one: date, other: date, length: int) -> None:
    """Later means no less, and never more than the whole."""
    period = Period(one, date.fromordinal(one.toordinal() + length))
    first, last = sorted((other, one))
    assert 0 <= earned_minor(net_minor, period, first) <= earned_minor(net_minor, period, last) <= net_minor


def test_each_month_once_and_late_invoices_correct_themselves(gym: Gym) -> None:
    """A second run posts nothing; a contract that came late is caught up with the next month."""

    def bill(on: date) -> None:
        run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=start_of_day_ms(on, "America/Toronto"))

    def recognise(until_on: date) -> int:
        with gym.db.write() as conn:
            return recognise_until(conn, seller(conn, gym.legal_entity_id), until_on=until_on, now_ms=0)

    gym.join("A B", starts_on=JANUARY_31)
    bill(JANUARY_31)
    assert recognise(date(2026, 2, 1)) == 100_00 - 3_57
    assert recognise(date(2026, 2, 1)) == 100_00 - 3_57
    gym.join("C D", starts_on=JANUARY_31)
    bill(date(2026, 2, 10))
    # Both periods ran from 01-31 to 02-28: on 03-01 they are earned whole.
    assert recognise(date(2026, 3, 1)) == 0
    # January again, though February has been recognised since: nothing is taken back.
    assert recognise(date(2026, 2, 1)) == 0


def test_a_month_that_earned_nothing_stays_so(gym: Gym) -> None:
    """What is billed late for a month that was recognised is earned with the next one, also if it had nothing."""

    def recognise(until_on: date) -> int:
        with gym.db.write() as conn:
            recognise_until(conn, seller(conn, gym.legal_entity_id), until_on=until_on, now_ms=0)
            return sum(
                line.credit_minor - line.debit_minor
                for line in trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
                if line.code is LedgerCode.REVENUE
            )

    assert recognise(date(2026, 2, 1)) == 0
    gym.join("A B", starts_on=JANUARY_31)
    late_on = date(2026, 2, 10)
    run_invoices(gym.db, gym.legal_entity_id, on=late_on, now_ms=start_of_day_ms(late_on, "America/Toronto"))
    assert recognise(date(2026, 2, 1)) == 0
    assert recognise(date(2026, 3, 1)) == 100_00


def test_a_month_that_rings_again_plans_nothing(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was the last one then; whoever is billed since has a month of their own, and none in between gets an entry."""
    monkeypatch.setattr(operations, "finish", lambda *_: None)
    due_at_ms = start_of_day_ms(date(2026, 2, 1), "America/Toronto")
    month = Timer(
        id=10**6, organisation_id=gym.organisation_id, kind=RECOGNITION, subject_id=gym.legal_entity_id, key="january",
        due_at_ms=due_at_ms, worker="w", attempt=1,
    )  # fmt: skip

    def planned() -> int:
        with gym.db.read() as conn:
            return conn.execute(select(func.count()).where(timers.c.kind == RECOGNITION)).scalar_one()

    def ring() -> None:
        run_recognition_when_due(Work(db=gym.db, clock=gym.clock, now_ms=due_at_ms), month)

    ring()
    gym.join("A B", starts_on=date(2026, 7, 1))
    before = planned()
    ring()
    assert planned() == before
