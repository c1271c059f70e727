"""The owner's page of the payment service: keys go in and are tried, rotated, ended; no secret ever comes out."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from cloud.web.conftest import StubServices, csrf_of
from cloud.web.test_payer_browser import look
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.payments.provider import PaymentProvider
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.simulator import PaymentSimulator
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.errors import WrongKey
from portillon_cloud.payments.stripe.payouts import record_payouts
from portillon_cloud.payments.stripe.provider import StripeProvider
from portillon_cloud.reconciliation.tables import provider_payout
from portillon_cloud.web.pages.payment_service import WRONG
from psp.conftest import Running, Service
from sqlalchemy import select

SECRET, OTHER = "sk_test_ownerone", "sk_test_ownertwo"


@dataclass
class WithStripe(StubServices):
    """Services with a way to the simulated payment service."""

    provider: PaymentProvider


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("psp") / "books.db")
    yield server
    server.kill()


@pytest.fixture
def stripe(sqlite_db, services, running: Running) -> Iterator[StripeProvider]:
    connections = Connections(running.url)
    yield StripeProvider(sqlite_db, services.keyring, connections)
    connections.close()


@pytest.fixture
def app(app, services, sqlite_db, running: Running):
    connections = Connections(running.url)
    stripe = StripeProvider(sqlite_db, services.keyring, connections)
    provider = Routing.over([PaymentSimulator(sqlite_db), stripe])
    app.state.services = WithStripe(services.db, services.clock, services.keyring, provider)
    yield app
    connections.close()


def send(owner, path="/payment-service", **typed):
    return owner.post(path, data={"csrf": csrf_of(owner.get("/payment-service").text), **typed})


def test_every_mistake_has_words() -> None:
    """What can be wrong with a key is said in words."""
    assert set(WRONG) == set(WrongKey)


def test_entered_rotated_changed_ended(signed_in, gym) -> None:
    """The last four are shown and nothing more; what is left empty stays; who did it is in the log, key by key."""
    owner = signed_in(Role.OWNER)
    shown = owner.get("/payment-service").text
    assert "Simulated cards" in shown and f"/webhooks/stripe/{gym.organisation_id}" in shown
    assert "test keys only" in shown and "Before the first live payment" in shown
    more = {"publishable_key": "pk_test_shown", "webhook_secret": "whsec_hidden"}
    assert send(owner, secret_key=f" {SECRET} ", **more).headers["location"] == "/payment-service?done=entered"
    shown = owner.get("/payment-service?done=entered").text
    assert "acct_ownerone" in shown and "…rone" in shown and "heard at once" in shown and "pk_test_shown" in shown
    assert SECRET not in shown and "whsec_hidden" not in shown
    send(owner, secret_key=SECRET, publishable_key="pk_test_newer")
    assert "heard at once" in owner.get("/payment-service").text
    send(owner, secret_key=OTHER)
    shown = owner.get("/payment-service").text
    assert shown.index("acct_ownertwo") < shown.index("Accounts before") < shown.index("acct_ownerone")
    assert send(owner, "/payment-service/end").headers["location"] == "/payment-service?done=ended"
    assert "Simulated cards" in owner.get("/payment-service").text
    acts = owner.get("/books/acts").text
    said = ["ended, key …rtwo", "entered, key …rtwo", "ended, key …rone", "New keys of the payment service, key …rone"]
    assert [one for one in (*said, "entered, key …rone") if one not in acts] == []
    assert acts.count("Camille owner") >= 5 and 'href="/payment-service"' in acts


@pytest.mark.parametrize(
    ("typed", "said", "status"),
    [
        ({"secret_key": "pk_test_wrongway"}, "begins with sk_test_", 422),
        ({"secret_key": "sk_live_somebody"}, "test keys only, a live one", 422),
        ({"secret_key": "sk_test_UNKNOWN!"}, "does not take this key", 422),
        ({"secret_key": SECRET, "publishable_key": "pk_live_x"}, "the same mode", 422),
        ({"secret_key": SECRET, "webhook_secret": "sk_test_x"}, "begins with whsec_", 422),
    ],
)
def test_what_is_wrong_is_said_and_not_repeated(signed_in, typed, said, status) -> None:
    """In words, and none of what was typed comes back in the page."""
    refused = send(signed_in(Role.OWNER), **typed)
    assert refused.status_code == status
    assert said in refused.text and "No account" not in refused.text
    assert not any(value in refused.text for value in typed.values())


def test_while_stripe_is_away_nothing_changes(signed_in, running: Running) -> None:
    """503, in words."""
    service = Service(running, "ownerone")
    service.simulator("faults", outage=True)
    refused = send(signed_in(Role.OWNER), secret_key=SECRET)
    service.simulator("faults", outage=False)
    assert refused.status_code == 503 and "gives no answer now" in refused.text


def test_owners_alone(signed_in) -> None:
    """Whoever takes payments does not choose where the money goes, nor see whose account it is."""
    desk = signed_in(Role.DESK)
    assert desk.get("/payment-service").status_code == 403
    assert desk.post("/payment-service/end").status_code == 403
    assert 'href="/payment-service"' not in desk.get("/unpaid").text
    owner = signed_in(Role.OWNER)
    assert owner.post("/payment-service", data={"csrf": "x", "secret_key": SECRET}).status_code == 403
    assert owner.get("/payment-service/end").headers["location"] == "/payment-service"


def test_a_payout_by_hand_is_listed_as_one(signed_in, gym, stripe: StripeProvider, running: Running) -> None:
    """It is known once, with its sum, and posts nothing: Stripe does not say of what it is made (nor its fees)."""
    owner = signed_in(Role.OWNER)
    send(owner, secret_key="sk_test_byhand")
    service = Service(running, "byhand")
    service.simulator("pay_out", amount=12_345, currency="cad")
    for new in (1, 0):
        assert record_payouts(stripe, gym.organisation_id, real_ms=gym.services.clock.real_ms()) == new
    shown = owner.get("/payment-service").text
    assert "$123.45" in shown and "By hand" in shown and "Enter the fees by hand" in shown
    with gym.services.db.read() as conn:
        assert conn.execute(select(provider_payout.c.by_hand, provider_payout.c.fees_minor)).all() == [(True, 0)]
        assert conn.execute(select(ledger_entry.c.id).where(ledger_entry.c.kind == "provider_fees")).all() == []


@pytest.mark.browser
@pytest.mark.xdist_group("browser")
def test_in_a_browser(visitor, axe) -> None:
    """Keys entered by keyboard; axe finds nothing, in both languages, on a phone too."""
    visitor.sign_in()
    page = visitor.page
    page.wait_for_url("**/sites/1")
    page.get_by_role("link", name="Books", exact=True).press("Enter")
    page.get_by_role("link", name="Payment service", exact=True).press("Enter")
    page.get_by_label("Secret key").fill(SECRET)
    page.get_by_role("button", name="Try them and keep them").press("Enter")
    page.get_by_text("It opens the account.").wait_for()
    look(page, axe, "payment-service-en")
    page.get_by_role("button", name="Français").press("Enter")
    page.get_by_role("heading", name="Où Stripe nous avise").wait_for()
    page.locator("#end summary").press("Enter")
    look(page, axe, "payment-service-fr")
