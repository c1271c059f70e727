"""Statements as banks' own pages give them out: columns by name, days and sums as the file shows, nothing guessed."""

from datetime import date

import pytest
from euro_gym import EuroGym, at
from hypothesis import given, settings
from hypothesis import strategies as st
from portillon_cloud.reconciliation.bank_file import FileKind
from portillon_cloud.reconciliation.csv_statement import read_csv_statement
from portillon_cloud.reconciliation.errors import BankFileInvalidError
from portillon_cloud.reconciliation.receiving import receive
from portillon_cloud.reconciliation.tables import bank_line
from sqlalchemy import func, select

FRENCH = (
    "Date;Libellé;Débit;Crédit;Solde\n31/03/2026;VIR ZOÉ  F2026-1;;45,99;1 045,99\n30/03/2026;FRAIS;3,50;;1 000,00\n"
)
ENGLISH = (
    'Date,Description,Amount,Balance\n2026-03-30,FEE,-3.50,"1,000.00"\n2026-03-31,E-TRANSFER,"$1,234.50",2234.50\n'
)


def test_columns_of_both_languages() -> None:
    """A column for each side or one for both, comma or point, upwards or downwards: the same cents and days."""
    read = read_csv_statement(FRENCH.encode("cp1252"), "EUR")
    assert [(one.booked_on.day, one.amount_minor, one.text) for one in read.lines] == [
        (31, 4599, "VIR ZOÉ F2026-1"),
        (30, -350, "FRAIS"),
    ]
    assert (read.kind, read.closing) == (FileKind.TABLE, (date(2026, 3, 31), 104_599))
    read = read_csv_statement(b"\xef\xbb\xbf" + ENGLISH.encode(), "CAD")
    assert [one.amount_minor for one in read.lines] == [-350, 123_450]
    assert read.closing == (date(2026, 3, 31), 223_450)


@pytest.mark.parametrize(
    ("days", "first"),
    [
        (("31.03.2026", "01.04.2026"), date(2026, 3, 31)),
        (("03/31/2026", "04/01/2026"), date(2026, 3, 31)),
        (("2026/03/04", "2026/04/03"), date(2026, 3, 4)),
    ],
)
def test_days_are_read_as_the_whole_file_shows(days: tuple[str, str], first: date) -> None:
    """One day above the twelfth tells the order of all of them; the year first needs none."""
    body = "date,description,amount\n" + "".join(f"{one},x,1.00\n" for one in days)
    assert read_csv_statement(body.encode(), "CAD").lines[0].booked_on == first


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("", "name the columns"),
        ("a,b\n1,2\n", "name the columns"),
        ("date,description,amount\n03/04/2026,x,1.00\n", "may be two days"),
        ("date,description,amount\n2026-02-30,x,1.00\n", "is none"),
        ("date,description,amount\n2026-02-03,x,1.001.0x\n", "no amount"),
        ("date,description,amount\n2026-02-03,x,1.0012\n", "no amount"),
        ("date,description,amount\n2026-02-03,x,1e999999999\n", "no amount"),
        ("date,description,amount\n2026-02-03,x\n", "columns"),
        ("date,description,amount\nsoon,x,1\n", "no day"),
    ],
)
def test_what_is_in_doubt_is_refused(body: str, why: str) -> None:
    """No columns, a day that may be two, one that is none, no amount, a short line: each says what to do."""
    with pytest.raises(BankFileInvalidError, match=why):
        read_csv_statement(body.encode(), "CAD")


def test_a_table_that_overlaps_adds_only_what_is_new(gym: EuroGym) -> None:
    """Two entries alike are two; the week that is handed in again with the next one adds the next one alone."""
    week = "date,description,amount\n2026-03-30,coffee,-2.00\n2026-03-30,coffee,-2.00\n"
    for body, count in ((week, 2), (week + "2026-03-31,coffee,-2.00\n", 3), (week, 3)):
        with gym.db.write() as conn:
            receive(conn, gym.keyring, gym.book, body.encode(), by="Inès", now_ms=at(date(2026, 4, 1)))
        with gym.db.read() as conn:
            assert conn.execute(select(func.count()).select_from(bank_line)).scalar_one() == count


@settings(max_examples=30)
@given(st.text(max_size=40), st.integers(0, 120))
def test_any_table_is_read_or_refused(noise: str, place: int) -> None:
    """Whatever is typed into a table, it is read or refused, never anything else."""
    try:
        read_csv_statement((FRENCH[:place] + noise + FRENCH[place:]).encode(), "EUR")
    except BankFileInvalidError:
        return
