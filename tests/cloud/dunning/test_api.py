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


def test_a_ladder_on_a_calendar(api: Api) -> None:
    """The one in force or one only thought of, with its days; nothing is changed by looking."""
    desk = api.as_role(Role.DESK)
    asked = {"due_on": "2026-03-02", "currency": "CAD"}
    soft = desk.post("/dunning-policy/preview", json=asked).json()
    assert [(one["on"], one["kind"]) for one in soft["happenings"]] == [
        ("2026-03-02", "charge"),
        ("2026-03-02", "reminder"),
        ("2026-03-05", "retry"),
        ("2026-03-05", "reminder"),
        ("2026-03-07", "retry"),
        ("2026-03-09", "retry"),
        ("2026-03-09", "reminder"),
        ("2026-03-12", "restriction"),
    ]
    assert soft["shut_on"] == "2026-03-12"
    thought = {**POLICY, "before_due_days": [3], "write_off": {"day": 90}}
    hard = desk.post("/dunning-policy/preview", json={**asked, "failure": "hard", "policy": thought}).json()
    kinds = [one["kind"] for one in hard["happenings"]]
    assert kinds == ["before_due", "charge", "reminder", "reminder", "restriction", "write_off"]
    little = desk.post("/dunning-policy/preview", json={**asked, "policy": thought, "owed_minor": 4999}).json()
    assert (hard["shut_on"], little["shut_on"]) == ("2026-03-10", None)
    senseless = desk.post("/dunning-policy/preview", json={**asked, "policy": {**POLICY, "retry_days": [2, 1]}})
    assert senseless.status_code == 422
    assert api.as_role(Role.OWNER).get("/dunning-policy").json()["before_due_days"] == []


def test_a_promise_over_http(api: Api) -> None:
    """The desk takes it once; the invoice's dates tell of it; a second one is refused with the reason."""
    payer = api.gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = api.gym.owe(payer)
    desk = api.as_role(Role.DESK)
    assert desk.get(f"/invoices/{invoice_id}/dunning").status_code == 404
    api.gym.run_until(at(1))
    with api.gym.db.write() as conn:
        conn.execute(update(test_clock).values(business_ms=at(1)))
    path, body = f"/accounts/{payer.account_id}/promises", {"pay_on": "2026-03-14"}
    [made] = desk.post(path, json=body, headers={"Idempotency-Key": "promise-1"}).json()
    assert (made["invoice_id"], made["until_ms"]) == (invoice_id, at(13))
    assert desk.post(path, json=body, headers={"Idempotency-Key": "promise-1"}).json() == [made]
    again = desk.post(path, json=body, headers={"Idempotency-Key": "promise-2"})
    assert (again.status_code, "promised before" in again.json()["detail"]) == (409, True)
    case = desk.get(f"/invoices/{invoice_id}/dunning").json()
    assert (case["promised_on"], case["shut_on"]) == ("2026-03-14", "2026-03-15")
    assert [one["kind"] for one in case["steps"] if one["done_at_ms"] is None] == ["retry", "promise", "restriction"]
    assert desk.post("/accounts/999/promises", json=body, headers={"Idempotency-Key": "promise-1"}).status_code == 404
    assert api.as_role(Role.TECHNICIAN).post(path, json=body).status_code in (403, 422)


def test_the_collectors_list(api: Api) -> None:
    """What was handed over and is still unpaid, for a program and for a spreadsheet; paid, it is off the list."""
    owner = api.as_role(Role.OWNER)
    ends = {**POLICY, "hand_over": {"day": 20}}
    assert owner.put("/dunning-policy", json=ends).status_code == 204
    payer = api.gym.payer(CardBehaviour.LOST_CARD)
    api.gym.owe(payer)
    api.gym.run_until(at(21))
    [one] = owner.get("/dunning/handed-over").json()
    assert (one["owed_minor"], one["name"], one["handed_over_on"]) == (TOTAL_MINOR, "Zoé Tremblay", "2026-03-22")
    sheet = owner.get("/dunning/handed-over", params={"format": "csv"}).text.splitlines()
    assert sheet[0].endswith("handed_over_on,owed,currency")
    assert sheet[1].endswith("2026-03-22,45.99,CAD")
    api.gym.pay(payer, TOTAL_MINOR, now_ms=at(22))
    assert owner.get("/dunning/handed-over").json() == []
