"""Whatever the desk does in whatever order: each bill is owed once, the door says what is owed, the book balances."""

from contextlib import suppress
from datetime import timedelta

from cloud.desk.test_grace import give, standing
from dues_gym import DUE, DuesGym, Payer, at, make_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.access.standing import Standing
from portillon_cloud.audit.operations import look
from portillon_cloud.database import Database
from portillon_cloud.desk.instalments import Every
from portillon_cloud.desk.payment_plan import PlanAsked, agree
from portillon_cloud.desk.waiving import waive
from portillon_cloud.errors import CloudError
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import owed_minor, unpaid_invoices
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.tables import payment_intent
from portillon_cloud.payments.write_off import WriteOff
from sqlalchemy import func, select

BILLS = (4599, 2001)
ACTS = st.one_of(
    st.tuples(st.just("wait"), st.integers(1, 9)),
    st.tuples(st.just("pay"), st.integers(1, 5000)),
    st.tuples(st.just("waive"), st.integers(1, 2500)),
    st.tuples(st.just("plan"), st.integers(2, 4)),
    st.tuples(st.just("grace"), st.integers(0, 10)),
    st.tuples(st.just("card"), st.sampled_from([CardBehaviour.OK, CardBehaviour.INSUFFICIENT_FUNDS])),
)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTS, min_size=2, max_size=7))
def test_nothing_is_owed_twice_or_forgotten(sqlite_db: Database, acts: list[tuple[str, int]]) -> None:
    """Live intents are just what is owed; it is issued less paid less waived; who owes nothing is never shut out."""
    gym = make_gym(sqlite_db)
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    bills = [gym.owe(payer, due_on=DUE + timedelta(days=at_), total_minor=minor) for at_, minor in enumerate(BILLS)]
    day = 3
    gym.run_until(at(day))
    known = audited(gym)  # bills of this gym have no lines
    for number, (act, how) in enumerate(acts):
        key = f"{payer.account_id}:{number}-act"
        with suppress(CloudError):  # refused, which is an answer: nothing of it may stay
            day = _do(gym, payer, bills, act, how, day=day, key=key)
        gym.run_until(at(day))
        with gym.db.read() as conn:
            owed = {bill: owed_minor(conn, bill) for bill in bills}
            unpaid = unpaid_invoices(conn, payer.account_id)
        live = gym.scalars(
            select(func.coalesce(func.sum(payment_intent.c.amount_minor), 0)).where(
                payment_intent.c.account_id == payer.account_id, payment_intent.c.state.in_(["open", "parked"])
            )
        )
        assert int(live[0]) == sum(owed.values()) == sum(one.owed_minor for one in unpaid)
        assert min(owed.values()) >= 0
        if not any(one.due_on <= DUE + timedelta(days=day) for one in unpaid):
            assert standing(gym, payer, at(day, 9)) is Standing.CLEAR
    gym.balance_minor(LedgerCode.RECEIVABLE)
    assert audited(gym) == known


def audited(gym: DuesGym) -> set[str]:
    """What the nightly audit would find."""
    with gym.db.read() as conn:
        return {one.code for one in look(conn, gym.organisation_id)}


def _do(gym: DuesGym, payer: Payer, bills: list[int], act: str, how: int, *, day: int, key: str) -> int:
    now_ms = at(day, 8)
    if act == "wait":
        return day + how
    if act == "pay":
        gym.pay(payer, how, now_ms=now_ms, key=key)
    elif act == "card":
        gym.behave(payer, CardBehaviour(how))
    elif act == "grace":
        give(gym, payer, day + how, now_ms=now_ms, key=key)
    else:
        with gym.db.write() as conn:
            if act == "waive":
                asked = WriteOff(
                    organisation_id=gym.organisation_id,
                    account_id=payer.account_id,
                    invoice_id=bills[0],
                    by="Camille",
                    reason="goodwill",
                    request_key=key,
                    amount_minor=how,
                )
                waive(conn, asked, owner=True, now_ms=now_ms)
            else:
                plan = PlanAsked(
                    organisation_id=gym.organisation_id,
                    account_id=payer.account_id,
                    count=how,
                    first_on=DUE + timedelta(days=day + 1),
                    every=Every.WEEK,
                    by="Camille",
                    reason="in parts",
                    request_key=key,
                )
                agree(conn, plan, now_ms=now_ms)
    return day
