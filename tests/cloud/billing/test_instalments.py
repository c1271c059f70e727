"""An invoice that is paid in parts a month apart: each part is collected, overdue, paid and given up by itself."""

from datetime import date

import pytest
from cloud.gym import Gym
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import Extras
from portillon_cloud.billing.operations import create_price, run_invoices
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.dunning.correspondence import send
from portillon_cloud.dunning.ladder import LetterKind
from portillon_cloud.dunning.store import open_case
from portillon_cloud.messages.tables import message
from portillon_cloud.payments import settling, store
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.owed import overdue_minor, owed_minor, unpaid_invoices
from portillon_cloud.payments.tables import Means, allocation, payment_intent
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.timers.tables import timer
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

START, SECOND, THIRD, FOURTH = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 30)


@pytest.fixture
def bill(gym: Gym) -> tuple[int, int]:
    """The account and the invoice of a year at 400.00, paid in four parts."""
    with gym.db.write() as conn:
        price_id = create_price(
            conn,
            plan_id=gym.plan_id,
            amount_minor=400_00,
            interval=Interval(IntervalUnit.MONTH, 12),
            term_months=12,
            taxable=False,
            extras=Extras(instalments=4),
        )
    joined = gym.join(starts_on=START, price_id=price_id)
    [invoice_id] = run_invoices(gym.db, gym.legal_entity_id, on=START, now_ms=ms(START))
    return joined.account_id, invoice_id


def ms(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def left(gym: Gym, account_id: int) -> list[tuple[date, int]]:
    with gym.db.read() as conn:
        unpaid = unpaid_invoices(conn, account_id)
        assert sum(one.owed_minor for one in unpaid) == sum(
            owed_minor(conn, invoice_id) for invoice_id in {one.invoice_id for one in unpaid}
        )
    return [(one.due_on, one.owed_minor) for one in unpaid]


def pay(gym: Gym, account_id: int, amount_minor: int, day: date) -> None:
    paid = DeskPayment(
        organisation_id=gym.organisation_id,
        account_id=account_id,
        amount_minor=amount_minor,
        currency="CAD",
        means=Means.CASH,
        request_key=f"{day}:{amount_minor}",
        taken_by="Desk",
    )
    with gym.db.write() as conn:
        taken = take_payment(conn, paid, now_ms=ms(day))
        assert sum(minor for _, minor in taken.allocations) == amount_minor
        assert take_payment(conn, paid, now_ms=ms(day)) == taken


def test_each_part_has_its_day_and_its_charge(gym: Gym, bill: tuple[int, int]) -> None:
    """Four equal parts, each charged on its own day; nothing but the first is overdue in the first month."""
    account_id, invoice_id = bill
    assert left(gym, account_id) == [(START, 100_00), (SECOND, 100_00), (THIRD, 100_00), (FOURTH, 100_00)]
    with gym.db.read() as conn:
        charged = conn.execute(select(timer.c.due_at_ms).where(timer.c.kind == "charge").order_by(timer.c.id))
        days = [local_date(at_ms, "America/Toronto") for at_ms in charged.scalars()]
        assert days == [START, SECOND, THIRD, FOURTH]
        assert [overdue_minor(conn, invoice_id, on) for on in (START, SECOND, FOURTH)] == [100_00, 200_00, 400_00]


def test_money_goes_to_the_part_due_first(gym: Gym, bill: tuple[int, int]) -> None:
    """A part and a half at the desk leaves half of the second; the same payment sent twice is one."""
    account_id, _ = bill
    pay(gym, account_id, 150_00, START)
    assert left(gym, account_id) == [(SECOND, 50_00), (THIRD, 100_00), (FOURTH, 100_00)]
    pay(gym, account_id, 250_00, SECOND)
    assert left(gym, account_id) == []


def test_a_part_that_failed_is_forgiven_once_it_is_paid(gym: Gym, bill: tuple[int, int]) -> None:
    """The second is declined: the ladder begins; paid at the desk, it ends, though two parts are still to come."""
    account_id, invoice_id = bill
    pay(gym, account_id, 100_00, START)
    with gym.db.write() as conn:
        second = store.lock_live_intents(conn, account_id)[0]
        settling.charge_failed(conn, second, code="card_declined", now_ms=ms(SECOND))
        case = open_case(conn, invoice_id)
        assert case is not None and case.starts_on == SECOND
    pay(gym, account_id, 100_00, date(2026, 3, 2))
    with gym.db.read() as conn:
        assert open_case(conn, invoice_id) is None
    assert left(gym, account_id) == [(THIRD, 100_00), (FOURTH, 100_00)]


def test_a_reminder_is_about_the_part_that_is_overdue(gym: Gym, bill: tuple[int, int]) -> None:
    """It asks for the second part since its own day, and not for what is still to come."""
    account_id, invoice_id = bill
    pay(gym, account_id, 100_00, START)
    with gym.db.write() as conn:
        second = store.lock_live_intents(conn, account_id)[0]
        settling.charge_failed(conn, second, code="card_declined", now_ms=ms(SECOND))
        case = open_case(conn, invoice_id)
        assert case is not None
        send(conn, case, LetterKind.REMINDER, now_ms=ms(date(2026, 3, 5)))
        [body] = conn.scalars(select(message.c.body)).all()
    assert "28 février 2026" in body and "100,00" in body and "300,00" not in body


def test_what_is_given_up_is_taken_from_the_part_due_first(gym: Gym, bill: tuple[int, int]) -> None:
    """120.00 of 400.00: the first part is gone, the second is 80.00, the others stand."""
    account_id, invoice_id = bill
    asked = WriteOff(
        organisation_id=gym.organisation_id,
        account_id=account_id,
        invoice_id=invoice_id,
        by="Owner",
        reason="moved away",
        request_key="w1",
        amount_minor=120_00,
    )
    with gym.db.write() as conn:
        assert write_off(conn, asked, now_ms=ms(START)) == write_off(conn, asked, now_ms=ms(START))
    assert left(gym, account_id) == [(SECOND, 80_00), (THIRD, 100_00), (FOURTH, 100_00)]


def test_the_database_keeps_parts_apart(gym: Gym, bill: tuple[int, int]) -> None:
    """A second live intent of one part, and a second share of one payment in one part, are refused by the rows."""
    account_id, invoice_id = bill
    pay(gym, account_id, 150_00, START)
    for table in (payment_intent, allocation):
        with gym.db.read() as conn:
            row = conn.execute(
                select(table).where(table.c.invoice_id == invoice_id).order_by(table.c.id.desc())
            ).first()
        assert row is not None
        again = {name: value for name, value in row._mapping.items() if name != "id"}
        with pytest.raises(IntegrityError), gym.db.write() as conn:
            conn.execute(insert(table).values(again))
