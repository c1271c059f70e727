"""The official client against the service: every way in which a charge ends, and what each leaves behind."""

from typing import Any

import httpx
import pytest
import stripe
from psp.conftest import START_S, Running, Service


def test_a_charge_while_the_payer_is_away(service: Service) -> None:
    """It succeeds at once, and the charge, the balance and two events say so."""
    customer, card = service.card()
    intent = service.charge(customer, card, metadata={"ref": "intent-17:1"})
    assert (intent.status, intent.amount_received, intent.metadata["ref"]) == ("succeeded", 5999, "intent-17:1")
    charge = service.client.charges.retrieve(intent.latest_charge)
    assert (charge.paid, charge.captured, charge.status) == (True, True, "succeeded")
    [moved] = service.client.balance_transactions.list({"source": charge.id}).data
    assert (moved.amount, moved.fee, moved.net) == (5999, 204, 5795)
    assert service.events()[-3:] == ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


@pytest.mark.parametrize(
    ("card", "code", "decline"),
    [
        ("pm_card_visa_chargeDeclined", "card_declined", "generic_decline"),
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds"),
        ("pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
        ("pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
        ("pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card"),
        ("pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error"),
        ("pm_card_radarBlock", "card_declined", "fraudulent"),
        ("pm_card_authenticationRequired", "authentication_required", "authentication_required"),
    ],
)
def test_the_bank_says_no(service: Service, card: str, code: str, decline: str) -> None:
    """Each reason as Stripe names it; the intent goes back to waiting for a method, and keeps the failed charge."""
    customer, method = service.card(card)
    with pytest.raises(stripe.CardError) as refused:
        service.charge(customer, method, key="a")
    assert (refused.value.code, refused.value.error.decline_code, refused.value.http_status) == (code, decline, 402)
    intent = service.client.payment_intents.retrieve(refused.value.error.payment_intent.id)
    assert (intent.status, intent.payment_method) == ("requires_payment_method", None)
    assert service.client.charges.retrieve(intent.latest_charge).status == "failed"
    assert service.events()[-1] == "payment_intent.payment_failed"


def test_one_key_one_charge(service: Service) -> None:
    """The same request again gets the same answer, a refusal too; another request under the key is refused."""
    customer, card = service.card()
    first = service.charge(customer, card, key="intent-17:1")
    again = service.charge(customer, card, key="intent-17:1")
    assert first.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        service.charge(customer, card, amount=1, key="intent-17:1")
    assert len(service.client.payment_intents.list({"customer": customer}).data) == 1
    _, poor = service.card("pm_card_visa_chargeDeclinedInsufficientFunds", customer)
    ids = set()
    for _ in range(2):
        with pytest.raises(stripe.CardError) as refused:
            service.charge(customer, poor, key="intent-18:1")
        ids.add(refused.value.error.payment_intent.id)
    assert len(ids) == 1


def test_a_key_is_forgotten_after_a_day(service: Service) -> None:
    """Later the same key charges again: whoever waits that long must look first."""
    customer, card = service.card()
    first = service.charge(customer, card, key="k")
    service.wait(1.1)
    assert service.charge(customer, card, key="k").id != first.id


def test_the_payer_confirms(service: Service) -> None:
    """While the payer is there the intent waits for them; then it succeeds, or fails for good."""
    customer, card = service.card("pm_card_authenticationRequired")
    for passed, status in ((True, "succeeded"), (False, "requires_payment_method")):
        intent = service.charge(customer, card, off_session=False)
        assert (intent.status, intent.next_action.type) == ("requires_action", "use_stripe_sdk")
        service.simulator("authenticate", payment_intent=intent.id, passed=passed)
        assert service.client.payment_intents.retrieve(intent.id).status == status


def test_a_card_that_asks_once(service: Service) -> None:
    """Set up with the payer there, it is charged without them ever after; not set up, it is refused."""
    customer, card = service.card("pm_card_authenticationRequiredOnSetup")
    with pytest.raises(stripe.CardError):
        service.charge(customer, card)
    setup = service.client.setup_intents.create({"customer": customer, "payment_method": card, "confirm": True})
    assert setup.status == "requires_action"
    service.simulator("complete_setup", setup_intent=setup.id)
    assert service.client.setup_intents.retrieve(setup.id).status == "succeeded"
    assert service.charge(customer, card).status == "succeeded"


def debit(service: Service, iban: str) -> tuple[str, str]:
    customer = service.customer()
    asked: Any = {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": {"name": "Zoé"}}
    return customer, str(service.client.payment_methods.create(asked).id)


def test_a_debit_takes_days(service: Service) -> None:
    """Under way for five days, then paid; or sent back, and the intent waits for another method."""
    for iban, status, told in (
        ("DE89370400440532013000", "succeeded", "payment_intent.succeeded"),
        ("DE62370400440532013001", "requires_payment_method", "payment_intent.payment_failed"),
    ):
        intent = service.charge(*debit(service, iban), currency="eur")
        assert intent.status == "processing"
        with pytest.raises(stripe.InvalidRequestError, match="processing"):
            service.client.payment_intents.cancel(intent.id)
        service.wait(4.9)
        assert service.client.payment_intents.retrieve(intent.id).status == "processing"
        service.wait(0.2)
        assert service.client.payment_intents.retrieve(intent.id).status == status
        assert told in service.events()


def test_a_mandate_dies_unused(service: Service) -> None:
    """36 months after its last use the account cannot be debited any more; each use begins them anew."""
    customer, account = debit(service, "DE89370400440532013000")
    for _ in range(3):
        service.charge(customer, account, currency="eur")
        service.wait(20 * 30)
    service.charge(customer, account, currency="eur")
    service.wait(36 * 30 + 1)
    with pytest.raises(stripe.CardError, match="mandate_invalid"):
        service.charge(customer, account, currency="eur")


def test_cancelled_for_good(service: Service) -> None:
    """No money moves for a cancelled intent, whatever is asked later."""
    customer, card = service.card()
    intent = service.charge(customer, card, confirm=False, off_session=False)
    assert service.client.payment_intents.cancel(intent.id).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.client.payment_intents.confirm(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"


def test_what_it_does_not_know(service: Service, running: Running) -> None:
    """Unknown parameters, objects of others, live keys and amounts that are none are errors that name what is wrong."""
    customer, card = service.card()
    with pytest.raises(stripe.InvalidRequestError, match="frobnicate"):
        service.charge(customer, card, frobnicate="yes")
    with pytest.raises(stripe.InvalidRequestError, match="whole number"):
        service.charge(customer, card, amount=-5)
    other = Service(running, service.account + "x")
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        other.client.customers.retrieve(customer)
    with pytest.raises(stripe.AuthenticationError):
        stripe.StripeClient("sk_live_abc", base_addresses={"api": running.url}).v1.customers.create({})


def test_nothing_is_lost_when_it_is_killed(service: Service, running: Running) -> None:
    """SIGKILL between two calls: charges, keys, debits on their way and the clock are all there again."""
    customer, card = service.card()
    intent = service.charge(customer, card, key="k")
    under_way = service.charge(*debit(service, "DE89370400440532013000"), currency="eur")
    running.kill()
    running.start()
    assert service.charge(customer, card, key="k").id == intent.id
    service.wait(6)
    assert service.client.payment_intents.retrieve(under_way.id).status == "succeeded"


def test_a_lost_answer(service: Service) -> None:
    """The charge is made, the answer is an error; the same key tells what became of it, and charges no second time."""
    customer, card = service.card()
    service.simulator("faults", answers_lost=1)
    with pytest.raises(stripe.APIError):
        service.charge(customer, card, key="k")
    again = service.charge(customer, card, key="k")
    assert again.status == "succeeded"
    assert len(service.client.payment_intents.list({"customer": customer}).data) == 1


def test_lies_about_requests(service: Service) -> None:
    """Not done and an error, done and an error, done and told late: of each request once, then the truth is heard."""
    customer, card = service.card()
    for number, (lie, done) in enumerate([("undone_ppm", 0), ("unanswered_ppm", 1)], start=1):
        service.simulator("faults", **{lie: 1_000_000}, seed=number)
        with pytest.raises(stripe.APIError):
            service.charge(customer, card, key=lie)
        service.simulator("faults")
        made = service.client.payment_intents.list({"customer": customer}).data
        assert len(made) == number - 1 + done
        service.simulator("faults", **{lie: 1_000_000}, seed=number)
        assert service.charge(customer, card, key=lie).status == "succeeded"
    service.simulator("faults", silent_ppm=1_000_000, silent_ms=50, seed=3)
    assert service.charge(customer, card, key="slow").status == "succeeded"


def test_an_outage(service: Service) -> None:
    """Nothing is taken in while it lasts."""
    customer, card = service.card()
    service.simulator("faults", outage=True)
    with pytest.raises(stripe.APIError):
        service.charge(customer, card, key="k")
    service.simulator("faults")
    assert service.client.payment_intents.list({"customer": customer}).data == []


def test_the_clock_does_not_go_back(service: Service, running: Running) -> None:
    """Whatever it is set to, what happened stays in its order."""
    service.wait(10)
    answer = httpx.post(f"{running.url}/simulator/{service.account}/clock", json={"now": START_S})
    assert answer.status_code == 400 and "does not go back" in answer.text


def test_haste_is_refused(service: Service) -> None:
    """Of more requests in a second than it takes the rest is refused, and nothing of them was done."""
    customer, method = service.card()
    service.simulator("faults", requests_per_s=1)
    refused = 0
    for _ in range(4):
        try:
            service.charge(customer, method)
        except stripe.RateLimitError:
            refused += 1
    assert refused >= 1
    service.simulator("faults")
    assert len(service.client.payment_intents.list({"customer": customer}).data) == 4 - refused
