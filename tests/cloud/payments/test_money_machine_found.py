"""What the machine of money found once, each told as shortly as it can be."""

import pytest
from dues_gym import DUE, DuesGym, at
from portillon_cloud.access.tables import block
from portillon_cloud.dunning.operations import SOURCE, review_account
from portillon_cloud.payments.operations import CHARGE, ChargeResult, charge
from portillon_cloud.payments.provider import CardBehaviour, ChargeAnswer, ChargeOrder
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import payment_attempt, payment_intent, payment_method
from portillon_cloud.timers.tables import timer
from simulation.mortal import Crash
from sqlalchemy import select, update


def shut_by_dues(gym: DuesGym) -> list[bool]:
    """Of each time that dues shut the door, whether they still do."""
    return [until is None for until in gym.scalars(select(block.c.until_ms).where(block.c.source == SOURCE))]


def only_intent(gym: DuesGym) -> int:
    [intent_id] = gym.scalars(select(payment_intent.c.id))
    return int(intent_id)


def test_a_submitted_debit_opens_what_dues_had_shut(gym: DuesGym) -> None:
    """Shut out since day 10, they give an account and press "pay now": it counts as paid until its policy date."""
    payer = gym.payer(CardBehaviour.DEBIT)
    with gym.db.write() as conn:
        conn.execute(update(payment_method).values(state="removed"))
    gym.owe(payer)
    gym.run_until(at(11))
    assert shut_by_dues(gym) == [True]
    with gym.db.write() as conn:
        conn.execute(update(payment_method).values(state="active"))
    assert charge(gym.db, gym.provider, only_intent(gym), now_ms=at(11, 12)) is ChargeResult.WAITING
    assert shut_by_dues(gym) == [False]


def test_a_first_refusal_begins_the_grace_of_whoever_is_shut_out(gym: DuesGym) -> None:
    """No charge was tried until day 11, when dues had shut the door: the ladder begins there, and its grace with it."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    with gym.db.write() as conn:
        review_account(conn, organisation_id=gym.organisation_id, account_id=payer.account_id, now_ms=at(11))
    assert shut_by_dues(gym) == [True]
    charge(gym.db, gym.provider, only_intent(gym), now_ms=at(11, 7))
    assert shut_by_dues(gym) == [False]
    gym.run_until(at(21))
    assert shut_by_dues(gym) == [False, True]


class DiesBeforeSending:
    """The provider of a process that is killed when it is about to ask."""

    name = "simulator"
    key_life_ms = 24 * 3_600_000

    def charge(self, _order: ChargeOrder) -> ChargeAnswer:
        raise Crash


def test_somebody_asks_after_a_charge_whose_page_died(gym: DuesGym) -> None:
    """They press "pay now", no timer of the charge is left, and the process dies: the worker takes the attempt up."""
    payer = gym.payer()
    with gym.db.write() as conn:
        conn.execute(update(payment_method).values(state="removed"))
    gym.owe(payer)
    gym.run_until(at(11))
    with gym.db.write() as conn:
        conn.execute(update(payment_method).values(state="active"))
    with pytest.raises(Crash):
        charge(gym.db, DiesBeforeSending(), only_intent(gym), now_ms=at(11, 12))
    gym.run_until(at(12))
    assert gym.scalars(select(payment_intent.c.state)) == ["succeeded"]
    assert gym.scalars(select(sim_charge.c.outcome)) == ["succeeded"]


def test_a_refusal_on_the_page_is_not_tried_again_by_itself(gym: DuesGym) -> None:
    """What would have asked after it is gone with the answer."""
    payer = gym.payer(CardBehaviour.LOST_CARD)
    gym.owe(payer, due_on=DUE)
    charge(gym.db, gym.provider, only_intent(gym), now_ms=at(0, 3))
    gym.run_until(at(0, 5))
    assert gym.scalars(select(sim_charge.c.outcome)) == ["refused"]


def test_pressing_again_and_again_uses_up_no_question(gym: DuesGym) -> None:
    """Of a debit under way the worker asks for a month; forty presses leave it that month, and one timer."""
    gym.owe(gym.payer(CardBehaviour.DEBIT))
    gym.run_until(at(0))
    for minute in range(40):
        assert charge(gym.db, gym.provider, only_intent(gym), now_ms=at(0, 6, minute + 1)) is ChargeResult.WAITING
    assert gym.scalars(select(payment_intent.c.state)) == ["open"]
    assert gym.scalars(select(payment_attempt.c.tries)) == [1]
    assert len(gym.scalars(select(timer.c.id).where(timer.c.kind == CHARGE, timer.c.state == "ready"))) == 1
