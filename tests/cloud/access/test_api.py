"""Standing and blocks over HTTP."""

from dues_api import Api
from dues_gym import at, make_gym
from portillon_cloud.clock.tables import test_clock
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.provider import CardBehaviour
from sqlalchemy import update


def test_standing_and_live_answer_agree(api: Api) -> None:
    """Suspended: the standing says so, the block is shown, and the turnstile's own rules refuse for the same reason."""
    payer = api.gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    api.gym.owe(payer)
    api.gym.run_until(at(10))
    with api.gym.db.write() as conn:
        conn.execute(update(test_clock).values(business_ms=at(10)))
    desk = api.as_role(Role.DESK)
    standing = desk.get(f"/accounts/{payer.account_id}/standing").json()
    assert (standing["standing"], standing["off"]) == ("suspended", ["access"])
    assert [(one["reason"], one["source"]) for one in standing["blocks"]] == [("dues_unpaid", "dunning")]
    answer = desk.get(f"/members/{payer.member_id}/access").json()
    assert (answer["allowed"], answer["reason"]) == (False, "dues_unpaid")


def test_staff_block_and_lift(api: Api) -> None:
    """Staff ban and forgive; they end their own blocks only."""
    payer = api.gym.payer()
    desk = api.as_role(Role.DESK)
    path = f"/accounts/{payer.account_id}"
    assert desk.put(f"{path}/blocks", json={"reason": "banned"}).status_code == 204
    assert desk.put(f"{path}/blocks", json={"reason": "banned"}).status_code == 204
    assert desk.get(f"{path}/standing").json()["standing"] == "blocked"
    assert desk.get(f"/members/{payer.member_id}/access").json()["reason"] == "blocked"
    assert desk.delete(f"{path}/blocks/banned").status_code == 204
    assert desk.delete(f"{path}/blocks/banned").status_code == 404
    assert desk.get(f"{path}/standing").json()["standing"] == "clear"
    for reason in ("dues_unpaid", "chargeback"):
        assert desk.put(f"{path}/blocks", json={"reason": reason}).status_code == 422
        assert desk.delete(f"{path}/blocks/{reason}").status_code == 422


def test_who_may_and_of_whom(api: Api) -> None:
    """A technician sees no members; another gym's account is not there."""
    payer, stranger = api.gym.payer(), make_gym(api.gym.db).payer()
    assert api.as_role(Role.TECHNICIAN).get(f"/accounts/{payer.account_id}/standing").status_code == 403
    owner = api.as_role(Role.OWNER)
    assert owner.get(f"/accounts/{stranger.account_id}/standing").status_code == 404
    assert owner.put(f"/accounts/{stranger.account_id}/blocks", json={"reason": "banned"}).status_code == 404
