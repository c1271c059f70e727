"""Payments over HTTP."""

import pytest
from dues_api import Api, make_api
from dues_gym import TOTAL_MINOR, at, make_gym
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.operations import add_account
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_card
from sqlalchemy import select

KEY = {"Idempotency-Key": "till-1-0001"}
CASH = {"amount_minor": 1000, "currency": "CAD", "means": "cash"}


def test_cash_at_the_desk(api: Api) -> None:
    """The desk takes money, once per key; too much is refused with what is owed."""
    payer = api.gym.payer()
    invoice_id = api.gym.owe(payer)
    desk = api.as_role(Role.DESK)
    path = f"/accounts/{payer.account_id}/payments"
    taken = desk.post(path, json=CASH, headers=KEY)
    assert (taken.status_code, taken.json()["allocations"]) == (
        201,
        [{"invoice_id": invoice_id, "amount_minor": 1000}],
    )
    assert desk.post(path, json=CASH, headers=KEY).json() == taken.json()
    changed = desk.post(path, json={**CASH, "amount_minor": 1001}, headers=KEY)
    assert changed.status_code == 409
    too_much = desk.post(path, json={**CASH, "amount_minor": TOTAL_MINOR}, headers={"Idempotency-Key": "till-1-0002"})
    assert too_much.status_code == 422
    assert "owes $35.99" in too_much.json()["detail"]


@pytest.mark.parametrize(
    "wrong",
    [{"amount_minor": 0}, {"amount_minor": 10.5}, {"currency": "cad"}, {"means": "provider"}, {"note": "x"}],
)
def test_senseless_bodies(api: Api, wrong: dict[str, object]) -> None:
    """Every field is checked before anything is booked."""
    payer = api.gym.payer()
    answer = api.as_role(Role.DESK).post(f"/accounts/{payer.account_id}/payments", json={**CASH, **wrong}, headers=KEY)
    assert answer.status_code == 422


def test_a_key_is_needed(api: Api) -> None:
    """Without an idempotency key nothing is taken: a lost answer would be paid twice."""
    payer = api.gym.payer()
    answer = api.as_role(Role.DESK).post(f"/accounts/{payer.account_id}/payments", json=CASH)
    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.text


def test_conflict_with_a_charge_under_way(api: Api) -> None:
    """A debit on its way: try again later."""
    payer = api.gym.payer(CardBehaviour.DEBIT)
    api.gym.owe(payer)
    api.gym.run_until(at(0))
    answer = api.as_role(Role.DESK).post(f"/accounts/{payer.account_id}/payments", json=CASH, headers=KEY)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_cancel_a_charge_that_hangs(api: Api) -> None:
    """The desk cancels what waits for the bank, then takes cash."""
    payer = api.gym.payer(CardBehaviour.ACTION_REQUIRED)
    api.gym.owe(payer)
    api.gym.run_until(at(0))
    desk = api.as_role(Role.DESK)
    assert desk.post(f"/accounts/{payer.account_id}/payments", json=CASH, headers=KEY).status_code == 503
    assert desk.post(f"/accounts/{payer.account_id}/charges/cancel").json() == ["refused"]
    assert desk.post(f"/accounts/{payer.account_id}/payments", json=CASH, headers=KEY).status_code == 201


def test_who_may(api: Api) -> None:
    """A technician takes no money and sees no cards; the desk does not change what test cards do."""
    payer = api.gym.payer()
    technician, desk = api.as_role(Role.TECHNICIAN), api.as_role(Role.DESK)
    assert technician.post(f"/accounts/{payer.account_id}/payments", json=CASH, headers=KEY).status_code == 403
    assert technician.get(f"/accounts/{payer.account_id}/payment-methods").status_code == 403
    simulate = f"/payment-methods/{payer.method_id}/simulate"
    assert desk.post(simulate, json={"behaviour": "lost_card"}).status_code == 403


def test_make_a_card_decline_then_replace_it(api: Api) -> None:
    """What the demo does: the card declines, a new one is added, what is owed is charged now."""
    gym = api.gym
    payer = gym.payer()
    gym.owe(payer)
    owner = api.as_role(Role.OWNER)
    simulate = f"/payment-methods/{payer.method_id}/simulate"
    assert owner.post(simulate, json={"behaviour": "lost_card"}).status_code == 204
    assert owner.post(simulate, json={"behaviour": "explode"}).status_code == 422
    gym.run_until(at(0))
    added = owner.post(f"/accounts/{payer.account_id}/payment-methods/simulated", json={"scheme": "visa"})
    assert added.status_code == 201
    methods = owner.get(f"/accounts/{payer.account_id}/payment-methods").json()
    assert [(one["state"], one["scheme"]) for one in methods] == [("active", "visa"), ("unusable", None)]
    asked = owner.post(f"/accounts/{payer.account_id}/charges")
    assert (asked.status_code, asked.json()) == (202, {"charges": 1})
    gym.run_until(at(0))
    assert owner.post(f"/accounts/{payer.account_id}/charges").json() == {"charges": 0}


def test_other_organisations_do_not_exist(api: Api) -> None:
    """Accounts and cards of another gym look as if they were not there."""
    stranger = make_gym(api.gym.db)
    payer = stranger.payer()
    owner = api.as_role(Role.OWNER)
    for answer in (
        owner.post(f"/accounts/{payer.account_id}/payments", json=CASH, headers=KEY),
        owner.post(f"/accounts/{payer.account_id}/charges"),
        owner.get(f"/accounts/{payer.account_id}/payment-methods"),
        owner.post(f"/accounts/{payer.account_id}/payment-methods/simulated"),
        owner.post(f"/payment-methods/{payer.method_id}/simulate", json={"behaviour": "lost_card"}),
    ):
        assert answer.status_code == 404
    assert stranger.scalars(select(sim_card.c.behaviour)) == ["ok"]


def test_live_organisations_have_no_simulated_cards(sqlite_db: Database) -> None:
    """The simulator is refused, with the reason."""
    live = make_gym(sqlite_db, mode="live")
    with live.db.write() as conn:
        account_id = add_account(
            conn,
            organisation_id=live.organisation_id,
            legal_entity_id=live.legal_entity_id,
            name="A",
            language="en",
        )
    answer = make_api(live).as_role(Role.OWNER).post(f"/accounts/{account_id}/payment-methods/simulated")
    assert answer.status_code == 409
    assert "test organisations only" in answer.json()["detail"]
