"""Leaving by law: the clause, the most that is kept whatever the contract says, the money back, the letter."""

from datetime import date, timedelta

import pytest
from cloud.billing.lawful_gym import LawfulGym, open_lawful_gym
from cloud.gym import MONTHLY, Clock, Joined
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.audit.operations import look
from portillon_cloud.billing import agreed_change, withdrawal
from portillon_cloud.billing.agreement import to_body
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.change_request import CancelChange, FreezeChange, KeepChange, PlanChange
from portillon_cloud.billing.errors import SubscriptionRefusedError, UnlawfulContractError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.law.tables import lawful_end
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.proration import Proration
from portillon_cloud.billing.subscription import Agreement, FreezeTerms, Why
from portillon_cloud.billing.tables import contract, credit_note
from portillon_cloud.billing.timeline import Tariff
from portillon_cloud.billing.withdrawal_credit import standing, total_minor
from portillon_cloud.database import Database
from portillon_cloud.messages.notices import Cancelled, FreezeAgreed, Withdrawn
from portillon_cloud.payments.desk import DeskPayment, take_payment
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import Means, payout
from portillon_cloud.secrets import Keyring
from sqlalchemy import func, select, update

START = date(2026, 1, 2)
BY_LAW = CancelChange(change="cancel", by_law=True)


@pytest.fixture
def paris(db: Database, keyring: Keyring, clock: Clock) -> LawfulGym:
    return open_lawful_gym(db, keyring, clock, "fr")


@pytest.fixture
def montreal(sqlite_db: Database, keyring: Keyring, clock: Clock) -> LawfulGym:
    return open_lawful_gym(sqlite_db, keyring, clock, "ca-qc")


def pay(gym: LawfulGym, joined: Joined) -> None:
    """All that is owed, in cash."""
    with gym.gym.db.write() as conn:
        for owed in unpaid_invoices(conn, joined.account_id):
            take_payment(
                conn,
                DeskPayment(
                    organisation_id=gym.gym.organisation_id,
                    account_id=joined.account_id,
                    amount_minor=owed.owed_minor,
                    currency=owed.currency,
                    means=Means.CASH,
                    taken_by="desk",
                    request_key=f"cash:{owed.invoice_id}",
                ),
                now_ms=gym.now_ms_on(conn),
            )


def stands(gym: LawfulGym, joined: Joined) -> int:
    """What is billed of it and was not taken back, with tax."""
    with gym.gym.db.read() as conn:
        return total_minor(standing(conn, joined.subscription_id, since_on=START, on=date(2030, 1, 1)))


def refunds(gym: LawfulGym) -> list[int]:
    with gym.gym.db.read() as conn:
        return list(conn.execute(select(payout.c.amount_minor).order_by(payout.c.id)).scalars())


def test_withdrawing_from_what_was_signed_online(paris: LawfulGym) -> None:
    """billing.md 63 (L221-18, L221-25): on the tenth day ten days are kept, the rest waits to be paid back at once."""
    yearly = paris.sell(420_00, interval=Interval(IntervalUnit.MONTH, 12))
    nadia = paris.join(yearly, START, at_distance=True, proration=Proration.WHOLE)
    paris.turn_to(START)
    pay(paris, nadia)
    paris.turn_to(START + timedelta(days=10))
    shown = paris.show(nadia, BY_LAW)
    left = paris.ask(nadia, BY_LAW)
    assert shown.way_out == left.way_out is not None
    assert left.way_out is not None and left.way_out.withdrawal
    assert left.way_out.clause == "Code de la consommation L221-18, L221-25"
    assert shown.law_credit_minor == left.law_credit_minor > 400_00  # nothing of it comes back by whole periods
    kept_minor = stands(paris, nadia)
    assert kept_minor == left.way_out.kept_at_most_minor == 11_29  # ten of the 31 days of a twelfth
    assert refunds(paris) == [420_00 - kept_minor]
    [told] = paris.told(nadia)
    assert told.notice == Withdrawn(
        told_on=date(2026, 1, 12),
        ends_on=date(2026, 1, 12),
        back_minor=420_00 - kept_minor,
        back_by_on=date(2026, 1, 26),
        clause=left.way_out.clause,
    )
    with paris.gym.db.read() as conn:
        assert look(conn, paris.gym.organisation_id) == []


def test_at_the_desk_nobody_withdraws(paris: LawfulGym) -> None:
    """The same contract signed at the desk: refused, and nothing is written."""
    nadia = paris.join(paris.sell(), START)
    paris.turn_to(START)
    with pytest.raises(UnlawfulContractError, match="law fr"):
        paris.ask(nadia, BY_LAW)
    assert paris.told(nadia) == []


def test_before_it_begins_all_comes_back(montreal: LawfulGym) -> None:
    """P-40.1, s. 202: it ends with its first day, though it was asked for before."""
    nadia = montreal.join(montreal.sell(), date(2026, 2, 2))
    montreal.turn_to(date(2026, 1, 20))
    left = montreal.ask(nadia, BY_LAW)
    assert left.way_out is not None and left.way_out.kept_at_most_minor == 0
    assert montreal.ends_on(nadia) == date(2026, 2, 2)
    montreal.turn_to(date(2026, 3, 2))
    assert stands(montreal, nadia) == 0


def test_what_comes_later_is_paid_back_when_it_is_over(montreal: LawfulGym) -> None:
    """Told on the 5th for the 20th: the credit note now, the payout on the day, the letter says by when."""
    nadia = montreal.join(montreal.sell(), START, proration=Proration.WHOLE)
    montreal.turn_to(START)
    pay(montreal, nadia)
    montreal.turn_to(date(2026, 1, 5))
    left = montreal.ask(nadia, CancelChange(change="cancel", by_law=True, on=date(2026, 1, 20)))
    assert refunds(montreal) == []
    [told] = montreal.told(nadia)
    assert isinstance(told.notice, Cancelled) and told.notice.back_by_on == date(2026, 1, 30)
    assert "paid back by January 30, 2026" in told.body
    montreal.turn_to(date(2026, 1, 21))
    assert left.way_out is not None
    assert stands(montreal, nadia) <= left.way_out.kept_at_most_minor
    with montreal.gym.db.write() as conn:
        [end] = conn.execute(select(lawful_end)).all()
        assert end.settled_at_ms is not None and end.back_minor == sum(refunds(montreal))
        assert withdrawal.settle(conn, end.id, now_ms=montreal.now_ms_on(conn)) == 0


def test_what_was_paid_back_is_not_kept_as_well(montreal: LawfulGym) -> None:
    """Once the law's money is put down to be paid back nobody takes the leaving back; before that they may."""
    nadia = montreal.join(montreal.sell(), date(2026, 3, 2))
    montreal.turn_to(date(2026, 1, 20))
    montreal.ask(nadia, BY_LAW)
    montreal.ask(nadia, KeepChange(change="keep"))
    montreal.ask(nadia, BY_LAW)
    with montreal.gym.db.write() as conn:
        for end in conn.execute(select(lawful_end)).all():
            withdrawal.settle(conn, end.id, now_ms=montreal.now_ms_on(conn))
    with pytest.raises(SubscriptionRefusedError) as refused:
        montreal.ask(nadia, KeepChange(change="keep"))
    assert refused.value.why == Why.SETTLED_BY_LAW


def test_a_dearer_plan_counts_from_its_day(montreal: LawfulGym) -> None:
    """Three months at 35 and three at 70: the law's most knows both prices, not the first alone."""
    nadia = montreal.join(montreal.sell(), START)
    gold = montreal.sell(70_00)
    montreal.turn_to(date(2026, 4, 1))
    montreal.ask(nadia, PlanChange(change="plan", price_id=gold, on=date(2026, 4, 2)))
    montreal.turn_to(date(2026, 7, 1))
    left = montreal.show(nadia, CancelChange(change="cancel", by_law=True, on=date(2026, 7, 2)))
    assert left.way_out is not None
    assert left.way_out.kept_at_most_minor == 3 * 40_24 + 3 * 80_48
    assert left.law_credit_minor == 0


def test_a_freeze_is_confirmed(montreal: LawfulGym) -> None:
    """In the payer's language, with its first and last day, and the fee with its taxes."""
    nadia = montreal.join(montreal.sell(), START, language="fr")
    fee = Tariff(price_id=montreal.sell(5_00), unit_minor=5_00, interval=MONTHLY)
    with montreal.gym.db.write() as conn:
        conn.execute(update(contract).values(agreement=to_body(Agreement(freeze=FreezeTerms(fee=fee)))))
    montreal.turn_to(START)
    montreal.ask(nadia, FreezeChange(change="freeze", on=date(2026, 2, 1), until_on=date(2026, 3, 1)))
    [told] = montreal.told(nadia)
    assert told.notice == FreezeAgreed(on=date(2026, 2, 1), until_on=date(2026, 3, 1), fee_minor=5_75)
    assert "est gelé du 1er février 2026 au 28 février 2026" in told.body


LIVES = st.tuples(
    st.sampled_from(list(Proration)),
    st.sampled_from([1, 2, 3, 6]),  # months to an instalment
    st.integers(1, 900_00),  # an instalment
    st.integers(0, 364),  # the day of telling
    st.integers(0, 40),  # and of leaving after it
)


@given(lives=st.lists(LIVES, min_size=2, max_size=4))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_lawful_cancellation_keeps_more_than_the_law(
    sqlite_db: Database, keyring: Keyring, clock: Clock, lives: list[tuple[Proration, int, int, int, int]]
) -> None:
    """Whatever the contract's way of counting, its price and the days: no more than the law's most, as shown before."""
    gym = open_lawful_gym(sqlite_db, keyring, clock, "ca-qc")
    joined = [
        gym.join(gym.sell(minor, interval=Interval(IntervalUnit.MONTH, months)), START, proration=policy)
        for policy, months, minor, _, _ in lives
    ]
    most: dict[int, int] = {}
    for told_on, who in sorted((START + timedelta(days=life[3]), who) for who, life in enumerate(lives)):
        run_invoices(gym.gym.db, gym.gym.legal_entity_id, on=told_on, now_ms=gym.at(told_on))
        which = {"organisation_id": gym.gym.organisation_id, "subscription_id": joined[who].subscription_id}
        new = CancelChange(change="cancel", by_law=True, on=told_on + timedelta(days=lives[who][4]))
        with gym.gym.db.write() as conn:
            try:
                shown = agreed_change.show(conn, **which, new=new, now_ms=gym.at(told_on))
            except SubscriptionRefusedError:
                continue  # its term is over by then
            left = agreed_change.carry_out(conn, **which, new=new, author=Author(name="n", at_ms=gym.at(told_on)))
        assert left.way_out is not None
        assert (shown.way_out, shown.law_credit_minor) == (left.way_out, left.law_credit_minor)
        most[who] = left.way_out.kept_at_most_minor
    over = START + timedelta(days=500)
    run_invoices(gym.gym.db, gym.gym.legal_entity_id, on=over, now_ms=gym.at(over))
    with gym.gym.db.write() as conn:
        for end in conn.execute(select(lawful_end).where(lawful_end.c.settled_at_ms.is_(None))).all():
            withdrawal.settle(conn, end.id, now_ms=gym.at(over))
    for who, kept_at_most_minor in most.items():
        assert stands(gym, joined[who]) <= kept_at_most_minor
    run_invoices(gym.gym.db, gym.gym.legal_entity_id, on=over, now_ms=gym.at(over))
    with gym.gym.db.read() as conn:
        assert look(conn, gym.gym.organisation_id) == []


def test_the_laws_credit_is_what_keeps_it_so(montreal: LawfulGym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: without it a contract of whole periods keeps the whole of the last."""
    monkeypatch.setattr(withdrawal, "excess", lambda *_args, **_named: [])
    half_year = montreal.sell(210_00, interval=Interval(IntervalUnit.MONTH, 6))
    nadia = montreal.join(half_year, START, proration=Proration.WHOLE)
    montreal.turn_to(date(2026, 1, 20))
    left = montreal.ask(nadia, BY_LAW)
    assert left.way_out is not None
    assert stands(montreal, nadia) > left.way_out.kept_at_most_minor
    with montreal.gym.db.read() as conn:
        assert conn.scalar(select(func.count()).select_from(credit_note)) == 0
