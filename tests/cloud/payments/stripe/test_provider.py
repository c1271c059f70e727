"""Charges go to the provider that they name, with the organisation's own account, now and after it was replaced."""

import logging
from dataclasses import replace

import pytest
from cloud.payments.stripe.conftest import StripeGym, open_gym
from dues_gym import TOTAL_MINOR, at
from portillon_cloud.database import Database
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import charge, charge_soon
from portillon_cloud.payments.provider import ChargeOrder, ChargeOutcome, RefundOrder, RefundOutcome
from portillon_cloud.payments.provider_account_tables import provider_account
from portillon_cloud.payments.provider_accounts import end_account, provider_for_cards
from portillon_cloud.payments.routing import Routing
from portillon_cloud.payments.settling import ChargeResult
from portillon_cloud.payments.stripe.cards import begin_card, keep_card
from portillon_cloud.payments.stripe.connection import Connections
from portillon_cloud.payments.stripe.entering import Keys, enter_keys
from portillon_cloud.payments.stripe.errors import StripeAwayError, StripeKeyError
from portillon_cloud.payments.stripe.news import news_of
from portillon_cloud.payments.tables import STRIPE, attempt_outcome, payment_attempt, payment_intent, payment_method
from psp.conftest import Service
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError


def order(there: StripeGym, **changed: object) -> ChargeOrder:
    asked = ChargeOrder(
        organisation_id=there.gym.organisation_id,
        provider=STRIPE,
        key="a:1",
        token=there.payer().token,
        amount_minor=100,
        currency="CAD",
        now_ms=at(0),
    )
    return replace(asked, **changed)  # type: ignore[arg-type]


def test_dues_are_charged_at_stripe(either_gym: StripeGym) -> None:
    """An invoice that falls due is paid by the card that is kept at Stripe, under our key, to the cent."""
    either_gym.enter()
    payer = either_gym.payer()
    either_gym.gym.owe(payer)
    either_gym.gym.run_until(at(0))
    [intent] = either_gym.service.client.payment_intents.list().data
    assert (intent.status, intent.amount, intent.currency) == ("succeeded", TOTAL_MINOR, "cad")
    assert intent.metadata.to_dict()["portillon_ref"].endswith(":1")
    assert either_gym.gym.balance_minor(LedgerCode.RECEIVABLE) == 0
    assert either_gym.gym.scalars(select(attempt_outcome.c.provider_reference)) == [intent.id]


def test_a_payer_who_must_confirm_pays_with_what_was_asked(stripe_gym: StripeGym) -> None:
    """While the bank asks for the payer nothing is tried anew; once they confirmed, the same charge is found paid."""
    stripe_gym.enter()
    payer = stripe_gym.payer("pm_card_authenticationRequired")
    stripe_gym.gym.owe(payer)
    stripe_gym.gym.run_until(at(0))
    [intent] = stripe_gym.service.client.payment_intents.list().data
    stripe_gym.service.client.payment_intents.confirm(intent.id, {"payment_method": payer.token.partition(":")[2]})
    stripe_gym.service.simulator("authenticate", payment_intent=intent.id)
    stripe_gym.gym.run_until(at(1))
    assert [one.id for one in stripe_gym.service.client.payment_intents.list().data] == [intent.id]
    assert stripe_gym.gym.balance_minor(LedgerCode.RECEIVABLE) == 0


def test_a_worker_that_died_after_the_call(stripe_gym: StripeGym) -> None:
    """Whoever comes next sends the same key again, and a day later only asks: it is paid once."""
    stripe_gym.enter()
    payer = stripe_gym.payer()
    stripe_gym.gym.owe(payer)
    [intent_id] = stripe_gym.gym.scalars(select(payment_intent.c.id))

    class Dies(Routing):
        def charge(self, order: ChargeOrder):  # type: ignore[no-untyped-def]
            super().charge(order)
            raise SystemExit

    routing = stripe_gym.gym.provider
    assert isinstance(routing, Routing)
    with pytest.raises(SystemExit):
        charge(stripe_gym.gym.db, Dies(routing.providers), intent_id, now_ms=at(0))
    assert charge(stripe_gym.gym.db, routing, intent_id, now_ms=at(2)) is ChargeResult.SUCCEEDED
    assert len(stripe_gym.service.client.payment_intents.list().data) == 1


def test_another_account_takes_over(either_gym: StripeGym, connections: Connections) -> None:
    """New cards are kept by the new account; old ones are no longer charged, but looked up, cancelled and paid back."""
    either_gym.enter()
    asked = order(either_gym)
    provider = either_gym.gym.provider
    paid = provider.charge(asked)
    either_gym.enter(f"{either_gym.service.account}b")
    assert provider.charge(replace(asked, key="a:2")).code == "no_provider"
    assert provider.look_up(asked) == paid
    assert provider.cancel(asked) == paid
    refund = RefundOrder(
        organisation_id=either_gym.gym.organisation_id,
        provider=STRIPE,
        key="r:1",
        charge=str(paid.reference),
        amount_minor=100,
        currency="CAD",
        now_ms=at(0),
    )
    assert isinstance(provider, Routing)
    # No attempt of ours made this charge, so it is looked for with the current account, and is not there.
    assert provider.refund(refund).code == "no_such_charge"
    second = either_gym.payer(service=Service(either_gym.service.running, f"{either_gym.service.account}b"))
    assert provider.charge(replace(asked, key="a:3", token=second.token)).outcome is ChargeOutcome.SUCCEEDED


def test_refunds_go_to_the_account_that_was_charged_with(stripe_gym: StripeGym) -> None:
    """Also after it was ended: the attempt says whose charge it was."""
    stripe_gym.enter()
    stripe_gym.gym.owe(stripe_gym.payer())
    stripe_gym.gym.run_until(at(0))
    [charged] = stripe_gym.gym.scalars(select(attempt_outcome.c.provider_reference))
    stripe_gym.enter(f"{stripe_gym.service.account}b")
    refund = RefundOrder(
        organisation_id=stripe_gym.gym.organisation_id,
        provider=STRIPE,
        key="r:1",
        charge=charged,
        amount_minor=100,
        currency="CAD",
        now_ms=at(1),
    )
    provider = stripe_gym.gym.provider
    assert isinstance(provider, Routing)
    assert provider.refund(refund).outcome is RefundOutcome.SUCCEEDED
    assert [one.amount for one in stripe_gym.service.client.refunds.list().data] == [100]


def test_begun_anew_on_the_same_account(stripe_gym: StripeGym, sqlite_db: Database) -> None:
    """Another installation counts its attempts from one as well: its keys are others, so each charges its own."""
    stripe_gym.enter()
    asked = order(stripe_gym)
    assert stripe_gym.gym.provider.charge(asked).outcome is ChargeOutcome.SUCCEEDED
    again = open_gym(sqlite_db, stripe_gym.service, stripe_gym.stripe.connections)
    again.enter()
    mine = order(again)
    assert again.gym.provider.look_up(mine) is None
    made = again.gym.provider.charge(mine)
    assert made.outcome is ChargeOutcome.SUCCEEDED
    assert len(stripe_gym.service.client.payment_intents.list().data) == 2
    for there, key in ((again, "a:1"), (stripe_gym, None)):
        news = news_of(there.stripe)(there.gym.organisation_id, STRIPE)
        assert news is not None
        seen = news.fetch_charge(str(made.reference))
        assert seen is not None
        assert seen.key == key


def test_nobody_to_charge_with(stripe_gym: StripeGym) -> None:
    """Without an account, or of a provider that is not here, nothing moves; and what may have moved stays unknown."""
    asked = order(stripe_gym)
    provider = stripe_gym.gym.provider
    for nobody in (asked, replace(asked, provider="unheard_of")):
        answer = provider.charge(nobody)
        assert (answer.outcome, answer.code) == (ChargeOutcome.REFUSED, "no_provider")
        assert [provider.cancel(nobody).outcome, provider.look_up(nobody).outcome] == [ChargeOutcome.UNKNOWN] * 2
    stripe_gym.enter()
    assert provider.charge(asked).outcome is ChargeOutcome.SUCCEEDED
    with stripe_gym.gym.db.write() as conn:
        end_account(conn, organisation_id=stripe_gym.gym.organisation_id, provider=STRIPE, by="Ada", now_ms=at(0))
    assert provider.charge(replace(asked, key="a:2")).code == "no_provider"


def test_another_organisation_charges_with_its_own(stripe_gym: StripeGym, sqlite_db: Database) -> None:
    """An account is found by organisation: another's key is never used, though the card's token is known."""
    stripe_gym.enter()
    other = open_gym(sqlite_db, stripe_gym.service, stripe_gym.stripe.connections)
    asked = order(stripe_gym, organisation_id=other.gym.organisation_id)
    assert stripe_gym.gym.provider.charge(asked).code == "no_provider"
    assert stripe_gym.service.client.payment_intents.list().data == []


def test_a_key_that_stripe_refuses_is_an_outage(stripe_gym: StripeGym, caplog: pytest.LogCaptureFixture) -> None:
    """A revoked key of the gym's is no refusal of the member's card; the log says which key, without it."""
    stripe_gym.enter()
    asked = order(stripe_gym)
    sealed = stripe_gym.gym.keyring.seal(
        b"sk_live_withdrawn", purpose=f"provider_account.secret:{stripe_gym.gym.organisation_id}"
    )
    with stripe_gym.gym.db.write() as conn:
        conn.execute(update(provider_account).values(secret_sealed=sealed, secret_last4="rawn"))
    client = stripe_gym.stripe.connections.client("sk_test_NotOpenHere")
    object.__setattr__(stripe_gym.stripe, "connections", _Always(client))
    with caplog.at_level(logging.ERROR):
        answer = stripe_gym.gym.provider.charge(asked)
    assert (answer.outcome, answer.code) == (ChargeOutcome.PROVIDER_DOWN, "provider_refuses_key")
    assert "ends in rawn" in caplog.text
    assert "withdrawn" not in caplog.text


class _Always:
    """Gives one client, whatever the key."""

    def __init__(self, client: object) -> None:
        self._client = client

    def client(self, _secret: str) -> object:
        return self._client


def test_keys_are_tried_and_sealed(either_gym: StripeGym) -> None:
    """The account is the one that the key opens; the same again is new keys and no new account; none is in clear."""
    first = either_gym.enter(publishable="pk_test_shown", webhook_secret="whsec_hidden")
    again = either_gym.enter()
    assert (again.id, again.reference) == (first.id, f"acct_{either_gym.service.account}")
    assert (again.publishable_key, again.webhook_secret) == (None, "whsec_hidden")
    with either_gym.gym.db.read() as conn:
        row = conn.execute(select(provider_account)).one()
    for hidden in (either_gym.secret, "whsec_hidden"):
        assert hidden.encode() not in bytes(row.secret_sealed) + bytes(row.webhook_secret_sealed)
        assert hidden not in repr(row) + repr(again) + repr(either_gym.stripe.at(again))
    assert row.secret_last4 == either_gym.secret[-4:]


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({"secret": "sk_live_abc"}, "organisation .* is test, the key is a live key"),
        ({"secret": "what"}, "begins with sk_test_"),
        ({"secret": "sk_test_BIG"}, "does not take this key"),
        ({"publishable": "pk_live_abc"}, "pk_test_"),
        ({"webhook_secret": "abc"}, "whsec_"),
    ],
)
def test_wrong_keys_change_nothing(stripe_gym: StripeGym, keys: dict[str, str], why: str) -> None:
    """Of the other mode, of nobody, or mixed up: refused in words that do not repeat the key."""
    given = Keys(**{"secret": stripe_gym.secret, **keys})
    with pytest.raises(StripeKeyError, match=why) as refused:
        enter_keys(stripe_gym.stripe, given, organisation_id=stripe_gym.gym.organisation_id, by="x", now_ms=at(0))
    assert not any(value in str(refused.value) for value in keys.values())
    assert stripe_gym.gym.scalars(select(provider_account.c.id)) == []


def test_an_outage_changes_nothing(stripe_gym: StripeGym) -> None:
    """A key that cannot be tried is not taken."""
    stripe_gym.service.simulator("faults", outage=True)
    with pytest.raises(StripeAwayError):
        stripe_gym.enter()
    assert stripe_gym.gym.scalars(select(provider_account.c.id)) == []


def test_a_live_organisation_has_no_test_account(either_gym: StripeGym) -> None:
    """The database holds it: an account's mode is its organisation's."""
    either_gym.enter()
    with pytest.raises(IntegrityError), either_gym.gym.db.write() as conn:
        conn.execute(update(provider_account).values(mode="live"))


def test_a_card_is_kept_under_one_customer(either_gym: StripeGym) -> None:
    """Two cards of one payer hang on one customer of theirs at Stripe, and the newer is charged."""
    either_gym.enter(publishable="pk_test_shown")
    payer = either_gym.gym.payer()
    who = {"organisation_id": either_gym.gym.organisation_id, "account_id": payer.account_id}
    for card in ("pm_card_visa", "pm_card_amex"):
        begun = begin_card(either_gym.stripe, **who)
        either_gym.service.client.setup_intents.confirm(begun.reference, {"payment_method": card})
        kept = keep_card(either_gym.stripe, **who, setup=begun.reference, now_ms=at(0))
        assert begun.secret not in repr(begun)
    tokens = either_gym.gym.scalars(select(payment_method.c.token).where(payment_method.c.provider == STRIPE))
    assert len({token.partition(":")[0] for token in tokens}) == 1
    either_gym.gym.owe(payer)
    either_gym.gym.run_until(at(0))
    assert either_gym.gym.scalars(select(payment_attempt.c.payment_method_id)) == [kept.method_id]


def test_who_keeps_new_cards(stripe_gym: StripeGym) -> None:
    """A test organisation simulates until it has an account; the card remembers which account keeps it."""

    def keeper() -> str:
        with stripe_gym.gym.db.read() as conn:
            return provider_for_cards(conn, stripe_gym.gym.organisation_id)

    assert keeper() == "simulator"
    account = stripe_gym.enter()
    assert keeper() == STRIPE
    payer = stripe_gym.payer()
    with stripe_gym.gym.db.read() as conn:
        kept = conn.execute(select(payment_method).where(payment_method.c.id == payer.method_id)).one()
    assert (kept.provider_account_id, kept.exp_year, kept.exp_month) == (account.id, 2034, 12)
    with stripe_gym.gym.db.write() as conn:
        assert (
            charge_soon(conn, organisation_id=stripe_gym.gym.organisation_id, account_id=payer.account_id, now_ms=at(0))
            == 0
        )
