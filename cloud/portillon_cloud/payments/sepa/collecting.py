"""Files for the bank: what waits for its day goes into the next one, once, and the file can be had again.

A file is numbered without a gap, kept sealed with its hash, and never changes. A debit whose day can no longer be met
is collected on the first day that can: later than the payer was told, never earlier.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud.ledger.periods import Book
from portillon_cloud.payments.sepa.bank_days import bank_day_from, bank_days_after
from portillon_cloud.payments.sepa.debit_file import FIRST, RECURRENT, FileDebit, debit_file
from portillon_cloud.payments.sepa.errors import NothingToCollectError
from portillon_cloud.payments.sepa.filing import keep_file, lock_creditor, next_head
from portillon_cloud.payments.sepa.mandates import purpose
from portillon_cloud.payments.sepa.tables import DebitState, FileOf, sepa_debit, sepa_mandate
from portillon_cloud.secrets import Keyring

AHEAD_DAYS = 5
"""Bank days: a file takes what is to be collected up to then. Banks take files up to 14 days ahead (rulebook 4.3.1)."""
DEBITS_MAX = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A file as it was made."""

    id: int
    number: int
    debits: int
    total_minor: int


def make_file(conn: Connection, keyring: Keyring, book: Book, *, today: datetime.date, by: str, now_ms: int) -> Made:
    """Put what waits into the next file. Raises NotACreditorError, NothingToCollectError."""
    creditor = lock_creditor(conn, book)
    rows = _waiting(conn, book, bank_days_after(today, max(AHEAD_DAYS, creditor.file_days)))
    if not rows:
        raise NothingToCollectError(_why_nothing(conn, book))
    head = next_head(conn, book, now_ms=now_ms)
    debits = _numbered(keyring, book, rows, head.message_id, bank_days_after(today, creditor.file_days))
    body = debit_file(creditor, head.company, debits, message_id=head.message_id, made_at=head.made_at)
    amounts = [one.amount_minor for one in debits]
    file_id = keep_file(conn, keyring, book, FileOf.DEBITS, head, body, amounts, by=by, now_ms=now_ms)
    for row, debit in zip(rows, debits, strict=True):
        conn.execute(
            update(sepa_debit)
            .where(sepa_debit.c.id == row.id)
            .values(state=DebitState.IN_FILE, file_id=file_id, batch=debit.batch, collect_on=debit.collect_on)
        )
        conn.execute(update(sepa_mandate).where(sepa_mandate.c.id == row.mandate_id).values(used_on=debit.collect_on))
    return Made(id=file_id, number=head.number, debits=len(debits), total_minor=sum(amounts))


def _waiting(conn: Connection, book: Book, through_on: datetime.date) -> Sequence[Row[tuple[object, ...]]]:
    column = sepa_debit.c
    return conn.execute(
        select(
            sepa_debit,
            sepa_mandate.c.reference,
            sepa_mandate.c.signed_on,
            sepa_mandate.c.used_on,
            sepa_mandate.c.debtor_name,
            sepa_mandate.c.iban_sealed,
        )
        .join(sepa_mandate, sepa_mandate.c.id == column.mandate_id)
        .where(
            column.organisation_id == book.organisation_id,
            column.legal_entity_id == book.legal_entity_id,
            column.state == DebitState.WAITING,
            column.collect_on <= through_on,
        )
        .order_by(column.collect_on, column.id)
        .limit(DEBITS_MAX)
        .with_for_update(of=sepa_debit)
    ).all()


def _numbered(
    keyring: Keyring,
    book: Book,
    rows: Sequence[Row[tuple[object, ...]]],
    message_id: str,
    earliest_on: datetime.date,
) -> list[FileDebit]:
    # The first of a mandate. One that the bank refused stays the first: since 2016 the next may say recurrent all the
    # same (rulebook 4.7.2).
    used = {row.mandate_id for row in rows if row.used_on is not None}
    batches: dict[tuple[datetime.date, str], str] = {}
    debits = []
    for row in rows:
        collect_on = bank_day_from(max(row.collect_on, earliest_on))
        sequence = RECURRENT if row.mandate_id in used else FIRST
        batch = batches.setdefault((collect_on, sequence), f"{message_id}-{len(batches) + 1}")
        used.add(row.mandate_id)
        iban = keyring.unseal(row.iban_sealed, purpose=purpose(book.organisation_id, row.reference)).decode()
        debits.append(
            FileDebit(
                key=row.attempt_key,
                batch=batch,
                sequence=sequence,
                collect_on=collect_on,
                amount_minor=row.amount_minor,
                mandate=row.reference,
                signed_on=row.signed_on,
                debtor_name=row.debtor_name,
                iban=iban,
            )
        )
    return debits


def _why_nothing(conn: Connection, book: Book) -> str:
    first = conn.scalar(
        select(func.min(sepa_debit.c.collect_on)).where(
            sepa_debit.c.organisation_id == book.organisation_id,
            sepa_debit.c.legal_entity_id == book.legal_entity_id,
            sepa_debit.c.state == DebitState.WAITING,
        )
    )
    if first is None:
        return "no debit waits for a file"
    return f"the next debit is collected on {first}: it goes into a file {AHEAD_DAYS} bank days before"
