"""Accounting periods: closed months take no posting on either engine, whoever races; reopening is on record."""

import threading
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from cloud.gym import Gym, open_gym
from portillon_cloud.database import Database
from portillon_cloud.ledger import Entry, LedgerCode, Posting, periods, post
from portillon_cloud.ledger.errors import PeriodClosedError, PeriodError
from portillon_cloud.ledger.periods import Book, Close, close, closed_through, closes, reopen
from portillon_cloud.ledger.tables import accounting_close, ledger_entry, posting
from portillon_cloud.members.operations import create_legal_entity
from portillon_cloud.secrets import Keyring
from sqlalchemy import Connection, func, insert, select, text
from sqlalchemy.exc import IntegrityError

JANUARY, FEBRUARY, MARCH = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)


def book(gym: Gym) -> Book:
    return Book(organisation_id=gym.organisation_id, legal_entity_id=gym.legal_entity_id, currency="CAD")


def act(through_on: date | None, reason: str = "month end") -> Close:
    return Close(through_on=through_on, at_ms=7, by="Awa", reason=reason)


def put(conn: Connection, gym: Gym, source: str, on: date) -> int:
    entry = Entry(
        kind="test", source=source, occurred_on=on, postings=(Posting(LedgerCode.CASH, LedgerCode.RECEIVABLE, 5_00),)
    )
    of = book(gym)
    return post(
        conn,
        entry,
        organisation_id=of.organisation_id,
        legal_entity_id=of.legal_entity_id,
        currency=of.currency,
        recorded_at_ms=0,
    )


def count(db: Database) -> int:
    with db.read() as conn:
        return conn.execute(select(func.count()).select_from(posting)).scalar_one()


def test_a_closed_month_takes_no_posting(gym: Gym) -> None:
    """Its last day is refused with what to do, the next day is taken, and nothing is half written."""
    with gym.db.write() as conn:
        put(conn, gym, "1", JANUARY)
        close(conn, book(gym), act(JANUARY))
    with pytest.raises(PeriodClosedError, match="reopen the period"), gym.db.write() as conn:
        put(conn, gym, "2", JANUARY)
    with gym.db.write() as conn:
        put(conn, gym, "3", date(2026, 2, 1))
    assert count(gym.db) == 2
    with gym.db.read() as conn:
        assert conn.execute(select(ledger_entry.c.source).order_by(ledger_entry.c.id)).scalars().all() == ["1", "3"]


def test_no_posting_is_added_to_an_old_entry(gym: Gym) -> None:
    """The database itself refuses a row that would join an entry of a closed month."""
    with gym.db.write() as conn:
        put(conn, gym, "1", JANUARY)
        close(conn, book(gym), act(JANUARY))
        row = conn.execute(select(posting)).one()._asdict()
    del row["id"]
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(insert(posting).values(**row))


def test_a_reopened_month_takes_postings_and_says_why(gym: Gym) -> None:
    """Every closing and reopening stays on record, with its author and reason."""
    with gym.db.write() as conn:
        close(conn, book(gym), act(FEBRUARY))
        reopen(conn, book(gym), act(JANUARY, "a bank statement came late"))
        put(conn, gym, "1", date(2026, 2, 3))
        assert closed_through(conn, gym.legal_entity_id) == JANUARY
        reopen(conn, book(gym), act(None, "a fault"))
        assert closed_through(conn, gym.legal_entity_id) is None
        put(conn, gym, "2", JANUARY)
        told = closes(conn, gym.organisation_id, gym.legal_entity_id)
    assert [(one.through_on, one.reason) for one in told] == [
        (None, "a fault"),
        (JANUARY, "a bank statement came late"),
        (FEBRUARY, "month end"),
    ]
    for statement in ("UPDATE accounting_close SET closed_by = 'nobody'", "DELETE FROM accounting_close"):
        with pytest.raises(IntegrityError), gym.db.write() as conn:
            conn.execute(text(statement))


def test_whole_months_in_their_order(gym: Gym) -> None:
    """No day in the middle of a month, no month twice, nothing to reopen that is open."""
    with gym.db.write() as conn:
        for through_on in (date(2026, 1, 30), None):
            with pytest.raises(PeriodError, match="last day of a month"):
                close(conn, book(gym), act(through_on))
        with pytest.raises(PeriodError, match="nothing"):
            reopen(conn, book(gym), act(None))
        close(conn, book(gym), act(FEBRUARY))
        for through_on in (JANUARY, FEBRUARY):
            with pytest.raises(PeriodError, match="closed up to 2026-02-28"):
                close(conn, book(gym), act(through_on))
        for asked in (FEBRUARY, MARCH):
            with pytest.raises(PeriodError, match="nothing"):
                reopen(conn, book(gym), act(asked))
        with pytest.raises(PeriodError, match="whole months"):
            reopen(conn, book(gym), act(date(2026, 1, 15)))
        assert len(conn.execute(select(accounting_close.c.id)).all()) == 1


def test_another_book_stays_open(gym: Gym) -> None:
    """Closing one legal entity's book closes no other one's."""
    with gym.db.write() as conn:
        close(conn, book(gym), act(JANUARY))
    other = replace(gym, legal_entity_id=_second_entity(gym))
    with gym.db.write() as conn:
        put(conn, other, "1", JANUARY)


def _second_entity(gym: Gym) -> int:
    with gym.db.write() as conn:
        return create_legal_entity(
            conn, organisation_id=gym.organisation_id, name="Two", currency="CAD", tax_regime="ca-qc"
        )


@pytest.mark.parametrize("first", ["post", "close"])
def test_closing_and_posting_wait_for_each_other(gym: Gym, first: str) -> None:
    """Whoever is second sees what the first did: no posting slips into a month that is being closed."""
    begun, go_on = threading.Event(), threading.Event()
    outcome: list[str] = []

    def act_first() -> None:
        with gym.db.write() as conn:
            if first == "post":
                put(conn, gym, "1", JANUARY)
            else:
                close(conn, book(gym), act(JANUARY))
            begun.set()
            assert go_on.wait(20)

    def act_second() -> None:
        assert begun.wait(20)
        try:
            with gym.db.write() as conn:
                if first == "post":
                    close(conn, book(gym), act(JANUARY))
                    outcome.append(f"closed with {conn.execute(select(func.count()).select_from(posting)).scalar()}")
                else:
                    put(conn, gym, "1", JANUARY)
        except PeriodClosedError:
            outcome.append("refused")

    threads = [threading.Thread(target=one) for one in (act_first, act_second)]
    for one in threads:
        one.start()
    assert begun.wait(20)
    threads[1].join(0.3)  # it cannot end before the first has; that it waits is what is shown
    assert threads[1].is_alive()
    assert outcome == []
    go_on.set()
    for one in threads:
        one.join(20)
    assert outcome == (["closed with 1"] if first == "post" else ["refused"])


@pytest.mark.postgres
def test_without_its_lock_a_posting_slips_into_a_closed_month(
    postgres_cluster: Any, keyring: Keyring, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ablation: if closing did not wait, a posting begun before it would commit after it."""
    monkeypatch.setattr(periods, "_lock", lambda conn, book: None)
    url = postgres_cluster.fresh()
    db, other = Database(url), Database(url)
    gym = open_gym(db, keyring, clock)
    with db.write() as first:
        put(first, gym, "1", JANUARY)
        with other.write() as second:
            close(second, book(gym), act(JANUARY))
    with db.read() as conn:
        assert closed_through(conn, gym.legal_entity_id) == JANUARY
    assert count(db) == 1
    other.close()
    db.close()
    postgres_cluster.drop(url)
