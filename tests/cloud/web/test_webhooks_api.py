"""Webhooks over the API: what an owner does with endpoints, and what the desk's acts have told them."""

import json
import re
from datetime import date

import pytest
from cloud.web.conftest import BUSINESS_MS
from cloud.web.test_api import headers
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.identity.roles import Role
from portillon_cloud.webhooks.catalogue import EventKind
from portillon_cloud.webhooks.delivering import WebhookPost
from portillon_cloud.webhooks.described import described
from portillon_cloud.webhooks.sending import Answer, Request


@pytest.fixture
def ask(client, gym):
    def send(method, path, body=None, *, role=Role.OWNER, status=None, of=gym):
        answer = client.request(method, f"/api/v1{path}", headers=headers(of, role), json=body)
        assert status is None or answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    return send


class Away:
    """An endpoint that is not there."""

    def send(self, request: Request) -> Answer:
        return Answer(None, "no such host")


def kinds_of(ask, made) -> list[str]:
    found = ask("get", f"/webhooks/endpoints/{made['id']}/events", status=200)["items"]
    return [one["kind"] for one in reversed(found)]


def test_what_the_desk_does_is_told(ask, gym):
    """Members, subscriptions, documents and payments: each act its events; a preview none."""
    made = ask("post", "/webhooks/endpoints", {"url": "https://example.org/hook"}, status=201)
    account_id, site_id = gym.accounts[0], gym.site_id
    new = {"account_id": account_id, "site_id": site_id, "first_name": "Ada", "last_name": "Roy"}
    member_id = ask("post", "/members", new, status=201)["id"]
    terms = {"member_id": member_id, "price_id": gym.price_id, "starts_on": "2025-03-01"}
    subscription = f"/subscriptions/{ask('post', '/subscriptions', terms, status=201)['subscription_id']}"
    assert kinds_of(ask, made) == ["member.created", "subscription.started"]
    run_invoices(gym.services.db, gym.legal_entity_id, on=date(2025, 3, 1), now_ms=BUSINESS_MS)
    freeze = {"change": "freeze", "on": "2025-03-25", "until_on": "2025-04-25", "reason": "a broken ankle"}
    before = kinds_of(ask, made)
    assert set(before[2:]) == {"invoice.issued"}
    ask("post", f"{subscription}/changes?preview=true", freeze, status=200)
    assert kinds_of(ask, made) == before
    ask("post", f"{subscription}/changes", freeze, status=200)
    assert {"subscription.changed", "credit_note.issued"} <= set(kinds_of(ask, made)[len(before) :])
    ask("post", f"{subscription}/changes", {"change": "cancel", "on": "2025-06-01", "reason": "moves away"})
    assert "subscription.ended" in kinds_of(ask, made)


def test_an_owner_looks_after_an_endpoint(ask, gym, services):
    """Added with a secret that is shown once, changed, tried, paused, turned on, sent again, removed."""
    body = {"url": "https://example.org/hook", "description": "Bookkeeper", "kinds": ["invoice.issued"]}
    made = ask("post", "/webhooks/endpoints", body, status=201)
    path = f"/webhooks/endpoints/{made['id']}"
    assert made["secret"].startswith("whsec_")
    listed = ask("get", "/webhooks/endpoints", status=200)
    assert [one["url"] for one in listed] == [body["url"]] and made["secret"] not in str(listed)
    assert ask("post", f"{path}/secret", status=200)["secret"] != made["secret"]
    ask("put", path, {**body, "kinds": []}, status=204)
    ask("post", f"{path}/ping", status=204)
    post = WebhookPost(db=services.db, clock=services.clock, keyring=services.keyring, sender=Away())
    assert post() == 1
    found = ask("get", path, status=200)
    assert (found["kinds"], found["waiting"], found["last_error"]) == ([], 1, "no such host")
    ask("post", f"{path}/pause", status=204)
    ask("post", f"{path}/ping", status=409)
    ask("post", f"{path}/turn-on", status=204)
    assert ask("post", f"{path}/send-again", {"since_ms": 0}, status=200) == {"sent": 0}
    ask("post", f"{path}/send-again", {}, status=422)
    ask("delete", path, status=204)
    ask("get", path, status=404)
    ask("get", f"{path}/events", status=404)


def test_only_owners_and_only_their_own(ask, gym, other_gym):
    """The desk may not see endpoints; another gym's look as if they were not there; a live gym sends no clear text."""
    made = ask("post", "/webhooks/endpoints", {"url": "http://localhost:9000/"}, status=201)
    for role in (Role.DESK, Role.TECHNICIAN):
        ask("get", "/webhooks/endpoints", role=role, status=403)
        ask("get", "/webhooks/events", role=role, status=403)
    for method, end in (("get", ""), ("delete", ""), ("post", "/ping"), ("post", "/secret"), ("get", "/events")):
        ask(method, f"/webhooks/endpoints/{made['id']}{end}", of=other_gym, status=404)
    ask("post", "/webhooks/endpoints", {"url": "http://example.org/"}, of=other_gym, status=422)
    assert len(ask("get", "/webhooks/events", status=200)) > 10


def test_the_document_describes_every_event(client) -> None:
    """OpenAPI 3.1 `webhooks` has each kind with its schema, and no schema of the API's own is written over."""
    document = client.get("/api/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    sent, schemas = described()
    assert set(document["webhooks"]) == set(EventKind)
    others = {name: one for name, one in document["components"]["schemas"].items() if name not in schemas}
    used = re.findall(r'"#/components/schemas/(\w+)"', json.dumps([document["paths"], others]))
    assert not set(schemas) & set(used)
    body = document["webhooks"]["payment.succeeded"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    data = document["components"]["schemas"][body["properties"]["data"]["$ref"].rpartition("/")[2]]
    assert "returned_minor" in data["properties"] and sent["payment.succeeded"]["post"]["summary"]
