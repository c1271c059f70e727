"""What comes next, as the worker will do it: pure, and beside what the worker then does."""

from datetime import date, timedelta

import pytest
from dues_gym import DUE, ZONE, DuesGym, Payer, at
from hypothesis import given
from hypothesis import strategies as st
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import put_block
from portillon_cloud.clock.local import local_date
from portillon_cloud.desk.grace import GraceAsked, give_grace
from portillon_cloud.dunning.case_view import case_view
from portillon_cloud.dunning.coming import Coming, Hold, Planned, WaitsFor, coming, last_morning_ms
from portillon_cloud.dunning.ladder import StepKind, step_ms
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.dunning.promises import PromiseTaken, take_promise
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.payments.provider import CardBehaviour
from portillon_cloud.payments.simulator_tables import sim_charge
from portillon_cloud.reports.site_view import UnpaidView
from portillon_cloud.reports.unpaid import unpaid
from sqlalchemy import func, select, update


def day(number: int) -> date:
    return DUE + timedelta(days=number)


STEPS = [
    Planned(kind=StepKind.RETRY, on=day(3)),
    Planned(kind=StepKind.REMINDER, on=day(3)),
    Planned(kind=StepKind.RESTRICTION, on=day(10)),
    Planned(kind=StepKind.RETRY, on=day(5)),
]


def told(
    *holds: Hold, retries: bool = True, shut: int | None = 10, now_ms: int = at(1)
) -> list[tuple[str, int | None]]:
    """Kinds and days."""
    shut_ms = None if shut is None else at(shut)
    found = coming(STEPS, holds, retries=retries, shut_ms=shut_ms, zone=ZONE, now_ms=now_ms)
    return [(one.kind.value, None if one.on is None else (one.on - DUE).days) for one in found]


def test_by_their_days_and_kinds() -> None:
    """Charge before letter; when the door shuts is what the debts say; no charge comes of a dead card."""
    assert told() == [("retry", 3), ("reminder", 3), ("retry", 5), ("restriction", 10)]
    assert told(shut=14)[-1] == ("restriction", 14)
    assert told(retries=False, shut=None) == [("reminder", 3)]
    assert told(shut=10, now_ms=at(10)) == [("retry", 10), ("reminder", 10)]


def test_what_waits_comes_when_it_may() -> None:
    """After an answer on the first morning; in grace one charge on the last morning; of a dispute nobody knows."""
    asked = Hold(why=WaitsFor.ANSWER, until_ms=at(6, 12))
    assert told(asked) == [("retry", 7), ("reminder", 7), ("restriction", 10)]
    grace = Hold(why=WaitsFor.GRACE, until_ms=at(9, 0))
    assert told(grace) == [("retry", 8), ("reminder", 9), ("restriction", 10)]
    [shut] = [
        one
        for one in coming(STEPS, [grace], retries=True, shut_ms=at(9, 0), zone=ZONE, now_ms=at(1))
        if one.kind is StepKind.RESTRICTION
    ]
    assert (shut.on, shut.waits_for) == (day(9), WaitsFor.GRACE)
    assert told(asked, grace) == [("retry", 8), ("reminder", 9), ("restriction", 10)]
    block = Hold(why=WaitsFor.BLOCK, until_ms=None)
    assert told(block, grace) == [("restriction", 10), ("retry", None), ("reminder", None)]
    assert told(Hold(why=WaitsFor.BLOCK, until_ms=None, charges_only=True))[0] == ("reminder", 3)


def test_what_is_over_before_the_day_holds_nothing() -> None:
    """A step whose day comes after the end of a hold keeps its day, and waits for nobody."""
    short = Hold(why=WaitsFor.GRACE, until_ms=at(3, 0))
    found = coming(STEPS, [short], retries=True, shut_ms=at(10), zone=ZONE, now_ms=at(1))
    assert all(one.waits_for is None for one in found)
    assert told(short) == told()


@given(st.integers(0, 24 * 400))
def test_the_last_morning(hours: int) -> None:
    """It is before the end, and no other morning is between."""
    until_ms = at(0, 0) + hours * 3_600_000
    morning_ms = last_morning_ms(until_ms, ZONE)
    next_on = local_date(morning_ms, ZONE) + timedelta(days=1)
    assert morning_ms < until_ms <= step_ms(next_on, ZONE)


def row(gym: DuesGym, now_ms: int) -> UnpaidView:
    with gym.db.read() as conn:
        today = local_date(now_ms, ZONE)
        found = unpaid(conn, organisation_id=gym.organisation_id, today=today, now_ms=now_ms, limit=10)
    [one] = found.rows
    return one


def following(gym: DuesGym, now_ms: int) -> tuple[str | None, date | None, str | None]:
    one = row(gym, now_ms)
    return one.next_step, one.next_step_on, one.waits_for


@pytest.fixture
def late(gym: DuesGym) -> Payer:
    payer = gym.payer(CardBehaviour.INSUFFICIENT_FUNDS)
    gym.owe(payer)
    gym.run_until(at(0))
    assert following(gym, at(1)) == ("retry", day(3), None)
    return payer


def test_right_after_a_promise(gym: DuesGym, late: Payer) -> None:
    """The charge on the promised day, whatever the ladder had planned for before."""
    taken = PromiseTaken(
        organisation_id=gym.organisation_id,
        account_id=late.account_id,
        pay_on=day(9),
        by="desk",
        request_key="promise-1",
    )
    with gym.db.write() as conn:
        take_promise(conn, taken, now_ms=at(1, 9))
    assert following(gym, at(1, 9)) == ("retry", day(9), None)
    gym.run_until(at(9))
    assert following(gym, at(9)) == ("promise", day(10), None)
    gym.run_until(at(10))
    assert (row(gym, at(10)).step, set(gym.letters(late)[1:])) == ("promise", {"suspended", "promise_broken"})


def test_right_after_grace(gym: DuesGym, late: Payer) -> None:
    """The charge on the last morning of it; then when the door shuts, though the ladder's own day has gone by."""
    asked = GraceAsked(
        organisation_id=gym.organisation_id,
        account_id=late.account_id,
        until_on=day(12),
        by="Camille",
        reason="between two jobs",
        request_key="grace-01",
    )
    with gym.db.write() as conn:
        give_grace(conn, asked, now_ms=at(1, 9))
    assert following(gym, at(1, 9)) == ("retry", day(12), "grace")
    gym.run_until(at(10))
    assert following(gym, at(10)) == ("retry", day(12), "grace")
    gym.run_until(at(12))
    with gym.db.read() as conn:
        [invoice_id] = conn.scalars(select(dunning_case.c.invoice_id)).all()
        found = next_steps(conn, gym.organisation_id, [invoice_id], at(12))[invoice_id]
        view = case_view(conn, gym.organisation_id, invoice_id, now_ms=at(12))
    assert [(one.kind, one.on) for one in found] == [("reminder", day(13)), ("restriction", day(13))]
    assert view is not None
    assert [one.kind for one in view.steps if one.done_at_ms is None] == ["reminder", "restriction"]
    assert view.shut_on == day(13)


def test_a_dispute_has_no_day(gym: DuesGym, late: Payer) -> None:
    """Nobody knows when it ends: the step waits for it, without a day."""
    with gym.db.write() as conn:
        put_block(
            conn,
            organisation_id=gym.organisation_id,
            account_id=late.account_id,
            reason=BlockReason.CHARGEBACK,
            source="dispute-1",
            from_ms=at(1),
        )
    with gym.db.read() as conn:
        [invoice_id] = conn.scalars(select(dunning_case.c.invoice_id)).all()
        found = next_steps(conn, gym.organisation_id, [invoice_id], at(1))[invoice_id]
    assert found[0] == Coming(kind=StepKind.RESTRICTION, on=day(10))
    assert {(one.on, one.waits_for) for one in found[1:]} == {(None, WaitsFor.BLOCK)}


def test_no_charge_is_announced_that_nobody_makes(gym: DuesGym, late: Payer) -> None:
    """Whoever left is charged by the ladder no more: what comes next is the letter."""
    with gym.db.write() as conn:
        conn.execute(update(dunning_case).values(retries=False))
    assert following(gym, at(1)) == ("reminder", day(3), None)


@pytest.mark.parametrize("wait_days", [0, 4])
def test_what_is_announced_is_done(gym: DuesGym, late: Payer, wait_days: int) -> None:
    """Day by day: what a page says comes next is what the worker does on that day, and nothing before it."""
    if wait_days:
        asked = GraceAsked(
            organisation_id=gym.organisation_id,
            account_id=late.account_id,
            until_on=day(wait_days),
            by="Camille",
            reason="between two jobs",
            request_key="grace-01",
        )
        with gym.db.write() as conn:
            give_grace(conn, asked, now_ms=at(0, 9))
    now_ms = at(0, 9)
    while True:
        kind, on, _ = following(gym, now_ms)
        if kind is None or on is None:
            break
        before = (len(gym.letters(late)), charges(gym))
        gym.run_until(step_ms(on, ZONE) - 1)
        assert (len(gym.letters(late)), charges(gym)) == before
        now_ms = step_ms(on, ZONE)
        gym.run_until(now_ms)
        assert (len(gym.letters(late)), charges(gym)) != before
    assert gym.letters(late)[-1] == "suspended"


def charges(gym: DuesGym) -> int:
    return int(gym.scalars(select(func.count()).select_from(sim_charge))[0])
