"""What Stripe pays out is in the books to the cent, once, with every movement beside the attempt it is of."""

import logging

import pytest
from cloud.payments.stripe.conftest import StripeGym
from dues_gym import TOTAL_MINOR, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.members.operations import create_legal_entity
from portillon_cloud.payments.inbox.effects import dispute_seen
from portillon_cloud.payments.provider import RefundOrder
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe import payouts
from portillon_cloud.payments.stripe.news import news_of
from portillon_cloud.payments.stripe.payouts import EVERY_MS, PayoutWatch, record_payouts
from portillon_cloud.payments.tables import STRIPE, attempt_outcome, payment_attempt
from portillon_cloud.reconciliation.tables import provider_payout, provider_payout_line
from portillon_psp.money import DISPUTE_FEE_MINOR
from sqlalchemy import select


def paid_out(there: StripeGym) -> None:
    """Two dues are paid, a part of one is given back, and what is left goes to the bank."""
    there.enter()
    for _ in range(2):
        there.gym.owe(there.payer())
    there.gym.run_until(at(0))
    charged = there.gym.scalars(select(attempt_outcome.c.provider_reference))
    provider = there.gym.provider
    assert isinstance(provider, Routing)
    provider.refund(
        RefundOrder(
            organisation_id=there.gym.organisation_id,
            provider=STRIPE,
            key="r:1",
            charge=charged[0],
            amount_minor=1000,
            currency="CAD",
            now_ms=at(0),
        )
    )
    there.service.wait(4)


def test_every_cent_has_its_attempt(either_gym: StripeGym) -> None:
    """Gross less fees is what arrives; each line names our attempt, the fees are posted, and told twice is once."""
    paid_out(either_gym)
    there = either_gym.gym
    assert record_payouts(either_gym.stripe, there.organisation_id, real_ms=at(5)) == 1
    assert record_payouts(either_gym.stripe, there.organisation_id, real_ms=at(5)) == 0
    with there.db.read() as conn:
        payout = conn.execute(select(provider_payout)).one()
        lines = conn.execute(select(provider_payout_line).order_by(provider_payout_line.c.id)).all()
    assert payout.amount_minor + payout.fees_minor == 2 * TOTAL_MINOR - 1000
    assert payout.fees_minor == there.balance_minor(LedgerCode.PROVIDER_FEES) > 0
    attempts = there.scalars(select(payment_attempt.c.id))
    assert {line.attempt_id for line in lines} == set(attempts)
    assert sorted(line.kind for line in lines) == ["charge", "charge", "refund"]


def test_what_a_known_payout_is_made_of_is_not_asked_again(
    stripe_gym: StripeGym, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each payout's movements are read once, however many hours list it."""
    asked: list[str] = []
    movements = payouts._movements
    monkeypatch.setattr(payouts, "_movements", lambda client, payout: asked.append(payout) or movements(client, payout))
    paid_out(stripe_gym)
    for _ in range(3):
        record_payouts(stripe_gym.stripe, stripe_gym.gym.organisation_id, real_ms=at(5))
    assert asked == stripe_gym.gym.scalars(select(provider_payout.c.reference))


def test_once_an_hour(stripe_gym: StripeGym) -> None:
    """The worker's drain asks for one organisation at a time and then lets it be."""
    paid_out(stripe_gym)
    watch = PayoutWatch(stripe_gym.stripe, stripe_gym.gym.clock)
    assert [watch.drain(), watch.drain()] == [1, 0]
    assert len(stripe_gym.gym.scalars(select(provider_payout.c.id))) == 1
    stripe_gym.gym.clock.now_ms += EVERY_MS
    assert watch.drain() == 1


@pytest.mark.parametrize("first", ["the dispute", "the payout"])
@pytest.mark.parametrize("defended", [True, False])
def test_a_disputes_fee_is_posted_once(
    stripe_gym: StripeGym, first: str, defended: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever tells of it first. The ablation: a payout that does not know disputes' movements posts it again."""
    there, service = stripe_gym.gym, stripe_gym.service
    stripe_gym.enter()
    there.owe(stripe_gym.payer("pm_card_createDispute"))
    there.run_until(at(0))
    service.wait(21)
    for _ in range(3):
        there.owe(stripe_gym.payer())
    there.run_until(at(1))
    service.wait(4)
    if not defended:
        monkeypatch.setattr(payouts, "_OF_DISPUTES", ())

    def hear() -> None:
        news = news_of(stripe_gym.stripe)(there.organisation_id, STRIPE)
        assert news is not None
        [seen] = [news.fetch_dispute(one.id) for one in service.client.disputes.list().data]
        with there.db.write() as conn:
            dispute_seen(conn, there.organisation_id, STRIPE, seen, now_ms=at(5))

    def record() -> None:
        assert record_payouts(stripe_gym.stripe, there.organisation_id, real_ms=at(5)) > 0

    for act in (hear, record) if first == "the dispute" else (record, hear):
        act()
    kept = sum(one.fee for one in service.client.balance_transactions.list({"limit": 100}).data)
    assert sum(there.scalars(select(provider_payout.c.fees_minor))) == kept
    assert there.balance_minor(LedgerCode.PROVIDER_FEES) == (kept if defended else kept + DISPUTE_FEE_MINOR)


def test_two_companies_on_one_account(stripe_gym: StripeGym, caplog: pytest.LogCaptureFixture) -> None:
    """A payout is of the company whose charges are in it; if that is nobody's, it is said and not guessed."""
    with stripe_gym.gym.db.write() as conn:
        create_legal_entity(
            conn,
            organisation_id=stripe_gym.gym.organisation_id,
            name="Gym Laval inc.",
            currency="CAD",
            tax_regime="ca-qc",
        )
    paid_out(stripe_gym)
    assert record_payouts(stripe_gym.stripe, stripe_gym.gym.organisation_id, real_ms=at(5)) == 1
    assert stripe_gym.gym.scalars(select(provider_payout.c.legal_entity_id)) == [stripe_gym.gym.legal_entity_id]
    stripe_gym.service.charge(*stripe_gym.service.card(), amount=50_000)  # by hand at Stripe
    stripe_gym.service.wait(4)
    with caplog.at_level(logging.ERROR):
        assert record_payouts(stripe_gym.stripe, stripe_gym.gym.organisation_id, real_ms=at(9)) == 0
    assert "nobody can say" in caplog.text


def test_stripe_away(stripe_gym: StripeGym) -> None:
    """Then nothing is recorded, and the next hour finds it."""
    paid_out(stripe_gym)
    stripe_gym.service.simulator("faults", outage=True)
    assert record_payouts(stripe_gym.stripe, stripe_gym.gym.organisation_id, real_ms=at(5)) == 0
    stripe_gym.service.simulator("faults", outage=False)
    assert record_payouts(stripe_gym.stripe, stripe_gym.gym.organisation_id, real_ms=at(5)) == 1
