"""Reads statements of banks that write no camt: MT940, by the mt-940 library. Pure: bytes in.

1. The library forgives much. What must not be wrong is held here: each statement's lines lead from its opening balance
   to its closing one, to the cent, or the file is refused whole.
2. A reversal of a credit (RC) is money that left, one of a debit (RD) money that came.
3. Money that left as a returned item, under a reference of ours, is a debit that came back; MT940 has no reason for it.
4. An entry is known again by day, sum, the bank's reference and text; several alike by their place among those alike.
"""

import hashlib
import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import mt940

from portillon_cloud.money import minor_digits
from portillon_cloud.payments.sepa.decisions import NO_REASON
from portillon_cloud.reconciliation.bank_file import (
    AMOUNT_MINOR_MAX,
    BYTES_MAX,
    LINES_MAX,
    TEXT_MAX,
    BankFile,
    FileKind,
    Line,
    answers_of,
)
from portillon_cloud.reconciliation.errors import BankFileInvalidError

logging.getLogger("mt940").setLevel(logging.CRITICAL)  # it writes what it cannot read, and that names payers

_HEAD = re.compile(rb"^:20:", re.MULTILINE)
_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}")
_SLASHED = re.compile(r"/(EREF|NAME|REMI)/([^/]*)")  # how banks of the Netherlands and others write field 86
_NO_NAMES = ("", "NOTPROVIDED", "NONREF")
_RETURNED_ITEM = "RTI"  # SWIFT's transaction type
_RETURNED_CODES = ("108", "109")  # of a direct debit, in the codes of German banks (GVC)
_CAME, _LEFT = ("C", "RD"), ("D", "RC")


def is_mt940(body: bytes) -> bool:
    """Whether it begins like one: a transaction reference, an account."""
    return _HEAD.search(body[:2_000]) is not None and b"\n:25" in body[:4_000]


def read_mt940(body: bytes, currency: str) -> BankFile:
    """What is in it. Raises BankFileInvalidError."""
    if len(body) > BYTES_MAX:
        raise BankFileInvalidError(f"the file has {len(body)} bytes, and {BYTES_MAX} are read at most")
    text = _decoded(body).replace("\r\n", "\n")
    try:
        statements = mt940.parse_statements(io.StringIO(text))  # text alone might be taken for a file's name
        accounts = tuple(_account(one.data, currency) for one in statements)
        lines = _named([line for one in statements for line in _lines(one, currency)])
        closings = [_balance(one.data, "closing", currency) for one in statements]
    except (RuntimeError, ValueError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
        raise BankFileInvalidError(
            f"this MT940 cannot be read: {type(error).__name__}; download it once more"
        ) from error
    if len(lines) > LINES_MAX:
        raise BankFileInvalidError(f"the file has {len(lines)} lines, and {LINES_MAX} are read at most")
    if not statements:
        raise BankFileInvalidError("there is no statement in this MT940; download it once more")
    return BankFile(
        kind=FileKind.MT940,
        message_id=str(statements[-1].data.get("transaction_reference") or "")[:100],
        accounts=accounts,
        answers=tuple(answers_of(lines)),
        lines=lines,
        closing=max(closings),
    )


def _lines(statement: Any, currency: str) -> Iterator[Line]:
    opened = _balance(statement.data, "opening", currency)[1]
    closed = _balance(statement.data, "closing", currency)[1]
    read = [_line(one.data, currency) for one in statement]
    if opened + sum(one.amount_minor for one in read) != closed:
        raise BankFileInvalidError("the lines of this MT940 do not come to its balance: download it once more")
    yield from read


def _line(entry: dict[str, Any], currency: str) -> Line:
    minor = abs(_minor(entry["amount"], currency))
    if entry["status"] not in (*_CAME, *_LEFT):
        raise ValueError("an entry is neither credit nor debit")
    slashed = dict(_SLASHED.findall(" ".join(str(entry.get("transaction_details") or "").split("\n"))))
    named = str(entry.get("end_to_end_reference") or slashed.get("EREF") or "").strip()
    returned = str(entry.get("id") or "").endswith(_RETURNED_ITEM) or entry.get("transaction_code") in _RETURNED_CODES
    told = entry.get("purpose") or slashed.get("REMI") or entry.get("transaction_details") or entry.get("extra_details")
    day = entry.get("entry_date") or entry["date"]
    counterparty = _IBAN.sub("", str(entry.get("applicant_name") or slashed.get("NAME") or ""), count=1)
    return Line(
        line_key=str(entry.get("bank_reference") or ""),  # and more: `_named`
        booked_on=date(day.year, day.month, day.day),
        amount_minor=minor if entry["status"] in _CAME else -minor,
        currency=currency,
        counterparty=" ".join(counterparty.split())[:TEXT_MAX],
        text=" ".join(str(told or "").split())[:TEXT_MAX],
        key=None if named in _NO_NAMES else named,
        batch=None,
        code=NO_REASON if returned else None,
        fee_minor=0,
    )


def _named(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Each under a key of its own, the same in every file that tells of it."""
    alike: Counter[str] = Counter()
    named = []
    for one in lines:
        identity = f"mt940|{one.booked_on}|{one.amount_minor}|{one.line_key}|{one.key}|{one.text}"
        key = hashlib.sha256(f"{identity}|{alike[identity]}".encode()).hexdigest()
        alike[identity] += 1
        named.append(replace(one, line_key=key))
    return tuple(named)


def _balance(data: dict[str, Any], which: str, currency: str) -> tuple[date, int]:
    found = data.get(f"final_{which}_balance") or data.get(f"intermediate_{which}_balance")
    if found is None:
        raise ValueError("a statement names no balance")
    return date(found.date.year, found.date.month, found.date.day), _minor(found.amount, currency)


def _minor(amount: Any, currency: str) -> int:
    if amount.currency != currency:
        raise BankFileInvalidError(f"this MT940 is in {amount.currency}; this company's book is in {currency}")
    scaled = Decimal(amount.amount).scaleb(minor_digits(currency))
    if scaled != scaled.to_integral_value() or abs(scaled) >= AMOUNT_MINOR_MAX:
        raise ValueError("an amount is no amount of money")
    return int(scaled)


def _account(data: dict[str, Any], currency: str) -> tuple[str, str]:
    """Its IBAN, if the bank writes one: many write numbers of their own, which nothing here compares."""
    written = _IBAN.search(str(data.get("account_identification") or "").replace(" ", ""))
    return ("" if written is None else written.group(), currency)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("cp1252", errors="replace")
