"""Debits through a bank of somebody else's making: its refusals, its payments and its returns, to the last cent."""

from datetime import date

from euro_gym import DUE, TOTAL_MINOR, EuroGym, at
from other_bank import open_bank
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.sepa.filing import read_file
from portillon_cloud.payments.sepa.tables import sepa_debit
from portillon_cloud.reconciliation.receiving import BANK_FILE, Received, receive, work_through
from portillon_cloud.reconciliation.tables import bank_line, bank_match
from portillon_cloud.reconciliation.view import reconciliation
from sqlalchemy import func, select

POOR, LATE, GOOD = "NL91ABNA0417164300", "BE68539007547034", "DE89370400440532013000"
FILED = date(2026, 3, 11)


def given(gym: EuroGym, body: bytes, on: date) -> Received:
    """The owner hands in what the bank sent, and the worker works it through."""
    with gym.db.write() as conn:
        received = receive(conn, gym.keyring, gym.book, body, by="Inès", now_ms=at(on, 10))
    gym.run_until(at(on, 11), **{BANK_FILE: work_through})
    return received


def owed(gym: EuroGym, invoice_id: int) -> int:
    with gym.db.read() as conn:
        return owed_minor(conn, invoice_id)


def test_a_file_through_the_bank_and_back(gym: EuroGym) -> None:
    """One is refused, one comes back later, one is paid; bank and book agree, and the same file twice is one."""
    bank = open_bank("2026-03-11T09:00")
    bank.hold("poor", POOR, behaviour="insufficient-funds", balance=100)
    poor, late, good = (gym.owe(gym.payer(iban=iban)) for iban in (POOR, LATE, GOOD))
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        made = make_file(conn, gym.keyring, gym.book, today=FILED, by="Inès", now_ms=at(FILED, 9))
        _, body = read_file(conn, gym.keyring, organisation_id=gym.organisation_id, file_id=made.id)
    assert bank.take(body) == "PART"

    for status in bank.said("pain.002"):
        assert given(gym, status, FILED).answers == 1
    with gym.db.read() as conn:
        refused = conn.execute(select(sepa_debit.c.attempt_key, sepa_debit.c.code).where(sepa_debit.c.code != "")).all()
    assert refused == [(gym.key_of(poor), "AM04")] and owed(gym, poor) == TOTAL_MINOR

    late_key = gym.key_of(late)
    bank.pass_days(6)
    for advice in bank.said("camt.054", "camt.053"):
        given(gym, advice, date(2026, 3, 17))
    assert (owed(gym, late), owed(gym, good)) == (0, 0)
    assert gym.balance_minor(LedgerCode.BANK) == 2 * TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0

    bank.refuse(late_key, "MD01")
    bank.pass_days(30)
    statements = bank.said("camt.053", "camt.054")
    for statement in statements * 2:
        given(gym, statement, date(2026, 4, 16))
    assert (owed(gym, late), owed(gym, good)) == (TOTAL_MINOR, 0)
    assert gym.balance_minor(LedgerCode.BANK) == TOTAL_MINOR
    assert gym.balance_minor(LedgerCode.PROVIDER_CLEARING) == 0
    with gym.db.read() as conn:
        found = reconciliation(conn, gym.book)
        lines = conn.execute(select(func.count()).select_from(bank_line)).scalar_one()
        rules = list(conn.execute(select(bank_match.c.rule).order_by(bank_match.c.id)).scalars())
    assert rules == ["debit", "debit", "returned"] and lines == 3
    assert (found.open, found.unseen, found.under_way_minor) == ([], [], 0)
    assert found.standing is not None and found.standing.bank_minor == found.standing.book_minor == TOTAL_MINOR
    assert found.standing.before_minor == 0
