"""Reads a statement as banks' own pages give it out: a table with a day, a text and an amount. Pure: bytes in.

1. The first line names the columns, in English or French; a sum stands in one column, or in one for each side.
2. Days are read as the whole file shows: if no day of it tells day from month, nothing is guessed.
3. A table has no names for its entries: two that are alike in all are told apart by their place among those alike, so
   that a table that overlaps another adds only what is new.
"""

import csv
import hashlib
import io
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from portillon_cloud.money import minor_digits
from portillon_cloud.reconciliation.bank_file import (
    AMOUNT_MINOR_MAX,
    BYTES_MAX,
    LINES_MAX,
    TEXT_MAX,
    BankFile,
    FileKind,
    Line,
)
from portillon_cloud.reconciliation.errors import BankFileInvalidError

_NAMES: Mapping[str, frozenset[str]] = {
    "day": frozenset({"date", "day", "jour", "transaction date", "posting date", "date operation", "date comptable"}),
    "text": frozenset({"description", "text", "libelle", "details", "memo", "transaction", "operation"}),
    "amount": frozenset({"amount", "montant", "value", "valeur"}),
    "out": frozenset({"debit", "withdrawal", "withdrawals", "retrait", "retraits"}),
    "in": frozenset({"credit", "deposit", "deposits", "depot", "depots"}),
    "balance": frozenset({"balance", "solde"}),
}
_SIGNS = str.maketrans("", "", " \u00a0\u202f$€'")


def read_csv_statement(body: bytes, currency: str) -> BankFile:
    """What is in it. Raises BankFileInvalidError."""
    if len(body) > BYTES_MAX:
        raise BankFileInvalidError(f"the file has {len(body)} bytes, and {BYTES_MAX} are read at most")
    rows = _rows(body)
    columns = _columns(rows[0]) if rows else {}
    if not {"day", "text"} <= columns.keys() or not columns.keys() & {"amount", "in", "out"}:
        raise BankFileInvalidError(
            "the first line must name the columns: date, description, and amount (or debit and credit)"
        )
    entries = [row for row in rows[1:] if any(cell.strip() for cell in row)]
    if len(entries) > LINES_MAX:
        raise BankFileInvalidError(f"the file has {len(entries)} lines, and {LINES_MAX} are read at most")
    width = max(columns.values()) + 1
    for number, row in enumerate(entries, start=2):
        if len(row) < width:
            raise BankFileInvalidError(f"line {number} has {len(row)} columns, and the first line names {width}")
    days = _days([row[columns["day"]].strip() for row in entries])
    alike: Counter[tuple[date, int, str]] = Counter()
    lines = []
    for on, row in zip(days, entries, strict=True):
        text = " ".join(row[columns["text"]].split())[:TEXT_MAX]
        minor = _amount_minor(row, columns, currency)
        place = alike[on, minor, text]
        alike[on, minor, text] += 1
        lines.append(
            Line(
                line_key=hashlib.sha256(f"csv|{on}|{minor}|{text}|{place}".encode()).hexdigest(),
                booked_on=on,
                amount_minor=minor,
                currency=currency,
                counterparty="",
                text=text,
                key=None,
                batch=None,
                code=None,
                fee_minor=0,
            )
        )
    return BankFile(
        kind=FileKind.TABLE,
        message_id=f"{min(days)} – {max(days)}" if days else "",
        accounts=(),
        answers=(),
        lines=tuple(lines),
        closing=_closing(days, entries, columns, currency),
    )


def _rows(body: bytes) -> list[list[str]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", errors="replace")  # what spreadsheets of Windows write
    first = text.partition("\n")[0]
    delimiter = max(";\t,", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise BankFileInvalidError(f"this is no table: {error}") from error


def _columns(head: Sequence[str]) -> dict[str, int]:
    """Where each column is; the first of a name counts."""
    plain = [
        "".join(one for one in unicodedata.normalize("NFKD", cell.casefold()) if not unicodedata.combining(one)).strip()
        for cell in head
    ]
    return {
        name: next(place for place, cell in enumerate(plain) if cell in known)
        for name, known in _NAMES.items()
        if any(cell in known for cell in plain)
    }


def _days(written: Sequence[str]) -> list[date]:
    parts = []
    for one in written:
        numbers = one.replace("/", "-").replace(".", "-").split("-")
        if len(numbers) != 3 or not all(part.isascii() and part.isdigit() for part in numbers):
            raise BankFileInvalidError(f"{one!r} is no day: export it as 2026-03-31")
        parts.append(tuple(map(int, numbers)))
    if all(part[0] > 31 for part in parts):
        order = (0, 1, 2)
    elif any(part[0] > 12 for part in parts):
        order = (2, 1, 0)
    elif any(part[1] > 12 for part in parts):
        order = (2, 0, 1)
    else:
        raise BankFileInvalidError(f"{written[0]!r} may be two days: export days as 2026-03-31")
    try:
        return [date(*(part[place] for place in order)) for part in parts]
    except ValueError as error:
        raise BankFileInvalidError(f"one of the days is none: {error}") from error


def _amount_minor(row: Sequence[str], columns: Mapping[str, int], currency: str) -> int:
    if "amount" in columns and row[columns["amount"]].strip():
        return _minor(row[columns["amount"]], currency)
    came = _minor(row[columns["in"]], currency) if "in" in columns else 0
    left = _minor(row[columns["out"]], currency) if "out" in columns else 0
    return abs(came) - abs(left)


def _minor(written: str, currency: str) -> int:
    """Minor units; nothing written is nothing. The last of point and comma parts the cents, or thousands."""
    plain = written.translate(_SIGNS).replace("−", "-")
    if not plain:
        return 0
    if plain.startswith("(") and plain.endswith(")"):
        plain = f"-{plain[1:-1]}"
    last = max(plain.rfind("."), plain.rfind(","))
    tail = plain[last + 1 :]
    whole = plain[:last] if last >= 0 else plain
    if last >= 0 and len(tail) == 3 and minor_digits(currency) != 3:
        whole, tail = plain, ""
    try:
        scaled = Decimal(f"{whole.replace('.', '').replace(',', '')}.{tail or '0'}" if last >= 0 else whole)
        scaled = scaled.scaleb(minor_digits(currency))
    except ArithmeticError as error:
        raise BankFileInvalidError(f"{written!r} is no amount of money") from error
    if not scaled.is_finite() or scaled != scaled.to_integral_value() or abs(scaled) >= AMOUNT_MINOR_MAX:
        raise BankFileInvalidError(f"{written!r} is no amount of money")
    return int(scaled)


def _closing(
    days: Sequence[date], entries: Sequence[Sequence[str]], columns: Mapping[str, int], currency: str
) -> tuple[date, int] | None:
    """What the newest line says that the account holds; tables are written downwards or upwards."""
    if not days or "balance" not in columns:
        return None
    newest = len(days) - 1 if days[-1] >= days[0] else 0
    return days[newest], _minor(entries[newest][columns["balance"]], currency)
