"""The file for France's tax office: the golden one, read back by another's parser, and tied to the ledger."""

import io
from collections import defaultdict
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from cloud.accounting.french_book import YEAR, live_a_winter, open_french_gym
from fec_parser.parser import FECParser
from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.accounting.exports import Export, export
from portillon_cloud.accounting.fec import ACCOUNTS, COLUMNS, ENCODING, file_name
from portillon_cloud.accounting.fec_source import BY_HAND, MEANS, siren_of
from portillon_cloud.ledger import LedgerCode, trial_balance
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.payments.tables import Means
from sqlalchemy import update

GOLDEN = Path(__file__).parent / "golden" / "303265045FEC20261231.txt"


@pytest.fixture
def lyon(sqlite_db, keyring):
    gym = open_french_gym(sqlite_db, keyring)
    live_a_winter(gym)
    return gym


def fec(gym, from_on=YEAR[0], through_on=YEAR[1]):
    with gym.db.read() as conn:
        return b"".join(export(conn, gym.book, Export.FEC, from_on=from_on, through_on=through_on).content)


def rows(data):
    lines = data.decode(ENCODING).split("\r\n")
    assert lines[-1] == ""
    return [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in lines[1:-1]]


def without_letters(data):
    return [{name: cell for name, cell in row.items() if name not in ("EcritureLet", "DateLet")} for row in rows(data)]


def minor(text):
    return int(text.replace(",", ""))


def test_the_golden_file(db, keyring):
    """Byte for byte what was looked through by hand: openings, sales, takings, credit, loss, what was typed."""
    lyon = open_french_gym(db, keyring)
    live_a_winter(lyon)
    data = fec(lyon)
    with lyon.db.read() as conn:
        assert file_name(siren_of(conn, lyon.book), YEAR[1]) == GOLDEN.name
    assert data == GOLDEN.read_bytes()


def test_another_reader_takes_it_and_finds_the_same_balances(lyon):
    """fec-parser reads every line; by account it adds up to the ledger's own balances of the year and before."""
    parser = FECParser.from_bytesio(io.BytesIO(fec(lyon)))
    found = defaultdict(Decimal)
    for line in parser.get_ecritures():
        found[line.compte_num] += line.debit - line.credit
    assert parser.errors == []
    with lyon.db.read() as conn:
        book = {"legal_entity_id": lyon.book.legal_entity_id, "currency": "EUR"}
        ours = {one.code: one for one in trial_balance(conn, **book, until=YEAR[1])}
        before = {one.code: one for one in trial_balance(conn, **book, until=date(2025, 12, 31))}
    for code, (number, _) in ACCOUNTS.items():
        balance = ours[code].debit_minor - ours[code].credit_minor
        if number.startswith(("6", "7")):  # a year's own; what came before is carried on one line
            balance -= before[code].debit_minor - before[code].credit_minor
        assert found[number] == Decimal(balance).scaleb(-2), code
    assert sum(found.values()) == 0


def test_each_entry_balances_and_numbers_have_no_gap(lyon):
    """In each journal 1, 2, 3 …; the openings first; days of validation never go back."""
    counted, sums, validated = defaultdict(list), defaultdict(int), []
    for row in rows(fec(lyon)):
        assert (row["Debit"] == "0,00") != (row["Credit"] == "0,00")
        entry = (row["JournalCode"], int(row["EcritureNum"]))
        if entry[1] not in counted[entry[0]]:
            counted[entry[0]].append(entry[1])
        sums[entry] += minor(row["Debit"]) - minor(row["Credit"])
        validated.append(row["ValidDate"])
    assert set(sums.values()) == {0}
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in counted.values())
    assert next(iter(counted)) == "AN" and counted["AN"] == [1]
    assert validated == sorted(validated)


def test_what_is_recorded_later_renumbers_nothing(lyon):
    """A file of the year so far is the beginning of the file of the whole year, but for letters that came since."""
    so_far = without_letters(fec(lyon))
    lyon.bill(date(2026, 2, 10))
    whole = without_letters(fec(lyon))
    assert whole[: len(so_far)] == so_far and len(whole) > len(so_far)


def test_what_settles_one_another_is_lettered(lyon):
    """Of each customer's account each letter adds up to nothing, and what has none is what it was left with."""
    sums, left, lettered = defaultdict(int), defaultdict(int), []
    for row in rows(fec(lyon)):
        assert (row["EcritureLet"] == "") is (row["DateLet"] == "")
        assert row["CompAuxNum"] or not row["EcritureLet"]
        if row["CompAuxNum"]:
            key, amount = (row["CompteNum"], row["CompAuxNum"]), minor(row["Debit"]) - minor(row["Credit"])
            sums[*key, row["EcritureLet"]] += amount
            left[key] += amount
            lettered += [row] if row["EcritureLet"] else []
    assert all(amount == 0 for (*_, letter), amount in sums.items() if letter)
    assert all(sums[*key, ""] == amount for key, amount in left.items())
    assert {row["CompteNum"] for row in lettered} >= {"411000"}
    assert all(row["DateLet"] >= row["ValidDate"] for row in lettered)


def test_the_next_year_opens_with_what_this_one_left(lyon):
    """By account and customer the openings of 2027 are the balances of 2026, and results are one line."""
    left = defaultdict(int)
    for row in rows(fec(lyon)):
        if not row["CompteNum"].startswith(("6", "7", "11")):
            left[row["CompteNum"], row["CompAuxNum"]] += minor(row["Debit"]) - minor(row["Credit"])
    opened = rows(fec(lyon, date(2027, 1, 1), date(2027, 12, 31)))
    carried = [row for row in opened if row["CompteNum"].startswith("11")]
    found = {
        (row["CompteNum"], row["CompAuxNum"]): minor(row["Debit"]) - minor(row["Credit"])
        for row in opened
        if row not in carried
    }
    assert found == {key: value for key, value in left.items() if value}
    assert len(carried) == 1


def test_letters_that_the_character_set_lacks_lose_their_marks(lyon):
    """Żak is written Zak, L'Œuvre as it is, and a tab that somebody typed divides nothing."""
    text = fec(lyon).decode(ENCODING)
    assert "Lukasz Zak" in text and "Renée L'Œuvre" in text and "bordereau 12" in text and "?" not in text


def test_every_account_means_and_kind_has_its_place():
    """What is added to the ledger has no number in the French plan until somebody gives it one."""
    assert set(ACCOUNTS) == set(LedgerCode)
    assert len({number for number, _ in ACCOUNTS.values()}) == len(ACCOUNTS)
    assert set(MEANS) == set(Means) and set(BY_HAND) == set(ManualKind)


@pytest.mark.parametrize(
    ("changed", "word"),
    [({"tax_regime": "ca-qc"}, "France"), ({"tax_numbers": {}}, "SIREN"), ({"tax_numbers": {"TVA": "FR4"}}, "SIREN")],
)
def test_a_book_that_is_not_french_or_has_no_number_has_no_file(sqlite_db, keyring, changed, word):
    """The refusal says what is missing."""
    gym = open_french_gym(sqlite_db, keyring)
    with gym.db.write() as conn:
        conn.execute(update(legal_entity).values(**changed))
        with pytest.raises(ExportRefusedError, match=word):
            siren_of(conn, gym.book)
