"""What Stripe tells is believed if it is signed, and always asked for anew."""

import time

import pytest
from portillon_cloud.payments.inbox.news import (
    DisputeState,
    Evidence,
    EvidenceFile,
    EvidenceKind,
    NewsAwayError,
    NewsForgedError,
    ProviderNews,
)
from portillon_cloud.payments.provider import ChargeOrder, ChargeOutcome, RefundOrder, RefundOutcome
from portillon_cloud.payments.stripe.account import StripeAccount
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.news import StripeNews
from portillon_psp.webhooks import sign
from psp.conftest import Ears, Service


def account(service: Service, connections: Connections) -> StripeAccount:
    return StripeAccount(connections.client(f"sk_test_{service.account}"))


def news(service: Service, connections: Connections, *secrets: str) -> ProviderNews:
    return StripeNews([account(service, connections).client], secrets)


def paid(service: Service, connections: Connections, card: str = "pm_card_visa", key: str = "intent-1:1") -> str:
    """A charge that has succeeded under this key; its name."""
    customer, method = service.card(card)
    order = ChargeOrder(
        organisation_id=1,
        provider="stripe",
        key=key,
        token=f"{customer}:{method}",
        amount_minor=5999,
        currency="CAD",
        now_ms=0,
    )
    reference = account(service, connections).charge(order).reference
    assert reference is not None
    return reference


def test_a_signed_event_is_read(service: Service, connections: Connections, ears: Ears) -> None:
    """Under the secret of any of our endpoints; under another, an old one, or changed on the way, it is forged."""
    secret = service.client.webhook_endpoints.create({"url": ears.url, "enabled_events": ["*"]}).secret
    reference = paid(service, connections)
    service.simulator("deliver")
    body, signature = next((body, header) for body, header in ears.heard if b"payment_intent.succeeded" in body)
    told = news(service, connections, "whsec_other", secret).verify({"stripe-signature": signature}, body)
    assert (told.kind, told.object_id) == ("payment_intent.succeeded", reference)
    now_s = int(time.time())
    for secrets, header, said in (
        ([], signature, body),
        (["whsec_other"], signature, body),
        ([secret], None, body),
        ([secret], "t=1,v1=0", body),
        ([secret], sign(secret, now_s - 301, body), body),
        ([secret], signature, body.replace(b"succeeded", b"succeedes")),
        ([secret], sign(secret, now_s, b"\xff"), b"\xff"),
        ([secret], sign(secret, now_s, b"[]"), b"[]"),
    ):
        with pytest.raises(NewsForgedError):
            news(service, connections, *secrets).verify({} if header is None else {"stripe-signature": header}, said)


def test_events_are_listed_from_a_moment_on(service: Service, connections: Connections) -> None:
    """All of them, also over several pages: whatever a webhook lost is found."""
    paid(service, connections)
    service.wait(1)
    for _ in range(60):
        service.customer()
    reference = paid(service, connections, key="intent-2:1")
    listed = news(service, connections).events_since(service.now_s)
    assert len([event for event in listed if event.kind == "charge.succeeded"]) == 1
    assert reference in {event.object_id for event in listed}
    everything = news(service, connections).events_since(0)
    assert len(everything) == len({event.id for event in everything}) > len(listed)


def test_a_charge_is_found_by_either_name(service: Service, connections: Connections) -> None:
    """By its intent's, or by Stripe's charge's, with the key that we gave it; one that nobody made is none."""
    reference = paid(service, connections)
    charge = service.client.payment_intents.retrieve(reference).latest_charge
    for name in (reference, str(charge)):
        seen = news(service, connections).fetch_charge(name)
        assert seen is not None
        assert (seen.key, seen.answer.outcome) == ("intent-1:1", ChargeOutcome.SUCCEEDED)
    assert news(service, connections).fetch_charge("pi_nobody") is None
    assert news(service, connections).fetch_charge("ch_nobody") is None


def test_refunds_keep_their_key(service: Service, connections: Connections) -> None:
    """One of ours is known again, also after Stripe has forgotten the key: it is not paid back twice."""
    order = RefundOrder(
        organisation_id=1,
        provider="stripe",
        key="payout-1:1",
        charge=paid(service, connections),
        amount_minor=1000,
        currency="CAD",
        now_ms=0,
    )
    first = account(service, connections).refund(order)
    service.wait(2)
    assert account(service, connections).refund(order) == first
    seen = news(service, connections).fetch_refund(str(first.reference))
    assert seen is not None
    assert (seen.key, seen.answer) == ("payout-1:1", first)
    assert first.outcome is RefundOutcome.SUCCEEDED
    assert len(service.client.refunds.list().data) == 1


def test_a_dispute_is_answered(service: Service, connections: Connections) -> None:
    """It says whose charge it is and until when it can be answered; evidence sent twice is sent once."""
    paid(service, connections, "pm_card_createDispute")
    service.wait(20)
    ours = news(service, connections)
    [opened] = [event for event in ours.events_since(0) if event.kind == "charge.dispute.created"]
    seen = ours.fetch_dispute(opened.object_id)
    assert seen is not None
    assert (seen.key, seen.state, seen.amount_minor, seen.currency) == ("intent-1:1", DisputeState.OPEN, 5999, "CAD")
    assert not seen.debit
    assert seen.answer_by_ms is not None
    evidence = Evidence(key="dispute-1:1", text="winning_evidence", documents=("contract.pdf",))
    assert ours.submit_evidence(seen.reference, evidence).state is DisputeState.ANSWERED
    assert ours.submit_evidence(seen.reference, Evidence(key="dispute-1:2", text="more")).state is DisputeState.ANSWERED
    service.wait(31)
    won = ours.fetch_dispute(seen.reference)
    assert won is not None
    assert won.state is DisputeState.WON


def test_documents_go_to_the_bank_with_the_answer(service: Service, connections: Connections) -> None:
    """Each as the file that Stripe takes of its kind; sent again they are not handed in again."""
    paid(service, connections, "pm_card_createDispute")
    service.wait(20)
    ours = news(service, connections)
    [disputed] = service.client.disputes.list().data
    pdf = EvidenceFile(
        kind=EvidenceKind.CONTRACT, name='a "b".pdf', media_type="application/pdf", content=b"%PDF-1.7 x"
    )
    jpeg = EvidenceFile(
        kind=EvidenceKind.VISITS, name="visits.jpg", media_type="image/jpeg", content=b"\xff\xd8\xff" * 90_000
    )
    evidence = Evidence(key="evidence-1", text="losing_evidence", files=(pdf, jpeg))
    for _ in range(2):
        assert ours.submit_evidence(disputed.id, evidence).state is DisputeState.ANSWERED
    given = service.client.disputes.retrieve(disputed.id).evidence.to_dict()
    handed_in = {name: service.client.files.retrieve(given[name]) for name in given if name != "uncategorized_text"}
    assert {name: (one.filename, one.size, one.type) for name, one in handed_in.items()} == {
        "customer_signature": ("a %22b%22.pdf", 10, "pdf"),
        "service_documentation": ("visits.jpg", 270_000, "jpg"),
    }


def test_a_renewed_card_is_seen(service: Service, connections: Connections) -> None:
    """Its new number's end and expiry; detached, it can no longer be charged."""
    customer, method = service.card()
    service.client.payment_methods.attach(method, {"customer": customer})
    service.simulator("update_card", payment_method=method, last4="1881", exp_year=2040)
    seen = news(service, connections).fetch_method(method)
    assert seen is not None
    assert (seen.label, seen.exp_month, seen.exp_year, seen.usable) == ("Visa •••• 1881", 12, 2040, True)
    assert seen.scheme == "visa"
    service.client.payment_methods.detach(method)
    gone = news(service, connections).fetch_method(method)
    assert gone is not None
    assert not gone.usable


def test_away_is_said(service: Service, connections: Connections) -> None:
    """While Stripe answers nobody, nothing is taken for missing."""
    service.simulator("faults", outage=True)
    for ask in (
        lambda: news(service, connections).fetch_charge("pi_nobody"),
        lambda: news(service, connections).events_since(0),
        lambda: news(service, connections).submit_evidence("dp_1", Evidence(key="k", text="t")),
    ):
        with pytest.raises(NewsAwayError):
            ask()
