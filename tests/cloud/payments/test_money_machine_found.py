"""What the machine of money found once, each told as shortly as it can be."""

from dues_gym import DuesGym, at
from portillon_cloud.access.tables import block
from portillon_cloud.dunning.operations import SOURCE, review_account
from portillon_cloud.payments.operations import ChargeResult, charge
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import payment_intent, payment_method
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
