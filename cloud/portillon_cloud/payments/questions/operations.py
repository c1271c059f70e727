"""Ask about an invoice, and answer. Callers own the transaction.

1. While a question is open, and for HOLD_DAYS at most, nothing of the invoice is charged and it shuts no door.
2. Each invoice is held once: whoever asks again is answered, and pays meanwhile.
3. Answered, the invoice goes on at once: charged if it is due. Credited means that a person made the credit note.
4. Who asked by their link has the answer by letter, too.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, exists, func, select, true

from portillon_cloud import outbox
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.database.rows import insert_one
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.dunning.ladder import step_ms
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments import settling, store
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.questions.errors import (
    AnsweredAlreadyError,
    AskedAlreadyError,
    UnknownInvoiceError,
    UnknownQuestionError,
)
from portillon_cloud.payments.questions.letters import write_answer
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy, invoice_question, question_answer

HOLD_DAYS = 14
DAY_MS = 24 * 3_600_000
MOST = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who asks what about which invoice. The same `request_key` is one question. `account_id`: of whom it must be."""

    organisation_id: int
    invoice_id: int
    asked_as: AskedBy
    by: str
    text: str
    request_key: str
    account_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionLine:
    """One question as people see it. `answered_as` None: it waits for a person."""

    id: int
    account_id: int
    who: str
    invoice_id: int
    number: str
    asked_as: AskedBy
    text: str
    asked_at_ms: int
    holds_until_ms: int
    answered_as: AnsweredAs | None
    answer: str | None
    answered_by: str | None


def ask(conn: Connection, asked: Question, *, now_ms: int) -> int:
    """Write it down, and hold the invoice if it never was; its id.

    Raises UnknownInvoiceError, AskedAlreadyError, RequestKeyReusedError.
    """
    account_id = conn.scalar(
        select(invoice.c.account_id).where(
            invoice.c.id == asked.invoice_id, invoice.c.organisation_id == asked.organisation_id
        )
    )
    if account_id is None or asked.account_id not in (None, account_id):
        raise UnknownInvoiceError(f"organisation {asked.organisation_id} has no invoice {asked.invoice_id}")
    lock_account(conn, account_id)
    column = invoice_question.c
    ours = column.organisation_id == asked.organisation_id
    known = conn.execute(select(invoice_question).where(ours, column.request_key == asked.request_key)).one_or_none()
    if known is not None:
        if (known.invoice_id, known.text) != (asked.invoice_id, asked.text):
            raise RequestKeyReusedError(f"request key {asked.request_key!r} was used for another question")
        return int(known.id)
    of_invoice = (ours, column.invoice_id == asked.invoice_id)
    answered = exists().where(question_answer.c.question_id == column.id)
    open_id = conn.scalar(select(column.id).where(*of_invoice, ~answered))
    if open_id is not None:
        raise AskedAlreadyError(f"question {open_id} about invoice {asked.invoice_id} is open: answer that one")
    first = conn.scalar(select(func.count()).where(*of_invoice)) == 0
    question_id = insert_one(
        conn,
        invoice_question,
        organisation_id=asked.organisation_id,
        account_id=account_id,
        invoice_id=asked.invoice_id,
        asked_as=asked.asked_as,
        noted_by=asked.by,
        text=asked.text,
        asked_at_ms=now_ms,
        holds_until_ms=now_ms + HOLD_DAYS * DAY_MS if first else now_ms,
        request_key=asked.request_key,
    )
    _standing_anew(conn, asked.organisation_id, account_id, now_ms)
    return question_id


def answer(
    conn: Connection,
    organisation_id: int,
    question_id: int,
    *,
    as_: AnsweredAs,
    text: str,
    by: str,
    now_ms: int,
) -> None:
    """Write the answer down; the invoice goes on. Raises UnknownQuestionError, AnsweredAlreadyError."""
    column = invoice_question.c
    row = conn.execute(
        select(invoice_question).where(column.id == question_id, column.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownQuestionError(f"organisation {organisation_id} has no question {question_id}")
    lock_account(conn, row.account_id)
    before = conn.scalar(select(question_answer.c.answered_by).where(question_answer.c.question_id == question_id))
    if before is not None:
        raise AnsweredAlreadyError(f"question {question_id} was answered by {before}")
    insert_one(
        conn,
        question_answer,
        organisation_id=organisation_id,
        question_id=question_id,
        answered_as=as_,
        text=text,
        answered_by=by,
        answered_at_ms=now_ms,
    )
    if row.asked_as == AskedBy.PAYER:
        write_answer(conn, question_id=question_id, invoice_id=row.invoice_id, answer=text, now_ms=now_ms)
    zone = time_zone_of(conn, organisation_id)
    for intent in store.lock_live_intents(conn, row.account_id):
        if intent.invoice_id == row.invoice_id:
            due_ms = step_ms(intent.due_on or _due_on(conn, intent.invoice_id), zone)
            settling.schedule_charge(conn, intent, at_ms=max(now_ms, due_ms), purpose=f"question-{question_id}")
    _standing_anew(conn, organisation_id, row.account_id, now_ms)


def questions(conn: Connection, organisation_id: int, *, account_id: int | None = None) -> list[QuestionLine]:
    """Those that wait for an answer first, the oldest first; then the newest of the others. At most MOST.

    `account_id`: of this account alone.
    """
    column, said = invoice_question.c, question_answer.c
    rows = conn.execute(
        select(
            invoice_question,
            account.c.name,
            *(invoice.c[name] for name in ("series", "number", "issued_on")),
            said.answered_as,
            said.text.label("answer"),
            said.answered_by,
        )
        .join(invoice, invoice.c.id == column.invoice_id)
        .join(account, account.c.id == column.account_id)
        .outerjoin(question_answer, said.question_id == column.id)
        .where(
            column.organisation_id == organisation_id, true() if account_id is None else column.account_id == account_id
        )
        .order_by(said.id.is_not(None), said.id.desc(), column.id)
        .limit(MOST)
    )
    return [_line(row) for row in rows]


def _line(row: Row[Any]) -> QuestionLine:
    return QuestionLine(
        id=row.id,
        account_id=row.account_id,
        who=row.name,
        invoice_id=row.invoice_id,
        number=printed(row.series, row.number, row.issued_on),
        asked_as=AskedBy(row.asked_as),
        text=row.text,
        asked_at_ms=row.asked_at_ms,
        holds_until_ms=row.holds_until_ms,
        answered_as=None if row.answered_as is None else AnsweredAs(row.answered_as),
        answer=row.answer,
        answered_by=row.answered_by,
    )


def _due_on(conn: Connection, invoice_id: int) -> Any:
    return conn.execute(select(invoice.c.due_on).where(invoice.c.id == invoice_id)).scalar_one()


def _standing_anew(conn: Connection, organisation_id: int, account_id: int, now_ms: int) -> None:
    dunning.review_account(conn, organisation_id=organisation_id, account_id=account_id, now_ms=now_ms)
    dunning.watch_account(conn, organisation_id=organisation_id, account_id=account_id)
    outbox.account_changed(conn, organisation_id, account_id)
