"""What Stripe pays out is in the books to the cent, once, with every movement beside the attempt it is of."""

import logging

import pytest
from cloud.payments.stripe.conftest import StripeGym
from dues_gym import TOTAL_MINOR, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.members.operations import create_legal_entity
from portillon_cloud.payments.provider import RefundOrder
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.stripe.payouts import EVERY_MS, PayoutWatch, record_payouts
from portillon_cloud.payments.tables import STRIPE, attempt_outcome, payment_attempt
from portillon_cloud.reconciliation.tables import provider_payout, provider_payout_line
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


def test_once_an_hour(stripe_gym: StripeGym) -> None:
    """The worker's drain asks for one organisation at a time and then lets it be."""
    paid_out(stripe_gym)
    watch = PayoutWatch(stripe_gym.stripe, stripe_gym.gym.clock)
    assert [watch.drain(), watch.drain()] == [1, 0]
    assert len(stripe_gym.gym.scalars(select(provider_payout.c.id))) == 1
    stripe_gym.gym.clock.now_ms += EVERY_MS
    assert watch.drain() == 1


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
