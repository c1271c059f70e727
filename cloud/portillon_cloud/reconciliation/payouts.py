"""What a payment provider pays out: each movement beside the attempt it is of, and the fees it kept posted.

A payout is told once. What it comes to is checked against its movements: gross less fees is what arrives, to the cent.
Of one that somebody ordered by hand at the provider no movements are told: its fees are entered by hand, too. What a
dispute of ours costs is posted by the dispute (`payments.disputes.fees`), before or after.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.errors import PermanentError
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.ledger.periods import Book, closed_through
from portillon_cloud.payments.tables import attempt_outcome, payment_intent
from portillon_cloud.reconciliation.tables import provider_payout, provider_payout_line

FEES = "provider_fees"
"""Kind of the ledger's entries made here; the source is the payout."""


class PayoutUnevenError(PermanentError):
    """A payout is not what its movements come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """One movement of a payout. `charge`: the provider's own name for the charge it is about.

    `of_dispute`: the fee is a dispute's, which tells of it, too.
    """

    reference: str
    kind: str
    gross_minor: int
    fee_minor: int
    charge: str | None = None
    of_dispute: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """What arrives at the bank on a day, and of what it is made; `by_hand`: of nothing that is told."""

    provider: str
    reference: str
    arrives_on: datetime.date
    amount_minor: int
    movements: Sequence[Movement]
    by_hand: bool = False


def record_payout(conn: Connection, book: Book, told: Payout, *, now_ms: int) -> int:
    """Keep it and post its fees; its id, however often it is told. Raises PayoutUnevenError."""
    column = provider_payout.c
    before: int | None = conn.scalar(
        select(column.id).where(
            column.organisation_id == book.organisation_id,
            column.provider == told.provider,
            column.reference == told.reference,
        )
    )
    if before is not None:
        return before
    fees_minor = sum(one.fee_minor for one in told.movements)
    net_minor = sum(one.gross_minor for one in told.movements) - fees_minor
    if net_minor != told.amount_minor and not told.by_hand:
        raise PayoutUnevenError(f"payout {told.reference} is {told.amount_minor}; its movements come to {net_minor}")
    payout_id = insert_one(
        conn,
        provider_payout,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        provider=told.provider,
        reference=told.reference,
        arrives_on=told.arrives_on,
        amount_minor=told.amount_minor,
        fees_minor=fees_minor,
        by_hand=told.by_hand,
        currency=book.currency,
        told_at_ms=now_ms,
    )
    attempts = _attempts(conn, book.organisation_id, [one.charge for one in told.movements if one.charge])
    in_currency = {reference for reference, attempt in attempts.items() if attempt.currency == book.currency}
    for one in told.movements:
        insert_one(
            conn,
            provider_payout_line,
            organisation_id=book.organisation_id,
            provider_payout_id=payout_id,
            reference=one.reference,
            kind=one.kind,
            gross_minor=one.gross_minor,
            fee_minor=one.fee_minor,
            charge=one.charge,
            attempt_id=attempts[one.charge].attempt_id if one.charge is not None and one.charge in attempts else None,
        )
    told_of_minor = sum(one.fee_minor for one in told.movements if one.of_dispute and one.charge in in_currency)
    if fees_minor != told_of_minor:
        _post_fees(conn, book, payout_id, told.arrives_on, fees_minor - told_of_minor, now_ms)
    return payout_id


def _attempts(conn: Connection, organisation_id: int, charges: Sequence[str]) -> Mapping[str, Row[*tuple[Any, ...]]]:
    """Our attempts by the provider's names."""
    if not charges:
        return {}
    rows = conn.execute(
        select(attempt_outcome.c.provider_reference, attempt_outcome.c.attempt_id, payment_intent.c.currency)
        .join(payment_intent, payment_intent.c.id == attempt_outcome.c.intent_id)
        .where(attempt_outcome.c.organisation_id == organisation_id, attempt_outcome.c.provider_reference.in_(charges))
    )
    return {row.provider_reference: row for row in rows}


def _post_fees(conn: Connection, book: Book, payout_id: int, on: datetime.date, fees_minor: int, now_ms: int) -> None:
    closed_on = closed_through(conn, book.legal_entity_id)
    sides = (LedgerCode.PROVIDER_FEES, LedgerCode.PROVIDER_CLEARING)
    debit, credit = sides if fees_minor > 0 else sides[::-1]
    entry = Entry(
        kind=FEES,
        source=str(payout_id),
        occurred_on=on if closed_on is None else max(on, closed_on + datetime.timedelta(days=1)),
        postings=(Posting(debit, credit, abs(fees_minor)),),
    )
    post(
        conn,
        entry,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        currency=book.currency,
        recorded_at_ms=now_ms,
    )
