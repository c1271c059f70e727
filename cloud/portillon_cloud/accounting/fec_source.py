"""What of the book goes into the file for France's tax office: who sells, what a year opened with, its entries."""

import datetime
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, Select, Table, Text, cast, func, select, union_all

from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.accounting.fec import OF_CUSTOMERS, Customer, FecEntry, Journal, Side
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.recognition import RECOGNITION
from portillon_cloud.billing.tables import credit_note, invoice
from portillon_cloud.clock.local import local_date
from portillon_cloud.ledger import LedgerCode
from portillon_cloud.ledger.manual import MANUAL
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ManualKind, ledger_account, ledger_entry, manual_entry, posting
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, legal_entity
from portillon_cloud.payments.disputes.tables import dispute, dispute_fee
from portillon_cloud.payments.refunding.tables import payout_came_back, payout_paid
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import Means, allocation, payment, payout, write_off

CHUNK = 500  # entries in memory at a time, however long the year
_SIREN_DIGITS = 9

MEANS: Mapping[str, str] = MappingProxyType(
    {
        Means.PROVIDER: "carte en ligne",
        Means.CASH: "espèces",
        Means.CHEQUE: "chèque",
        Means.TERMINAL: "carte",
        Means.TRANSFER: "virement",
        Means.BROUGHT: "reprise d'un autre logiciel",
    }
)
BY_HAND: Mapping[str, str] = MappingProxyType(
    {
        ManualKind.DEPOSIT_IN_CASH: "Dépôt de garantie en espèces",
        ManualKind.DEPOSIT_AT_BANK: "Dépôt de garantie à la banque",
        ManualKind.DEPOSIT_BACK_IN_CASH: "Dépôt de garantie rendu en espèces",
        ManualKind.DEPOSIT_BACK_BY_BANK: "Dépôt de garantie rendu par la banque",
        ManualKind.CASH_TO_BANK: "Espèces portées à la banque",
        ManualKind.CHEQUES_TO_BANK: "Chèques remis à la banque",
        ManualKind.PROVIDER_PAID_OUT: "Versement du prestataire de paiement",
        ManualKind.PROVIDER_FEE: "Frais du prestataire de paiement",
    }
)


def siren_of(conn: Connection, book: Book) -> str:
    """The firm's number. Raises ExportRefusedError for a book that is not French, or if nobody wrote the number."""
    row = conn.execute(
        select(legal_entity.c.tax_regime, legal_entity.c.tax_numbers).where(legal_entity.c.id == book.legal_entity_id)
    ).one()
    if (row.tax_regime, book.currency) != ("fr", "EUR"):
        raise ExportRefusedError("this file is of books kept in France, in euros")
    numbers = {name: "".join(one for one in text if one.isdigit()) for name, text in row.tax_numbers.items()}
    siren: str = numbers.get("SIRET", "")[:_SIREN_DIGITS] or numbers.get("TVA", "")[-_SIREN_DIGITS:]
    if len(siren) != _SIREN_DIGITS:
        raise ExportRefusedError("the file is named after the SIREN: write the firm's SIRET or its VAT number first")
    return siren


def opening(conn: Connection, book: Book, *, before: datetime.date) -> Iterator[Side]:
    """Every balance on the evening before the day `before`, by account and customer."""
    whose = union_all(*(_whose(book, kind, table) for kind, table in _OF_AN_ACCOUNT.items())).subquery("whose")
    balances: defaultdict[tuple[LedgerCode, int | None], int] = defaultdict(int)
    for column, sign in ((posting.c.debit_account_id, 1), (posting.c.credit_account_id, -1)):
        rows = conn.execute(
            select(ledger_account.c.code, whose.c.account_id, func.sum(posting.c.amount_minor).label("minor"))
            .select_from(posting)
            .join(ledger_entry, ledger_entry.c.id == posting.c.entry_id)
            .join(ledger_account, ledger_account.c.id == column)
            .join(whose, whose.c.entry_id == ledger_entry.c.id, isouter=True)
            .where(
                posting.c.legal_entity_id == book.legal_entity_id,
                posting.c.currency == book.currency,
                ledger_entry.c.occurred_on < before,
            )
            .group_by(ledger_account.c.code, whose.c.account_id)
        )
        for row in rows:
            code = LedgerCode(row.code)
            balances[code, row.account_id if code in OF_CUSTOMERS else None] += sign * int(row.minor)
    names = _names(conn, book)
    for (code, account_id), minor in balances.items():
        if minor:
            customer = None if account_id is None else Customer(account_id, names[account_id])
            yield Side(code=code, debit_minor=minor, customer=customer)


def entries(conn: Connection, book: Book, *, from_on: datetime.date, through_on: datetime.date) -> Iterator[FecEntry]:
    """Every entry of these days, in the order in which they were recorded."""
    zone = time_zone_of(conn, book.organisation_id)
    column = ledger_entry.c
    found = conn.execute(
        select(ledger_entry)
        .where(
            column.organisation_id == book.organisation_id,
            column.legal_entity_id == book.legal_entity_id,
            column.currency == book.currency,
            column.occurred_on.between(from_on, through_on),
        )
        .order_by(column.recorded_at_ms, column.id)
        .execution_options(yield_per=CHUNK)
    )
    for chunk in found.partitions():
        yield from _told(conn, chunk, zone)


@dataclass(frozen=True, slots=True)
class _Fact:
    """What an entry is of, in words; `piece_on` None: the entry's own day."""

    journal: Journal
    piece: str
    text: str
    customer: Customer | None = None
    piece_on: datetime.date | None = None


def _told(conn: Connection, chunk: Sequence[Row[Any]], zone: str) -> Iterator[FecEntry]:
    sides = _sides(conn, [row.id for row in chunk])
    facts: dict[tuple[str, str], _Fact] = {}
    for kind, tell in _TELLS.items():
        sources = [int(row.source) for row in chunk if row.kind == kind]
        if sources:
            facts |= {(kind, str(number)): fact for number, fact in tell(conn, sources)}
    for row in chunk:
        fact = facts.get((row.kind, row.source)) or _without_document(row)
        yield FecEntry(
            journal=fact.journal,
            on=row.occurred_on,
            recorded_on=local_date(row.recorded_at_ms, zone),
            piece=fact.piece,
            piece_on=fact.piece_on or row.occurred_on,
            text=fact.text,
            sides=tuple(
                Side(code=code, debit_minor=minor, customer=fact.customer) for code, minor in sides.get(row.id, ())
            ),
        )


def _sides(conn: Connection, entry_ids: Sequence[int]) -> Mapping[int, list[tuple[LedgerCode, int]]]:
    """By entry, each account's debits and then its credits (negative), every account once a side."""
    found: defaultdict[int, list[tuple[LedgerCode, int]]] = defaultdict(list)
    for column, sign in ((posting.c.debit_account_id, 1), (posting.c.credit_account_id, -1)):
        rows = conn.execute(
            select(posting.c.entry_id, ledger_account.c.code, func.sum(posting.c.amount_minor).label("minor"))
            .join(ledger_account, ledger_account.c.id == column)
            .where(posting.c.entry_id.in_(entry_ids))
            .group_by(posting.c.entry_id, ledger_account.c.code, ledger_account.c.id)
            .order_by(posting.c.entry_id, ledger_account.c.id)
        )
        for row in rows:
            found[row.entry_id].append((LedgerCode(row.code), sign * int(row.minor)))
    return found


def _whose(book: Book, kind: str, table: Table) -> Select[Any]:
    """Which account each entry of this kind is of."""
    entry = ledger_entry.c
    query = select(entry.id.label("entry_id"), _account_of(table).label("account_id")).select_from(table)
    if table is allocation:
        query = query.join(invoice, invoice.c.id == allocation.c.invoice_id)
    return query.join(ledger_entry, entry.source == cast(table.c.id, Text)).where(
        entry.organisation_id == book.organisation_id,
        entry.kind == kind,
        entry.legal_entity_id == book.legal_entity_id,
        table.c.organisation_id == book.organisation_id,
    )


def _names(conn: Connection, book: Book) -> Mapping[int, str]:
    rows = conn.execute(select(account.c.id, account.c.name).where(account.c.legal_entity_id == book.legal_entity_id))
    return {row.id: row.name for row in rows}


def _account_of(table: Table) -> Any:
    return invoice.c.account_id if table is allocation else table.c.account_id


Told = Iterator[tuple[int, _Fact]]


def _rows(conn: Connection, table: Table, ids: Sequence[int], *more: Any) -> Sequence[Row[Any]]:
    query = select(table, account.c.id.label("customer_id"), account.c.name.label("customer"), *more)
    query = query.select_from(table)
    if table is allocation:
        query = query.join(invoice, invoice.c.id == allocation.c.invoice_id)
    return conn.execute(
        query.join(account, account.c.id == _account_of(table), isouter=True).where(table.c.id.in_(ids))
    ).all()


def _customer(row: Row[Any]) -> Customer | None:
    return None if row.customer_id is None else Customer(row.customer_id, row.customer)


def _documents(table: Table, word: str) -> Callable[[Connection, Sequence[int]], Told]:
    def tell(conn: Connection, ids: Sequence[int]) -> Told:
        for row in _rows(conn, table, ids):
            number = printed(row.series, row.number, row.issued_on)
            text = f"{word} {number} {row.buyer['name']}"
            yield row.id, _Fact(Journal.SALES, number, text, _customer(row), row.issued_on)

    return tell


def _payments(conn: Connection, ids: Sequence[int]) -> Told:
    for row in _rows(conn, payment, ids):
        text = f"Encaissement {MEANS[row.means]} {row.customer}"
        yield row.id, _Fact(Journal.TAKINGS, f"REG-{row.id}", text, _customer(row))


def _returns(conn: Connection, ids: Sequence[int]) -> Told:
    for row in _rows(conn, payment_return, ids):
        text = f"Rejet du règlement REG-{row.payment_id} {row.customer} : {row.code}"
        yield row.id, _Fact(Journal.TAKINGS, f"REJ-{row.id}", text, _customer(row))


def _credit_used(conn: Connection, ids: Sequence[int]) -> Told:
    columns = (invoice.c.series, invoice.c.number, invoice.c.issued_on)
    for row in _rows(conn, allocation, ids, *columns):
        text = f"Avoir imputé sur {printed(row.series, row.number, row.issued_on)} {row.customer}"
        yield row.id, _Fact(Journal.OTHER, f"IMP-{row.id}", text, _customer(row))


def _reasoned(table: Table, mark: str, word: str) -> Callable[[Connection, Sequence[int]], Told]:
    def tell(conn: Connection, ids: Sequence[int]) -> Told:
        for row in _rows(conn, table, ids):
            text = f"{word} {row.customer} : {row.reason}"
            yield row.id, _Fact(Journal.OTHER, f"{mark}-{row.id}", text, _customer(row))

    return tell


def _named(table: Table, mark: str, word: str) -> Callable[[Connection, Sequence[int]], Told]:
    def tell(conn: Connection, ids: Sequence[int]) -> Told:
        for row in _rows(conn, table, ids):
            yield row.id, _Fact(Journal.TAKINGS, f"{mark}-{row.id}", f"{word} {row.customer}", _customer(row))

    return tell


def _by_hand(conn: Connection, ids: Sequence[int]) -> Told:
    for row in _rows(conn, manual_entry, ids):
        text = f"{BY_HAND[row.kind]} : {row.reason}"
        yield row.id, _Fact(Journal.OTHER, f"OD-{row.id}", text, _customer(row))


def _without_document(row: Row[Any]) -> _Fact:
    if row.kind == RECOGNITION:
        return _Fact(Journal.OTHER, f"PCA-{row.occurred_on:%Y%m}", "Produits constatés d'avance devenus produits")
    return _Fact(Journal.OTHER, f"{row.kind}-{row.source}", row.kind.replace("_", " "))


_OF_AN_ACCOUNT: Mapping[str, Table] = MappingProxyType(
    {
        "invoice": invoice,
        "credit_note": credit_note,
        "payment": payment,
        "credit_used": allocation,
        "write_off": write_off,
        "payout": payout,
        "payment_return": payment_return,
        "payout_paid": payout_paid,
        "payout_came_back": payout_came_back,
        "dispute_opened": dispute,
        "dispute_won": dispute,
        MANUAL: manual_entry,
    }
)
_TELLS: Mapping[str, Callable[[Connection, Sequence[int]], Told]] = MappingProxyType(
    {
        "invoice": _documents(invoice, "Facture"),
        "credit_note": _documents(credit_note, "Avoir"),
        "payment": _payments,
        "credit_used": _credit_used,
        "write_off": _reasoned(write_off, "PERTE", "Créance irrécouvrable"),
        "payment_return": _returns,
        "payout": _reasoned(payout, "REMB", "Remboursement dû à"),
        "payout_paid": _named(payout_paid, "VERS", "Remboursement versé à"),
        "payout_came_back": _named(payout_came_back, "RETV", "Remboursement non abouti de"),
        "dispute_opened": _named(dispute, "CONT", "Paiement contesté par"),
        "dispute_won": _named(dispute, "GAGN", "Contestation gagnée, paiement de"),
        "dispute_fee": _named(dispute_fee, "FRCO", "Frais de contestation, paiement de"),
        MANUAL: _by_hand,
    }
)
