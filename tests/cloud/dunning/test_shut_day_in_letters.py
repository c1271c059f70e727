"""A letter threatens with a shut door only where the door would shut, and on that day."""

from dues_gym import DUE, TOTAL_MINOR, DuesGym, at
from portillon_cloud.access.blocks import Switch
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy import DunningPolicy, Restriction
from portillon_cloud.messages.tables import message
from portillon_cloud.payments.provider import CardBehaviour
from sqlalchemy import select

BROKE = CardBehaviour.INSUFFICIENT_FUNDS


def choose(gym: DuesGym, owed_minor_min: int) -> None:
    rung = Restriction(day=10, switches=frozenset({Switch.ACCESS}), owed_minor_min=owed_minor_min)
    with gym.db.write() as conn:
        set_policy(conn, gym.organisation_id, DunningPolicy(restrictions=(rung,)), now_ms=at(-1))


def threats(gym: DuesGym) -> list[str]:
    """What each letter says of the turnstile: the words after it, or nothing."""
    found = []
    for body in gym.scalars(select(message.c.body).order_by(message.c.id)):
        _, _, after = body.partition("the turnstile stops opening on ")
        found.append(after.partition(".")[0])
    return found


def test_the_day_is_named(gym: DuesGym) -> None:
    """Ten days after the due date, in every letter before it."""
    choose(gym, owed_minor_min=1)
    gym.owe(gym.payer(BROKE))
    gym.run_until(at(9))
    told = threats(gym)
    assert len(told) > 1
    assert set(told) == {f"{DUE.replace(day=DUE.day + 10):%B %-d, %Y}"}


def test_too_little_shuts_nothing(gym: DuesGym) -> None:
    """Below the threshold the same letters go, and none speaks of the turnstile."""
    choose(gym, owed_minor_min=TOTAL_MINOR + 1)
    gym.owe(gym.payer(BROKE))
    gym.run_until(at(9))
    assert set(threats(gym)) == {""}


def test_debts_that_add_up_do(gym: DuesGym) -> None:
    """Two invoices, each too small alone, reach the threshold together."""
    choose(gym, owed_minor_min=TOTAL_MINOR + 1)
    payer = gym.payer(BROKE)
    gym.owe(payer)
    gym.owe(payer)
    gym.run_until(at(9))
    assert "" not in threats(gym)[-2:]
