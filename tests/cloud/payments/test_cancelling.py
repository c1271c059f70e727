"""Ways out for charges that hang: cancelled, paid otherwise, or settled after all."""

import pytest
from dues_gym import TOTAL_MINOR, DuesGym, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.errors import ChargeUnderWayError
from portillon_cloud.payments.operations import ChargeResult, cancel_charges, charge, owed_minor
from portillon_cloud.payments.provider import CardBehaviour, ChargeAnswer, ChargeOrder, ChargeOutcome
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.tables import attempt_outcome, payment, payment_intent
from sqlalchemy import select


class Overtaken(PaymentSimulator):
    """The charge is on a slow line: before it arrives somebody asks, is told "never seen", and gives the attempt up."""

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        [intent_id] = (int(part) for part in order.key.removeprefix("intent-").split(":")[:1])
        asking = _OnlyAsks(self._db)
        assert charge(self._db, asking, intent_id, now_ms=order.now_ms) is ChargeResult.NEVER_REACHED
        return super().charge(order)


class _OnlyAsks(PaymentSimulator):
    key_life_ms = 0


def cancel(gym: DuesGym, account_id: int, now_ms: int) -> list[ChargeResult]:
    return cancel_charges(
        gym.db, gym.provider, organisation_id=gym.organisation_id, account_id=account_id, now_ms=now_ms
    )


def test_confirmation_that_never_comes(gym: DuesGym) -> None:
    """Whoever cannot confirm with their bank pays cash once the charge is cancelled; it can never succeed later."""
    payer = gym.payer(CardBehaviour.ACTION_REQUIRED)
    gym.owe(payer)
    gym.run_until(at(1))
    with pytest.raises(ChargeUnderWayError, match="cancel"):
        gym.pay(payer, TOTAL_MINOR, now_ms=at(1))
    assert cancel(gym, payer.account_id, at(1)) == [ChargeResult.REFUSED]
    gym.pay(payer, TOTAL_MINOR, now_ms=at(1))
    gym.run_until(at(40))
    assert gym.scalars(select(payment.c.amount_minor)) == [TOTAL_MINOR]
    assert gym.scalars(select(attempt_outcome.c.code)) == ["cancelled"]


def test_parked_is_not_for_ever(gym: DuesGym) -> None:
    """A charge parked in doubt is decided by cancelling it; then what is owed can be charged again."""
    payer = gym.payer(CardBehaviour.ACTION_REQUIRED)
    invoice_id = gym.owe(payer)
    gym.run_until(at(9))
    assert gym.scalars(select(payment_intent.c.state)) == ["parked"]
    gym.behave(payer, CardBehaviour.OK)
    assert cancel(gym, payer.account_id, at(9)) == [ChargeResult.REFUSED]
    [intent_id] = gym.scalars(select(payment_intent.c.id))
    assert charge(gym.db, gym.provider, intent_id, now_ms=at(9)) is ChargeResult.SUCCEEDED
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0


def test_cancelled_too_late(gym: DuesGym) -> None:
    """A charge whose answer was lost had succeeded: cancelling finds out, and the invoice is paid."""
    payer = gym.payer(CardBehaviour.ANSWER_LOST)
    gym.owe(payer)
    gym.run_until(at(0))
    assert cancel(gym, payer.account_id, at(0)) == [ChargeResult.SUCCEEDED]
    assert cancel(gym, payer.account_id, at(0)) == []


def test_a_debit_cannot_be_called_back(gym: DuesGym) -> None:
    """It stays under way, and counts as paid as before."""
    payer = gym.payer(CardBehaviour.DEBIT)
    gym.owe(payer)
    gym.run_until(at(0))
    assert cancel(gym, payer.account_id, at(1)) == [ChargeResult.WAITING]
    gym.run_until(at(4))
    assert gym.scalars(select(payment.c.amount_minor)) == [TOTAL_MINOR]


def test_success_after_it_was_given_up(gym: DuesGym) -> None:
    """A look-up overtook the charge: the money is booked as credit, nothing more is charged, a person looks."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    [intent_id] = gym.scalars(select(payment_intent.c.id))
    slow = Overtaken(gym.db)
    assert charge(gym.db, slow, intent_id, now_ms=at(0)) is ChargeResult.PARKED
    gym.run_until(at(9))
    assert gym.scalars(select(payment.c.amount_minor)) == [TOTAL_MINOR]
    assert gym.scalars(select(attempt_outcome.c.outcome)) == ["abandoned"]
    assert gym.scalars(select(payment_intent.c.state)) == ["parked"]
    assert gym.balance_minor(LedgerCode.MEMBER_CREDIT) == -TOTAL_MINOR
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == TOTAL_MINOR


def test_the_simulator_refuses_a_cancelled_key_for_ever(gym: DuesGym) -> None:
    """Also a key it had never seen: a charge that arrives after its own cancellation is refused."""
    [token] = gym.simulator.issue_cards(gym.organisation_id, 1)
    order = ChargeOrder(
        provider="simulator",
        organisation_id=gym.organisation_id,
        key="x:1",
        token=token,
        amount_minor=1,
        currency="CAD",
        now_ms=at(0),
    )
    assert gym.simulator.cancel(order).outcome is ChargeOutcome.REFUSED
    assert gym.simulator.charge(order).code == "cancelled"
