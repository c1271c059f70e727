"""A payer with a link: replaces the card, confirms with the bank, tries again; without a password, and at once."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from cloud.payments.stripe.conftest import StripeGym
from dues_api import Api, make_api
from dues_gym import TOTAL_MINOR, Payer, at
from portillon_cloud.identity.roles import Role
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.pay_link import DAY_MS, LINK_DAYS, PayLinks
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import payment_attempt, payment_method
from sqlalchemy import select
from starlette.testclient import TestClient


class PayerAtHome:
    """Sees pages, presses buttons; types card numbers at Stripe's, as their browser does."""

    def __init__(self, there: StripeGym, payer: Payer) -> None:
        self.there = there
        self.payer = payer
        self.api: Api = make_api(there.gym)
        client = self.api.as_role(Role.DESK)
        made = client.post(f"/accounts/{payer.account_id}/pay-link")
        assert made.status_code == 201, made.text
        self.path = made.json()["url"].removeprefix("http://gym.example")
        self.client = TestClient(client.app, base_url="http://gym.example")

    def look(self) -> str:
        self.page = self.client.get(f"{self.path}?language=en").text
        return self.page

    def press(self, what: str, **typed: str) -> str:
        answer = self.client.post(f"{self.path}/{what}?language=en", data=typed)
        assert answer.status_code == 200, answer.text
        self.policy = answer.headers["content-security-policy"]
        self.page = answer.text
        return self.page

    def given(self, name: str) -> str:
        found = re.search(rf'{name}="([^"]+)"', self.page)
        assert found is not None, self.page
        return found[1]

    def enter(self, card: str) -> str:
        """Another card, typed into Stripe's fields."""
        self.press("new-card")
        setup = self.given('name="setup" value')
        self.there.service.client.setup_intents.confirm(setup, {"payment_method": card})
        return self.press("card", setup=setup)


@pytest.fixture
def open_stripe(stripe_gym: StripeGym) -> Iterator[StripeGym]:
    stripe_gym.enter(publishable="pk_test_shown")
    stripe_gym.gym.clock.now_ms = at(1)
    yield stripe_gym


def owing(there: StripeGym, card: str) -> PayerAtHome:
    payer = there.payer(card)
    there.gym.owe(payer)
    there.gym.run_until(at(0))
    return PayerAtHome(there, payer)


def test_another_card_pays_at_once(open_stripe: StripeGym) -> None:
    """The card is kept with what people recognise, and what is due is charged with it before the page is back."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert "$45.99" in nadia.look()
    assert "It is paid" in nadia.enter("pm_card_mastercard")
    assert "Mastercard •••• 4444" in nadia.page
    assert open_stripe.gym.balance_minor(LedgerCode.RECEIVABLE) == 0
    with open_stripe.gym.db.read() as conn:
        kept = conn.execute(select(payment_method).order_by(payment_method.c.id.desc())).first()
    assert kept is not None
    assert (kept.provider, kept.exp_year, kept.exp_month, kept.scheme) == ("stripe", 2034, 12, "mastercard")


def test_trying_again_before_the_next_step(open_stripe: StripeGym) -> None:
    """billing.md 4.31: money is on the account again, and the member does not wait for the ladder's next day."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclinedInsufficientFunds")
    assert "Your bank said no" in nadia.press("retry")
    open_stripe.service.simulator(
        "behave", payment_method=nadia.payer.token.partition(":")[2], **{"as": "pm_card_visa"}
    )
    assert "It is paid" in nadia.press("retry")
    assert "Nothing is to be paid" in nadia.page
    before = len(open_stripe.gym.scalars(select(payment_attempt.c.id)))
    nadia.press("retry")
    assert len(open_stripe.gym.scalars(select(payment_attempt.c.id))) == before == 3


def test_confirming_with_the_bank(open_stripe: StripeGym) -> None:
    """The same charge is confirmed that the bank held up; no second one is made."""
    nadia = owing(open_stripe, "pm_card_authenticationRequired")
    assert "Confirm with my bank" in nadia.look()
    nadia.press("confirm")
    intent = nadia.given("data-secret").partition("_secret_")[0]
    open_stripe.service.client.payment_intents.confirm(intent, {"payment_method": nadia.given("data-method")})
    assert "Your bank wants you to confirm" in nadia.press("retry")
    open_stripe.service.simulator("authenticate", payment_intent=intent)
    assert "It is paid" in nadia.press("retry")
    assert [one.id for one in open_stripe.service.client.payment_intents.list().data] == [intent]


def test_another_card_instead_of_confirming(open_stripe: StripeGym) -> None:
    """What waits for the bank is called off first: the old card can never be charged for it as well."""
    nadia = owing(open_stripe, "pm_card_authenticationRequired")
    assert "It is paid" in nadia.enter("pm_card_visa")
    states = sorted(one.status for one in open_stripe.service.client.payment_intents.list().data)
    assert states == ["canceled", "succeeded"]


def test_what_is_due_later_is_not_charged(open_stripe: StripeGym) -> None:
    """A new card pays what is due, not what will be."""
    payer = open_stripe.payer()
    open_stripe.gym.owe(payer, due_on=date(2026, 4, 1))
    nadia = PayerAtHome(open_stripe, payer)
    assert "Your card is kept" in nadia.enter("pm_card_visa")
    assert open_stripe.gym.balance_minor(LedgerCode.RECEIVABLE) == TOTAL_MINOR


def test_a_set_up_that_is_not_theirs(open_stripe: StripeGym) -> None:
    """Not brought to its end, somebody else's, made up, or none: no card is kept, nothing is charged."""
    nadia, other = owing(open_stripe, "pm_card_visa_chargeDeclined"), PayerAtHome(open_stripe, open_stripe.payer())
    nadia.press("new-card")
    unfinished = nadia.given('name="setup" value')
    other.press("new-card")
    foreign = other.given('name="setup" value')
    open_stripe.service.client.setup_intents.confirm(foreign, {"payment_method": "pm_card_visa"})
    before = open_stripe.gym.scalars(select(payment_method.c.id))
    for setup in (unfinished, foreign, "seti_nobody", ""):
        assert "No card was entered" in nadia.press("card", setup=setup)
    assert open_stripe.gym.scalars(select(payment_method.c.id)) == before


def test_stripe_is_loaded_where_a_card_is_typed_and_nowhere_else(open_stripe: StripeGym) -> None:
    """The browser may load Stripe's script on the two pages that need it and on no other; no secret key is there."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclined")
    assert "stripe.com" not in nadia.look()
    nadia.press("new-card")
    assert "script-src 'self' https://js.stripe.com;" in nadia.policy
    assert "frame-src https://js.stripe.com" in nadia.policy
    assert "'unsafe" not in nadia.policy
    assert nadia.given("data-stripe") == "pk_test_shown"
    assert open_stripe.secret not in nadia.page
    nadia.press("retry")
    assert "stripe.com" not in nadia.policy + nadia.page


def test_without_a_public_key_the_page_says_so(stripe_gym: StripeGym) -> None:
    """Cards are then not taken here: the desk is named, and trying again works all the same."""
    stripe_gym.enter()
    stripe_gym.gym.clock.now_ms = at(1)
    nadia = owing(stripe_gym, "pm_card_visa_chargeDeclined")
    assert "Cards are not taken on this page" in nadia.press("new-card")
    assert "Your bank said no" in nadia.press("retry")


def test_stripe_away(open_stripe: StripeGym) -> None:
    """Nothing is changed, and the page says to try again."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclined")
    open_stripe.service.simulator("faults", outage=True)
    assert "does not answer now" in nadia.press("new-card")
    assert "under way" in nadia.press("retry")


def test_links(open_stripe: StripeGym) -> None:
    """A link runs out; a changed one, or one of an account that is not there, opens nothing."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclined")
    for path in (nadia.path[:-3] + "AAA", "/pay/x", "/pay/é"):
        assert nadia.client.get(path).status_code == 404
    links = PayLinks.of(open_stripe.gym.keyring, "http://gym.example")
    nobody = links.link(open_stripe.gym.organisation_id, 999_999, now_ms=at(1))
    assert nadia.client.get(nobody).status_code == 404
    open_stripe.gym.clock.now_ms = at(1) + LINK_DAYS * DAY_MS
    assert "run out" in nadia.look()
    assert "run out" in nadia.press("retry")
    assert len(open_stripe.gym.scalars(select(payment_attempt.c.id))) == 1


def test_another_site_cannot_press(open_stripe: StripeGym) -> None:
    """A form that a browser says is another site's does nothing."""
    nadia = owing(open_stripe, "pm_card_visa_chargeDeclined")
    answer = nadia.client.post(f"{nadia.path}/retry", headers={"sec-fetch-site": "cross-site"})
    assert answer.status_code == 403


def test_cards_over_the_api(open_stripe: StripeGym) -> None:
    """A set-up is begun and kept for an account of one's own organisation; kept twice it is one card."""
    payer = open_stripe.payer()
    desk = make_api(open_stripe.gym).as_role(Role.DESK)
    begun = desk.post(f"/accounts/{payer.account_id}/card-setups").json()
    open_stripe.service.client.setup_intents.confirm(begun["setup"], {"payment_method": "pm_card_amex"})
    path = f"/accounts/{payer.account_id}/payment-methods"
    kept = [desk.post(path, json={"setup": begun["setup"]}).json() for _ in range(2)]
    assert kept[0] == kept[1]
    assert kept[0]["label"] == "American Express •••• 8431"
    assert desk.post("/accounts/999999/card-setups").status_code == 404
    assert desk.post("/accounts/999999/pay-link").status_code == 404


def test_simulated_cards_try_again_too(stripe_gym: StripeGym) -> None:
    """Without any account at Stripe the page is whole, apart from taking cards."""
    payer = stripe_gym.gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    stripe_gym.gym.owe(payer)
    stripe_gym.gym.run_until(at(0))
    stripe_gym.gym.clock.now_ms = at(1)
    nadia = PayerAtHome(stripe_gym, replace(payer))
    stripe_gym.gym.behave(payer, CardBehaviour.OK)
    assert "It is paid" in nadia.press("retry")
