"""Accounts, members, subscriptions and sign-ups sent twice over the API under one key."""

from typing import Any

import pytest
from cloud.web.test_api import headers, is_problem
from portillon_cloud.identity.roles import Role


@pytest.fixture
def ask(client, gym):
    def send(path, body, key, **query):
        more = {} if key is None else {"Idempotency-Key": key}
        return client.post(f"/api/v1{path}", headers={**headers(gym, Role.DESK), **more}, json=body, params=query)

    return send


def test_the_same_request_twice_makes_one(ask, client, gym):
    """All four routes answer the second time what they answered the first; with another body they refuse."""
    there = client.get(f"/api/v1/members/{gym.members[11]}", headers=headers(gym)).json()
    payer = {"legal_entity_id": gym.legal_entity_id, "name": "Nora Roy", "language": "en"}
    person = {"site_id": there["site_id"], "first_name": "Nora", "last_name": "Roy"}
    terms = {"price_id": gym.price_id, "starts_on": "2025-04-01"}
    signed_up = {"payer": payer, "member": person, "contracts": [terms]}
    asked: tuple[tuple[str, dict[str, Any], dict[str, Any]], ...] = (
        ("/accounts", payer, {"name": "Nora Côté"}),
        ("/members", {**person, "account_id": there["account_id"]}, {"first_name": "Paul"}),
        ("/subscriptions", {**terms, "member_id": gym.members[11], "another": True}, {"starts_on": "2025-05-01"}),
        ("/sign-ups", signed_up, {"member": {**person, "first_name": "Paul"}}),
    )
    for number, (path, body, other) in enumerate(asked):
        key = f"request-{number}"
        first, second = (ask(path, body, key) for _ in range(2))
        assert first.status_code == second.status_code == 201, second.text
        assert (first.json(), first.headers.get("location")) == (second.json(), second.headers.get("location"))
        is_problem(ask(path, {**body, **other}, key), 409)
        assert ask(path, body, "short").status_code == 422
    assert ask("/sign-ups", signed_up, None).json() != ask("/sign-ups", signed_up, None).json()


def test_a_preview_uses_no_key(ask, client, gym):
    """What was only shown under a key is done when it is asked for under it."""
    site_id = client.get(f"/api/v1/members/{gym.members[11]}", headers=headers(gym)).json()["site_id"]
    new = {
        "payer": {"legal_entity_id": gym.legal_entity_id, "name": "Nora Roy", "language": "en"},
        "member": {"site_id": site_id, "first_name": "Nora", "last_name": "Roy"},
        "contracts": [{"price_id": gym.price_id, "starts_on": "2025-04-01"}],
    }
    assert ask("/sign-ups", new, "shown-first", preview="true").json()["member_id"] is None
    assert ask("/sign-ups", new, "shown-first").json()["member_id"] is not None
