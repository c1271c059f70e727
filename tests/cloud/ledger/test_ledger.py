"""The ledger on both engines: balanced by construction, one book never mixed with another, the same fact once."""

from datetime import date

import pytest
from cloud.gym import Gym, open_gym
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from portillon_cloud.database import Database
from portillon_cloud.ledger import Balance, Entry, LedgerCode, Posting, post, trial_balance
from portillon_cloud.ledger.books import account_ids
from portillon_cloud.ledger.errors import AlreadyPostedError, PostingError
from portillon_cloud.ledger.tables import ledger_entry, posting
from portillon_cloud.secrets import Keyring
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

DAY = date(2026, 1, 31)


def book_of(gym: Gym) -> dict[str, object]:
    return {"organisation_id": gym.organisation_id, "legal_entity_id": gym.legal_entity_id, "currency": "CAD"}


def entry(source: str, *postings: Posting, day: date = DAY) -> Entry:
    return Entry(kind="invoice", source=source, occurred_on=day, postings=postings)


def put(gym: Gym, *entries: Entry) -> None:
    with gym.db.write() as conn:
        for one in entries:
            post(conn, one, **book_of(gym), recorded_at_ms=0)  # type: ignore[arg-type]


def balances(gym: Gym, until: date | None = None) -> dict[LedgerCode, Balance]:
    with gym.db.read() as conn:
        found = trial_balance(conn, legal_entity_id=gym.legal_entity_id, currency="CAD", until=until)
    return {line.code: line for line in found}


RECEIVABLE, REVENUE, CASH = LedgerCode.RECEIVABLE, LedgerCode.DEFERRED_REVENUE, LedgerCode.CASH


def test_a_book_opens_with_every_account_at_nothing(gym: Gym) -> None:
    """A new legal entity can post at once."""
    found = balances(gym)
    assert found.keys() == set(LedgerCode)
    assert all(line.debit_minor == line.credit_minor == 0 for line in found.values())


def test_an_invoice_and_its_payment(gym: Gym) -> None:
    """What is owed goes up and comes down; the day decides what a balance sees."""
    put(
        gym,
        entry("1", Posting(RECEIVABLE, REVENUE, 100_00), Posting(RECEIVABLE, LedgerCode.TAX_TPS, 5_00)),
        entry("2", Posting(CASH, RECEIVABLE, 60_00), day=date(2026, 2, 1)),
    )
    found = balances(gym)
    assert (found[RECEIVABLE].debit_minor, found[RECEIVABLE].credit_minor) == (105_00, 60_00)
    assert found[CASH].debit_minor == 60_00
    assert balances(gym, until=DAY)[CASH].debit_minor == 0


def test_the_same_fact_is_posted_once(gym: Gym) -> None:
    """A repeat is refused with the fact's name, and leaves nothing behind."""
    put(gym, entry("1", Posting(RECEIVABLE, REVENUE, 1)))
    with pytest.raises(AlreadyPostedError, match="invoice 1"):
        put(gym, entry("1", Posting(RECEIVABLE, REVENUE, 1)))
    assert balances(gym)[RECEIVABLE].debit_minor == 1


@pytest.mark.parametrize(
    "wrong", [Posting(RECEIVABLE, REVENUE, 0), Posting(RECEIVABLE, REVENUE, -5), Posting(CASH, CASH, 5)]
)
def test_a_posting_without_a_meaning_is_refused(gym: Gym, wrong: Posting) -> None:
    """Nothing, less than nothing, or an account to itself: by code, and by the database behind it."""
    with pytest.raises(PostingError):
        put(gym, entry("1", wrong))
    with gym.db.write() as conn:
        accounts = account_ids(conn, legal_entity_id=gym.legal_entity_id, currency="CAD")
        entry_id = post(conn, entry("2", Posting(CASH, RECEIVABLE, 1)), **book_of(gym), recorded_at_ms=0)  # type: ignore[arg-type]
    with pytest.raises(IntegrityError), gym.db.write() as conn:
        conn.execute(
            insert(posting).values(
                **book_of(gym),
                entry_id=entry_id,
                debit_account_id=accounts[wrong.debit],
                credit_account_id=accounts[wrong.credit],
                amount_minor=wrong.amount_minor,
            )
        )


def test_two_books_never_mix(db: Database, keyring: Keyring, clock: object) -> None:
    """A posting between the accounts of two legal entities is refused by the database."""
    here, there = (open_gym(db, keyring, clock) for _ in range(2))  # type: ignore[arg-type]
    with db.write() as conn:
        ours = account_ids(conn, legal_entity_id=here.legal_entity_id, currency="CAD")
        theirs = account_ids(conn, legal_entity_id=there.legal_entity_id, currency="CAD")
        entry_id = post(conn, entry("1", Posting(CASH, RECEIVABLE, 1)), **book_of(here), recorded_at_ms=0)  # type: ignore[arg-type]
    mixed = {"entry_id": entry_id, "debit_account_id": ours["cash"], "amount_minor": 1}
    for values in (
        {**mixed, **book_of(here), "credit_account_id": theirs["bank"]},
        {**mixed, **book_of(there), "credit_account_id": theirs["bank"]},
        {**mixed, **book_of(here), "credit_account_id": ours["bank"], "currency": "EUR"},
    ):
        with pytest.raises(IntegrityError), db.write() as conn:
            conn.execute(insert(posting).values(**values))
    with db.read() as conn:
        assert len(conn.execute(select(ledger_entry.c.id)).all()) == 1


def test_a_book_has_one_currency(gym: Gym) -> None:
    """Posting euros to a dollar book finds no account."""
    with pytest.raises(PostingError, match="no account"), gym.db.write() as conn:
        values = {**book_of(gym), "currency": "EUR"}
        post(conn, entry("1", Posting(CASH, RECEIVABLE, 1)), **values, recorded_at_ms=0)  # type: ignore[arg-type]


codes = st.sampled_from(LedgerCode)
postings = st.builds(Posting, codes, codes, st.integers(1, 10**12)).filter(lambda one: one.debit != one.credit)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.lists(postings, min_size=1, max_size=5), max_size=8))
def test_debits_equal_credits_whatever_is_posted(sqlite_gym: Gym, entries: list[list[Posting]]) -> None:
    """Zero-sum by construction: no sequence of postings can unbalance the book."""
    before = balances(sqlite_gym)
    start = sum(line.debit_minor for line in before.values())
    with sqlite_gym.db.read() as conn:
        first = len(conn.execute(select(ledger_entry.c.id)).all())
    put(sqlite_gym, *(entry(str(first + index), *lines) for index, lines in enumerate(entries)))
    after = balances(sqlite_gym).values()
    assert sum(line.debit_minor for line in after) == sum(line.credit_minor for line in after)
    assert sum(line.debit_minor for line in after) - start == sum(
        line.amount_minor for lines in entries for line in lines
    )
