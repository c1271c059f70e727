"""Sales, returns, referrals and coupons at the desk, over the API."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.identity.roles import Role
from portillon_cloud.members.tables import member
from sqlalchemy import select


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None, *, role=Role.DESK, key=None):
        more = {} if key is None else {"Idempotency-Key": key}
        return client.request(method, f"/api/v1{path}", headers={**headers(gym, role), **more}, json=body)

    return send


@pytest.fixture
def account_id(gym):
    with gym.services.db.read() as conn:
        return conn.scalar(select(member.c.account_id).where(member.c.id == gym.members[11]))


def test_a_sale_is_shown_made_once_and_taken_back(ask, account_id):
    """Two towels at 10.00: 23.00 with taxes as shown; sent twice it is one; one comes back as a credit note."""
    new = {"account_id": account_id, "lines": [{"description": "Towel", "quantity": 2, "unit_minor": 10_00}]}
    shown = ask("post", "/sales?preview=true", new, key="towels-1")
    assert (shown.status_code, shown.json()["total_minor"], shown.json()["invoice_ids"]) == (200, 23_00, [])
    made = ask("post", "/sales", new, key="towels-1")
    assert made.status_code == 201, made.text
    assert ask("post", "/sales", new, key="towels-1").json() == made.json()
    [invoice_id] = made.json()["invoice_ids"]
    back = {"lines": [{"position": 1, "quantity": 1}], "reason": "wrong colour"}
    note = ask("post", f"/sales/{invoice_id}/returns", back, key="return-1")
    assert (
        note.status_code == 201
        and ask("post", f"/sales/{invoice_id}/returns", back, key="return-1").json() == note.json()
    )
    found = ask("get", f"/invoices/{invoice_id}").json()
    assert found["owed_minor"] == 11_50 and found["unpaid"] == [{"due_on": found["due_on"], "owed_minor": 11_50}]
    twice = {**back, "lines": [{"position": 1, "quantity": 2}]}
    assert ask("post", f"/sales/{invoice_id}/returns", twice, key="return-2").status_code == 409
    assert ask("post", "/sales/999999/returns", back, key="return-3").status_code == 404
    assert ask("post", "/sales", {**new, "account_id": 999_999}, key="towels-2").status_code == 404
    assert ask("post", "/sales", {**new, "lines": []}, key="towels-3").status_code == 422
    assert ask("post", "/sales", new).status_code == 422
    assert ask("post", "/sales", new, key="towels-4", role=Role.TECHNICIAN).status_code == 403


def test_who_brought_whom_is_noted_and_listed(ask, gym):
    """The owner sets the reward, the desk notes who brought whom, and who cannot have is refused by field."""
    terms = {"reward": {"cycles": 1, "share_percent": 50, "amount_minor": 0}}
    assert ask("put", "/referral-reward", terms).status_code == 403
    assert ask("put", "/referral-reward", terms, role=Role.OWNER).status_code == 204
    assert ask("get", "/referral-reward").json() == terms
    pair = {"referrer_id": gym.members[10], "referred_id": gym.members[11]}
    made = ask("post", "/referrals", pair)
    assert made.status_code == 201, made.text
    assert ask("post", "/referrals", pair).status_code == 409
    assert ask("post", "/referrals", {**pair, "referred_id": gym.members[10]}).status_code == 409
    assert ask("post", "/referrals", {**pair, "referred_id": 999_999}).status_code == 404
    [listed] = ask("get", "/referrals").json()
    assert listed == {**pair, "id": made.json()["id"], "state": "unpaid", "subscription_id": None}
    refused = ask("post", f"/referrals/{listed['id']}/reward")
    assert refused.status_code == 409 and "unpaid" in refused.json()["detail"]
    assert ask("post", "/referrals/999999/reward").status_code == 404
    assert ask("put", "/referral-reward", {"reward": None}, role=Role.OWNER).status_code == 204
    assert ask("get", "/referral-reward").json() == {"reward": None}


def test_a_coupon_is_used_at_the_desk(ask, gym):
    """For the next period of what runs already; unknown codes and subscriptions are told apart."""
    new = {"member_id": gym.members[11], "price_id": gym.price_id, "starts_on": "2025-03-01", "another": True}
    subscription_id = ask("post", "/subscriptions", new).json()["subscription_id"]
    assert (
        ask("post", "/coupons", {"code": "TEN", "share_percent": 10, "cycles": 1}, role=Role.OWNER).status_code == 201
    )
    used = ask("post", f"/subscriptions/{subscription_id}/coupon", {"code": "TEN"})
    assert used.json() == {"from_on": "2025-04-01", "until_on": "2025-05-01"}, used.text
    assert ask("post", f"/subscriptions/{subscription_id}/coupon", {"code": "NONE"}).status_code == 409
    assert ask("post", "/subscriptions/999999/coupon", {"code": "TEN"}).status_code == 404
