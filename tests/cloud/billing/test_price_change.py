"""Another price for those who have one: told in time, refusable at no cost, recorded once, or taken back."""

from dataclasses import replace
from datetime import date

import pytest
from cloud.billing.lawful_gym import LawfulGym, open_lawful_gym
from cloud.gym import Clock, Joined
from portillon_cloud.billing import price_change_timers
from portillon_cloud.billing.calendar import Interval, IntervalUnit
from portillon_cloud.billing.change_request import CancelChange
from portillon_cloud.billing.errors import (
    CatalogueError,
    PriceChangeBegunError,
    UnknownPriceChangeError,
    UnknownSubscriptionError,
    UnlawfulContractError,
)
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.law.tables import price_change_for
from portillon_cloud.billing.price_change import Kept, NewPrice, announce, propose
from portillon_cloud.billing.price_change_timers import PRICE_HOLDS, PRICE_NOTICES, withdraw_price_change
from portillon_cloud.billing.tables import invoice, subscription_event
from portillon_cloud.database import Database
from portillon_cloud.messages.notices import PriceChanges, PriceStays, RenewalComes
from portillon_cloud.secrets import Keyring
from portillon_cloud.timers.tables import timer
from sqlalchemy import func, select, update

START = date(2026, 1, 5)


@pytest.fixture
def paris(db: Database, keyring: Keyring, clock: Clock) -> LawfulGym:
    return open_lawful_gym(db, keyring, clock, "fr")


def tell_of(gym: LawfulGym, new: NewPrice) -> int:
    with gym.gym.db.write() as conn:
        change_id, _ = announce(conn, new, author=Author(name="Camille", at_ms=gym.now_ms_on(conn), reason="rent"))
    gym.worker.run_until_idle()
    return change_id


def new_price(gym: LawfulGym, was: int, becomes: int, from_on: date) -> NewPrice:
    return NewPrice(organisation_id=gym.gym.organisation_id, from_price_id=was, to_price_id=becomes, from_on=from_on)


def totals(gym: LawfulGym, joined: Joined) -> list[int]:
    with gym.gym.db.read() as conn:
        return list(
            conn.execute(
                select(invoice.c.total_minor).where(invoice.c.account_id == joined.account_id).order_by(invoice.c.id)
            ).scalars()
        )


def changed(gym: LawfulGym) -> int:
    with gym.gym.db.read() as conn:
        return conn.execute(
            select(func.count()).select_from(subscription_event).where(subscription_event.c.kind == "tariff_changed")
        ).scalar_one()


def test_a_new_price_holds_from_ones_own_period(paris: LawfulGym) -> None:
    """Told today for the 1st of March: Nadia pays it from the 5th, who is not named keeps theirs, no part is cut."""
    was, becomes = paris.sell(30_00, term_months=None), paris.sell(35_00, term_months=None)
    nadia, olga = paris.join(was, START), paris.join(was, START)
    paris.turn_to(date(2026, 1, 20))
    new = replace(new_price(paris, was, becomes, date(2026, 3, 1)), subscription_ids=[nadia.subscription_id])
    tell_of(paris, new)
    [told] = paris.told(nadia)
    assert told.notice == PriceChanges(
        from_on=date(2026, 3, 5),
        until_on=date(2026, 3, 4),
        was_minor=30_00,
        becomes_minor=35_00,
        clause="Code de la consommation R212-4",
    )
    assert "up to and including 4 March 2026" in told.body and "/leave/" in told.body
    paris.turn_to(date(2026, 4, 6))
    assert totals(paris, nadia) == [30_00, 30_00, 35_00, 35_00]
    assert totals(paris, olga) == [30_00] * 4
    assert paris.told(olga) == []
    with paris.gym.db.write() as conn:
        conn.execute(update(timer).where(timer.c.kind == PRICE_HOLDS).values(state="ready"))
        conn.execute(update(timer).where(timer.c.kind == PRICE_NOTICES).values(state="ready"))
    paris.worker.run_until_idle()
    assert changed(paris) == 1
    assert len(paris.told(nadia)) == 1


def test_who_refuses_leaves_at_no_cost_until_the_day(paris: LawfulGym) -> None:
    """By the law's clause up to the day in the letter; the day after, the law gives nothing more."""
    was, becomes = paris.sell(30_00, term_months=None), paris.sell(35_00, term_months=None)
    nadia = paris.join(was, START)
    paris.turn_to(date(2026, 1, 20))
    tell_of(paris, new_price(paris, was, becomes, date(2026, 3, 1)))
    leave = CancelChange(change="cancel", by_law=True)
    paris.turn_to(date(2026, 3, 4))
    shown = paris.show(nadia, leave)
    assert shown.way_out is not None and shown.way_out.clause == "Code de la consommation R212-4"
    paris.turn_to(date(2026, 3, 5))
    with pytest.raises(UnlawfulContractError):
        paris.show(nadia, leave)


def test_taken_back_before_it_holds(paris: LawfulGym) -> None:
    """Nothing changes, whoever was told is told that; once it holds for somebody it is not taken back."""
    was, becomes = paris.sell(30_00, term_months=None), paris.sell(35_00, term_months=None)
    nadia = paris.join(was, START)
    paris.turn_to(date(2026, 1, 20))
    change_id = tell_of(paris, new_price(paris, was, becomes, date(2026, 3, 1)))
    organisation_id, by = paris.gym.organisation_id, Author(name="Camille", at_ms=paris.now_ms())
    for _ in range(2):
        with paris.gym.db.write() as conn:
            withdraw_price_change(conn, organisation_id, change_id, author=by)
    with paris.gym.db.write() as conn, pytest.raises(UnknownPriceChangeError):
        withdraw_price_change(conn, organisation_id, change_id + 9, author=by)
    again_id = tell_of(paris, new_price(paris, was, becomes, date(2026, 4, 1)))
    paris.turn_to(date(2026, 3, 20))
    assert changed(paris) == 0
    assert [type(one.notice) for one in paris.told(nadia)] == [PriceChanges, PriceStays, PriceChanges]
    assert paris.show(nadia, CancelChange(change="cancel", by_law=True)).way_out is not None  # of the second
    paris.turn_to(date(2026, 4, 6))
    with paris.gym.db.write() as conn, pytest.raises(PriceChangeBegunError, match="holds already"):
        withdraw_price_change(conn, organisation_id, again_id, author=by)


def test_what_the_law_protects_keeps_its_price(paris: LawfulGym) -> None:
    """A fixed term: listed with the clause; if it is all of them, nothing is announced. Cheaper, it may become."""
    fixed, cheaper, dearer = paris.sell(30_00), paris.sell(25_00), paris.sell(35_00)
    nadia = paris.join(fixed, START)
    with paris.gym.db.read() as conn:
        now_ms = paris.now_ms_on(conn)
        with pytest.raises(UnlawfulContractError, match="R212-1"):
            propose(conn, new_price(paris, fixed, dearer, date(2026, 3, 1)), now_ms=now_ms)
        found = propose(conn, new_price(paris, fixed, cheaper, date(2026, 3, 1)), now_ms=now_ms)
        assert [one.subscription_id for one in found.reached] == [nadia.subscription_id]
        after = propose(conn, new_price(paris, fixed, dearer, date(2027, 3, 1)), now_ms=now_ms)
        assert (after.reached, after.kept) == ([], [Kept(nadia.subscription_id, None)])


def test_in_quebec_no_term_becomes_dearer(sqlite_db: Database, keyring: Keyring, clock: Clock) -> None:
    """P-40.1, s. 11.2: the price of a fixed term is essential; the clause is named."""
    montreal = open_lawful_gym(sqlite_db, keyring, clock, "ca-qc")
    was, becomes = montreal.sell(30_00), montreal.sell(35_00)
    montreal.join(was, START)
    with montreal.gym.db.read() as conn, pytest.raises(UnlawfulContractError, match=r"s\. 11\.2"):
        propose(conn, new_price(montreal, was, becomes, date(2026, 3, 1)), now_ms=montreal.now_ms_on(conn))


def test_a_term_that_renews_is_repriced_where_the_next_begins(paris: LawfulGym) -> None:
    """Announced for May, it holds from the renewal in July, and the notice of the renewal says the new price."""
    was, becomes = paris.sell(30_00, term_months=6), paris.sell(35_00, term_months=6)
    nadia = paris.join(was, START, renews=True)
    paris.turn_to(date(2026, 3, 20))
    tell_of(paris, new_price(paris, was, becomes, date(2026, 5, 1)))
    paris.turn_to(date(2026, 7, 6))
    changes, renewal = (one.notice for one in paris.told(nadia))
    assert isinstance(changes, PriceChanges) and changes.from_on == date(2026, 7, 5)
    assert isinstance(renewal, RenewalComes) and renewal.cycle_minor == 35_00
    assert totals(paris, nadia) == [30_00] * 6 + [35_00]


def test_told_late_it_holds_later(paris: LawfulGym) -> None:
    """A worker that was down for weeks: the letter names a day that leaves the law's time, and that day holds."""
    was, becomes = paris.sell(30_00, term_months=None), paris.sell(35_00, term_months=None)
    nadia = paris.join(was, START)
    with paris.gym.db.write() as conn:
        new = new_price(paris, was, becomes, date(2026, 2, 5))
        announce(conn, new, author=Author(name="Camille", at_ms=paris.now_ms_on(conn)))
        conn.execute(update(timer).where(timer.c.kind == PRICE_NOTICES).values(due_at_ms=paris.at(date(2026, 1, 30))))
    paris.turn_to(date(2026, 3, 6))
    [told] = paris.told(nadia)
    assert isinstance(told.notice, PriceChanges) and told.notice.from_on == date(2026, 3, 5)
    assert totals(paris, nadia) == [30_00, 30_00, 35_00]


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"from_on": date(2026, 1, 30)}, "from_on: a new price is told at least 30 days before"),
        ({"to_price_id": 1}, "to_price_id: that is the price they have"),
        ({"to_price_id": 3}, "to_price_id: its interval is another"),
    ],
)
def test_what_makes_no_sense_is_refused_by_field(
    sqlite_db: Database, keyring: Keyring, clock: Clock, change: dict[str, object], word: str
) -> None:
    """Too soon, the same price, another rhythm: the field and what to do."""
    gym = open_lawful_gym(sqlite_db, keyring, clock, "fr")
    was, becomes = gym.sell(30_00, term_months=None), gym.sell(35_00, term_months=None)
    gym.sell(35_00, term_months=None, interval=Interval(IntervalUnit.WEEK, 4))
    gym.join(was, START)
    new = replace(new_price(gym, was, becomes, date(2026, 3, 1)), **change)  # type: ignore[arg-type]
    with gym.gym.db.read() as conn, pytest.raises(CatalogueError, match=word):
        propose(conn, new, now_ms=gym.now_ms_on(conn))


def test_who_is_not_at_the_price_cannot_be_named(paris: LawfulGym) -> None:
    """A subscription at another price is not moved by accident."""
    was, becomes = paris.sell(30_00, term_months=None), paris.sell(35_00, term_months=None)
    nadia = paris.join(becomes, START)
    new = replace(new_price(paris, was, becomes, date(2026, 3, 1)), subscription_ids=[nadia.subscription_id])
    with paris.gym.db.read() as conn, pytest.raises(UnknownSubscriptionError, match="subscription_ids"):
        propose(conn, new, now_ms=paris.now_ms_on(conn))


def test_in_batches_nobody_is_left_out(
    sqlite_db: Database, keyring: Keyring, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three members in batches of two: three letters, three events."""
    monkeypatch.setattr(price_change_timers, "BATCH", 2)
    gym = open_lawful_gym(sqlite_db, keyring, clock, "fr")
    was, becomes = gym.sell(30_00, term_months=None), gym.sell(35_00, term_months=None)
    joined = [gym.join(was, START) for _ in range(3)]
    tell_of(gym, new_price(gym, was, becomes, date(2026, 2, 1)))
    gym.turn_to(date(2026, 2, 6))
    assert [len(gym.told(one)) for one in joined] == [1, 1, 1]
    assert changed(gym) == 3
    with gym.gym.db.read() as conn:
        assert conn.scalar(select(func.count()).where(price_change_for.c.applied_at_ms.is_(None))) == 0
