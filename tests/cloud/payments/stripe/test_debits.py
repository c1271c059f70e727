"""Debits of accounts through Stripe, European, Canadian and American: days under way, and taken back days later."""

from typing import Any

import pytest
import stripe
from cloud.payments.stripe.conftest import StripeGym
from portillon_cloud.payments.provider import ChargeOrder, ChargeOutcome, is_hard
from portillon_cloud.payments.stripe.cards import begin_card, keep_card
from portillon_cloud.payments.stripe.debit_terms import debit_terms
from portillon_cloud.payments.stripe.errors import StripeAwayError
from portillon_cloud.payments.stripe.news import StripeNews
from stripe import SetupIntentService

FIELDS = {"sepa_debit": "iban", "acss_debit": "account_number", "us_bank_account": "account_number"}
GOOD = {"sepa_debit": "DE89370400440532013000", "acss_debit": "000123456789", "us_bank_account": "000123456789"}
POOR = {"sepa_debit": "DE62370400440532013001", "acss_debit": "000222222227", "us_bank_account": "000222222227"}
CURRENCY = {"sepa_debit": "EUR", "acss_debit": "CAD", "us_bank_account": "USD"}


def order(stripe_gym: StripeGym, kind: str, number: str) -> ChargeOrder:
    """A charge of such an account."""
    method = stripe_gym.service.client.payment_methods.create({"type": kind, kind: {FIELDS[kind]: number}})
    return ChargeOrder(
        organisation_id=stripe_gym.gym.organisation_id, provider="stripe", key=f"intent-{kind}{number[-4:]}:1",
        token=f"{stripe_gym.service.customer()}:{method.id}", amount_minor=5999, currency=CURRENCY[kind], now_ms=0,
    )  # fmt: skip


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_a_debit_is_days_under_way_and_comes_back_with_the_banks_reason(stripe_gym: StripeGym, kind: str) -> None:
    """Pending, then paid or refused as the bank says; a second asking under the key makes no second debit."""
    there = stripe_gym.stripe.at(stripe_gym.enter())
    good, poor = order(stripe_gym, kind, GOOD[kind]), order(stripe_gym, kind, POOR[kind])
    assert {there.charge(one).outcome for one in (good, poor, good)} == {ChargeOutcome.PENDING}
    stripe_gym.service.wait(6)
    paid, refused = there.look_up(good), there.look_up(poor)
    assert paid is not None and paid.outcome is ChargeOutcome.SUCCEEDED
    assert refused is not None and (refused.outcome, refused.code) == (ChargeOutcome.REFUSED, "insufficient_funds")
    assert len(stripe_gym.service.client.payment_intents.list({"customer": good.token.partition(":")[0]}).data) == 1


def test_an_account_that_is_closed_is_not_asked_again(stripe_gym: StripeGym) -> None:
    """The bank's word after days is for good."""
    there = stripe_gym.stripe.at(stripe_gym.enter())
    closed = order(stripe_gym, "us_bank_account", "000111111113")
    assert there.charge(closed).outcome is ChargeOutcome.PENDING
    stripe_gym.service.wait(6)
    answer = there.look_up(closed)
    assert answer is not None and answer.code == "account_closed" and is_hard(answer.code)


@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_a_debit_taken_back_is_no_suspicion(stripe_gym: StripeGym, kind: str) -> None:
    """Stripe tells of it as a dispute that names no means: the charge does, and a card's is told apart."""
    entered = stripe_gym.enter()
    asked = order(stripe_gym, kind, GOOD[kind])
    there = stripe_gym.stripe.at(entered)
    there.charge(asked)
    stripe_gym.service.wait(6)
    card = stripe_gym.service.charge(*stripe_gym.service.card("pm_card_visa"))
    news = StripeNews((there.client,), ours=stripe_gym.stripe.ours)
    answer = there.look_up(asked)
    assert answer is not None and answer.reference is not None
    for intent, is_debit in ((answer.reference, True), (card.id, False)):
        charge = stripe_gym.service.client.payment_intents.retrieve(intent).latest_charge
        disputed = stripe_gym.service.simulator("dispute", charge=charge)
        seen = news.fetch_dispute(str(disputed["id"]))
        assert seen is not None and seen.debit is is_debit


def test_a_canadian_account_is_entered_under_terms(stripe_gym: StripeGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mandate says when and for whom; without the terms the service takes no such account."""
    stripe_gym.enter(publishable="pk_test_x")
    account_id = stripe_gym.gym.payer().account_id
    number = {"account_number": GOOD["acss_debit"]}
    made = stripe_gym.service.client.payment_methods.create({"type": "acss_debit", "acss_debit": number})
    mine: dict[str, Any] = {"organisation_id": stripe_gym.gym.organisation_id, "account_id": account_id}
    begun = begin_card(stripe_gym.stripe, **mine)
    stripe_gym.service.client.setup_intents.confirm(begun.reference, {"payment_method": made.id})
    kept = keep_card(stripe_gym.stripe, **mine, setup=begun.reference, now_ms=0)
    assert kept.label == "PAD •••• 6789"
    with stripe_gym.stripe.db.read() as conn:
        terms = debit_terms(conn, account_id)["acss_debit"]["mandate_options"]
    assert (terms["payment_schedule"], terms["transaction_type"]) == ("combined", "personal")

    monkeypatch.setattr("portillon_cloud.payments.stripe.cards.debit_terms", lambda *_: {})
    without = begin_card(stripe_gym.stripe, **mine)
    with pytest.raises(stripe.InvalidRequestError, match="terms"):
        stripe_gym.service.client.setup_intents.confirm(without.reference, {"payment_method": made.id})


def test_an_account_that_takes_no_such_debits_takes_cards(
    stripe_gym: StripeGym, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terms that the service does not want are left away, once; any other refusal is told."""
    stripe_gym.enter(publishable="pk_test_x")
    mine: dict[str, Any] = {
        "organisation_id": stripe_gym.gym.organisation_id,
        "account_id": stripe_gym.gym.payer().account_id,
    }
    real, unwanted = SetupIntentService.create, ["payment_method_options[acss_debit]"]

    def picky(service: SetupIntentService, asked: Any) -> Any:
        if "payment_method_options" in asked or unwanted == ["usage"]:
            raise stripe.InvalidRequestError("not with this account", param=unwanted[0])
        return real(service, asked)

    monkeypatch.setattr(SetupIntentService, "create", picky)
    assert begin_card(stripe_gym.stripe, **mine).reference
    unwanted[:] = ["usage"]
    with pytest.raises(StripeAwayError):
        begin_card(stripe_gym.stripe, **mine)
