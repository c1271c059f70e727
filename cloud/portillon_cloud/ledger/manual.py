"""Entries that a person makes: deposits, and money that moved between till, bank and provider. Each says who and why.

Only accounts that no document of ours keeps are touched, so what members owe and have can never be typed.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Connection, case, func, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.books import LedgerCode
from portillon_cloud.ledger.errors import AlreadyPostedError, PostingError
from portillon_cloud.ledger.operations import Entry, Posting, post
from portillon_cloud.ledger.periods import Book
from portillon_cloud.ledger.tables import ManualKind, manual_entry

MANUAL = "manual"
"""Kind of the ledger's entries made here."""

SIDES: Mapping[ManualKind, tuple[LedgerCode, LedgerCode]] = MappingProxyType(
    {
        ManualKind.DEPOSIT_IN_CASH: (LedgerCode.CASH, LedgerCode.DEPOSITS),
        ManualKind.DEPOSIT_AT_BANK: (LedgerCode.BANK, LedgerCode.DEPOSITS),
        ManualKind.DEPOSIT_BACK_IN_CASH: (LedgerCode.DEPOSITS, LedgerCode.CASH),
        ManualKind.DEPOSIT_BACK_BY_BANK: (LedgerCode.DEPOSITS, LedgerCode.BANK),
        ManualKind.CASH_TO_BANK: (LedgerCode.BANK, LedgerCode.CASH),
        ManualKind.CHEQUES_TO_BANK: (LedgerCode.BANK, LedgerCode.CHEQUES),
        ManualKind.PROVIDER_PAID_OUT: (LedgerCode.BANK, LedgerCode.PROVIDER_CLEARING),
        ManualKind.PROVIDER_FEE: (LedgerCode.PROVIDER_FEES, LedgerCode.PROVIDER_CLEARING),
    }
)
"""Debit and credit of each kind."""

_TAKEN = (ManualKind.DEPOSIT_IN_CASH, ManualKind.DEPOSIT_AT_BANK)
_GIVEN_BACK = (ManualKind.DEPOSIT_BACK_IN_CASH, ManualKind.DEPOSIT_BACK_BY_BANK)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualEntry:
    """What somebody says. `account_id`: of deposits only. `request_key`: the same key is the same entry."""

    kind: ManualKind
    amount_minor: int
    occurred_on: datetime.date
    by: str
    reason: str
    request_key: str
    account_id: int | None = None


def record(conn: Connection, book: Book, said: ManualEntry, *, now_ms: int) -> int:
    """Record and post it; its id. The caller holds the lock of a deposit's account.

    Raises PostingError (more given back than is held), AlreadyPostedError (the key with another content),
    PeriodClosedError.
    """
    before = _recorded_before(conn, book, said)
    if before is not None:
        return before
    if said.amount_minor <= 0:
        raise PostingError(f"{said.kind} of {said.amount_minor}: write a positive amount")
    if said.kind in _GIVEN_BACK:
        held_minor = deposit_minor(conn, said.account_id)
        if said.amount_minor > held_minor:
            raise PostingError(f"account {said.account_id}: a deposit of {held_minor} is held, not {said.amount_minor}")
    entry_id = insert_one(
        conn,
        manual_entry,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        currency=book.currency,
        account_id=said.account_id,
        kind=said.kind,
        amount_minor=said.amount_minor,
        occurred_on=said.occurred_on,
        recorded_at_ms=now_ms,
        recorded_by=said.by,
        reason=said.reason,
        request_key=said.request_key,
    )
    debit, credit = SIDES[said.kind]
    post(
        conn,
        Entry(
            kind=MANUAL,
            source=str(entry_id),
            occurred_on=said.occurred_on,
            postings=(Posting(debit, credit, said.amount_minor),),
        ),
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        currency=book.currency,
        recorded_at_ms=now_ms,
    )
    return entry_id


def deposit_minor(conn: Connection, account_id: int | None) -> int:
    """What is held as a deposit of the account."""
    column = manual_entry.c
    signed = case((column.kind.in_(_TAKEN), column.amount_minor), else_=-column.amount_minor)
    return int(
        conn.execute(select(func.coalesce(func.sum(signed), 0)).where(column.account_id == account_id)).scalar_one()
    )


def _recorded_before(conn: Connection, book: Book, said: ManualEntry) -> int | None:
    row = conn.execute(
        select(manual_entry).where(
            manual_entry.c.organisation_id == book.organisation_id, manual_entry.c.request_key == said.request_key
        )
    ).one_or_none()
    if row is None:
        return None
    if (row.kind, row.amount_minor, row.account_id, row.legal_entity_id) != (
        said.kind,
        said.amount_minor,
        said.account_id,
        book.legal_entity_id,
    ):
        raise AlreadyPostedError(f"request key {said.request_key!r} was used for entry {row.id}; use a new key")
    return int(row.id)
