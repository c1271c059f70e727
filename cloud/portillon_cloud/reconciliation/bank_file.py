"""Reads what a bank sends: pain.002 (what it refused), pacs.004 (what came back), camt.053 (statements), camt.054
(advices). Pure: bytes in.

1. No document type, no entity, no reference to elsewhere is read (defusedxml); names are matched without their version,
   for banks are years apart: .02 of 2009 and .08 of 2019 say the same things a little otherwise.
2. Only booked entries count. An entry that names its parts is a line for each, if they come to it; else it is one.
3. A statement's entries are lines of the account. An advice or return tells of the same money again: it adds none.
4. A file of returns whose parts it does not name says nothing that can be acted on: it is refused whole.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from portillon_cloud.money import minor_digits
from portillon_cloud.payments.sepa.decisions import Said
from portillon_cloud.reconciliation.errors import BankFileInvalidError

BYTES_MAX = 20_000_000
LINES_MAX = 50_000
TEXT_MAX = 500
AMOUNT_MINOR_MAX = 10**15
_NO_NAMES = ("NOTPROVIDED", "NONREF", None)  # what banks write for a reference that nobody gave


class FileKind(StrEnum):
    """What sort of file it is."""

    STATUS = "pain.002"
    RETURN = "pacs.004"
    STATEMENT = "camt.053"
    ADVICE = "camt.054"
    MT940 = "mt940"  # a statement of a bank that writes no camt (mt940_statement.py)
    TABLE = "csv"  # a statement as the bank's own page gives it out (csv_statement.py)


_ROOTS = {
    "CstmrPmtStsRpt": FileKind.STATUS,
    "PmtRtr": FileKind.RETURN,
    "BkToCstmrStmt": FileKind.STATEMENT,
    "BkToCstmrDbtCdtNtfctn": FileKind.ADVICE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the bank says of one debit (`key`), or of all that a file told it of under one name (`batch`)."""

    said: Said
    code: str | None
    key: str | None = None
    batch: str | None = None
    amount_minor: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One booked movement, or a part of one. `amount_minor` < 0: money left. `fee_minor`: of it, the bank's charges."""

    line_key: str
    booked_on: date
    amount_minor: int
    currency: str
    counterparty: str
    text: str
    key: str | None
    batch: str | None
    code: str | None
    fee_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BankFile:
    """A file as it was read. `closing`: what the account holds at the end of a day, in minor units."""

    kind: FileKind
    message_id: str
    accounts: tuple[tuple[str, str], ...]
    answers: tuple[Answer, ...]
    lines: tuple[Line, ...]
    closing: tuple[date, int] | None


def read_bank_file(body: bytes) -> BankFile:
    """What is in it. Raises BankFileInvalidError."""
    if len(body) > BYTES_MAX:
        raise BankFileInvalidError(f"the file has {len(body)} bytes, and {BYTES_MAX} are read at most")
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise BankFileInvalidError(f"this is no XML of a bank: {error}; download the file once more") from error
    for node in root.iter():
        node.tag = node.tag.rpartition("}")[2]
    top = next(iter(root), None)
    kind = _ROOTS.get("" if top is None else top.tag)
    if top is None or kind is None:
        raise BankFileInvalidError("this is no pain.002, pacs.004, camt.053 or camt.054: ask the bank for one of those")
    try:
        read = {FileKind.STATUS: _status, FileKind.RETURN: _returns}.get(kind)
        return _account(top, kind) if read is None else read(top)
    except (ArithmeticError, ValueError) as error:
        raise BankFileInvalidError(f"a value in this {kind} cannot be read: {error}") from error


def _status(top: Element) -> BankFile:
    answers = []
    original = top.find("OrgnlGrpInfAndSts")
    if original is not None and original.findtext("GrpSts") == "RJCT":
        named = original.findtext("OrgnlMsgId")
        answers.append(Answer(said=Said.REFUSED, code=_reason(original, "StsRsnInf"), batch=named))
    for group in top.findall("OrgnlPmtInfAndSts"):
        if group.findtext("PmtInfSts") == "RJCT" and group.find("TxInfAndSts") is None:
            named = group.findtext("OrgnlPmtInfId")
            answers.append(Answer(said=Said.REFUSED, code=_reason(group, "StsRsnInf"), batch=named))
        answers.extend(
            Answer(said=Said.REFUSED, code=_reason(one, "StsRsnInf"), key=one.findtext("OrgnlEndToEndId"))
            for one in group.findall("TxInfAndSts")
            if one.findtext("TxSts") == "RJCT"
        )
    return BankFile(
        kind=FileKind.STATUS,
        message_id=_message_id(top),
        accounts=(),
        answers=tuple(one for one in answers if one.key or one.batch),
        lines=(),
        closing=None,
    )


def _returns(top: Element) -> BankFile:
    """Each collection or transfer that came back, by the reference it was sent under."""
    back = [
        Answer(said=Said.RETURNED, code=_reason(one, "RtrRsnInf"), key=one.findtext("OrgnlEndToEndId"))
        for one in top.findall("TxInf")
    ]
    if not back:
        raise ValueError("it names no payment that came back; ask the bank for the returns one by one")
    return BankFile(
        kind=FileKind.RETURN,
        message_id=_message_id(top),
        accounts=(),
        answers=tuple(one for one in back if one.key not in _NO_NAMES),
        lines=(),
        closing=None,
    )


def _account(top: Element, kind: FileKind) -> BankFile:
    lines: list[Line] = []
    accounts, closing = [], None
    for statement in top.findall("Stmt" if kind is FileKind.STATEMENT else "Ntfctn"):
        account = statement.findtext("Acct/Id/IBAN") or statement.findtext("Acct/Id/Othr/Id") or ""
        currency = statement.findtext("Acct/Ccy") or _currency_of(statement)
        accounts.append((account, currency))
        for place, entry in enumerate(statement.findall("Ntry")):
            if (entry.findtext("Sts/Cd") or entry.findtext("Sts")) == "BOOK":
                lines.extend(_lines(entry, account, f"{statement.findtext('Id')}/{place}"))
        closing = max(filter(None, (closing, _closing(statement))), default=None)
    if len(lines) > LINES_MAX:
        raise BankFileInvalidError(f"the file has {len(lines)} lines, and {LINES_MAX} are read at most")
    return BankFile(
        kind=kind,
        message_id=_message_id(top),
        accounts=tuple(accounts),
        answers=tuple(answers_of(lines)),
        lines=tuple(lines) if kind is FileKind.STATEMENT else (),
        closing=closing,
    )


def answers_of(lines: Sequence[Line]) -> Iterator[Answer]:
    """What booked lines say of debits and transfers of ours."""
    for one in lines:
        if one.amount_minor < 0 and one.key is not None and one.code is not None:
            yield Answer(said=Said.RETURNED, code=one.code, key=one.key)
        elif one.key is not None and one.code is not None:
            yield Answer(said=Said.CAME_BACK, code=one.code, key=one.key)
        elif one.amount_minor < 0 and one.key is not None:
            yield Answer(said=Said.LEFT, code=None, key=one.key)
        elif one.amount_minor > 0 and one.key is not None:
            yield Answer(said=Said.PAID, code=None, key=one.key, amount_minor=one.amount_minor)
        elif one.amount_minor > 0 and one.batch is not None:
            yield Answer(said=Said.PAID, code=None, batch=one.batch, amount_minor=one.amount_minor)


def _lines(entry: Element, account: str, place: str) -> Iterator[Line]:
    whole_minor = _signed(entry, _minor(entry.find("Amt")), entry)
    parts = entry.findall("NtryDtls/TxDtls")
    amounts = [_part_minor(one, entry) for one in parts]
    known = [one for one in amounts if one is not None]
    if len(known) != len(parts) or sum(known) != whole_minor:
        # Of several parts without amounts only what they share can be said: the file's name for them.
        parts, known = (parts if len(parts) == 1 else []), [whole_minor]
    booked = entry.findtext("BookgDt/Dt") or entry.findtext("BookgDt/DtTm") or entry.findtext("ValDt/Dt") or ""
    batch = entry.findtext("NtryDtls/Btch/PmtInfId") or entry.findtext("NtryDtls/TxDtls/Refs/PmtInfId")
    given = entry.findtext("AcctSvcrRef")
    given = place if given in _NO_NAMES else given
    amount = entry.find("Amt")
    for number, minor in enumerate(known):
        part = parts[number] if parts else entry
        named = part.findtext("Refs/EndToEndId")
        identity = f"{account}|{given}|{booked[:10]}|{whole_minor}|{number}|{minor}"
        yield Line(
            line_key=hashlib.sha256(identity.encode()).hexdigest(),
            booked_on=date.fromisoformat(booked[:10]),
            amount_minor=minor,
            currency="" if amount is None else amount.get("Ccy", ""),
            counterparty=_counterparty(part, minor)[:TEXT_MAX],
            text=_text(part, entry)[:TEXT_MAX],
            key=None if named in _NO_NAMES else named,
            batch=batch,
            code=_reason(part, "RtrInf"),
            fee_minor=_fee_minor(part, entry, alone=len(known) == 1),
        )


def _part_minor(part: Element, entry: Element) -> int | None:
    amount = part.find("Amt")
    if amount is None:
        amount = part.find("AmtDtls/TxAmt/Amt")
    return None if amount is None else _signed(part, _minor(amount), entry)


def _signed(node: Element, minor: int, entry: Element) -> int:
    side = node.findtext("CdtDbtInd") or entry.findtext("CdtDbtInd")
    if side not in ("CRDT", "DBIT"):
        raise ValueError(f"an entry is neither credit nor debit: {side!r}")
    return minor if side == "CRDT" else -minor


def _minor(amount: Element | None) -> int:
    """Minor units of its currency."""
    if amount is None:
        raise ValueError("an entry has no amount")
    scaled = Decimal(amount.text or "").scaleb(minor_digits(amount.get("Ccy", "")))
    if scaled != scaled.to_integral_value() or not 0 <= scaled < AMOUNT_MINOR_MAX:
        raise ValueError(f"{amount.text} {amount.get('Ccy')} is no amount of money")
    return int(scaled)


def _fee_minor(part: Element, entry: Element, *, alone: bool) -> int:
    charges = [*part.findall("Chrgs/Rcrd/Amt"), *part.findall("Chrgs/Amt")]
    if not charges and alone:
        charges = [*entry.findall("Chrgs/Rcrd/Amt"), *entry.findall("Chrgs/Amt")]
    return sum(map(_minor, charges))


def _counterparty(part: Element, minor: int) -> str:
    side = "Dbtr" if minor > 0 else "Cdtr"
    found = part.findtext(f"RltdPties/{side}/Pty/Nm") or part.findtext(f"RltdPties/{side}/Nm")
    return " ".join((found or "").split())


def _text(part: Element, entry: Element) -> str:
    said = [one.text or "" for one in part.findall("RmtInf/Ustrd")]
    said += [one.text or "" for one in part.findall("RmtInf/Strd/CdtrRefInf/Ref")]
    said += [entry.findtext("AddtlNtryInf") or ""] if not any(said) else []
    return " ".join(" ".join(said).split())


def _reason(node: Element, name: str) -> str | None:
    return node.findtext(f"{name}/Rsn/Cd") or node.findtext(f"{name}/Rsn/Prtry")


def _closing(statement: Element) -> tuple[date, int] | None:
    for balance in statement.findall("Bal"):
        if balance.findtext("Tp/CdOrPrtry/Cd") == "CLBD":
            on = balance.findtext("Dt/Dt") or balance.findtext("Dt/DtTm") or ""
            return date.fromisoformat(on[:10]), _signed(balance, _minor(balance.find("Amt")), balance)
    return None


def _currency_of(statement: Element) -> str:
    amount = next(statement.iter("Amt"), None)
    return "" if amount is None else amount.get("Ccy", "")


def _message_id(top: Element) -> str:
    return (top.findtext("GrpHdr/MsgId") or "")[:100]
