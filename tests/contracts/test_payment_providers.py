"""The PaymentProvider port: what every provider must do, over the simulated one and over Stripe's official client."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from dues_gym import at, make_gym
from portillon_cloud.database import Database, metadata
from portillon_cloud.main import all_tables
from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.provider import (
    CardBehaviour,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    PaymentProvider,
    RefundingProvider,
    RefundOrder,
    RefundOutcome,
    is_hard,
)
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.stripe.account import StripeAccount
from portillon_cloud.payments.stripe.connection import Connections
from psp.conftest import DAY_S, START_S, Running, Service
from sqlalchemy import create_engine, func, select

DAYS_UNTIL_SETTLED = 6


class SimulatorStage:
    """The provider that lives in our database."""

    def __init__(self, db: Database) -> None:
        self.gym = make_gym(db)
        self.provider: PaymentProvider = self.gym.simulator
        self.now_ms = at(0)

    def card(self, does: CardBehaviour) -> str:
        [token] = self.gym.simulator.issue_cards(self.gym.organisation_id, 1)
        self.change(token, does)
        return token

    def change(self, token: str, does: CardBehaviour) -> None:
        self.gym.simulator.set_card_behaviour(self.gym.organisation_id, token, does)

    def order(self, token: str, **more: Any) -> ChargeOrder:
        return ChargeOrder(organisation_id=self.gym.organisation_id, token=token, now_ms=self.now_ms, **more)

    def pass_days(self, days: int) -> None:
        self.now_ms += days * DAY_S * 1000

    def paid(self, token: str) -> int:
        made = select(func.count()).where(sim_charge.c.token == token, sim_charge.c.outcome == "succeeded")
        return int(self.gym.scalars(made)[0])


class StripeStage:
    """Stripe's client, and a service that is not Stripe at the other end."""

    CARDS: ClassVar = {
        CardBehaviour.OK: "pm_card_visa",
        CardBehaviour.ANSWER_LOST: "pm_card_visa",
        CardBehaviour.PROVIDER_DOWN: "pm_card_visa",
        CardBehaviour.INSUFFICIENT_FUNDS: "pm_card_visa_chargeDeclinedInsufficientFunds",
        CardBehaviour.EXPIRED_CARD: "pm_card_chargeDeclinedExpiredCard",
        CardBehaviour.LOST_CARD: "pm_card_visa_chargeDeclinedLostCard",
        CardBehaviour.ACTION_REQUIRED: "pm_card_authenticationRequired",
        CardBehaviour.DEBIT: "DE89370400440532013000",
        CardBehaviour.DEBIT_RETURNED: "DE62370400440532013001",
    }

    def __init__(self, running: Running, account: str) -> None:
        self.service = Service(running, account)
        self.secret = f"sk_test_{account}"
        self.connections = [Connections(running.url)]
        self.there = StripeAccount(self.connections[0].client(self.secret))
        self.provider: PaymentProvider = self.there

    def card(self, does: CardBehaviour) -> str:
        name = self.CARDS[does]
        if name.startswith("pm_"):
            customer, method = self.service.card(name)
        else:
            customer = self.service.customer()
            made = self.service.client.payment_methods.create({"type": "sepa_debit", "sepa_debit": {"iban": name}})
            method = made.id
        self._behave(does)
        return f"{customer}:{method}"

    def change(self, token: str, does: CardBehaviour) -> None:
        self._behave(does)
        self.service.simulator("behave", payment_method=token.partition(":")[2], **{"as": self.CARDS[does]})

    def order(self, token: str, **more: Any) -> ChargeOrder:
        return ChargeOrder(organisation_id=1, token=token, now_ms=START_S * 1000, **more)

    def pass_days(self, days: int) -> None:
        self.service.wait(days)

    def paid(self, token: str) -> int:
        intents = self.service.client.payment_intents.list({"customer": token.partition(":")[0]})
        return sum(intent.status == "succeeded" for intent in intents.data)

    def _behave(self, does: CardBehaviour) -> None:
        if does is CardBehaviour.ANSWER_LOST:
            self.service.simulator("faults", answers_lost=1)
        with socket.socket() as closed:  # nobody listens there once it is let go of
            closed.bind(("127.0.0.1", 0))
            nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
        self.provider = self.there
        if does is CardBehaviour.PROVIDER_DOWN:
            self.connections.append(Connections(nowhere))
            self.provider = StripeAccount(self.connections[-1].client(self.secret))

    def close(self) -> None:
        for connections in self.connections:
            connections.close()


Stage = SimulatorStage | StripeStage


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("psp") / "books.db")
    yield server
    server.kill()


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    all_tables()
    url = f"sqlite:///{tmp_path_factory.mktemp('providers') / 'portillon.db'}"
    engine = create_engine(url)
    with engine.begin() as conn:
        metadata.create_all(conn)
    engine.dispose()
    database = Database(url)
    yield database
    database.close()


@pytest.fixture(scope="module", params=["simulator", "stripe"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "simulator":
        yield SimulatorStage(request.getfixturevalue("db"))
        return
    made = StripeStage(request.getfixturevalue("running"), "contract")
    yield made
    made.close()


@pytest.fixture
def order(stage: Stage, request: pytest.FixtureRequest) -> Any:
    """Makes the order of a card that behaves so, under a key of this test's own."""

    def make(does: CardBehaviour) -> ChargeOrder:
        key = f"{request.node.name}:{does}:1"
        return stage.order(stage.card(does), key=key, amount_minor=5999, currency="EUR", provider=stage.provider.name)

    return make


@pytest.mark.parametrize(
    ("does", "outcome", "code"),
    [
        (CardBehaviour.OK, ChargeOutcome.SUCCEEDED, None),
        (CardBehaviour.INSUFFICIENT_FUNDS, ChargeOutcome.REFUSED, "insufficient_funds"),
        (CardBehaviour.EXPIRED_CARD, ChargeOutcome.REFUSED, "expired_card"),
        (CardBehaviour.LOST_CARD, ChargeOutcome.REFUSED, "lost_card"),
        (CardBehaviour.ACTION_REQUIRED, ChargeOutcome.ACTION_REQUIRED, "authentication_required"),
        (CardBehaviour.DEBIT, ChargeOutcome.PENDING, None),
    ],
)
def test_each_card_has_its_answer(
    stage: Stage, order: Any, does: CardBehaviour, outcome: ChargeOutcome, code: str | None
) -> None:
    """Outcome and reason are the same words everywhere, the charge has a name, and asked again it is the same."""
    asked = order(does)
    answer = stage.provider.charge(asked)
    assert (answer.outcome, answer.code, is_hard(answer.code)) == (outcome, code, does is CardBehaviour.LOST_CARD)
    assert answer.reference is not None
    assert stage.provider.look_up(asked) == answer
    assert stage.provider.look_up(asked) == answer


def test_same_key_same_answer(stage: Stage, order: Any) -> None:
    """A card that has changed its mind does not change what was answered under the key, and pays nothing."""
    asked = order(CardBehaviour.INSUFFICIENT_FUNDS)
    first = stage.provider.charge(asked)
    stage.change(asked.token, CardBehaviour.OK)
    assert stage.provider.charge(asked) == first
    assert stage.provider.look_up(asked) == first
    assert stage.paid(asked.token) == 0


def test_another_order_under_an_old_key(stage: Stage, order: Any) -> None:
    """Another card, amount or currency under a used key is a defect of ours, and charges nothing."""
    asked = order(CardBehaviour.OK)
    stage.provider.charge(asked)
    other = stage.card(CardBehaviour.OK)
    for changed in (replace(asked, amount_minor=1), replace(asked, currency="CAD"), replace(asked, token=other)):
        with pytest.raises(IdempotencyKeyReusedError):
            stage.provider.charge(changed)
    assert (stage.paid(asked.token), stage.paid(other)) == (1, 0)


def test_a_lost_answer(stage: Stage, order: Any) -> None:
    """Nobody guesses: it is unknown, found by the look-up, and the same key sent again does not pay twice."""
    asked = order(CardBehaviour.ANSWER_LOST)
    assert stage.provider.charge(asked).outcome is ChargeOutcome.UNKNOWN
    seen = stage.provider.look_up(asked)
    assert seen is not None
    assert seen.outcome is ChargeOutcome.SUCCEEDED
    assert stage.provider.charge(asked) == seen
    assert stage.paid(asked.token) == 1


def test_an_outage_takes_nothing_in(stage: Stage, order: Any) -> None:
    """Who is down says nothing, of any question; the key is free once it is back."""
    asked = order(CardBehaviour.PROVIDER_DOWN)
    for ask in (stage.provider.charge, stage.provider.look_up, stage.provider.cancel):
        answer = ask(asked)
        assert answer is not None
        assert answer.outcome is ChargeOutcome.PROVIDER_DOWN
    stage.change(asked.token, CardBehaviour.OK)
    assert stage.provider.look_up(asked) is None
    assert stage.provider.charge(asked).outcome is ChargeOutcome.SUCCEEDED


def test_debits_are_known_days_later(stage: Stage, order: Any) -> None:
    """Until then they are under way; then they are paid, or came back with the bank's reason."""
    good, back = order(CardBehaviour.DEBIT), order(CardBehaviour.DEBIT_RETURNED)
    assert {stage.provider.charge(one).outcome for one in (good, back)} == {ChargeOutcome.PENDING}
    stage.pass_days(DAYS_UNTIL_SETTLED)
    if isinstance(stage, SimulatorStage):
        good, back = (replace(one, now_ms=stage.now_ms) for one in (good, back))
    settled, returned = stage.provider.look_up(good), stage.provider.look_up(back)
    assert settled is not None
    assert returned is not None
    assert settled.outcome is ChargeOutcome.SUCCEEDED
    assert (returned.outcome, returned.code) == (ChargeOutcome.REFUSED, "insufficient_funds")
    assert stage.provider.look_up(back) == returned


def test_a_key_that_was_never_sent_is_used_up(stage: Stage, order: Any) -> None:
    """Cancelled before it was sent, it charges nothing when a stalled worker sends it after all."""
    asked = order(CardBehaviour.OK)
    for answer in (stage.provider.cancel(asked), stage.provider.charge(asked), stage.provider.look_up(asked)):
        assert answer is not None
        assert (answer.outcome, answer.code) == (ChargeOutcome.REFUSED, "cancelled")
    assert stage.paid(asked.token) == 0


def test_what_waits_for_the_payer_is_cancelled(stage: Stage, order: Any) -> None:
    """Then it is over, and stays so."""
    asked = order(CardBehaviour.ACTION_REQUIRED)
    stage.provider.charge(asked)
    for answer in (stage.provider.cancel(asked), stage.provider.cancel(asked), stage.provider.look_up(asked)):
        assert answer is not None
        assert (answer.outcome, answer.code) == (ChargeOutcome.REFUSED, "cancelled")


def test_too_late_to_cancel(stage: Stage, order: Any) -> None:
    """Money that came in, and a debit on its way, are told as they are."""
    for does, outcome in ((CardBehaviour.OK, ChargeOutcome.SUCCEEDED), (CardBehaviour.DEBIT, ChargeOutcome.PENDING)):
        asked = order(does)
        stage.provider.charge(asked)
        assert stage.provider.cancel(asked).outcome is outcome


def test_a_card_that_nobody_has(stage: Stage, order: Any) -> None:
    """A hard refusal, and nothing to look up or cancel."""
    asked = replace(order(CardBehaviour.OK), token="cus_nobody:pm_nobody")
    answer = stage.provider.charge(asked)
    assert (answer.outcome, answer.code) == (ChargeOutcome.REFUSED, "no_such_card")
    assert stage.provider.cancel(asked).outcome is ChargeOutcome.REFUSED


def refund_of(asked: ChargeOrder, charge: ChargeAnswer, key: str, amount_minor: int) -> RefundOrder:
    return RefundOrder(
        organisation_id=asked.organisation_id,
        provider=asked.provider,
        key=f"{asked.key}:{key}",
        charge=str(charge.reference),
        amount_minor=amount_minor,
        currency=asked.currency,
        now_ms=asked.now_ms,
    )


def test_no_more_is_paid_back_than_was_paid(stage: Stage, order: Any) -> None:
    """In parts, each once per key; what is more than is left is refused, and so is a charge that nobody made."""
    asked = order(CardBehaviour.OK)
    assert isinstance(stage.provider, RefundingProvider)
    charge = stage.provider.charge(asked)
    part = refund_of(asked, charge, "r1", 2000)
    first = stage.provider.refund(part)
    assert (first.outcome, first.code) == (RefundOutcome.SUCCEEDED, None)
    assert stage.provider.refund(part) == first
    assert stage.provider.refund(refund_of(asked, charge, "r2", 4000)).outcome is RefundOutcome.REFUSED
    rest = stage.provider.refund(refund_of(asked, charge, "r3", 3999))
    assert (rest.outcome, rest.reference == first.reference) == (RefundOutcome.SUCCEEDED, False)
    nobody = replace(part, key="r4", charge="pi_nobody")
    assert stage.provider.refund(nobody).code == "no_such_charge"


def test_another_refund_under_an_old_key(stage: Stage, order: Any) -> None:
    """Another amount or another charge under a used key is a defect of ours, and pays nothing back."""
    asked, other = order(CardBehaviour.OK), order(CardBehaviour.OK)
    other = replace(other, key=f"{other.key}:other")
    assert isinstance(stage.provider, RefundingProvider)
    charge, another = stage.provider.charge(asked), stage.provider.charge(other)
    part = refund_of(asked, charge, "r1", 2000)
    first = stage.provider.refund(part)
    for changed in (replace(part, amount_minor=1), replace(part, charge=str(another.reference))):
        with pytest.raises(IdempotencyKeyReusedError):
            stage.provider.refund(changed)
    assert stage.provider.refund(part) == first
    rest = stage.provider.refund(refund_of(asked, charge, "r2", asked.amount_minor - 2000))
    assert rest.outcome is RefundOutcome.SUCCEEDED


def test_refunds_in_trouble(stage: Stage, order: Any) -> None:
    """An outage takes nothing in; a lost answer is unknown, and the same key again says what was done."""
    asked = order(CardBehaviour.OK)
    charge = stage.provider.charge(asked)
    whole = refund_of(asked, charge, "r1", asked.amount_minor)
    for does, outcome in (
        (CardBehaviour.PROVIDER_DOWN, RefundOutcome.PROVIDER_DOWN),
        (CardBehaviour.ANSWER_LOST, RefundOutcome.UNKNOWN),
        (CardBehaviour.OK, RefundOutcome.SUCCEEDED),
    ):
        stage.change(asked.token, does)
        assert isinstance(stage.provider, RefundingProvider)
        assert stage.provider.refund(whole).outcome is outcome
