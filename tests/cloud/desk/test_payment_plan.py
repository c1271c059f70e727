"""A debt in parts: agreed, kept, broken; and what the books say all along."""

from datetime import date, timedelta

import pytest
from dues_gym import DUE, TOTAL_MINOR, DuesGym, Payer, at
from portillon_cloud.access.operations import member_rows
from portillon_cloud.access.standing import Standing, standing_at
from portillon_cloud.desk import payment_plan
from portillon_cloud.desk.errors import DeskLimitError, PlanAlreadyAgreedError, PlanInvalidError
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.payment_plan import PlanAsked, agree, preview
from portillon_cloud.desk.plan_view import plans_of
from portillon_cloud.desk.tables import PlanState
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.errors import ChargeUnderWayError, NothingOwedError, RequestKeyReusedError
from portillon_cloud.payments.operations import unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import payment_intent
from sqlalchemy import func, select

KEY = "plan-0001"


def asked(gym: DuesGym, payer: Payer, *, count: int = 3, first: int = 11, key: str = KEY, **more: object) -> PlanAsked:
    return PlanAsked(
        organisation_id=gym.organisation_id,
        account_id=payer.account_id,
        count=count,
        first_on=DUE + timedelta(days=first),
        every=Every.WEEK,
        by="Camille",
        reason="lost her job",
        request_key=key,
        **more,  # type: ignore[arg-type]
    )


def make(gym: DuesGym, payer: Payer, *, now_ms: int = at(11, 8), **more: object) -> int:
    with gym.db.write() as conn:
        return agree(conn, asked(gym, payer, **more), now_ms=now_ms)  # type: ignore[arg-type]


def owes(gym: DuesGym, payer: Payer) -> list[tuple[date, int]]:
    with gym.db.read() as conn:
        return [(one.due_on, one.owed_minor) for one in unpaid_invoices(conn, payer.account_id)]


def standing(gym: DuesGym, payer: Payer, now_ms: int) -> Standing:
    with gym.db.read() as conn:
        found = member_rows(
            conn, gym.keyring, organisation_id=gym.organisation_id, member_id=payer.member_id, now_ms=now_ms
        )
    assert found is not None
    return standing_at(found[0], now_ms)


def state(gym: DuesGym, payer: Payer) -> PlanState:
    with gym.db.read() as conn:
        return plans_of(conn, gym.organisation_id, payer.account_id)[0].state


@pytest.fixture
def late(gym: DuesGym) -> Payer:
    """Two bills that no charge could collect, and the door shut."""
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.owe(payer, due_on=DUE + timedelta(days=1), total_minor=2001)
    gym.run_until(at(11, 7))
    assert standing(gym, payer, at(11, 7)) is Standing.SUSPENDED
    return payer


def test_kept(gym: DuesGym, late: Payer) -> None:
    """Agreed, the door opens and dunning ends without thanks for money that has not come; each part is charged once."""
    receivable = gym.balance_minor(LedgerCode.RECEIVABLE)
    plan_id = make(gym, late)
    assert make(gym, late) == plan_id
    assert standing(gym, late, at(11, 8)) is not Standing.SUSPENDED
    assert gym.scalars(select(func.count()).where(dunning_case.c.closed_at_ms.is_(None))) == [0]
    assert gym.letters(late)[-1] == "payment_plan_agreed"
    assert "restored" not in gym.letters(late)
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == receivable
    week = timedelta(days=7)
    first = DUE + timedelta(days=11)
    assert owes(gym, late) == [(first, 2200), (first + week, 2200), (first + 2 * week, 199), (first + 2 * week, 2001)]
    gym.behave(late, CardBehaviour.OK)
    gym.run_until(at(40))
    assert owes(gym, late) == []
    assert state(gym, late) is PlanState.KEPT
    assert gym.balance_minor(LedgerCode.RECEIVABLE) == 0
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == TOTAL_MINOR + 2001


def test_broken(gym: DuesGym, late: Payer) -> None:
    """A part that stays unpaid makes the whole rest due, one intent for each bill; the door shuts again."""
    gym.behave(late, CardBehaviour.OK)
    make(gym, late)
    gym.run_until(at(12))
    gym.behave(late, CardBehaviour.INSUFFICIENT_FUNDS)
    gym.run_until(at(21, 23))
    assert state(gym, late) is PlanState.AGREED
    gym.run_until(at(22, 7))
    assert state(gym, late) is PlanState.BROKEN
    missed = DUE + timedelta(days=18)
    assert owes(gym, late) == [(missed, TOTAL_MINOR - 2200), (missed, 2001)]
    assert "payment_plan_broken" in gym.letters(late)
    gym.run_until(at(40))
    assert standing(gym, late, at(40)) is Standing.SUSPENDED
    make(gym, late, now_ms=at(40), first=40, key="plan-0002")
    assert standing(gym, late, at(40)) is not Standing.SUSPENDED


def test_unwatched_a_broken_plan_goes_on(gym: DuesGym, late: Payer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: if nobody looks, the parts to come stay undue."""
    monkeypatch.setattr(payment_plan, "_break", lambda *args, **more: None)
    make(gym, late)
    gym.run_until(at(15, 7))
    assert owes(gym, late)[-1][0] > DUE + timedelta(days=15)


def test_cash_for_a_part(gym: DuesGym, late: Payer) -> None:
    """Money at the desk goes to the part due first; paid ahead, the plan ends kept and nothing is charged."""
    make(gym, late)
    gym.pay(late, 2200, now_ms=at(11, 9))
    assert sum(minor for _, minor in owes(gym, late)) == 4400
    gym.pay(late, 4400, now_ms=at(11, 10), key="k-2")
    gym.run_until(at(40))
    assert state(gym, late) is PlanState.KEPT
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0


def test_a_debit_on_its_way_is_not_late(gym: DuesGym, late: Payer) -> None:
    """A part that is being charged does not break the plan, however long the bank takes."""
    gym.behave(late, CardBehaviour.DEBIT)
    make(gym, late, count=2)
    gym.run_until(at(16))
    assert state(gym, late) is PlanState.AGREED


def test_what_makes_no_plan(gym: DuesGym, late: Payer) -> None:
    """Too many parts, too few, begun in the past, too long: refused, and nothing is changed."""
    before = gym.scalars(select(payment_intent.c.state).order_by(payment_intent.c.id))
    for error, wrong in (
        (DeskLimitError, {"count": 5}),
        (PlanInvalidError, {"count": 1}),
        (PlanInvalidError, {"first": 10}),
        (DeskLimitError, {"first": 200}),
    ):
        with pytest.raises(error):
            make(gym, late, **wrong)
    assert gym.scalars(select(payment_intent.c.state).order_by(payment_intent.c.id)) == before


def test_one_plan_and_one_key(gym: DuesGym, late: Payer) -> None:
    """A second plan beside the first is refused, as is a key used for another account; an owner may agree on more."""
    make(gym, late, count=12, owner=True)
    with pytest.raises(PlanAlreadyAgreedError):
        make(gym, late, key="plan-0002")
    other = gym.payer()
    with pytest.raises(RequestKeyReusedError):
        make(gym, other)
    with pytest.raises(NothingOwedError):
        make(gym, other, key="plan-0003")
    gym.owe(other)
    gym.behave(other, CardBehaviour.ACTION_REQUIRED)
    gym.run_until(at(11, 9))
    with pytest.raises(ChargeUnderWayError):
        make(gym, other, now_ms=at(11, 9), key="plan-0003")


def test_seen_before_it_is_agreed(gym: DuesGym, late: Payer) -> None:
    """The preview says the parts, and writes nothing."""
    with gym.db.read() as conn:
        debt, parts = preview(conn, asked(gym, late), now_ms=at(11, 8))
    assert debt.amount_minor == sum(one.amount_minor for one in parts) == TOTAL_MINOR + 2001
    assert gym.scalars(select(payment_plan.payment_plan.c.id)) == []
