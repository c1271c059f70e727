"""Money at the desk: oldest first, never too much, never twice."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, at
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.errors import (
    AmountInvalidError,
    ChargeUnderWayError,
    OverpaymentError,
    RequestKeyReusedError,
    UnknownAccountError,
)
from portillon_cloud.payments.operations import charge, owed_minor, unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import Means, allocation, open_credit, payment, payment_attempt, payment_intent
from sqlalchemy import func, select, update
from sqlalchemy.exc import DBAPIError


def owed(gym: DuesGym, invoice_id: int) -> int:
    with gym.db.read() as conn:
        return owed_minor(conn, invoice_id)


def test_cash_pays_the_oldest_first(gym: DuesGym) -> None:
    """A part goes to the invoice due first; what is left of it is still charged, and no more than that."""
    payer = gym.payer()
    later = gym.owe(payer, due_on=DUE + timedelta(days=31))
    first = gym.owe(payer)
    taken = gym.pay(payer, 1000, now_ms=at(-1))
    assert taken.allocations == ((first, 1000),)
    assert (owed(gym, first), owed(gym, later)) == (TOTAL_MINOR - 1000, TOTAL_MINOR)
    gym.run_until(at(0))
    assert owed(gym, first) == 0
    assert gym.scalars(select(sim_charge.c.amount_minor)) == [TOTAL_MINOR - 1000]
    assert gym.balance_minor(LedgerCode.CASH) == 1000
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == TOTAL_MINOR


def test_paid_at_the_desk_is_not_charged(gym: DuesGym) -> None:
    """The charge timer of an invoice paid meanwhile does nothing."""
    payer = gym.payer()
    gym.owe(payer)
    gym.pay(payer, TOTAL_MINOR, now_ms=at(-1), means=Means.TERMINAL)
    gym.run_until(at(5))
    assert gym.scalars(select(sim_charge.c.id)) == []
    assert gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR


def test_over_payment_is_refused(gym: DuesGym) -> None:
    """The message says what is owed; nothing is booked."""
    payer = gym.payer()
    gym.owe(payer)
    with pytest.raises(OverpaymentError, match=r"owes \$45\.99, not \$46\.00"):
        gym.pay(payer, TOTAL_MINOR + 1, now_ms=at(0))
    assert gym.scalars(select(payment.c.id)) == []


@pytest.mark.parametrize("amount_minor", [0, -5])
def test_senseless_amounts_are_refused(gym: DuesGym, amount_minor: int) -> None:
    """A payment is positive."""
    payer = gym.payer()
    gym.owe(payer)
    with pytest.raises(AmountInvalidError):
        gym.pay(payer, amount_minor, now_ms=at(0))


def test_another_currency_pays_nothing(gym: DuesGym) -> None:
    """Euros do not pay dollars."""
    payer = gym.payer()
    gym.owe(payer)
    with pytest.raises(OverpaymentError, match=r"owes €0\.00"):
        gym.pay(payer, 100, now_ms=at(0), currency="EUR")


def test_unknown_account(gym: DuesGym) -> None:
    """An account of nobody, or of another organisation, cannot pay."""
    payer = gym.payer()
    with pytest.raises(UnknownAccountError):
        gym.pay(type(payer)(9999, 0, 0, ""), 100, now_ms=at(0))


def test_the_same_request_is_one_payment(gym: DuesGym) -> None:
    """The button pressed twice pays once and answers the same; the key with other content is refused."""
    payer = gym.payer()
    gym.owe(payer)
    first = gym.pay(payer, 1000, now_ms=at(0))
    assert gym.pay(payer, 1000, now_ms=at(1)) == first
    assert gym.scalars(select(func.sum(payment.c.amount_minor))) == [1000]
    with pytest.raises(RequestKeyReusedError):
        gym.pay(payer, 1001, now_ms=at(1))


def test_no_cash_while_a_charge_is_under_way(gym: DuesGym) -> None:
    """A debit on its way could still succeed: taking cash now could take it twice."""
    payer = gym.payer(CardBehaviour.DEBIT)
    gym.owe(payer)
    gym.run_until(at(0))
    with pytest.raises(ChargeUnderWayError):
        gym.pay(payer, TOTAL_MINOR, now_ms=at(1))
    assert gym.scalars(select(payment.c.id)) == []


def test_cash_while_the_provider_is_down(gym: DuesGym) -> None:
    """A provider known to have taken nothing in stops nobody from paying; its attempt is over."""
    payer = gym.payer(CardBehaviour.PROVIDER_DOWN)
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    gym.pay(payer, TOTAL_MINOR, now_ms=at(0, 6, 1))
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(9))
    assert owed(gym, invoice_id) == 0
    assert gym.scalars(select(sim_charge.c.id)) == []
    assert gym.scalars(select(payment_attempt.c.state)) == ["over"]


def test_cash_and_charge_at_the_same_instant(gym: DuesGym) -> None:
    """However the two interleave, the invoice is paid exactly once."""
    for round_number in range(6):
        payer = gym.payer()
        invoice_id = gym.owe(payer)
        [intent_id] = gym.scalars(select(payment_intent.c.id).where(payment_intent.c.invoice_id == invoice_id))
        start = threading.Barrier(2)

        def by_card(intent_id: int = intent_id, start: threading.Barrier = start) -> None:
            start.wait()
            charge(gym.db, gym.provider, intent_id, now_ms=at(0))

        thread = threading.Thread(target=by_card)
        thread.start()
        start.wait()
        with suppress(ChargeUnderWayError, OverpaymentError):  # the card was first, or is on its way
            gym.pay(payer, TOTAL_MINOR, now_ms=at(0), key=f"race-{round_number}")
        thread.join()
        paid = gym.scalars(select(func.sum(payment.c.amount_minor)).where(payment.c.account_id == payer.account_id))
        assert paid == [TOTAL_MINOR]
        assert owed(gym, invoice_id) == 0


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.integers(1, 6000), min_size=1, max_size=3),
    st.lists(st.integers(1, 5000), max_size=6),
)
def test_totals_always_fit(gym: DuesGym, totals: list[int], amounts: list[int]) -> None:
    """Owed = issued - allocated, never below zero; live intents say exactly what is owed; the book balances."""
    payer = gym.payer()
    invoices = [gym.owe(payer, total_minor=minor) for minor in totals]
    taken_minor = 0
    for number, amount_minor in enumerate(amounts):
        try:
            gym.pay(payer, amount_minor, now_ms=at(0), key=f"{payer.account_id}:{number}")
            taken_minor += amount_minor
        except OverpaymentError:
            assert taken_minor + amount_minor > sum(totals)
    left = [owed(gym, invoice_id) for invoice_id in invoices]
    assert sum(left) == sum(totals) - taken_minor
    assert min(left) >= 0
    with gym.db.read() as conn:
        unpaid = {one.invoice_id: one.owed_minor for one in unpaid_invoices(conn, payer.account_id)}
    assert unpaid == {invoice_id: minor for invoice_id, minor in zip(invoices, left, strict=True) if minor}
    live = gym.scalars(
        select(func.coalesce(func.sum(payment_intent.c.amount_minor), 0)).where(
            payment_intent.c.account_id == payer.account_id, payment_intent.c.state == "open"
        )
    )
    assert int(live[0]) == sum(left)
    gym.balance_minor(LedgerCode.CASH)


def test_allocations_never_change(gym: DuesGym) -> None:
    """What a payment went to is as final as the payment."""
    payer = gym.payer()
    gym.owe(payer)
    gym.pay(payer, 100, now_ms=at(0))
    with pytest.raises(DBAPIError), gym.db.write() as conn:
        conn.execute(update(allocation).values(amount_minor=1))


def test_a_prepayment_is_credit(gym: DuesGym) -> None:
    """What is more than is owed waits as credit, the same key is one payment, and only the book's money is taken."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    for _ in range(2):
        taken = gym.pay(payer, TOTAL_MINOR + 1000, now_ms=at(0), prepay=True)
    assert taken.allocations == ((invoice_id, TOTAL_MINOR),)
    assert gym.scalars(select(open_credit.c.left_minor)) == [1000]
    assert (gym.balance_minor(LedgerCode.CASH), gym.balance_minor(LedgerCode.MEMBER_CREDIT)) == (5599, -1000)
    assert gym.pay(payer, 500, now_ms=at(0), key="k-2", prepay=True).allocations == ()
    with pytest.raises(AmountInvalidError, match="take CAD"):
        gym.pay(payer, 500, now_ms=at(0), key="k-3", prepay=True, currency="USD")
    with pytest.raises(OverpaymentError):
        gym.pay(payer, 500, now_ms=at(0), key="k-4")
