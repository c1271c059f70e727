"""What the payment service tells, by its own webhooks and list: however it arrives, accounts end in one place."""

from collections.abc import Sequence
from typing import Any

import pytest
from cloud.payments.stripe.conftest import StripeGym
from dues_gym import TOTAL_MINOR, Payer, at
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.disputes.answering import Answer, answer
from portillon_cloud.payments.disputes.tables import dispute, dispute_step
from portillon_cloud.payments.inbox.acting import act
from portillon_cloud.payments.inbox.receiving import receive
from portillon_cloud.payments.inbox.sweeping import SWEEP_EVERY_MS, sweep
from portillon_cloud.payments.inbox.tables import inbox_event
from portillon_cloud.payments.refunding.tables import payout_came_back, refund_attempt
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.stripe.news import news_of
from portillon_cloud.payments.tables import STRIPE, attempt_outcome, open_credit, payment, payment_method
from psp.conftest import Ears
from sqlalchemy import insert, select

HOW = ["backwards, each twice", "all lost"]


class Telling:
    """The service's webhooks, brought to the gym as a bad network would."""

    def __init__(self, stripe_gym: StripeGym, ears: Ears, how: str) -> None:
        self.gym, self.service, self.ears, self.how = stripe_gym.gym, stripe_gym.service, ears, how
        endpoint = self.service.client.webhook_endpoints.create({"url": ears.url, "enabled_events": ["*"]})
        stripe_gym.enter(webhook_secret=str(endpoint.secret))
        self.news_of = news_of(stripe_gym.stripe)

    def come(self) -> None:
        """All that was told so far arrives, or does not, and is acted on; an hour later the list is read."""
        self.service.simulator("deliver")
        news = self.news_of(self.gym.organisation_id, STRIPE)
        assert news is not None
        for body, signature in self._arriving(list(self.ears.heard)):
            receive(
                self.gym.db,
                news,
                {"stripe-signature": signature},
                body,
                organisation_id=self.gym.organisation_id,
                provider=STRIPE,
                real_ms=self.gym.clock.real_ms(),
            )
            act(self.gym.db, self.news_of, self.gym.clock)
        self.ears.heard.clear()
        self.gym.clock.now_ms += SWEEP_EVERY_MS
        sweep(self.gym.db, self.news_of, self.gym.clock)
        while act(self.gym.db, self.news_of, self.gym.clock):
            pass

    def _arriving(self, heard: list[tuple[bytes, str]]) -> Sequence[tuple[bytes, str]]:
        return [one for one in reversed(heard) for _ in range(2)] if self.how == "backwards, each twice" else []


def give_credit(stripe_gym: StripeGym, payer: Payer) -> int:
    """Credit of the payer's payment, which is to be paid back."""
    gym = stripe_gym.gym
    [payment_id] = gym.scalars(select(payment.c.id).where(payment.c.account_id == payer.account_id))
    same: dict[str, Any] = {"organisation_id": gym.organisation_id, "account_id": payer.account_id}
    with gym.db.write() as conn:
        conn.execute(insert(open_credit).values(payment_id=payment_id, currency="CAD", left_minor=1000, **same))
        asked = Refund(by="Ada", reason="left", request_key=f"back-{payment_id}", **same)
        [payout_id] = refund_credit(conn, asked, now_ms=at(1))
    return payout_id


@pytest.mark.parametrize("how", HOW)
def test_however_it_is_told_it_ends_alike(stripe_gym: StripeGym, ears: Ears, how: str) -> None:
    """A dispute that is won, one nobody answers, a refund that comes back, and a card the bank replaced."""
    gym, service, telling = stripe_gym.gym, stripe_gym.service, Telling(stripe_gym, ears, how)
    won, lost = (stripe_gym.payer("pm_card_createDispute") for _ in range(2))
    gives_back, expired = stripe_gym.payer("pm_card_refundFail"), stripe_gym.payer("pm_card_chargeCustomerFail")
    customer, card = expired.token.split(":")
    service.client.payment_methods.attach(card, {"customer": customer})
    for payer in (won, lost, gives_back, expired):
        gym.owe(payer)
    gym.run_until(at(0))
    payout_id = give_credit(stripe_gym, gives_back)
    gym.run_until(at(1))
    service.simulator("update_card", payment_method=card, last4="4242", exp_year=2039)
    service.wait(21)
    telling.come()
    assert gym.balance_minor(LedgerCode.DISPUTED) == 2 * TOTAL_MINOR
    [disputed] = gym.scalars(select(dispute.c.id).where(dispute.c.account_id == won.account_id))
    said = Answer(
        organisation_id=gym.organisation_id,
        dispute_id=disputed,
        text="winning_evidence: they were here ten times.",
        documents=["contract 1"],
        by="Ada",
        request_key="an-answer",
    )
    assert answer(gym.db, gym.keyring, telling.news_of, said, now_ms=at(2)) == "answered"
    service.wait(31)
    telling.come()
    telling.come()
    states = gym.scalars(select(dispute.c.state).order_by(dispute.c.account_id))
    assert states == ["won", "lost"]
    assert gym.balance_minor(LedgerCode.DISPUTED) == 0
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == 2 * TOTAL_MINOR  # lost, and the card that had expired
    assert gym.scalars(select(refund_attempt.c.state).where(refund_attempt.c.payout_id == payout_id)) == ["came_back"]
    assert len(gym.scalars(select(payout_came_back.c.id))) == 1
    with gym.db.read() as conn:
        kept = conn.execute(select(payment_method).where(payment_method.c.id == expired.method_id)).one()
    assert (kept.label[-4:], kept.exp_year, kept.state) == ("4242", 2039, "active")
    assert gym.scalars(select(attempt_outcome.c.outcome).order_by(attempt_outcome.c.attempt_id)) == [
        *["succeeded"] * 3,
        "refused",
    ]
    assert set(gym.scalars(select(inbox_event.c.state))) == {"done", "ignored"}
    steps = gym.scalars(select(dispute_step.c.kind).where(dispute_step.c.dispute_id == disputed))
    assert steps == ["open", "evidence", "answered", "won"]
