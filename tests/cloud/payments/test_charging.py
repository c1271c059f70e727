"""Charges: each answer has its own next step, and nothing is ever paid twice."""

import threading
from dataclasses import dataclass, field, replace

import pytest
from dues_gym import TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.database.errors import NestedWriteError
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import ChargeResult, charge, owed_minor
from portillon_cloud.payments.provider import (
    CardBehaviour,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    PaymentProvider,
)
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.payments.tables import (
    AttemptState,
    IntentState,
    attempt_outcome,
    payment,
    payment_attempt,
    payment_intent,
    payment_method,
)
from portillon_cloud.timers.tables import timer
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DBAPIError, IntegrityError

HOUR_MS = 3_600_000


class Crash(Exception):
    """The process dies here."""


@dataclass
class Wrapped:
    """The simulated provider behind a line that can fail: `then` acts on what would have been answered."""

    inner: PaymentProvider
    sent: list[ChargeOrder] = field(default_factory=list)
    asked: list[ChargeOrder] = field(default_factory=list)
    crash_before: int = 0
    crash_after: int = 0
    unknown: int = 0
    name: str = "simulator"
    key_life_ms: int = 24 * HOUR_MS

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        self.sent.append(order)
        if self.crash_before:
            self.crash_before -= 1
            raise Crash
        answer = self.inner.charge(order)
        if self.crash_after:
            self.crash_after -= 1
            raise Crash
        if self.unknown:
            self.unknown -= 1
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)
        return answer

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        self.asked.append(order)
        return self.inner.look_up(order)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        return self.inner.cancel(order)


def intent_of(gym: DuesGym, invoice_id: int) -> int:
    [intent_id] = gym.scalars(select(payment_intent.c.id).where(payment_intent.c.invoice_id == invoice_id))
    return int(intent_id)


def owed(gym: DuesGym, invoice_id: int) -> int:
    with gym.db.read() as conn:
        return owed_minor(conn, invoice_id)


def charges_made(gym: DuesGym) -> list[str]:
    return gym.scalars(select(sim_charge.c.outcome).order_by(sim_charge.c.id))


def test_success_on_the_due_date(gym: DuesGym) -> None:
    """The charge timer rings at 06:00 on the due date; the invoice is paid, posted, and nobody is written to."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    gym.run_until(at(0) - 1)
    assert owed(gym, invoice_id) == TOTAL_MINOR
    gym.run_until(at(0))
    assert owed(gym, invoice_id) == 0
    assert gym.scalars(select(payment_intent.c.state)) == [IntentState.SUCCEEDED]
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == 0
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == TOTAL_MINOR
    assert gym.letters(payer) == []
    assert charge(gym.db, gym.provider, intent_of(gym, invoice_id), now_ms=at(1)) is ChargeResult.NOTHING_OWED
    assert charges_made(gym) == ["succeeded"]


def test_invoice_of_nothing_needs_no_payment(gym: DuesGym) -> None:
    """A free month opens no intent and rings no timer."""
    gym.owe(gym.payer(), total_minor=0)
    gym.run_until(at(30))
    assert gym.rang == []


def test_refusal_is_over_and_the_next_attempt_has_a_new_key(gym: DuesGym) -> None:
    """Attempt 2 is a new key, made by the ladder's first retry; then it is paid once."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(3))
    intent_id = intent_of(gym, invoice_id)
    assert gym.scalars(select(payment_attempt.c.key).order_by(payment_attempt.c.id)) == [
        f"intent-{intent_id}:1",
        f"intent-{intent_id}:2",
    ]
    assert gym.scalars(select(attempt_outcome.c.outcome).order_by(attempt_outcome.c.attempt_id)) == [
        "refused",
        "succeeded",
    ]
    assert owed(gym, invoice_id) == 0


def test_hard_decline_ends_the_card(gym: DuesGym) -> None:
    """A lost card is marked unusable and never charged again."""
    payer = gym.payer(CardBehaviour.LOST_CARD)
    gym.owe(payer)
    gym.run_until(at(60))
    assert charges_made(gym) == ["refused"]
    assert gym.scalars(select(payment_method.c.state)) == ["unusable"]


def test_no_payment_method(gym: DuesGym) -> None:
    """Who has no card is reminded; no attempt is made."""
    payer = gym.payer()
    with gym.db.write() as conn:
        conn.execute(update(payment_method).values(state="removed"))
    gym.owe(payer)
    gym.run_until(at(0))
    assert gym.scalars(select(payment_attempt.c.id)) == []
    assert gym.letters(payer) == ["payment_failed"]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_crash_between_sending_and_writing(gym: DuesGym, moment: str) -> None:
    """The same key is sent again, whether or not the provider saw the first one; the member pays once."""
    line = Wrapped(gym.simulator, **{f"crash_{moment}": 1})  # type: ignore[arg-type]
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    intent_id = intent_of(gym, invoice_id)
    with pytest.raises(Crash):
        charge(gym.db, line, intent_id, now_ms=at(0))
    assert gym.scalars(select(payment_attempt.c.state)) == [AttemptState.SENT]
    assert charge(gym.db, line, intent_id, now_ms=at(0, 7)) is ChargeResult.SUCCEEDED
    assert {order.key for order in line.sent} == {f"intent-{intent_id}:1"}
    assert charges_made(gym) == ["succeeded"]
    assert gym.scalars(select(payment.c.amount_minor)) == [TOTAL_MINOR]


def test_after_the_life_of_the_key_it_is_looked_up(gym: DuesGym) -> None:
    """A provider that may have forgotten the key is asked for our reference instead of being sent a new charge."""
    line = Wrapped(gym.simulator, crash_after=1)
    invoice_id = gym.owe(gym.payer())
    with pytest.raises(Crash):
        charge(gym.db, line, intent_of(gym, invoice_id), now_ms=at(0))
    assert charge(gym.db, line, intent_of(gym, invoice_id), now_ms=at(2)) is ChargeResult.SUCCEEDED
    assert (len(line.sent), len(line.asked)) == (1, 1)


def test_a_charge_that_never_arrived_is_made_anew(gym: DuesGym) -> None:
    """Looked up and unknown there: attempt 1 is over, and only then is there an attempt 2."""
    line = Wrapped(gym.simulator, crash_before=1)
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    with pytest.raises(Crash):
        charge(gym.db, line, intent_of(gym, invoice_id), now_ms=at(0))
    gym.provider = line
    assert charge(gym.db, line, intent_of(gym, invoice_id), now_ms=at(2)) is ChargeResult.NEVER_REACHED
    gym.run_until(at(2))
    assert owed(gym, invoice_id) == 0
    assert [order.key[-2:] for order in line.sent] == [":1", ":2"]


def test_lost_answer_is_asked_for_with_the_same_key(gym: DuesGym) -> None:
    """The charge was made, its answer lost: five minutes later the same key tells; nobody is charged twice."""
    payer = gym.payer(CardBehaviour.ANSWER_LOST)
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    assert gym.scalars(select(payment_attempt.c.state)) == [AttemptState.UNKNOWN]
    gym.run_until(at(0, 6, 5))
    assert owed(gym, invoice_id) == 0
    assert charges_made(gym) == ["succeeded"]
    assert gym.letters(payer) == []


def test_unknown_for_too_long_is_parked(gym: DuesGym) -> None:
    """Five minutes, an hour, five days (billing.md §3.50); then a person must look; charged once at most."""
    line = Wrapped(gym.simulator, unknown=99)
    line.look_up = lambda order: ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)  # type: ignore[method-assign]
    gym.provider = line
    gym.owe(gym.payer())
    gym.run_until(at(5, 7, 4))
    assert gym.scalars(select(payment_intent.c.state)) == [IntentState.OPEN]
    gym.run_until(at(5, 7, 5))
    assert gym.scalars(select(payment_intent.c.state)) == [IntentState.PARKED]
    assert len(gym.scalars(select(payment_attempt.c.id))) == 1


def test_provider_down_backs_off_then_dunning_begins(gym: DuesGym) -> None:
    """300 s doubling, eight tries; then the attempt is over and the ladder takes over; the day it is up, it is paid."""
    payer = gym.payer(CardBehaviour.PROVIDER_DOWN)
    invoice_id = gym.owe(payer)
    waits = [300 * 2**n for n in range(7)]
    gym.run_until(at(0) + sum(waits) * 1000 - 1)
    assert gym.scalars(select(payment_attempt.c.tries)) == [7]
    assert gym.letters(payer) == []
    gym.run_until(at(0) + sum(waits) * 1000)
    assert gym.letters(payer) == ["payment_failed"]
    gym.behave(payer, CardBehaviour.OK)
    gym.run_until(at(3))
    assert owed(gym, invoice_id) == 0


def test_down_after_unknown_stays_unknown(gym: DuesGym) -> None:
    """A provider that is down now says nothing about what it may have done before."""
    line = Wrapped(gym.simulator, unknown=1)
    payer = gym.payer()
    intent_id = intent_of(gym, gym.owe(payer))
    charge(gym.db, line, intent_id, now_ms=at(0))
    line.charge = lambda order: ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN)  # type: ignore[method-assign]
    charge(gym.db, line, intent_id, now_ms=at(0, 7))
    assert gym.scalars(select(payment_attempt.c.state)) == [AttemptState.UNKNOWN]


def test_debit_is_pending_then_settles(gym: DuesGym) -> None:
    """A debit is asked after until it settles; nobody is reminded meanwhile."""
    payer = gym.payer(CardBehaviour.DEBIT)
    invoice_id = gym.owe(payer)
    gym.run_until(at(2))
    assert gym.scalars(select(payment_attempt.c.state)) == [AttemptState.PENDING]
    gym.run_until(at(4))
    assert owed(gym, invoice_id) == 0
    assert gym.letters(payer) == []


def test_returned_debit_begins_the_ladder_on_the_day_it_comes_back(gym: DuesGym) -> None:
    """Day 0 is the day of the return: the payer has the whole grace."""
    payer = gym.payer(CardBehaviour.DEBIT_RETURNED)
    gym.owe(payer)
    gym.run_until(at(4))
    assert gym.letters(payer) == ["payment_failed"]
    assert gym.scalars(select(attempt_outcome.c.code)) == ["insufficient_funds"]


def test_action_required_tells_the_payer(gym: DuesGym) -> None:
    """The payer is told to confirm, no retry of ours is planned, and no second attempt is made."""
    payer = gym.payer(CardBehaviour.ACTION_REQUIRED)
    gym.owe(payer)
    gym.run_until(at(4))
    assert gym.letters(payer) == ["action_required", "reminder"]
    assert len(gym.scalars(select(payment_attempt.c.id))) == 1


def test_the_database_allows_one_live_attempt_and_one_success(gym: DuesGym) -> None:
    """The rules hold below the code: a second live attempt, and a second success, are refused."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    values = {
        "organisation_id": gym.organisation_id,
        "intent_id": intent_of(gym, invoice_id),
        "payment_method_id": payer.method_id,
        "tries": 1,
        "first_sent_at_ms": 0,
        "state": "sent",
    }
    with gym.db.write() as conn:
        second = conn.execute(
            insert(payment_attempt).values(**values, number=2, key="two").returning(payment_attempt.c.id)
        ).scalar_one()
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(insert(payment_attempt).values(**values, number=3, key="three"))
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(
            insert(attempt_outcome).values(
                attempt_id=second,
                organisation_id=gym.organisation_id,
                intent_id=values["intent_id"],
                outcome="succeeded",
                at_ms=0,
            )
        )


@pytest.mark.parametrize("table", [attempt_outcome, payment])
def test_what_is_final_never_changes(gym: DuesGym, table: object) -> None:
    """Outcomes and payments take no UPDATE and no DELETE."""
    gym.owe(gym.payer())
    gym.run_until(at(0))
    with pytest.raises(DBAPIError), gym.db.write() as conn:
        conn.execute(update(table).values(organisation_id=gym.organisation_id + 1))  # type: ignore[arg-type]
    with pytest.raises(DBAPIError), gym.db.write() as conn:
        conn.execute(delete(table))  # type: ignore[arg-type]


def test_no_transaction_is_open_while_the_provider_is_called(gym: DuesGym) -> None:
    """The simulated provider opens its own transactions: called inside one of ours, it is refused at once."""
    intent_id = intent_of(gym, gym.owe(gym.payer()))
    with pytest.raises(NestedWriteError), gym.db.write():
        charge(gym.db, gym.provider, intent_id, now_ms=at(0))
    assert charge(gym.db, gym.provider, intent_id, now_ms=at(0)) is ChargeResult.SUCCEEDED


def test_two_workers_at_once(gym: DuesGym) -> None:
    """Two workers on one intent at the same instant: one charge, one payment, whoever is first."""
    for _ in range(5):
        payer = gym.payer()
        intent_id = intent_of(gym, gym.owe(payer))
        start = threading.Barrier(2)

        def work(intent_id: int = intent_id, start: threading.Barrier = start) -> None:
            start.wait()
            charge(gym.db, gym.provider, intent_id, now_ms=at(0))

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert charge(gym.db, gym.provider, intent_id, now_ms=at(0, 7)) in (
            ChargeResult.NOTHING_OWED,
            ChargeResult.SUCCEEDED,
        )
        taken = gym.scalars(select(payment.c.amount_minor).where(payment.c.account_id == payer.account_id))
        assert taken == [TOTAL_MINOR]
    assert charges_made(gym) == ["succeeded"] * 5


def test_without_the_key_a_crash_charges_twice(gym: DuesGym) -> None:
    """Ablation: a fresh key for each sending, and the crash that harmed nobody above takes the money twice."""
    line = Wrapped(gym.simulator, crash_after=1)
    keyed = gym.simulator.charge
    gym.simulator.charge = lambda order: keyed(  # type: ignore[method-assign]
        replace(order, key=f"{order.key}/{len(line.sent)}")
    )
    intent_id = intent_of(gym, gym.owe(gym.payer()))
    with pytest.raises(Crash):
        charge(gym.db, line, intent_id, now_ms=at(0))
    charge(gym.db, line, intent_id, now_ms=at(0, 7))
    assert charges_made(gym) == ["succeeded", "succeeded"]


def test_ringing_every_timer_again_changes_nothing(gym: DuesGym) -> None:
    """Re-running finished work makes no attempt, no payment and no letter."""
    good, bad = gym.payer(), gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(good)
    gym.owe(bad)
    gym.run_until(at(30))
    before = (charges_made(gym), gym.letters(bad), gym.balance_minor(LedgerCode.RECEIVABLE))
    with gym.db.write() as conn:
        conn.execute(update(timer).where(timer.c.kind != "charge").values(state="ready"))
        conn.execute(
            update(timer).where(timer.c.kind == "charge", timer.c.subject_id == intent_of(gym, 1)).values(state="ready")
        )
    gym.run_until(at(31))
    assert (charges_made(gym), gym.letters(bad), gym.balance_minor(LedgerCode.RECEIVABLE)) == before


def test_charges_go_to_the_newest_card(gym: DuesGym) -> None:
    """A replaced card is not charged any more."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    other = gym.payer()
    with gym.db.write() as conn:
        conn.execute(
            update(payment_method).where(payment_method.c.id == other.method_id).values(account_id=payer.account_id)
        )
    invoice_id = gym.owe(Payer(payer.account_id, payer.member_id, other.method_id, other.token))
    gym.run_until(at(0))
    assert owed(gym, invoice_id) == 0
