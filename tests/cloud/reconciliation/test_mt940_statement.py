"""Statements as MT940: read to the cent or refused whole, the same entry known again, nothing of payers in logs."""

import logging
from datetime import date

import pytest
from euro_gym import DUE, GYM_IBAN, TOTAL_MINOR, EuroGym, at
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.payments.operations import owed_minor
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.sepa.decisions import Said
from portillon_cloud.reconciliation.bank_file import FileKind
from portillon_cloud.reconciliation.errors import BankFileInvalidError
from portillon_cloud.reconciliation.mt940_statement import is_mt940, read_mt940
from portillon_cloud.reconciliation.receiving import BANK_FILE, receive, work_through
from portillon_cloud.reconciliation.tables import bank_line, bank_match
from sqlalchemy import func, select

DAY = date(2026, 3, 16)
GERMAN = (
    "C45,99NDDTNONREF//BR1",
    "171?00SEPA-LASTSCHRIFT?10931?20EREF+intent-1:1?21SVWZ+Salle Lyon?22 mars?32ZOE TREMBLAY",
)
RETURNED = ("D53,49NRTINONREF//BR2", "109?00RUECKLASTSCHRIFT?20EREF+intent-2:1?21SVWZ+RETURN?32LUC ROY")
DUTCH = (
    "C10,00NTRFNONREF",
    "/TRTP/SEPA OVERBOEKING/IBAN/FR12345678901234/NAME/LUC ROY/REMI/FACTURE F2026-1/EREF/NOTPROVIDED",
)


def statement(
    *entries: tuple[str, str], opening: str = "1000,00", closing: str = "1000,00", account: str = GYM_IBAN
) -> bytes:
    """A statement of one day."""
    lines = "".join(f":61:2603160316{line}\n:86:{details}\n" for line, details in entries)
    head = f":20:STARTUMS\n:25:{account}\n:28C:00001/001\n:60F:C260315EUR{opening}\n"
    return f"{head}{lines}:62F:C260316EUR{closing}\n-\n".encode()


def test_what_banks_write_in_their_own_ways() -> None:
    """Structured as in Germany or with slashes as in Holland: day, cents, payer, text, our reference, returns."""
    body = statement(GERMAN, RETURNED, DUTCH, closing="1002,50")
    assert is_mt940(body) and is_mt940(b"\r\n" + body.replace(b"\n", b"\r\n"))
    read = read_mt940(body, "EUR")
    assert (read.kind, read.closing, read.accounts) == (FileKind.MT940, (DAY, 100_250), ((GYM_IBAN, "EUR"),))
    assert [(one.amount_minor, one.counterparty, one.text, one.key, one.code) for one in read.lines] == [
        (4599, "ZOE TREMBLAY", "Salle Lyon mars", "intent-1:1", None),
        (-5349, "LUC ROY", "RETURN", "intent-2:1", "NARR"),
        (1000, "LUC ROY", "FACTURE F2026-1", None, None),
    ]
    assert [(one.said, one.key) for one in read.answers] == [(Said.PAID, "intent-1:1"), (Said.RETURNED, "intent-2:1")]
    assert {one.booked_on for one in read.lines} == {DAY}


def test_reversals_go_the_other_way() -> None:
    """A reversed credit is money that left, a reversed debit money that came; two that are alike are two."""
    body = statement(("RC1,00NTRFX", "a"), ("RD3,00NTRFX", "b"), ("RD3,00NTRFX", "b"), closing="1005,00")
    read = read_mt940(body, "EUR")
    assert [one.amount_minor for one in read.lines] == [-100, 300, 300]
    assert len({one.line_key for one in read.lines}) == 3
    assert read_mt940(body, "EUR").lines == read.lines


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (statement(GERMAN, closing="1045,98"), "balance"),
        (statement(("C4x5,99NTRFX", "misread"), closing="1045,99"), "currency|balance|in None"),
        (statement(("garbage", "of Zoé")), "cannot be read"),
        (statement(GERMAN, closing="1045,99").replace(b":62F:", b":99X:"), "cannot be read"),
        (statement(GERMAN, closing="1045,99").replace(b"EUR", b"USD"), "USD"),
        (b":20:A\n:25:B\n", "cannot be read|no statement"),
    ],
)
def test_what_does_not_add_up_is_refused_whole(body: bytes, why: str, caplog: pytest.LogCaptureFixture) -> None:
    """A cent, a letter in a sum, another currency, no balance: nothing is taken in, and no log says what it was."""
    with caplog.at_level(logging.DEBUG), pytest.raises(BankFileInvalidError, match=why):
        read_mt940(body, "EUR")
    assert "Zo" not in caplog.text and "garbage" not in caplog.text


@settings(max_examples=60)
@given(st.lists(st.sampled_from([*statement(GERMAN, DUTCH).decode()]), max_size=80), st.integers(0, 150))
def test_whatever_is_written_is_read_or_refused(noise: list[str], where: int) -> None:
    """Whatever stands in the middle of a file, only our own error is raised, and what is read adds up."""
    whole = statement(GERMAN, DUTCH, closing="1055,99").decode()
    try:
        read = read_mt940(f"{whole[:where]}{''.join(noise)}{whole[where:]}".encode(), "EUR")
    except BankFileInvalidError:
        return
    assert read.closing is not None


def test_a_debit_is_paid_by_what_an_mt940_says(gym: EuroGym) -> None:
    """Through the worker: the invoice is paid, the line explained by our key, and a week that overlaps adds nothing."""
    invoice_id = gym.owe(gym.payer())
    gym.run_until(at(DUE, 7))
    with gym.db.write() as conn:
        make_file(conn, gym.keyring, gym.book, today=date(2026, 3, 11), by="Inès", now_ms=at(date(2026, 3, 11)))
    ours = (GERMAN[0], GERMAN[1].replace("intent-1:1", gym.key_of(invoice_id)))
    for body in (statement(ours, closing="1045,99"), statement(ours, DUTCH, closing="1055,99")):
        with gym.db.write() as conn:
            receive(conn, gym.keyring, gym.book, body, by="Inès", now_ms=at(DAY, 20))
        gym.run_until(at(DAY, 21), **{BANK_FILE: work_through})
    with gym.db.read() as conn:
        assert owed_minor(conn, invoice_id) == 0 and TOTAL_MINOR == 4599
        assert conn.execute(select(func.count()).select_from(bank_line)).scalar_one() == 2
        assert list(conn.execute(select(bank_match.c.rule)).scalars()) == ["debit"]
