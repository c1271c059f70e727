"""Pay back by a file what a debit had brought: to the account it came from, each once.

1. A refund waits for its file: until then nothing has left, and its payout is not paid.
2. What is in a file has left, as far as anybody can say; the bank's own booking only confirms it.
3. What the bank refuses, or the payer's bank sends back, is due again, and by hand.
"""

import datetime

from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.periods import Book
from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.provider import NO_PROVIDER, RefundAnswer, RefundOrder, RefundOutcome
from portillon_cloud.payments.refunding.sending import hear_refund
from portillon_cloud.payments.sepa.bank_days import bank_days_after
from portillon_cloud.payments.sepa.collecting import Made
from portillon_cloud.payments.sepa.decisions import NO_REASON, Decision, Said
from portillon_cloud.payments.sepa.errors import NothingToPayBackError
from portillon_cloud.payments.sepa.filing import keep_file, lock_creditor, next_head
from portillon_cloud.payments.sepa.mandates import EURO, creditor_of, purpose
from portillon_cloud.payments.sepa.refund_file import FileRefund, refund_file
from portillon_cloud.payments.sepa.tables import (
    FileOf,
    RefundState,
    sepa_debit,
    sepa_mandate,
    sepa_refund,
)
from portillon_cloud.secrets import Keyring

REFUNDS_MAX = 1_000
NO_ACCOUNT = "no_account"
"""The payer's IBAN is not known any more."""

_ANSWERS = {
    RefundState.WAITING: RefundOutcome.WAITING,
    RefundState.IN_FILE: RefundOutcome.PENDING,
    RefundState.LEFT: RefundOutcome.SUCCEEDED,
    RefundState.FAILED: RefundOutcome.REFUSED,
}


def take_in(conn: Connection, order: RefundOrder) -> RefundAnswer:
    """Let it wait for its file, once per key. Raises IdempotencyKeyReusedError."""
    made = conn.execute(
        select(sepa_refund).where(
            sepa_refund.c.refund_key == order.key, sepa_refund.c.organisation_id == order.organisation_id
        )
    ).one_or_none()
    if made is not None:
        if made.amount_minor != order.amount_minor:
            raise IdempotencyKeyReusedError(f"key {order.key} was sent before with another amount: a defect of ours")
        state = RefundState(made.state)
        code = made.code if state is RefundState.FAILED else None
        return RefundAnswer(outcome=_ANSWERS[state], code=code, reference=order.key)
    debit = conn.execute(
        select(sepa_debit, sepa_mandate.c.iban_sealed)
        .join(sepa_mandate, sepa_mandate.c.id == sepa_debit.c.mandate_id)
        .where(sepa_debit.c.attempt_key == order.charge, sepa_debit.c.organisation_id == order.organisation_id)
    ).one_or_none()
    if debit is None or debit.iban_sealed is None:
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code=NO_ACCOUNT)
    if order.currency != EURO or creditor_of(conn, order.organisation_id, debit.legal_entity_id) is None:
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code=NO_PROVIDER)
    insert_one(
        conn,
        sepa_refund,
        organisation_id=order.organisation_id,
        legal_entity_id=debit.legal_entity_id,
        account_id=debit.account_id,
        debit_id=debit.id,
        refund_key=order.key,
        amount_minor=order.amount_minor,
        state=RefundState.WAITING,
    )
    return RefundAnswer(outcome=RefundOutcome.WAITING, reference=order.key)


def waiting_refunds(conn: Connection, book: Book) -> tuple[int, int]:
    """How many wait for their file, and their sum in minor units."""
    row = conn.execute(
        select(func.count().label("refunds"), func.coalesce(func.sum(sepa_refund.c.amount_minor), 0).label("minor"))
        .select_from(sepa_refund)
        .where(
            sepa_refund.c.organisation_id == book.organisation_id,
            sepa_refund.c.legal_entity_id == book.legal_entity_id,
            sepa_refund.c.state == RefundState.WAITING,
        )
    ).one()
    return int(row.refunds), int(row.minor)


def make_refund_file(
    conn: Connection, keyring: Keyring, book: Book, *, today: datetime.date, by: str, now_ms: int
) -> Made:
    """Put what waits into the next file; with it the payouts are paid. Raises NotACreditorError,
    NothingToPayBackError."""
    payer = lock_creditor(conn, book)
    rows = _waiting(conn, book)
    if not rows:
        raise NothingToPayBackError("no refund waits for a file")
    head = next_head(conn, book, now_ms=now_ms)
    pay_on = bank_days_after(today, 1)
    refunds = [
        FileRefund(
            key=row.refund_key,
            batch=f"{head.message_id}-{place}",
            pay_on=pay_on,
            amount_minor=row.amount_minor,
            name=row.debtor_name,
            iban=keyring.unseal(row.iban_sealed, purpose=purpose(book.organisation_id, row.reference)).decode(),
        )
        for place, row in enumerate(rows, start=1)
    ]
    body = refund_file(payer, head.company, refunds, message_id=head.message_id, made_at=head.made_at)
    amounts = [one.amount_minor for one in refunds]
    file_id = keep_file(conn, keyring, book, FileOf.REFUNDS, head, body, amounts, by=by, now_ms=now_ms)
    for row, one in zip(rows, refunds, strict=True):
        values = {"state": RefundState.IN_FILE, "file_id": file_id, "batch": one.batch}
        conn.execute(update(sepa_refund).where(sepa_refund.c.id == row.id).values(**values))
        left = RefundAnswer(outcome=RefundOutcome.PENDING, reference=one.key)
        hear_refund(conn, book.organisation_id, one.key, left, now_ms=now_ms)
    return Made(id=file_id, number=head.number, debits=len(refunds), total_minor=sum(amounts))


def decide_refund(conn: Connection, organisation_id: int, told: Decision, *, now_ms: int) -> bool:
    """Write what the bank says of a transfer back; whether it is one of ours. Told twice is once."""
    query = select(sepa_refund).where(
        sepa_refund.c.refund_key == told.key, sepa_refund.c.organisation_id == organisation_id
    )
    found = conn.execute(query.with_for_update()).one_or_none()
    if found is None:
        return False
    of_it = update(sepa_refund).where(sepa_refund.c.id == found.id)
    if told.said is Said.LEFT:
        conn.execute(of_it.where(sepa_refund.c.state == RefundState.IN_FILE).values(state=RefundState.LEFT))
    elif told.said in (Said.REFUSED, Said.RETURNED, Said.CAME_BACK) and found.state in (
        RefundState.IN_FILE,
        RefundState.LEFT,
    ):
        code = told.code or NO_REASON
        conn.execute(of_it.values(state=RefundState.FAILED, code=code))
        answer = RefundAnswer(outcome=RefundOutcome.REFUSED, code=code, reference=told.key)
        hear_refund(conn, organisation_id, told.key, answer, now_ms=now_ms)
    return True


def _waiting(conn: Connection, book: Book) -> list[Row[tuple[object, ...]]]:
    return list(
        conn.execute(
            select(sepa_refund, sepa_mandate.c.reference, sepa_mandate.c.debtor_name, sepa_mandate.c.iban_sealed)
            .join(sepa_debit, sepa_debit.c.id == sepa_refund.c.debit_id)
            .join(sepa_mandate, sepa_mandate.c.id == sepa_debit.c.mandate_id)
            .where(
                sepa_refund.c.organisation_id == book.organisation_id,
                sepa_refund.c.legal_entity_id == book.legal_entity_id,
                sepa_refund.c.state == RefundState.WAITING,
                sepa_mandate.c.iban_sealed.is_not(None),
            )
            .order_by(sepa_refund.c.id)
            .limit(REFUNDS_MAX)
            .with_for_update(of=sepa_refund)
        )
    )
