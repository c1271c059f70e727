"""By which charge a payout can go back the way it came: never more than was paid by it, never of what is disputed."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, select

from portillon_cloud.billing.tables import credit_note
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.inbox.news import DisputeState
from portillon_cloud.payments.refunding.tables import RefundState, refund_attempt
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import (
    FinalOutcome,
    allocation,
    attempt_outcome,
    payment,
    payment_attempt,
    payment_method,
)

_GIVES_NOTHING_BACK = (RefundState.OVER, RefundState.CAME_BACK)
_WITH_THE_BANK = (DisputeState.OPEN, DisputeState.ANSWERED, DisputeState.LOST)
"""While the bank only asks, giving the money back is what may prevent the dispute."""


@dataclass(frozen=True, slots=True)
class WayBack:
    """A payment that came by a provider, and that provider's own name for the charge."""

    payment_id: int
    provider: str
    charge: str


def way_back(conn: Connection, payout: Row[Any]) -> WayBack | None:
    """The payment whose credit it is; or, of a credit note, one that had paid its invoice. None: by hand only.

    The caller holds the account.
    """
    if payout.payment_id is not None:
        candidates = select(payment.c.id).where(payment.c.id == payout.payment_id)
    else:
        candidates = (
            select(allocation.c.payment_id)
            .join(credit_note, credit_note.c.invoice_id == allocation.c.invoice_id)
            .where(credit_note.c.id == payout.credit_note_id, allocation.c.payment_id.is_not(None))
        )
    rows = conn.execute(
        select(payment.c.id, payment.c.amount_minor, payment_method.c.provider, attempt_outcome.c.provider_reference)
        .join(attempt_outcome, attempt_outcome.c.attempt_id == payment.c.attempt_id)
        .join(payment_attempt, payment_attempt.c.id == payment.c.attempt_id)
        .join(payment_method, payment_method.c.id == payment_attempt.c.payment_method_id)
        .where(
            payment.c.id.in_(candidates),
            payment.c.account_id == payout.account_id,
            payment.c.currency == payout.currency,
            attempt_outcome.c.outcome == FinalOutcome.SUCCEEDED,
            attempt_outcome.c.provider_reference.is_not(None),
        )
        .order_by(payment.c.id.desc())
    )
    for row in rows:
        if payout.amount_minor <= row.amount_minor - _gone_minor(conn, row.id) and not is_disputed(conn, row.id):
            return WayBack(row.id, row.provider, row.provider_reference)
    return None


def is_disputed(conn: Connection, payment_id: int) -> bool:
    """Whether the payer's bank has the payment in hand, or has taken it back for good (complaint: lago-api#6444)."""
    found = conn.scalar(
        select(dispute.c.id).where(dispute.c.payment_id == payment_id, dispute.c.state.in_(_WITH_THE_BANK)).limit(1)
    )
    return found is not None


def _gone_minor(conn: Connection, payment_id: int) -> int:
    """What of a payment was given back, is on its way back, or was taken back by the bank."""
    given = select(func.coalesce(func.sum(refund_attempt.c.amount_minor), 0)).where(
        refund_attempt.c.payment_id == payment_id, refund_attempt.c.state.not_in(_GIVES_NOTHING_BACK)
    )
    taken = select(func.coalesce(func.sum(payment_return.c.amount_minor), 0)).where(
        payment_return.c.payment_id == payment_id
    )
    return int(conn.execute(given).scalar_one()) + int(conn.execute(taken).scalar_one())
