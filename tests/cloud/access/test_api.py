"""Standing and blocks over HTTP."""

from dues_api import Api
from dues_gym import at, make_gym
from portillon_cloud.access.operations import rows_for_accounts
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
    assert (answer["evidence"], answer["flags"], answer["not_alone"]) == ("entitlement", [], False)


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


def test_staff_give_a_right_and_end_it(api: Api) -> None:
    """The desk gives a free month; who is staff an owner says; what was given stays to be read with who and why."""
    payer = api.gym.payer()
    desk, owner = api.as_role(Role.DESK), api.as_role(Role.OWNER)
    path = f"/members/{payer.member_id}/given-rights"
    free = {"role": "complimentary", "zones": ["gym"], "reason": "won it at the fair"}
    made = desk.post(path, json=free)
    assert made.status_code == 201
    cleans = {**free, "role": "cleaner", "sites": "all", "reason": "cleans at night"}
    assert desk.post(path, json=cleans).status_code == 403
    assert owner.post(path, json=cleans).status_code == 201
    assert [one["role"] for one in desk.get(path).json()] == ["cleaner", "complimentary"]
    assert desk.delete(f"{path}/{made.json()['id']}").status_code == 204
    ended = desk.get(path).json()[1]
    assert ended["ended_by"] is not None and ended["until_ms"] >= ended["from_ms"]
    assert desk.delete(f"{path}/{made.json()['id']}").status_code == 404
    assert desk.post(path, json={**free, "zones": ["moon"]}).status_code == 422
    assert desk.post(path, json={**free, "sites": [999]}).status_code == 404
    assert api.as_role(Role.TECHNICIAN).get(path).status_code == 403


def test_a_member_is_of_groups(api: Api) -> None:
    """Put, read, and refused where a name is none; each gateway is told with the member's rows."""
    payer = api.gym.payer()
    desk, path = api.as_role(Role.DESK), f"/members/{payer.member_id}/groups"
    assert desk.put(path, json={"groups": ["women", "Aînés 65+", "women"]}).status_code == 422
    assert desk.put(path, json={"groups": ["women", "Aînés", "women"]}).status_code == 204
    assert desk.get(path).json() == {"groups": ["Aînés", "women"]}
    with api.gym.db.read() as conn:
        found = rows_for_accounts(
            conn, api.gym.keyring, site_id=api.gym.site_id, account_ids=[payer.account_id], now_ms=at(0)
        )
    assert (found[payer.account_id][0].body or {})["groups"] == ["Aînés", "women"]
    assert desk.put(path, json={"groups": []}).status_code == 204
    assert desk.put("/members/999/groups", json={"groups": []}).status_code == 404
