"""Accounts that are not billed: because a block says so, or because the engine itself is in doubt."""

from datetime import date

import pytest
from cloud.gym import Gym, Joined
from portillon_cloud.access import operations as access
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.billing import parking
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.catalogue import Extras, create_price
from portillon_cloud.billing.errors import UnknownDoubtError
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.operations import run_invoices
from portillon_cloud.billing.parking import DoubtCode
from portillon_cloud.billing.planning import INVOICE_RUN, next_invoice_on
from portillon_cloud.billing.tables import invoice, subscription, subscription_event
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.timers.tables import timer
from sqlalchemy import insert, select, update

START = date(2026, 4, 1)


def at(day: date) -> int:
    return start_of_day_ms(day, "America/Toronto")


def bill(gym: Gym, on: date) -> list[int]:
    """The accounts invoiced."""
    issued = run_invoices(gym.db, gym.legal_entity_id, on=on, now_ms=at(on))
    with gym.db.read() as conn:
        return list(conn.execute(select(invoice.c.account_id).where(invoice.c.id.in_(issued))).scalars())


def doubts(gym: Gym) -> list[parking.OpenDoubt]:
    with gym.db.read() as conn:
        return list(parking.open_doubts(conn, gym.organisation_id))


def spoil(gym: Gym, joined: Joined) -> None:
    """As a fault in another version of the code would leave it: a second start."""
    with gym.db.write() as conn:
        row = conn.execute(
            select(subscription_event).where(subscription_event.c.subscription_id == joined.subscription_id).limit(1)
        ).one()
        again = {name: value for name, value in row._mapping.items() if name != "id"}
        conn.execute(insert(subscription_event).values(**again))
        conn.execute(update(subscription).where(subscription.c.id == joined.subscription_id).values(plain=False))


def test_a_block_holds_invoices_back_and_its_end_brings_them(gym: Gym) -> None:
    """Parked over two renewals nothing is issued, the run does not ring for it, and the end plans what waited."""
    held, other = gym.join("Held Back", starts_on=START), gym.join("Other One", starts_on=START)
    same = {"organisation_id": gym.organisation_id, "account_id": held.account_id, "reason": BlockReason.PARKED}
    with gym.db.write() as conn:
        access.put_block(conn, **same, source="staff", from_ms=at(START))
    assert bill(gym, START) == [other.account_id]
    may = date(2026, 5, 1)
    with gym.db.read() as conn:
        assert next_invoice_on(conn, gym.legal_entity_id, at(START)) == may
    assert bill(gym, may) == [other.account_id]
    with gym.db.write() as conn:
        assert access.end_block(conn, **same, source="staff", at_ms=at(may))
        rings = conn.execute(select(timer.c.key).where(timer.c.kind == INVOICE_RUN)).scalars().all()
    assert f"invoice_run:{gym.legal_entity_id}:{may}:a{held.account_id}:{at(may)}" in rings
    assert bill(gym, may) == [held.account_id] * 2


def test_a_block_that_ends_before_the_next_due_day_costs_no_run(gym: Gym) -> None:
    """A run that rang under the block planned the next one without the account: the block's end plans its due day."""
    held = gym.join("Held Back", starts_on=START)
    bill(gym, START)
    due_on, end_on = date(2026, 5, 1), date(2026, 4, 20)
    same = {"organisation_id": gym.organisation_id, "account_id": held.account_id, "reason": BlockReason.FROZEN}
    with gym.db.write() as conn:
        conn.execute(update(timer).where(timer.c.kind == INVOICE_RUN).values(state="done"))
        access.put_block(conn, **same, source="staff", from_ms=at(date(2026, 4, 10)))
        assert next_invoice_on(conn, gym.legal_entity_id, at(date(2026, 4, 12))) is None
        assert access.end_block(conn, **same, source="staff", at_ms=at(end_on))
        waiting = conn.execute(select(timer.c.due_at_ms).where(timer.c.kind == INVOICE_RUN, timer.c.state == "ready"))
        assert waiting.scalars().all() == [at(due_on)]


def test_events_that_make_no_life_park_their_account_only(gym: Gym) -> None:
    """The one that cannot be read is parked with what is wrong; everybody else is billed in the same run."""
    spoilt, other = gym.join("Spoilt One", starts_on=START), gym.join("Other One", starts_on=START)
    spoil(gym, spoilt)
    assert bill(gym, START) == [other.account_id]
    [doubt] = doubts(gym)
    assert (doubt.code, doubt.account_id) == (DoubtCode.EVENTS_MAKE_NO_LIFE, spoilt.account_id)
    assert "starts once" in doubt.detail
    assert bill(gym, START) == []
    assert len(doubts(gym)) == 1


def test_more_than_any_life_explains_is_not_written(gym: Gym) -> None:
    """Sixteen months at once are a fault, not a bill; fifteen are billed."""
    late, later = gym.join("Fifteen Months", starts_on=START), gym.join("Sixteen Months", starts_on=date(2026, 3, 1))
    for joined in (late, later):
        with gym.db.write() as conn:
            conn.execute(update(subscription).where(subscription.c.id == joined.subscription_id).values(ends_on=None))
    assert bill(gym, date(2027, 6, 1)) == [late.account_id] * 15
    assert [one.code for one in doubts(gym)] == [DoubtCode.TOO_FAR_BEHIND]


def test_unparked_by_a_person_it_is_billed_again(gym: Gym) -> None:
    """With who and why; a doubt is settled once, and another organisation's is not there."""
    spoilt = gym.join("Spoilt One", starts_on=START)
    spoil(gym, spoilt)
    bill(gym, START)
    [doubt] = doubts(gym)
    with gym.db.write() as conn:
        conn.execute(update(subscription).where(subscription.c.id == spoilt.subscription_id).values(plain=True))
    looked = Author(name="desk", at_ms=at(START), reason="a start recorded twice by an import")
    with gym.db.write() as conn:
        parking.unpark(conn, gym.organisation_id, doubt.id, author=looked)
    assert doubts(gym) == []
    assert bill(gym, START) == [spoilt.account_id]
    for organisation_id in (gym.organisation_id, gym.organisation_id + 1):
        with pytest.raises(UnknownDoubtError), gym.db.write() as conn:
            parking.unpark(conn, organisation_id, doubt.id, author=looked)


def test_without_the_bound_sixteen_months_are_billed(gym: Gym, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ablation: the bound is what stops them."""
    monkeypatch.setattr("portillon_cloud.billing.invoice_run.DOCUMENTS_MOST", 10_000)
    joined = gym.join("Sixteen Months", starts_on=date(2026, 3, 1))
    with gym.db.write() as conn:
        conn.execute(update(subscription).where(subscription.c.id == joined.subscription_id).values(ends_on=None))
    assert len(bill(gym, date(2027, 6, 1))) == 16


def test_a_day_pass_that_waited_for_months_is_no_doubt(gym: Gym) -> None:
    """What has one period is at most one behind, however long nobody billed it."""
    with gym.db.write() as conn:
        price_id = create_price(
            conn,
            plan_id=gym.plan_id,
            amount_minor=20_00,
            interval=Interval(IntervalUnit.DAY, 1),
            term_months=None,
            extras=Extras(times=1),
        )
    visitor = gym.join("Day Visitor", starts_on=START, price_id=price_id)
    assert bill(gym, date(2026, 7, 1)) == [visitor.account_id]
    assert doubts(gym) == []
