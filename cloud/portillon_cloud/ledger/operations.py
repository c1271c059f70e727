"""Post entries and read balances. Nothing here changes a row: a correction is another entry."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, union_all
from sqlalchemy.exc import IntegrityError

from portillon_cloud.database.rows import insert_many, reserve_ids
from portillon_cloud.ledger.books import LedgerCode, account_ids
from portillon_cloud.ledger.errors import AlreadyPostedError, PeriodClosedError, PostingError
from portillon_cloud.ledger.tables import CLOSED, ledger_account, ledger_entry, posting


@dataclass(frozen=True, slots=True)
class Posting:
    """One amount (minor units, > 0) into the debit account, out of the credit account."""

    debit: LedgerCode
    credit: LedgerCode
    amount_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One fact in the book. `kind` and `source` name the fact: 'invoice' and the invoice's id."""

    kind: str
    source: str
    occurred_on: datetime.date
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """What one account holds, in minor units: debits - credits."""

    code: LedgerCode
    kind: str
    debit_minor: int
    credit_minor: int


def post(
    conn: Connection, entry: Entry, *, organisation_id: int, legal_entity_id: int, currency: str, recorded_at_ms: int
) -> int:
    """Post one entry; its id. Raises PostingError, or AlreadyPostedError for a fact that is in the book."""
    [entry_id] = post_many(
        conn,
        [entry],
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        currency=currency,
        recorded_at_ms=recorded_at_ms,
    )
    return entry_id


def post_many(
    conn: Connection,
    entries: Sequence[Entry],
    *,
    organisation_id: int,
    legal_entity_id: int,
    currency: str,
    recorded_at_ms: int,
) -> Sequence[int]:
    """Post many entries to one book; their ids. All or nothing: on an error roll the transaction back.

    Raises PostingError, AlreadyPostedError, PeriodClosedError.
    """
    accounts = account_ids(conn, legal_entity_id=legal_entity_id, currency=currency)
    book = (organisation_id, legal_entity_id, currency)
    ids = reserve_ids(conn, ledger_entry, len(entries))
    postings = []
    for entry_id, entry in zip(ids, entries, strict=True):
        for line in entry.postings:
            debit, credit, amount_minor = accounts.get(line.debit), accounts.get(line.credit), line.amount_minor
            if debit is None or credit is None or debit == credit or amount_minor <= 0:
                raise _refusal(line, accounts, entry)
            postings.append((organisation_id, legal_entity_id, currency, entry_id, debit, credit, amount_minor))
    try:
        insert_many(
            conn,
            ledger_entry,
            ("id", "organisation_id", "legal_entity_id", "currency", "occurred_on", "recorded_at_ms", "kind", "source"),
            [
                (entry_id, *book, entry.occurred_on, recorded_at_ms, entry.kind, entry.source)
                for entry_id, entry in zip(ids, entries, strict=True)
            ],
        )
    except IntegrityError as error:
        facts = ", ".join(f"{entry.kind} {entry.source}" for entry in entries[:3])
        raise AlreadyPostedError(f"the book of legal entity {legal_entity_id} refuses {facts}: {error.orig}") from error
    columns = (
        "organisation_id",
        "legal_entity_id",
        "currency",
        "entry_id",
        "debit_account_id",
        "credit_account_id",
        "amount_minor",
    )
    try:
        insert_many(conn, posting, columns, postings)
    except IntegrityError as error:
        if CLOSED not in str(error.orig):
            raise
        first = min(entry.occurred_on for entry in entries)
        raise PeriodClosedError(f"book of legal entity {legal_entity_id}, {first}: {CLOSED}") from error
    return ids


def _refusal(line: Posting, accounts: dict[str, int], entry: Entry) -> PostingError:
    fact = f"{entry.kind} {entry.source}"
    if line.amount_minor <= 0:
        return PostingError(f"{fact}: amount {line.amount_minor} is not positive; swap debit and credit instead")
    if line.debit == line.credit:
        return PostingError(f"{fact}: {line.debit} stands on both sides")
    missing = line.credit if line.debit in accounts else line.debit
    return PostingError(f"{fact}: the book has no account {missing}; run open_books")


def trial_balance(
    conn: Connection, *, legal_entity_id: int, currency: str, until: datetime.date | None = None
) -> list[Balance]:
    """Every account's debits and credits, up to and with the day `until`. The two columns have equal sums."""
    moved = select(posting.c.debit_account_id, posting.c.credit_account_id, posting.c.amount_minor).where(
        posting.c.legal_entity_id == legal_entity_id, posting.c.currency == currency
    )
    if until is not None:
        moved = moved.join(ledger_entry, ledger_entry.c.id == posting.c.entry_id).where(
            ledger_entry.c.occurred_on <= until
        )
    line = moved.cte("moved")
    nothing = func.sum(0)
    sides = union_all(
        select(
            line.c.debit_account_id.label("account_id"),
            func.sum(line.c.amount_minor).label("debit"),
            nothing.label("credit"),
        ).group_by(line.c.debit_account_id),
        select(line.c.credit_account_id, nothing, func.sum(line.c.amount_minor)).group_by(line.c.credit_account_id),
    ).subquery("sides")
    column = ledger_account.c
    rows = conn.execute(
        select(
            column.code,
            column.kind,
            func.coalesce(func.sum(sides.c.debit), 0).label("debit"),
            func.coalesce(func.sum(sides.c.credit), 0).label("credit"),
        )
        .select_from(ledger_account.outerjoin(sides, sides.c.account_id == column.id))
        .where(column.legal_entity_id == legal_entity_id, column.currency == currency)
        .group_by(column.id, column.code, column.kind)
        .order_by(column.id)
    )
    return [Balance(LedgerCode(row.code), row.kind, int(row.debit), int(row.credit)) for row in rows]
