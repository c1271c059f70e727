"""What keeps the money right, taken away one by one: the machine of money sees each within a few examples."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import pytest
import stripe
from cloud.payments.money_world import HOUR_MS, World
from cloud.payments.test_money_machine import MoneyMachine, run
from dues_gym import DuesGym, at
from hypothesis import Phase
from hypothesis import strategies as st
from hypothesis.stateful import initialize
from portillon_cloud.payments import charging, store
from portillon_cloud.payments.inbox.news import ChargeSeen, Event, NewsOf
from portillon_cloud.payments.operations import charge
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOrder, PaymentProvider
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.stripe import answers
from portillon_cloud.payments.tables import payment_intent
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

EXAMPLES = 30
"""The budget: so many examples of 25 steps, some half a minute of one processor."""

INDEXES = ("uq_payment_attempt_live", "uq_attempt_outcome_success")
TWICE = "charged twice|two successes|two live attempts"


def seen_to_be_wrong(machine: type[MoneyMachine], match: str) -> None:
    with pytest.raises(AssertionError, match=match):
        run(machine, examples=EXAMPLES, phases=[Phase.generate])


class Overlooks:
    """`payments.store` for a charge that does not see what another has begun, as if nobody held the account."""

    def __getattr__(self, name: str) -> Any:
        return getattr(store, name)

    def live_attempt(self, *_: object) -> None:
        return None


def without_indexes(db: Any) -> None:
    with db.write() as conn:
        for index in INDEXES:
            conn.execute(text(f"DROP INDEX {index}"))


class WithoutIndexes(MoneyMachine):
    """Two attempts of an intent may be live, and both succeed."""

    def open(self) -> World:
        world = super().open()
        without_indexes(world.db)
        return world


def test_without_the_unique_indexes_one_pays_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A charge that overlooks another is refused by the database alone: without its indexes both are taken."""
    monkeypatch.setattr(charging, "store", Overlooks())
    # Or the first that is seen of it: the one that was overlooked is under way, and only the other is asked after.
    seen_to_be_wrong(WithoutIndexes, f"{TWICE}|nobody asks after")


@pytest.mark.parametrize("defended", [True, False])
def test_the_index_holds_where_the_code_overlooks(
    gym: DuesGym, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    """Two workers charge at once, and one does not see the other: the index refuses it before anything is sent."""
    if not defended:
        without_indexes(gym.db)
    gym.owe(gym.payer())
    [intent_id] = gym.scalars(select(payment_intent.c.id))

    @dataclass
    class Racing:
        """The other worker comes while the first one's charge is on its way."""

        inner: PaymentProvider
        name: str = "simulator"
        key_life_ms: int = 24 * 3_600_000

        def charge(self, order: ChargeOrder) -> ChargeAnswer:
            monkeypatch.setattr(charging, "store", Overlooks())
            try:
                charge(gym.db, gym.simulator, intent_id, now_ms=at(0))
            except IntegrityError:
                assert defended
            monkeypatch.undo()
            return self.inner.charge(order)

        def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
            return self.inner.look_up(order)

        def cancel(self, order: ChargeOrder) -> ChargeAnswer:
            return self.inner.cancel(order)

    charge(gym.db, Racing(gym.simulator), intent_id, now_ms=at(0))
    assert len(gym.scalars(select(sim_charge.c.id))) == (1 if defended else 2)


class Believing:
    """Takes what a webhook carried for what is so, the last that came: nothing is asked for."""

    def __init__(self, inner: Any, heard: dict[str, Any]) -> None:
        self._inner, self._heard = inner, heard

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def verify(self, headers: Mapping[str, str], body: bytes) -> Event:
        event: Event = self._inner.verify(headers, body)
        self._heard[event.object_id] = json.loads(body)["data"]["object"]
        return event

    def fetch_charge(self, reference: str) -> ChargeSeen | None:
        if reference not in self._heard:
            return self._inner.fetch_charge(reference)
        intent = stripe.PaymentIntent.construct_from(self._heard[reference], None)
        key = intent.metadata["portillon_ref"].removeprefix(self._inner.ours)
        return ChargeSeen(key=key, answer=answers.of_intent(intent))


class TrustsOrder(MoneyMachine):
    """What came last is what is so."""

    def hears(self, news_of: NewsOf) -> NewsOf:
        heard: dict[str, Any] = {}

        def of(organisation_id: int, provider: str) -> Any:
            found = news_of(organisation_id, provider)
            return None if found is None else Believing(found, heard)

        return of

    @initialize(which=st.integers(0, 3))
    def begin_with_debits(self, which: int) -> None:
        """Both accounts are debited, and something of what the service says of it comes before the rest."""
        self.begin(("debit", "debit"))
        self.world.wait(30 * HOUR_MS)
        self.world.work_on(3)
        self.world.fetch_letters()
        self.world.arrives(which, again=False)


def test_whoever_trusts_the_order_of_webhooks_charges_again() -> None:
    """The first word of a charge, heard late and believed, says that nothing is under way."""
    seen_to_be_wrong(TrustsOrder, f"{TWICE}|the service took|accounts say|is not what the service has")


class FreshKeys:
    """Each sending of a charge has a key of its own, made up by the process that sends it."""

    def __init__(self, inner: PaymentProvider) -> None:
        self._inner, self._made = inner, count(1)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        return self._inner.charge(replace(order, key=f"{order.key}~{next(self._made)}"))


class RegeneratesKeys(MoneyMachine):
    """No key outlives the call that it was made for."""

    def wrap(self, provider: PaymentProvider) -> PaymentProvider:
        return FreshKeys(provider)


def test_keys_that_are_made_up_anew_charge_twice() -> None:
    """A key that was not committed before the call is lost with its answer: whoever asks again charges again."""
    seen_to_be_wrong(RegeneratesKeys, TWICE)
