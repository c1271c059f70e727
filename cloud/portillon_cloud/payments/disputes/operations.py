"""What a dispute changes, from the first word of the bank to the last of a person. Callers own the transaction.

    the bank asks        nothing is taken; an answer, or paying back, may prevent what comes
    the bank takes it    the money stands apart in the book; nobody passes on the account, nothing is charged
    evidence             was said by a person; the bank reads it
    won                  the money is ours again; what the dispute held is free
    lost                 the payment is undone; the account stays held until a person clears it, with a reason
    a debit's            is a debit that came back: owed again, dunned, and nobody is suspected

1. States only go on. What is heard late, twice, or after its end changes nothing but fees that are new (`fees`).
2. Whatever was not heard of is made up for: a dispute first heard of when it is lost was opened, too.
"""

from typing import Any

from sqlalchemy import Connection, Row, select, update

from portillon_cloud import webhooks
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.access.blocks import BlockReason
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments.disputes.errors import (
    NothingToClearError,
    OtherCurrencyError,
    PaymentNotKnownYetError,
    UnknownDisputeError,
)
from portillon_cloud.payments.disputes.fees import post_fees
from portillon_cloud.payments.disputes.tables import StepKind, dispute, dispute_step
from portillon_cloud.payments.inbox.news import DisputeSeen, DisputeState
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.tables import payment, payment_attempt

_HOW_FAR = {
    DisputeState.INQUIRY: 0,
    DisputeState.INQUIRY_ANSWERED: 1,
    DisputeState.INQUIRY_CLOSED: 2,
    DisputeState.OPEN: 3,
    DisputeState.ANSWERED: 4,
    DisputeState.WON: 5,
    DisputeState.LOST: 5,
}
"""An inquiry may become a dispute; none of them goes back."""

_TOLD = {
    StepKind.INQUIRY: webhooks.EventKind.DISPUTE_OPENED,
    StepKind.OPEN: webhooks.EventKind.DISPUTE_OPENED,
    StepKind.INQUIRY_ANSWERED: webhooks.EventKind.DISPUTE_ANSWERED,
    StepKind.ANSWERED: webhooks.EventKind.DISPUTE_ANSWERED,
    StepKind.WON: webhooks.EventKind.DISPUTE_CLOSED,
    StepKind.LOST: webhooks.EventKind.DISPUTE_CLOSED,
    StepKind.INQUIRY_CLOSED: webhooks.EventKind.DISPUTE_CLOSED,
    StepKind.CLEARED: webhooks.EventKind.DISPUTE_CLEARED,
}
"""What other programs are told of."""

_TAKEN = (DisputeState.OPEN, DisputeState.ANSWERED, DisputeState.WON, DisputeState.LOST)


def hear_dispute(conn: Connection, organisation_id: int, provider: str, seen: DisputeSeen, *, now_ms: int) -> None:
    """Bring the dispute to where the bank has it; one of a charge that is none of ours changes nothing.

    Raises PaymentNotKnownYetError, OtherCurrencyError.
    """
    paid = _payment_of(conn, organisation_id, seen)
    if paid is None:
        return
    lock_account(conn, paid.account_id)
    known = _find(conn, organisation_id, provider, seen.reference)
    goes_on = known is None or _HOW_FAR[seen.state] > _HOW_FAR[DisputeState(known.state)]
    if known is None:
        known = _row(conn, _open(conn, paid, provider, seen, now_ms))
    elif goes_on:
        values = {"state": seen.state, "answer_by_ms": seen.answer_by_ms or known.answer_by_ms}
        conn.execute(update(dispute).where(dispute.c.id == known.id).values(**values))
        note_step(conn, known, StepKind(seen.state), by=provider, now_ms=now_ms)
    post_fees(conn, known, seen.fees, now_ms=now_ms)
    if not goes_on:
        return
    if seen.state in _TAKEN and not known.taken:
        _take(conn, known, now_ms)
    if seen.state is DisputeState.WON:
        _won(conn, known, now_ms)
    if seen.state is DisputeState.LOST:
        _lost(conn, known, seen, now_ms)


def clear(conn: Connection, organisation_id: int, dispute_id: int, *, by: str, reason: str, now_ms: int) -> None:
    """A person has looked at the account after a lost dispute: its members pass and it is charged as before.

    Raises UnknownDisputeError, NothingToClearError.
    """
    row = lock_dispute(conn, organisation_id, dispute_id)
    if row.state != DisputeState.LOST or row.cleared_at_ms is not None:
        raise NothingToClearError(f"dispute {dispute_id} holds nothing that a person could clear ({row.state})")
    conn.execute(update(dispute).where(dispute.c.id == dispute_id).values(cleared_at_ms=now_ms))
    note_step(conn, row, StepKind.CLEARED, by=by, note=reason, now_ms=now_ms)
    _let_go(conn, row, now_ms)


def lock_dispute(conn: Connection, organisation_id: int, dispute_id: int) -> Row[Any]:
    """The dispute as it is, its account held until the transaction ends. Raises UnknownDisputeError."""
    found = select(dispute).where(dispute.c.id == dispute_id, dispute.c.organisation_id == organisation_id)
    row = conn.execute(found).one_or_none()
    if row is None:
        raise UnknownDisputeError(f"organisation {organisation_id} has no dispute {dispute_id}")
    lock_account(conn, row.account_id)
    return conn.execute(found).one()


def note_step(
    conn: Connection, row: Row[Any], kind: StepKind, *, by: str, now_ms: int, note: str | None = None
) -> None:
    """Write that something happened to it."""
    insert_one(
        conn,
        dispute_step,
        organisation_id=row.organisation_id,
        dispute_id=row.id,
        kind=kind,
        noted_by=by,
        note=note,
        at_ms=now_ms,
    )
    if kind in _TOLD:
        webhooks.tell(conn, _TOLD[kind], row.organisation_id, [row.id], at_ms=now_ms)


def _payment_of(conn: Connection, organisation_id: int, seen: DisputeSeen) -> Row[Any] | None:
    attempt_id = conn.scalar(
        select(payment_attempt.c.id).where(
            payment_attempt.c.key == seen.key, payment_attempt.c.organisation_id == organisation_id
        )
    )
    if attempt_id is None:
        return None
    paid = conn.execute(select(payment).where(payment.c.attempt_id == attempt_id)).one_or_none()
    if paid is None:
        raise PaymentNotKnownYetError(f"dispute {seen.reference} is of {seen.key}, which has not succeeded here yet")
    if paid.currency != seen.currency:
        raise OtherCurrencyError(
            f"dispute {seen.reference} is in {seen.currency}, payment {paid.id} in {paid.currency}: "
            "look at the provider's pages, and enter what it took by hand"
        )
    return paid


def _open(conn: Connection, paid: Row[Any], provider: str, seen: DisputeSeen, now_ms: int) -> int:
    dispute_id = insert_one(
        conn,
        dispute,
        organisation_id=paid.organisation_id,
        legal_entity_id=paid.legal_entity_id,
        account_id=paid.account_id,
        payment_id=paid.id,
        provider=provider,
        reference=seen.reference,
        amount_minor=seen.amount_minor,
        currency=seen.currency,
        reason=seen.reason,
        debit=seen.debit,
        state=seen.state,
        taken=False,
        answer_by_ms=seen.answer_by_ms,
        opened_at_ms=now_ms,
        cleared_at_ms=None,
    )
    row = _row(conn, dispute_id)
    if seen.state in (DisputeState.WON, DisputeState.LOST, DisputeState.ANSWERED):
        note_step(conn, row, StepKind.OPEN, by=provider, now_ms=now_ms)
    note_step(conn, row, StepKind(seen.state), by=provider, now_ms=now_ms)
    return dispute_id


def _take(conn: Connection, row: Row[Any], now_ms: int) -> None:
    """The money is with the bank until it is decided; a debit's payer is suspected of nothing."""
    conn.execute(update(dispute).where(dispute.c.id == row.id).values(taken=True))
    _post(
        conn,
        row,
        "dispute_opened",
        Posting(LedgerCode.DISPUTED, LedgerCode.PROVIDER_CLEARING, row.amount_minor),
        now_ms,
    )
    if not row.debit:
        put_block(
            conn,
            organisation_id=row.organisation_id,
            account_id=row.account_id,
            reason=BlockReason.CHARGEBACK,
            source=_source(row),
            from_ms=now_ms,
        )


def _won(conn: Connection, row: Row[Any], now_ms: int) -> None:
    _post(
        conn, row, "dispute_won", Posting(LedgerCode.PROVIDER_CLEARING, LedgerCode.DISPUTED, row.amount_minor), now_ms
    )
    _let_go(conn, row, now_ms)


def _lost(conn: Connection, row: Row[Any], seen: DisputeSeen, now_ms: int) -> None:
    take_back(
        conn,
        TakenBack(
            organisation_id=row.organisation_id,
            payment_id=row.payment_id,
            kind=ReturnKind.RETURNED if row.debit else ReturnKind.DISPUTED,
            code=seen.reason,
            request_key=f"{row.provider}:{row.reference}",
            by=row.provider,
            amount_minor=row.amount_minor,
            out_of=LedgerCode.DISPUTED,
            collect_again=row.debit,
        ),
        now_ms=now_ms,
    )


def _let_go(conn: Connection, row: Row[Any], now_ms: int) -> None:
    end_block(
        conn,
        organisation_id=row.organisation_id,
        account_id=row.account_id,
        reason=BlockReason.CHARGEBACK,
        source=_source(row),
        at_ms=now_ms,
    )


def _source(row: Row[Any]) -> str:
    return f"dispute:{row.id}"


def _find(conn: Connection, organisation_id: int, provider: str, reference: str) -> Row[Any] | None:
    return conn.execute(
        select(dispute).where(
            dispute.c.organisation_id == organisation_id,
            dispute.c.provider == provider,
            dispute.c.reference == reference,
        )
    ).one_or_none()


def _row(conn: Connection, dispute_id: int) -> Row[Any]:
    return conn.execute(select(dispute).where(dispute.c.id == dispute_id)).one()


def _post(conn: Connection, row: Row[Any], kind: str, line: Posting, now_ms: int) -> None:
    zone = time_zone_of(conn, row.organisation_id)
    post(
        conn,
        Entry(kind=kind, source=str(row.id), occurred_on=local_date(now_ms, zone), postings=(line,)),
        organisation_id=row.organisation_id,
        legal_entity_id=row.legal_entity_id,
        currency=row.currency,
        recorded_at_ms=now_ms,
    )
