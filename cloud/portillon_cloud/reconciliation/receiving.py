"""A bank's file is stored first, whole and once; then what it says of debits is done, one by one; lines come last.

Storing is one transaction, each answer another: whatever dies in between, the timer goes on where it stopped. The same
file again is the same file; the same entry in another file is the same line.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection, select, update

from portillon_cloud import timers
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.periods import Book
from portillon_cloud.payments.sepa.decisions import Decision, Said, decide, open_in_batch
from portillon_cloud.payments.sepa.mandates import creditor_of
from portillon_cloud.payments.sepa.refunds import decide_refund
from portillon_cloud.reconciliation.bank_file import BankFile, read_bank_file
from portillon_cloud.reconciliation.csv_statement import read_csv_statement
from portillon_cloud.reconciliation.errors import NotOurAccountError
from portillon_cloud.reconciliation.matching import match_lines
from portillon_cloud.reconciliation.mt940_statement import is_mt940, read_mt940
from portillon_cloud.reconciliation.tables import bank_answer, bank_file, bank_line
from portillon_cloud.secrets import Keyring

BANK_FILE = "bank_file"
"""Kind of the timers that do what a file says; the subject is the file."""

_LINE_COLUMNS = (
    "organisation_id", "legal_entity_id", "bank_file_id", "line_key", "booked_on", "amount_minor", "fee_minor",
    "currency", "counterparty", "text", "debit_key", "batch", "code",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A stored file. `known`: it was stored before, and nothing was done now."""

    bank_file_id: int
    kind: str
    lines: int
    answers: int
    known: bool


def receive(conn: Connection, keyring: Keyring, book: Book, body: bytes, *, by: str, now_ms: int) -> Received:
    """Store it, and have it worked through at once. Raises BankFileInvalidError, NotOurAccountError."""
    read = _read(body, book.currency)
    digest = hashlib.sha256(body).hexdigest()
    ours = (bank_file.c.organisation_id == book.organisation_id, bank_file.c.legal_entity_id == book.legal_entity_id)
    before = conn.scalar(select(bank_file.c.id).where(*ours, bank_file.c.sha256 == digest))
    if before is not None:
        return Received(bank_file_id=before, kind=read.kind, lines=0, answers=0, known=True)
    _require_own_account(conn, book, read)
    file_id = insert_one(
        conn,
        bank_file,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        kind=read.kind,
        message_id=read.message_id,
        sha256=digest,
        received_at_ms=now_ms,
        received_by=by,
        closing_on=None if read.closing is None else read.closing[0],
        closing_minor=None if read.closing is None else read.closing[1],
        body_sealed=keyring.seal(body, purpose=f"bank_file.body:{book.organisation_id}:{digest}"),
    )
    for answer in read.answers:
        insert_one(
            conn,
            bank_answer,
            organisation_id=book.organisation_id,
            bank_file_id=file_id,
            debit_key=answer.key,
            batch=answer.batch,
            said=answer.said,
            code=answer.code,
            amount_minor=answer.amount_minor,
        )
    _store_lines(conn, book, file_id, read)
    timers.schedule(
        conn,
        organisation_id=book.organisation_id,
        kind=BANK_FILE,
        subject_id=file_id,
        due_at_ms=now_ms,
        key=f"bank-file:{file_id}",
    )
    return Received(bank_file_id=file_id, kind=read.kind, lines=len(read.lines), answers=len(read.answers), known=False)


def work_through(work: timers.Work, claimed: timers.Timer) -> None:
    """Do what a file says of debits, then look what its lines are. Safe to run again at any point."""
    with work.db.read() as conn:
        waiting = conn.execute(
            select(bank_answer.c.id)
            .where(
                bank_answer.c.bank_file_id == claimed.subject_id,
                bank_answer.c.organisation_id == claimed.organisation_id,
                bank_answer.c.acted_at_ms.is_(None),
            )
            .order_by(bank_answer.c.id)
        ).scalars()
        answer_ids = list(waiting)
        entity_id = conn.execute(
            select(bank_file.c.legal_entity_id).where(bank_file.c.id == claimed.subject_id)
        ).scalar_one()
    for answer_id in answer_ids:
        with work.db.write() as conn:
            _act(conn, claimed.organisation_id, answer_id, work.now_ms)
    match_lines(work.db, claimed.organisation_id, entity_id, now_ms=work.now_ms)


def _act(conn: Connection, organisation_id: int, answer_id: int, now_ms: int) -> None:
    mine = (bank_answer.c.id == answer_id, bank_answer.c.acted_at_ms.is_(None))
    answer = conn.execute(select(bank_answer).where(*mine).with_for_update()).one_or_none()
    if answer is None:
        return  # another worker, meanwhile
    keys = [answer.debit_key]
    if answer.batch is not None:
        waiting = open_in_batch(conn, organisation_id, answer.batch)
        keys = [key for key, _ in waiting]
        if answer.amount_minor not in (None, sum(minor for _, minor in waiting)):
            keys = []  # another sum than what is open of it: a person looks, the line stays unexplained
    for name in keys:
        told = Decision(name, Said(answer.said), answer.code)
        if not decide(conn, organisation_id, told, now_ms=now_ms):
            decide_refund(conn, organisation_id, told, now_ms=now_ms)
    conn.execute(update(bank_answer).where(bank_answer.c.id == answer_id).values(acted_at_ms=now_ms))


def _read(body: bytes, currency: str) -> BankFile:
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return read_bank_file(body)
    return read_mt940(body, currency) if is_mt940(body) else read_csv_statement(body, currency)


def _require_own_account(conn: Connection, book: Book, read: BankFile) -> None:
    creditor = creditor_of(conn, book.organisation_id, book.legal_entity_id)
    for account, currency in read.accounts:
        if currency and currency != book.currency:
            raise NotOurAccountError(f"the file is of an account in {currency}; this company's book is {book.currency}")
        if creditor is not None and account and account != creditor.iban:
            raise NotOurAccountError(f"the file is of account {account}; this company's is {creditor.iban}")


def _store_lines(conn: Connection, book: Book, file_id: int, read: BankFile) -> None:
    for one in read.lines:
        values = (
            book.organisation_id, book.legal_entity_id, file_id, one.line_key, one.booked_on, one.amount_minor,
            one.fee_minor, one.currency, one.counterparty, one.text, one.key, one.batch, one.code,
        )  # fmt: skip
        known = conn.scalar(
            select(bank_line.c.id).where(
                bank_line.c.legal_entity_id == book.legal_entity_id, bank_line.c.line_key == one.line_key
            )
        )
        if known is None and one.amount_minor:
            insert_one(conn, bank_line, **dict(zip(_LINE_COLUMNS, values, strict=True)))
