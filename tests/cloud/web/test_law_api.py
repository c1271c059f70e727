"""Prices told ahead, letters, lawful ends and links to leave over the API."""

import pytest
from cloud.web.test_api import headers
from portillon_cloud.identity.roles import Role

PRICE = {"amount_minor": 70_00, "interval_unit": "month", "term_months": 12}


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None, role=Role.OWNER):
        return client.request(
            method, f"/api/v1{path}", headers={"Authorization": f"Bearer {gym.keys[role]}"}, json=body
        )

    return send


@pytest.fixture
def dearer(ask):
    [plan] = ask("get", "/catalogue").json()
    return ask("post", f"/catalogue/{plan['id']}/prices", PRICE).json()["id"]


def test_what_cannot_be_announced_is_refused(ask, gym, dearer):
    """A fixed term by its clause, nobody at the price and too soon by their field; and it is the owner's to do."""
    new = {"from_price_id": gym.price_id, "to_price_id": dearer, "from_on": "2025-06-01"}
    refused = ask("post", "/price-changes?preview=true", new)
    assert refused.status_code == 409 and "P-40.1, s. 11.2" in refused.json()["detail"]
    down = {**new, "from_price_id": dearer, "to_price_id": gym.price_id}
    nobody = ask("post", "/price-changes", down)
    assert nobody.status_code == 422 and "from_price_id" in nobody.json()["detail"]
    assert ask("post", "/price-changes", {**new, "from_on": "2025-03-20"}).json()["detail"].startswith("from_on")
    assert ask("get", "/price-changes").json() == []
    assert ask("post", "/price-changes/9/withdraw").status_code == 404
    for role in (Role.DESK, Role.TECHNICIAN):
        assert ask("post", "/price-changes", new, role=role).status_code == 403


def test_a_price_that_falls_is_told_to_all(ask, gym):
    """Every member at it is reached from their own day, at no clause's mercy; then it is withdrawn."""
    [plan] = ask("get", "/catalogue").json()
    cheaper = ask("post", f"/catalogue/{plan['id']}/prices", {**PRICE, "amount_minor": 50_00}).json()["id"]
    new = {"from_price_id": gym.price_id, "to_price_id": cheaper, "from_on": "2025-06-01", "reason": "a gift"}
    shown = ask("post", "/price-changes?preview=true", new).json()
    made = ask("post", "/price-changes", new).json()
    assert shown == {**made, "id": None}
    assert len(made["reached"]) == len(gym.members) and made["kept"] == [] and not made["rises"]
    assert made["reached"][0]["holds_from_on"] == "2025-06-01"
    [listed] = ask("get", "/price-changes").json()
    assert (listed["reached"], listed["told"], listed["applied"]) == (len(gym.members), 0, 0)
    assert ask("post", f"/price-changes/{made['id']}/withdraw").status_code == 204
    assert ask("get", "/price-changes").json()[0]["withdrawn_at_ms"] is not None


def test_who_left_by_law_and_what_they_were_told(ask, gym):
    """A cancellation by law is on the list with its clause, and its letter on the account, as it was sent."""
    assert ask("post", "/subscriptions/1/changes", {"change": "cancel", "by_law": True}).status_code == 200
    [end] = ask("get", "/lawful-ends").json()
    assert (end["subscription_id"], end["clause"]) == (1, "C.c.Q., art. 2125, 2129")
    assert end["settled_at_ms"] is not None
    [told] = ask("get", f"/accounts/{gym.accounts[0]}/notices").json()
    assert told["kind"] == "cancelled" and told["facts"]["ends_on"] == end["ends_on"]
    assert "Tout accès" in told["body"]
    assert ask("get", "/accounts/99999/notices").status_code == 404


def test_the_desk_makes_a_link_to_leave(ask, client, gym, other_gym):
    """It opens the page; nobody makes one for another gym's member."""
    made = ask("post", "/subscriptions/1/exit-link", role=Role.DESK).json()
    assert client.get(made["url"]).status_code == 200
    assert ask("post", "/subscriptions/99999/exit-link").status_code == 404
    mine = len(gym.members)
    theirs = client.post(f"/api/v1/subscriptions/{mine + 1}/exit-link", headers=headers(gym))
    assert theirs.status_code == 404
