"""Handing a subscription on over the API: shown first, done once, refused in words."""

from datetime import date

import pytest
from cloud.web.conftest import BUSINESS_MS
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.identity.roles import Role


def keys(gym, role=Role.OWNER):
    return {"headers": {"Authorization": f"Bearer {gym.keys[role]}"}}


@pytest.fixture
def path(client, gym):
    """A subscription that began this month and is billed for it."""
    new = {"member_id": gym.members[11], "price_id": gym.price_id, "starts_on": "2025-03-01", "another": True}
    made = client.post("/api/v1/subscriptions", json=new, **keys(gym, Role.DESK))
    assert made.status_code == 201, made.text
    run_invoices(gym.services.db, gym.legal_entity_id, on=date(2025, 3, 1), now_ms=BUSINESS_MS)
    return f"/api/v1/subscriptions/{made.json()['subscription_id']}/transfer"


def test_shown_and_then_done(client, gym, path):
    """The preview writes nothing and is what is done: what one gets back, the other pays, and the fee."""
    asked = {"to_member_id": gym.members[10], "giver_agreed": "in_person", "taker_agreed": "in_writing"}
    shown = client.post(f"{path}?preview=true", json=asked, **keys(gym, Role.DESK))
    assert shown.status_code == 200, shown.text
    assert (shown.json()["subscription_id"], shown.json()["contract_id"]) == (None, None)
    done = client.post(path, json=asked, **keys(gym, Role.DESK)).json()
    assert {**done, "subscription_id": None, "contract_id": None} == shown.json()
    assert done["giver"]["owed_more_minor"] == -done["taker"]["owed_more_minor"] < 0
    assert done["giver"]["ends_on"] == done["holds_from_on"] == "2025-03-12"
    theirs = client.get(f"/api/v1/subscriptions/{done['subscription_id']}", **keys(gym)).json()
    assert (theirs["member_id"], theirs["condition"]) == (gym.members[10], "running")
    assert client.post(path, json=asked, **keys(gym, Role.DESK)).status_code == 409


def test_what_cannot_be_is_said(client, gym, path):
    """Without both consents it is no request; to nobody, or by who keeps doors, it is refused."""
    asked = {"to_member_id": gym.members[10], "giver_agreed": "in_person", "taker_agreed": "in_writing"}
    assert client.post(path, json={**asked, "taker_agreed": None}, **keys(gym)).status_code == 422
    nobody = client.post(path, json={**asked, "to_member_id": 999_999}, **keys(gym))
    assert nobody.status_code == 409 and "to_member_id" in nobody.json()["detail"]
    assert client.post(path, json=asked, **keys(gym, Role.TECHNICIAN)).status_code == 403
    assert client.post("/api/v1/subscriptions/999999/transfer", json=asked, **keys(gym)).status_code == 404
