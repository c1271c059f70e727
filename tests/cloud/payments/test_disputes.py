"""A disputed payment holds the account, stands apart in the book, and ends won, or lost until a person clears it."""

import shutil
from dataclasses import replace
from typing import Any

import pytest
from cloud.payments.provider_told import Inbox
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at, make_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.access import store as access_store
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.audit.operations import CHECKS
from portillon_cloud.database import Database
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.disputes import operations
from portillon_cloud.payments.disputes.errors import (
    NothingToClearError,
    UnknownDisputeError,
)
from portillon_cloud.payments.disputes.list import disputes
from portillon_cloud.payments.disputes.operations import clear
from portillon_cloud.payments.disputes.tables import dispute, dispute_step
from portillon_cloud.payments.errors import OverpaymentError
from portillon_cloud.payments.inbox.news import (
    DisputeFee,
    DisputeSeen,
    DisputeState,
)
from portillon_cloud.payments.inbox.sweeping import SWEEP_EVERY_MS
from portillon_cloud.payments.inbox.tables import inbox_event
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import attempt_outcome, open_credit, payment, payment_attempt
from sqlalchemy import insert, select, text

ANSWER_BY_MS = at(9)


@pytest.fixture
def inbox(gym: DuesGym) -> Inbox:
    return Inbox(gym.db, gym.organisation_id)


def paid_up(gym: DuesGym) -> tuple[Payer, int]:
    """Somebody whose card paid on the due day."""
    payer = gym.payer()
    invoice_id = gym.owe(payer)
    gym.run_until(at(0))
    return payer, invoice_id


def disputed(gym: DuesGym, inbox: Inbox, state: DisputeState, name: str = "dp_1", **more: Any) -> DisputeSeen:
    """The newest payment's dispute is so now, and the webhook that says so arrives."""
    [key] = gym.scalars(select(payment_attempt.c.key).order_by(payment_attempt.c.id.desc()).limit(1))
    values: dict[str, Any] = {
        "key": key,
        "amount_minor": TOTAL_MINOR,
        "currency": "CAD",
        "reason": "fraudulent",
        "answer_by_ms": ANSWER_BY_MS,
        **more,
    }
    inbox.told.disputes[name] = DisputeSeen(reference=name, state=state, **values)
    inbox.tell("charge.dispute.updated", name)
    return inbox.told.disputes[name]


def now_is(gym: DuesGym, payer: Payer) -> Standing:
    with gym.db.read() as conn:
        facts = access_store.account_facts(conn, gym.organisation_id, [payer.account_id], at(21))
    return standing_at(facts[payer.account_id], at(21))


def steps(gym: DuesGym) -> list[str]:
    return [str(one) for one in gym.scalars(select(dispute_step.c.kind).order_by(dispute_step.c.id))]


def books(gym: DuesGym) -> tuple[int, int, int]:
    """What the provider holds, what the bank has in hand, what is owed; the audit has nothing to say."""
    with gym.db.read() as conn:
        faults = [
            dict(row._mapping)
            for check in CHECKS
            if check.code in ("document_is_posted", "ledger_comes_to_documents", "payment_is_spent_once")
            for row in conn.execute(text(check.sql), {"organisation_id": gym.organisation_id})
        ]
    assert faults == []
    return (
        gym.balance_minor(LedgerCode.PROVIDER_CLEARING),
        gym.balance_minor(LedgerCode.DISPUTED),
        gym.balance_minor(LedgerCode.RECEIVABLE),
    )


def test_opened_it_holds_the_account_and_stands_apart(gym: DuesGym, inbox: Inbox) -> None:
    """No entry and no charge, in the second in which it is heard; told five times it is one."""
    payer, _ = paid_up(gym)
    for _ in range(5):
        disputed(gym, inbox, DisputeState.OPEN)
    assert now_is(gym, payer) is Standing.CHARGEBACK
    assert (books(gym), steps(gym)) == ((0, TOTAL_MINOR, 0), ["open"])
    gym.owe(payer, due_on=DUE)
    gym.run_until(at(3))
    assert len(gym.scalars(select(attempt_outcome.c.outcome))) == 1


def test_won_all_is_as_before(gym: DuesGym, inbox: Inbox) -> None:
    """The money is back, the account passes and is charged; nothing was owed in between."""
    payer, invoice_id = paid_up(gym)
    for state in (DisputeState.OPEN, DisputeState.ANSWERED, DisputeState.WON, DisputeState.ANSWERED):
        disputed(gym, inbox, state)
    assert now_is(gym, payer) is Standing.CLEAR
    assert (books(gym), steps(gym)) == ((TOTAL_MINOR, 0, 0), ["open", "answered", "won"])
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0


def test_lost_a_person_must_clear_it(gym: DuesGym, inbox: Inbox) -> None:
    """The payment is undone and owed; nothing is charged by itself, nobody passes until a person says so, with why."""
    payer, invoice_id = paid_up(gym)
    disputed(gym, inbox, DisputeState.OPEN)
    disputed(gym, inbox, DisputeState.LOST)
    assert (books(gym), steps(gym)) == ((0, 0, TOTAL_MINOR), ["open", "lost"])
    gym.run_until(at(20))
    assert now_is(gym, payer) is Standing.CHARGEBACK
    assert len(gym.scalars(select(attempt_outcome.c.outcome))) == 1
    gym.pay(payer, TOTAL_MINOR, now_ms=at(21))
    assert now_is(gym, payer) is Standing.CHARGEBACK
    [dispute_id] = gym.scalars(select(dispute.c.id))
    with gym.db.write() as conn:
        clear(conn, gym.organisation_id, dispute_id, by="Ada", reason="paid cash, showed a passport", now_ms=at(21))
    assert now_is(gym, payer) is Standing.CLEAR
    with gym.db.write() as conn, pytest.raises(NothingToClearError):
        clear(conn, gym.organisation_id, dispute_id, by="Ada", reason="again", now_ms=at(21))
    with gym.db.write() as conn, pytest.raises(UnknownDisputeError):
        clear(conn, gym.organisation_id + 1, dispute_id, by="Ada", reason="ours", now_ms=at(21))
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0


def test_heard_of_when_it_is_lost(gym: DuesGym, inbox: Inbox) -> None:
    """Every earlier webhook was lost: what they would have done is made up for."""
    payer, _ = paid_up(gym)
    disputed(gym, inbox, DisputeState.LOST)
    assert (books(gym), steps(gym)) == ((0, 0, TOTAL_MINOR), ["open", "lost"])
    assert now_is(gym, payer) is Standing.CHARGEBACK


def test_a_debit_that_comes_back_is_owed_again(gym: DuesGym, inbox: Inbox) -> None:
    """Nobody is suspected: it is collected anew and dunned like any other that failed."""
    payer, _ = paid_up(gym)
    gym.behave(payer, CardBehaviour.INSUFFICIENT_FUNDS)
    disputed(gym, inbox, DisputeState.LOST, debit=True, reason="insufficient_funds", answer_by_ms=None)
    assert books(gym) == (0, 0, TOTAL_MINOR)
    assert gym.scalars(select(payment_return.c.kind)) == ["returned"]
    assert now_is(gym, payer) is not Standing.CHARGEBACK
    gym.run_until(at(40))
    assert len(gym.scalars(select(attempt_outcome.c.outcome))) > 1


def test_an_inquiry_takes_nothing(gym: DuesGym, inbox: Inbox) -> None:
    """The bank only asks: the member passes; should it take the money after all, that holds from then on."""
    payer, _ = paid_up(gym)
    disputed(gym, inbox, DisputeState.INQUIRY)
    assert (books(gym), now_is(gym, payer)) == ((TOTAL_MINOR, 0, 0), Standing.CLEAR)
    disputed(gym, inbox, DisputeState.OPEN)
    assert (books(gym), now_is(gym, payer)) == ((0, TOTAL_MINOR, 0), Standing.CHARGEBACK)
    disputed(gym, inbox, DisputeState.INQUIRY, name="dp_2", amount_minor=1)
    disputed(gym, inbox, DisputeState.INQUIRY_CLOSED, name="dp_2", amount_minor=1)
    assert steps(gym) == ["inquiry", "open", "inquiry", "inquiry_closed"]


def test_two_disputes_hold_apart(gym: DuesGym, inbox: Inbox) -> None:
    """One that is won opens no door that the other keeps shut."""
    payer, _ = paid_up(gym)
    disputed(gym, inbox, DisputeState.OPEN, amount_minor=2000)
    disputed(gym, inbox, DisputeState.OPEN, name="dp_2", amount_minor=1000)
    disputed(gym, inbox, DisputeState.WON, amount_minor=2000)
    assert (books(gym), now_is(gym, payer)) == ((TOTAL_MINOR - 1000, 1000, 0), Standing.CHARGEBACK)


def test_before_its_payment_it_waits(gym: DuesGym, inbox: Inbox) -> None:
    """The dispute's webhook overtakes the payment's: its turn comes; one of a charge that is not ours is let be."""
    payer = gym.payer(CardBehaviour.ANSWER_LOST)
    gym.owe(payer)
    gym.ring(at(0))
    disputed(gym, inbox, DisputeState.OPEN)
    disputed(gym, inbox, DisputeState.OPEN, name="dp_2", key=None)
    assert gym.scalars(select(inbox_event.c.state).order_by(inbox_event.c.id)) == ["waiting", "done"]
    gym.run_until(at(0, 7))
    inbox.clock.forward(ms=SWEEP_EVERY_MS)
    assert (inbox.act(), steps(gym)) == (1, ["open"])


def test_its_fee_is_posted_once_and_comes_back(gym: DuesGym, inbox: Inbox) -> None:
    """Told late, again and again it is one; won, it is given back; one in another currency is the payout's to post."""
    paid_up(gym)
    kept = DisputeFee(reference="txn_1", fee_minor=1500, currency="CAD")
    back, foreign = replace(kept, reference="txn_2", fee_minor=-1500), replace(kept, reference="txn_3", currency="USD")
    disputed(gym, inbox, DisputeState.OPEN)
    assert gym.balance_minor(LedgerCode.PROVIDER_FEES) == 0
    for state in (DisputeState.OPEN, DisputeState.OPEN, DisputeState.ANSWERED):
        disputed(gym, inbox, state, fees=[kept, foreign])
        assert gym.balance_minor(LedgerCode.PROVIDER_FEES) == 1500
    with gym.db.read() as conn:
        [line] = disputes(conn, gym.organisation_id)
    assert line.fee_minor == 1500
    disputed(gym, inbox, DisputeState.WON, fees=[kept, back])
    disputed(gym, inbox, DisputeState.WON, fees=[kept, back])
    assert (gym.balance_minor(LedgerCode.PROVIDER_FEES), books(gym)) == (0, (TOTAL_MINOR, 0, 0))


def test_nothing_of_a_disputed_payment_is_paid_back(gym: DuesGym, inbox: Inbox) -> None:
    """Its credit stays where it is while the bank has it in hand (lago-api#6444); won, it may go."""
    payer, _ = paid_up(gym)
    disputed(gym, inbox, DisputeState.OPEN, amount_minor=1)
    [payment_id] = gym.scalars(select(payment.c.id))
    with gym.db.write() as conn:
        conn.execute(
            insert(open_credit).values(
                organisation_id=gym.organisation_id,
                account_id=payer.account_id,
                payment_id=payment_id,
                currency="CAD",
                left_minor=100,
            )
        )
    asked = Refund(
        organisation_id=gym.organisation_id, account_id=payer.account_id, by="Ada", reason="left", request_key="key"
    )
    with gym.db.write() as conn, pytest.raises(OverpaymentError):
        refund_credit(conn, asked, now_ms=at(1))
    disputed(gym, inbox, DisputeState.WON, amount_minor=1)
    with gym.db.write() as conn:
        assert len(refund_credit(conn, asked, now_ms=at(1))) == 1


LIVES = st.lists(
    st.tuples(
        st.sampled_from(["inquiry", "open", "answered", "won", "lost", "inquiry_closed"]),
        st.sampled_from(["told", "told twice", "lost", "late"]),
    ),
    max_size=6,
)
_NEXT = {
    "none": {"inquiry", "open"},
    "inquiry": {"open", "inquiry_closed"},
    "inquiry_closed": set[str](),
    "open": {"answered", "won", "lost"},
    "answered": {"won", "lost"},
    "won": set[str](),
    "lost": set[str](),
}


@pytest.fixture(scope="module")
def long_gym(sqlite_template: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("disputes") / "gym.db"
    shutil.copy(sqlite_template, path)
    db = Database(f"sqlite:///{path}")
    yield make_gym(db)
    db.close()


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=LIVES)
def test_however_it_is_told_the_end_is_the_same(long_gym: DuesGym, life: list[tuple[str, str]]) -> None:
    """Webhooks lost, late, twice: after the next sweep book and standing are what the bank's last word makes them."""
    gym, inbox = long_gym, Inbox(long_gym.db, long_gym.organisation_id)
    before = books(gym)
    payer, _ = paid_up(gym)
    [key] = gym.scalars(select(payment_attempt.c.key).order_by(payment_attempt.c.id.desc()).limit(1))
    [known] = gym.scalars(select(inbox_event.c.id).order_by(inbox_event.c.id.desc()).limit(1)) or [0]
    name, state, late = f"dp_{key}", "none", []
    for step, how in life:
        if step not in _NEXT[state]:
            continue
        state = step
        inbox.told.disputes[name] = DisputeSeen(
            reference=name, key=key, state=DisputeState(step), amount_minor=TOTAL_MINOR, currency="CAD", reason="fraud"
        )
        event = replace(inbox.told.happens("charge.dispute.updated", name), id=f"evt_{known}_{len(inbox.told.events)}")
        inbox.told.events[-1] = event
        if how == "late":
            late.append(event)
        for _ in range({"told": 1, "told twice": 2}.get(how, 0)):
            inbox.hear(event)
            inbox.act()
    for event in reversed(late):
        inbox.hear(event)
    inbox.watch()
    inbox.clock.forward(ms=SWEEP_EVERY_MS)
    with gym.db.write() as conn:
        conn.execute(text("UPDATE inbox_source SET sweep_at_real_ms = 0"))
    inbox.sweep()
    inbox.act()
    held = {"open": (0, TOTAL_MINOR, 0), "answered": (0, TOTAL_MINOR, 0), "lost": (0, 0, TOTAL_MINOR)}
    after = books(gym)
    assert tuple(now - was for now, was in zip(after, before, strict=True)) == held.get(state, (TOTAL_MINOR, 0, 0))
    assert now_is(gym, payer) is (Standing.CHARGEBACK if state in held else Standing.CLEAR)


def test_without_the_order_of_states_an_old_word_would_undo_the_end(
    gym: DuesGym, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ablation: if every word counted, one heard late would say of a won dispute that it is open."""
    paid_up(gym)
    disputed(gym, inbox, DisputeState.WON)
    monkeypatch.setattr(operations, "_HOW_FAR", {state: at for at, state in enumerate([*DisputeState][::-1])})
    disputed(gym, inbox, DisputeState.OPEN)
    assert gym.scalars(select(dispute.c.state)) == ["open"]
