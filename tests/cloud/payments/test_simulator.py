"""The simulated provider keeps its promises as a real one does."""

from dataclasses import replace

import pytest
from dues_gym import DuesGym, at, make_gym
from portillon_cloud.database import Database
from portillon_cloud.members.operations import add_account
from portillon_cloud.payments.errors import (
    IdempotencyKeyReusedError,
    LiveOrganisationError,
    UnknownPaymentMethodError,
)
from portillon_cloud.payments.operations import add_payment_method
from portillon_cloud.payments.provider import CardBehaviour, CardSimulator, ChargeOrder, ChargeOutcome, is_hard
from portillon_cloud.payments.simulator_tables import sim_card, sim_charge
from portillon_cloud.payments.tables import SIMULATOR, payment_method
from sqlalchemy import Connection, func, insert, select
from sqlalchemy.exc import IntegrityError

DAY_MS = 86_400_000


def order(gym: DuesGym, behaviour: CardBehaviour, key: str = "a:1") -> ChargeOrder:
    [token] = gym.simulator.issue_cards(gym.organisation_id, 1)
    gym.simulator.set_card_behaviour(gym.organisation_id, token, behaviour)
    return ChargeOrder(
        provider="simulator",
        organisation_id=gym.organisation_id,
        key=key,
        token=token,
        amount_minor=100,
        currency="CAD",
        now_ms=at(0),
    )


@pytest.mark.parametrize(
    ("behaviour", "outcome", "code"),
    [
        (CardBehaviour.OK, ChargeOutcome.SUCCEEDED, None),
        (CardBehaviour.INSUFFICIENT_FUNDS, ChargeOutcome.REFUSED, "insufficient_funds"),
        (CardBehaviour.EXPIRED_CARD, ChargeOutcome.REFUSED, "expired_card"),
        (CardBehaviour.LOST_CARD, ChargeOutcome.REFUSED, "lost_card"),
        (CardBehaviour.ACTION_REQUIRED, ChargeOutcome.ACTION_REQUIRED, "authentication_required"),
        (CardBehaviour.DEBIT, ChargeOutcome.PENDING, None),
        (CardBehaviour.PROVIDER_DOWN, ChargeOutcome.PROVIDER_DOWN, None),
        (CardBehaviour.ANSWER_LOST, ChargeOutcome.UNKNOWN, None),
    ],
)
def test_cards_do_as_told(gym: DuesGym, behaviour: CardBehaviour, outcome: ChargeOutcome, code: str | None) -> None:
    """Each behaviour has its outcome and code; only a lost card is a hard decline."""
    answer = gym.simulator.charge(order(gym, behaviour))
    assert (answer.outcome, answer.code) == (outcome, code)
    assert is_hard(answer.code) is (behaviour is CardBehaviour.LOST_CARD)


def test_same_key_same_answer(gym: DuesGym) -> None:
    """The same order again gives the first answer, also after the card has changed its mind, and charges once."""
    asked = order(gym, CardBehaviour.INSUFFICIENT_FUNDS)
    first = gym.simulator.charge(asked)
    gym.simulator.set_card_behaviour(gym.organisation_id, asked.token, CardBehaviour.OK)
    assert gym.simulator.charge(replace(asked, now_ms=at(1))) == first
    assert gym.simulator.look_up(asked) == first
    assert gym.scalars(select(func.count()).select_from(sim_charge)) == [1]


@pytest.mark.parametrize("change", [{"amount_minor": 101}, {"currency": "EUR"}, {"token": "sim_other"}])
def test_old_key_with_other_content_is_an_error(gym: DuesGym, change: dict[str, object]) -> None:
    """A key that comes back with another card, amount or currency is refused."""
    asked = order(gym, CardBehaviour.OK)
    gym.simulator.charge(asked)
    with pytest.raises(IdempotencyKeyReusedError):
        gym.simulator.charge(replace(asked, **change))  # type: ignore[arg-type]


def test_what_was_down_or_never_sent_is_not_there(gym: DuesGym) -> None:
    """An outage takes nothing in: the key is still free afterwards."""
    asked = order(gym, CardBehaviour.PROVIDER_DOWN)
    gym.simulator.charge(asked)
    gym.simulator.set_card_behaviour(gym.organisation_id, asked.token, CardBehaviour.OK)
    assert gym.simulator.look_up(asked) is None
    assert gym.simulator.charge(asked).outcome is ChargeOutcome.SUCCEEDED


def test_debits_settle_in_business_time(gym: DuesGym) -> None:
    """Three days later the debit is known to be good, or comes back."""
    for behaviour, outcome in (
        (CardBehaviour.DEBIT, ChargeOutcome.SUCCEEDED),
        (CardBehaviour.DEBIT_RETURNED, ChargeOutcome.REFUSED),
    ):
        asked = order(gym, behaviour, key=behaviour)
        assert gym.simulator.charge(asked).outcome is ChargeOutcome.PENDING
        just_before = gym.simulator.look_up(replace(asked, now_ms=at(0) + 3 * DAY_MS - 1))
        settled = gym.simulator.look_up(replace(asked, now_ms=at(0) + 3 * DAY_MS))
        assert just_before is not None
        assert settled is not None
        assert (just_before.outcome, settled.outcome) == (ChargeOutcome.PENDING, outcome)


def test_unknown_card(gym: DuesGym) -> None:
    """A token of nobody, or of another organisation, is a hard refusal."""
    asked = order(gym, CardBehaviour.OK)
    for wrong in (replace(asked, token="sim_nobody"), replace(asked, organisation_id=99, key="b:1")):
        assert gym.simulator.charge(wrong).code == "no_such_card"
    with pytest.raises(UnknownPaymentMethodError):
        gym.simulator.set_card_behaviour(gym.organisation_id, "sim_nobody", CardBehaviour.OK)


def test_refused_for_a_live_organisation(db: Database) -> None:
    """A live organisation has no simulated cards: refused by the code, and by the database beneath it."""
    gym = make_gym(db, mode="live")
    with pytest.raises(LiveOrganisationError):
        gym.simulator.issue_cards(gym.organisation_id, 1)
    with pytest.raises(LiveOrganisationError):
        gym.simulator.set_card_behaviour(gym.organisation_id, "sim_x", CardBehaviour.OK)
    with pytest.raises(IntegrityError), db.write() as conn:
        conn.execute(insert(sim_card).values(token="t", organisation_id=gym.organisation_id, behaviour="ok"))
    with db.write() as conn:
        account_id = _account(gym, conn)
    values = {"organisation_id": gym.organisation_id, "account_id": account_id, "token": "t", "label": "x"}
    with pytest.raises(LiveOrganisationError), db.write() as conn:
        add_payment_method(conn, provider=SIMULATOR, now_ms=0, **values)  # type: ignore[arg-type]
    for mode in ("live", "test"):
        with pytest.raises(IntegrityError), db.write() as conn:
            conn.execute(
                insert(payment_method).values(provider=SIMULATOR, mode=mode, state="active", added_at_ms=0, **values)
            )


def test_it_is_a_card_simulator(gym: DuesGym) -> None:
    """The API finds out by the protocol whether there are cards to simulate."""
    assert isinstance(gym.simulator, CardSimulator)


def _account(gym: DuesGym, conn: Connection) -> int:
    return add_account(
        conn,
        organisation_id=gym.organisation_id,
        legal_entity_id=gym.legal_entity_id,
        name="A",
        language="en",
    )
