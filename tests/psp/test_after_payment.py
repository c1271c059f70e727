"""What becomes of money that came in: refunds, disputes, payouts, cards that change; and who is told of it."""

import json
import time

import pytest
import stripe
from psp.conftest import Ears, Service


def paid(service: Service, card: str = "pm_card_visa", amount: int = 5999) -> stripe.PaymentIntent:
    return service.charge(*service.card(card), amount=amount)


def test_no_more_is_given_back_than_was_paid(service: Service) -> None:
    """In parts, up to the whole; then never again."""
    intent = paid(service)
    refund = service.client.refunds.create({"payment_intent": intent.id, "amount": 999})
    assert (refund.status, refund.amount) == ("succeeded", 999)
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        service.client.refunds.create({"payment_intent": intent.id, "amount": 5001})
    assert service.client.refunds.create({"payment_intent": intent.id}).amount == 5000
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.client.refunds.create({"payment_intent": intent.id})
    assert refused.value.code == "charge_already_refunded"
    assert service.client.charges.retrieve(intent.latest_charge).refunded


def test_a_refund_that_comes_back(service: Service) -> None:
    """The card is gone: three days later the refund has failed and the money is ours again."""
    intent = paid(service, "pm_card_refundFail")
    refund = service.client.refunds.create({"payment_intent": intent.id})
    service.wait(3.1)
    assert service.client.refunds.retrieve(refund.id).status == "failed"
    assert service.client.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert "refund.failed" in service.events()


def dispute_of(service: Service, intent: stripe.PaymentIntent) -> stripe.Dispute:
    [dispute] = service.client.disputes.list({"payment_intent": intent.id}).data
    return service.client.disputes.retrieve(dispute.id)


def test_a_dispute_takes_the_money_and_evidence_wins_it_back(service: Service) -> None:
    """Twenty days later the bank takes it; in time with good evidence it comes back, else it is lost."""
    won, lost, late = (paid(service, "pm_card_createDispute") for _ in range(3))
    service.wait(20.1)
    assert dispute_of(service, won).status == "needs_response"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.client.refunds.create({"payment_intent": won.id})
    assert refused.value.code == "charge_disputed"
    for intent, text in ((won, "winning_evidence"), (lost, "losing_evidence")):
        service.client.disputes.update(
            dispute_of(service, intent).id, {"evidence": {"uncategorized_text": text}, "submit": True}
        )
    service.wait(10)
    assert dispute_of(service, late).status == "lost" and dispute_of(service, late).evidence_details.past_due
    with pytest.raises(stripe.InvalidRequestError, match="too late"):
        service.client.disputes.update(dispute_of(service, late).id, {"submit": True})
    service.wait(21)
    assert (dispute_of(service, won).status, dispute_of(service, lost).status) == ("won", "lost")
    assert "charge.dispute.funds_reinstated" in service.events()


def test_an_inquiry_takes_nothing(service: Service) -> None:
    """The bank only asks: nothing leaves the balance, and without an answer it is closed."""
    intent = paid(service, "pm_card_createDisputeInquiry")
    service.wait(21)
    asked = dispute_of(service, intent)
    assert (asked.status, list(asked.balance_transactions)) == ("warning_needs_response", [])
    service.wait(10)
    assert dispute_of(service, intent).status == "warning_closed"


def test_every_cent_of_a_payout_is_told(service: Service) -> None:
    """A payout is the sum of the movements in it: payments less fees, refunds, disputes."""
    first = paid(service)
    paid(service, amount=10_000)
    service.client.refunds.create({"payment_intent": first.id, "amount": 500})
    service.wait(4)
    [payout] = service.client.payouts.list({"status": "paid"}).data
    inside = service.client.balance_transactions.list({"payout": payout.id, "limit": 100}).data
    assert sorted(one.type for one in inside) == ["charge", "charge", "payout", "refund"]
    assert payout.amount == sum(one.net for one in inside if one.type != "payout") == 5999 - 204 + 10_000 - 320 - 500


def test_the_bank_gives_out_a_new_card(service: Service) -> None:
    """The account updater tells the new number; the old method pays again."""
    customer, card = service.card("pm_card_chargeDeclinedExpiredCard")
    service.simulator("update_card", payment_method=card, last4="4242", exp_year=2039)
    assert service.charge(customer, card).status == "succeeded"
    [event] = service.client.events.list({"type": "payment_method.automatically_updated"}).data
    assert event.data.previous_attributes["card"]["last4"] == "0069"


def listen(service: Service, ears: Ears) -> str:
    return str(service.client.webhook_endpoints.create({"url": ears.url, "enabled_events": ["*"]}).secret)


def test_webhooks_are_signed_as_the_client_checks_it(service: Service, ears: Ears) -> None:
    """The official client accepts each, and none that was changed by a letter or is old."""
    secret = listen(service, ears)
    paid(service)
    assert service.simulator("deliver")["taken"] == 3
    for body, signature in ears.heard:
        assert stripe.Webhook.construct_event(body, signature, secret).object == "event"
        with pytest.raises(stripe.SignatureVerificationError):
            stripe.Webhook.construct_event(body.replace(b"5999", b"5998"), signature, secret, tolerance=300)
    at_s = int(ears.heard[0][1].split(",")[0][2:])
    assert abs(time.time() - at_s) < 60


def test_whoever_does_not_answer_is_told_again(service: Service, ears: Ears) -> None:
    """After a minute, five, half an hour: until it is taken, and then no more."""
    listen(service, ears)
    ears.deaf = 3
    paid(service)
    assert service.simulator("deliver")["taken"] == 0
    service.wait(0.01)
    assert service.simulator("deliver")["taken"] == 3
    service.wait(3)
    assert len([kind for kind in ears.types() if kind.startswith("payment_intent")]) == 2


def test_webhooks_lie_when_told_to(service: Service, ears: Ears) -> None:
    """All twice; none at all; in another order; days late: as the faults say, and the same for the same seed."""
    listen(service, ears)
    service.simulator("faults", repeated_ppm=1_000_000)
    paid(service)
    service.simulator("deliver")
    assert len(ears.heard) == 6
    service.simulator("faults", lost_ppm=1_000_000)
    paid(service)
    service.simulator("deliver")
    assert len(ears.heard) == 6
    service.simulator("faults", lost_ppm=1_000_000)
    for _ in range(40):
        paid(service)
    service.simulator("deliver")
    service.simulator("faults")
    assert service.simulator("deliver")["taken"] == 0, "what was lost is not told later"
    service.simulator("faults", shuffled=True, seed=3)
    ears.heard.clear()
    for _ in range(3):
        paid(service)
    service.simulator("deliver")
    told = [json.loads(body)["id"] for body, _ in ears.heard]
    assert len(told) == 9 and told != sorted(told)
    service.simulator("faults", late_ppm=1_000_000, late_s=2 * 86_400)
    ears.heard.clear()
    paid(service)
    service.simulator("deliver")
    assert ears.heard == []
    service.wait(2.1)
    service.simulator("deliver")
    assert "payment_intent.succeeded" in ears.types()


def test_a_list_is_read_from_a_moment_on_or_of_one_customer(service: Service) -> None:
    """What was created before is not in it; another customer's is not; a customer who is not there is an error."""
    first, card = service.card()
    service.charge(first, card)
    service.wait(1)
    second, other = service.card()
    paid = service.charge(second, other)
    later = service.client.events.list({"created": {"gte": service.now_s}, "limit": 100}).data
    assert {event.created for event in later} == {service.now_s}
    assert [one.id for one in service.client.payment_intents.list({"customer": second}).data] == [paid.id]
    with pytest.raises(stripe.InvalidRequestError) as missing:
        service.client.payment_intents.list({"customer": "cus_nobody"})
    assert missing.value.code == "resource_missing"


def test_the_account_says_its_name(service: Service) -> None:
    """A key belongs to one account, which is what it is called by."""
    assert service.client.accounts.retrieve_current().id == f"acct_{service.account}"
