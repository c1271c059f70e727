"""Stripe's webhooks over HTTP, replay, disputes and payouts over the API: who may, what is refused, once per key."""

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from cloud.payments.provider_told import Inbox, Told
from dues_api import make_api
from dues_gym import TOTAL_MINOR, DuesGym, Payer, StillClock, at, make_gym
from fastapi.testclient import TestClient
from one_app import app_over
from portillon_cloud.database import Database
from portillon_cloud.identity.roles import Role
from portillon_cloud.payments.inbox.news import DisputeSeen, DisputeState, NewsOf
from portillon_cloud.payments.inbox.tables import inbox_event
from portillon_cloud.payments.inbox.webhook import BODY_MOST
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.refunding.tables import payout_paid
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.news import StripeNews
from portillon_cloud.payments.tables import open_credit, payment_attempt
from portillon_cloud.secrets import Keyring
from sqlalchemy import insert, select

SECRET = "whsec_of_the_gym"
EVENT = {"id": "evt_1", "type": "moon.landed", "created": 1_772_445_600, "data": {"object": {"id": "m_1"}}}


@dataclass
class NewsServices:
    """What the composition root gives to the web, and what the provider tells."""

    db: Database
    clock: StillClock
    keyring: Keyring
    provider: PaymentProvider
    news_of: NewsOf


@pytest.fixture
def gym(sqlite_db: Database) -> DuesGym:
    """SQL on both engines is tested below HTTP."""
    return make_gym(sqlite_db)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def client(gym: DuesGym, told: Told) -> Iterator[TestClient]:
    """Nobody who is signed in; Stripe tells of one organisation."""
    connections = Connections(None)
    stripe = StripeNews([connections.client("sk_test_gym")], [SECRET])

    def news_of(organisation_id: int, provider: str) -> StripeNews | Told | None:
        if organisation_id != gym.organisation_id:
            return None
        return stripe if provider == "stripe" else told

    app = app_over(NewsServices(gym.db, gym.clock, gym.keyring, gym.provider, news_of))
    yield TestClient(app, base_url="http://gym.example")
    connections.close()


def signed(body: bytes, *, at_s: int | None = None, secret: str = SECRET) -> dict[str, str]:
    """As Stripe signs (https://docs.stripe.com/webhooks#verify-manually)."""
    at_s = int(time.time()) if at_s is None else at_s
    mac = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
    return {"Stripe-Signature": f"t={at_s},v1={mac}"}


def test_a_signed_webhook_is_kept_once(gym: DuesGym, client: TestClient) -> None:
    """Twice sent, twice answered 200, one row; and nothing of its content is in it."""
    body = json.dumps({**EVENT, "data": {"object": {"id": "m_1", "billing_details": {"name": "Zoé"}}}}).encode()
    for _ in range(2):
        assert (
            client.post(f"/webhooks/stripe/{gym.organisation_id}", content=body, headers=signed(body)).status_code
            == 200
        )
    with gym.db.read() as conn:
        [row] = conn.execute(select(inbox_event)).all()
    assert (row.event_id, row.kind, row.object_id, row.state) == ("evt_1", "moon.landed", "m_1", "ignored")
    assert "Zoé" not in repr(row)


def test_what_is_not_signed_is_refused(gym: DuesGym, client: TestClient) -> None:
    """Changed, old, of another secret, unsigned, of another organisation, too long: nothing is kept or said."""
    body = json.dumps(EVENT).encode()
    here = f"/webhooks/stripe/{gym.organisation_id}"
    genuine = signed(body)
    long_ago = signed(body, at_s=int(time.time()) - 301)
    refused = [
        client.post(here, content=body.replace(b"moon", b"soon"), headers=genuine),
        client.post(here, content=body, headers=long_ago),
        client.post(here, content=body, headers=signed(body, secret="whsec_of_another")),
        client.post(here, content=body),
        client.post(f"/webhooks/stripe/{gym.organisation_id + 1}", content=body, headers=genuine),
    ]
    assert {(one.status_code, one.text) for one in refused} == {
        (400, "This was not signed by an endpoint that is known here.")
    }
    assert client.post(here, content=b" " * (BODY_MOST + 1), headers=genuine).status_code == 413
    assert gym.scalars(select(inbox_event.c.id)) == []


@dataclass
class Asked:
    """A client of each role."""

    owner: TestClient
    desk: TestClient


@pytest.fixture
def asked(gym: DuesGym, client: TestClient) -> Asked:
    services = client.app.state.services  # type: ignore[attr-defined]  # starlette's client knows no state
    made = make_api(gym)
    found = Asked(made.as_role(Role.OWNER), made.as_role(Role.DESK))
    app_over(services)
    return found


def paid_up(gym: DuesGym) -> tuple[Payer, str]:
    payer = gym.payer()
    gym.owe(payer)
    gym.run_until(at(0))
    [key] = gym.scalars(select(payment_attempt.c.key))
    return payer, key


def test_a_dispute_is_answered_and_an_account_cleared(gym: DuesGym, told: Told, asked: Asked) -> None:
    """The owner sees what to do by when, answers once per key, and clears with a reason; the desk may only look."""
    _, key = paid_up(gym)
    inbox = Inbox(gym.db, gym.organisation_id, told)
    seen = DisputeSeen(
        reference="dp_1",
        key=key,
        state=DisputeState.OPEN,
        amount_minor=TOTAL_MINOR,
        currency="CAD",
        reason="fraudulent",
        answer_by_ms=at(9),
    )
    told.disputes["dp_1"] = seen
    inbox.tell("charge.dispute.created", "dp_1")
    [line] = asked.desk.get("/disputes").json()
    assert (line["to_do"], line["answer_by_ms"], line["who"]) == ("answer", at(9), "Zoé Tremblay")
    here = f"/disputes/{line['id']}"
    said = {"text": "They were here ten times.", "documents": ["contract 1"]}
    once = {"Idempotency-Key": "my-answer-1"}
    assert asked.desk.post(f"{here}/answer", json=said, headers=once).status_code == 403
    told.away = True
    assert asked.owner.post(f"{here}/answer", json=said, headers=once).status_code == 503
    told.away = False
    told.disputes["dp_1"] = replace(seen, state=DisputeState.ANSWERED)
    assert asked.owner.post(f"{here}/answer", json=said, headers=once).json() == {"state": "answered"}
    assert asked.owner.post(f"{here}/clear", json={"reason": "x"}).status_code == 409
    told.disputes["dp_1"] = replace(seen, state=DisputeState.LOST)
    inbox.tell("charge.dispute.closed", "dp_1")
    assert [one["to_do"] for one in asked.owner.get("/disputes").json()] == ["clear"]
    assert asked.owner.post(f"{here}/clear", json={"reason": "paid cash"}).status_code == 204
    story = asked.owner.get(here).json()
    assert [one["kind"] for one in story["steps"]] == ["open", "evidence", "answered", "lost", "cleared"]
    assert story["said"][0]["documents"] == ["contract 1"]
    assert asked.owner.get("/disputes/999").status_code == 404


def test_a_payout_is_paid_by_hand_once(gym: DuesGym, asked: Asked) -> None:
    """The desk sees it and pays it in cash; the same key is the same act, and nothing is left to do."""
    payer = gym.payer()
    gym.owe(payer)
    taken = gym.pay(payer, TOTAL_MINOR, now_ms=at(0))
    with gym.db.write() as conn:
        credit = {"organisation_id": gym.organisation_id, "account_id": payer.account_id, "currency": "CAD"}
        conn.execute(insert(open_credit).values(payment_id=taken.payment_id, left_minor=500, **credit))
        refund_credit(
            conn,
            Refund(
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                by="Ada",
                reason="left",
                request_key="back",
            ),
            now_ms=at(1),
        )
    assert [one["to_do"] for one in asked.desk.get("/payouts").json()] == ["wait"]
    gym.run_until(at(1))
    [line] = asked.desk.get("/payouts").json()
    assert (line["to_do"], line["amount_minor"], line["reason"]) == ("pay", 500, "left")
    here, once = f"/payouts/{line['id']}", {"Idempotency-Key": "my-payout-1"}
    assert asked.owner.post(f"{here}/doubt", json={"was_paid": True}).status_code == 409
    for _ in range(2):
        assert asked.desk.post(f"{here}/paid", json={"means": "cash"}, headers=once).status_code == 201
    again = asked.desk.post(f"{here}/paid", json={"means": "cash"}, headers={"Idempotency-Key": "my-payout-2"})
    assert again.status_code == 409
    assert asked.desk.get("/payouts").json() == []
    assert gym.scalars(select(payout_paid.c.means)) == ["cash"]


def test_an_owner_has_events_acted_on_again(gym: DuesGym, told: Told, asked: Asked) -> None:
    """By name or from an instant on; the desk may not, and nobody finds another's."""
    inbox = Inbox(gym.db, gym.organisation_id, told)
    inbox.tell("refund.failed", "re_1")
    told.away = True
    assert asked.owner.get("/provider-events/parked").json() == []
    assert asked.owner.post("/provider-events/replay", json={"event_id": "evt_1"}).json() == {"events": 1}
    assert asked.owner.post("/provider-events/replay", json={"since_s": 0}).json() == {"events": 1}
    assert asked.owner.post("/provider-events/replay", json={"event_id": "evt_9"}).status_code == 404
    assert asked.desk.post("/provider-events/replay", json={"since_s": 0}).status_code == 403
