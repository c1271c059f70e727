"""Dunning over HTTP."""

from dues_api import Api
from dues_gym import TOTAL_MINOR, at
from portillon_cloud.clock.tables import test_clock
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.provider import CardBehaviour
from sqlalchemy import update

POLICY = {
    "retry_days": [1, 2],
    "reminder_days": [0, 4],
    "restrictions": [{"day": 8, "switches": ["access"], "owed_minor_min": 5000}],
}


def test_unpaid_list(api: Api) -> None:
    """Who owes, how much, where the ladder stands; page by page."""
    for _ in range(3):
        api.gym.owe(api.gym.payer(CardBehaviour.INSUFFICIENT_FUNDS))
    api.gym.run_until(at(3))
    with api.gym.db.write() as conn:
        conn.execute(update(test_clock).values(business_ms=at(3)))
    desk = api.as_role(Role.DESK)
    first = desk.get("/unpaid", params={"limit": 2}).json()
    rest = desk.get("/unpaid", params={"limit": 2, "after": first["next_after"]}).json()
    assert [len(first["items"]), len(rest["items"]), rest["next_after"]] == [2, 1, None]
    one = rest["items"][0]
    assert (one["owed_minor"], one["days_late"], one["step"], one["next_step"]) == (TOTAL_MINOR, 3, "reminder", "retry")
    assert api.as_role(Role.TECHNICIAN).get("/unpaid").status_code == 403


def test_policy(api: Api) -> None:
    """The owner chooses a ladder; the desk does not; a senseless or dangerous one is refused with the reason."""
    owner, desk = api.as_role(Role.OWNER), api.as_role(Role.DESK)
    assert owner.get("/dunning-policy").json()["restrictions"][0]["day"] == 10
    assert desk.put("/dunning-policy", json=POLICY).status_code == 403
    assert owner.put("/dunning-policy", json=POLICY).status_code == 204
    kept = owner.get("/dunning-policy").json()
    assert {name: kept[name] for name in ("retry_days", "reminder_days")} == {
        "retry_days": [1, 2],
        "reminder_days": [0, 4],
    }
    assert [one["day"] for one in kept["restrictions"]] == [8]
    backwards = owner.put("/dunning-policy", json={**POLICY, "retry_days": [5, 1]})
    assert (backwards.status_code, "retry_days" in backwards.json()["detail"]) == (422, True)
    hasty = owner.put("/dunning-policy", json={**POLICY, "restrictions": [{"day": 1, "switches": ["access"]}]})
    assert (hasty.status_code, "dead link" in hasty.json()["detail"]) == (422, True)
    assert owner.get("/dunning-policy").json() == kept
