"""A worker stalls until its leases have run out, another goes on with its charges, and then it wakes."""

from collections.abc import Callable

import pytest
from dues_gym import TOTAL_MINOR, DuesGym, at
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import charge_timer
from portillon_cloud.payments.provider import CardBehaviour, ChargeAnswer, ChargeOrder, PaymentProvider
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import IntentState, payment, payment_attempt, payment_intent
from portillon_cloud.timers import Timer, Work, claim
from portillon_cloud.timers.errors import TimerLostError
from portillon_cloud.timers.operations import LEASE_MS
from sqlalchemy import select


class Stalling:
    """A provider that takes long: `meanwhile` happens between the sending and its arrival."""

    name = "simulator"

    def __init__(self, inner: PaymentProvider, meanwhile: Callable[[], None]) -> None:
        self._inner, self._meanwhile, self.key_life_ms = inner, meanwhile, inner.key_life_ms

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        self._meanwhile()
        return self._inner.charge(order)

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        return self._inner.look_up(order)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        return self._inner.cancel(order)


def take(gym: DuesGym, worker: str) -> Timer:
    """The one charge that is due, taken by this worker."""
    with gym.db.write() as conn:
        [taken] = claim(
            conn, organisation_id=gym.organisation_id, now_ms=at(0), real_ms=gym.clock.real_ms(), worker=worker
        )
    return taken


def handle(gym: DuesGym, taken: Timer, provider: PaymentProvider | None = None) -> None:
    charge_timer(provider or gym.provider)(Work(db=gym.db, clock=gym.clock, now_ms=at(0)), taken)


def test_who_lost_the_timer_sends_nothing(gym: DuesGym) -> None:
    """The other worker was refused; waking up is no reason for a second attempt that nobody would ask after."""
    gym.owe(gym.payer(CardBehaviour.LOST_CARD))
    stalled = take(gym, "stalled")
    gym.clock.now_ms += LEASE_MS + 1
    handle(gym, take(gym, "other"))
    with pytest.raises(TimerLostError):
        handle(gym, stalled)
    assert gym.scalars(select(sim_charge.c.outcome)) == ["refused"]
    assert gym.scalars(select(payment_attempt.c.state)) == ["over"]


def test_a_charge_that_arrives_late_is_still_booked(gym: DuesGym) -> None:
    """The other worker looked the key up too early and gave it up: the money is a credit, and a person must look."""
    payer = gym.payer()
    gym.owe(payer)

    def meanwhile() -> None:
        with gym.db.write() as conn:
            put_block(
                conn,
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                reason=BlockReason.PARKED,
                source="staff:1",
                from_ms=at(0),
            )
        gym.clock.now_ms += LEASE_MS + 1
        handle(gym, take(gym, "other"))

    handle(gym, take(gym, "stalled"), Stalling(gym.provider, meanwhile))
    assert gym.scalars(select(payment.c.amount_minor)) == [TOTAL_MINOR]
    assert gym.balance_minor(LedgerCode.MEMBER_CREDIT) == -TOTAL_MINOR
    assert gym.scalars(select(payment_intent.c.state)) == [IntentState.PARKED]


def test_who_took_the_timer_over_too_late_tries_no_card_again(gym: DuesGym) -> None:
    """The stalled worker wakes first and is refused: the other, who has its timer by now, makes no second attempt."""
    gym.owe(gym.payer(CardBehaviour.INSUFFICIENT_FUNDS))
    taken_over: list[Timer] = []

    def meanwhile() -> None:
        gym.clock.now_ms += LEASE_MS + 1
        taken_over.append(take(gym, "other"))

    handle(gym, take(gym, "stalled"), Stalling(gym.provider, meanwhile))
    with pytest.raises(TimerLostError):
        handle(gym, taken_over[0])
    assert gym.scalars(select(payment_attempt.c.number)) == [1]
