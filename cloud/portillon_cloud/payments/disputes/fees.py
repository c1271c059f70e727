"""What a dispute costs beside its amount: what the provider keeps for it, and may give back when it is won.

A fee stands twice among what a provider tells: with the dispute, and weeks later in the payout that it lowered. It is
posted by the dispute, whichever is heard of first; the payout leaves out what is a dispute's of ours in its own
currency (`reconciliation.payouts`), and posts every other. So each is posted once, and nobody waits for anybody.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments.disputes.tables import dispute_fee
from portillon_cloud.payments.inbox.news import DisputeFee

FEE = "dispute_fee"
"""Kind of the ledger's entries made here; the source is the fee."""


def post_fees(conn: Connection, row: Row[Any], told: Sequence[DisputeFee], *, now_ms: int) -> None:
    """Post what is new of the fees of this dispute. The caller holds its account."""
    column = dispute_fee.c
    known = set(
        conn.execute(
            select(column.reference).where(
                column.organisation_id == row.organisation_id, column.reference.in_([one.reference for one in told])
            )
        ).scalars()
    )
    for one in told:
        if one.fee_minor and one.currency == row.currency and one.reference not in known:
            _post(conn, row, one, now_ms)


def _post(conn: Connection, row: Row[Any], told: DisputeFee, now_ms: int) -> None:
    fee_id = insert_one(
        conn,
        dispute_fee,
        organisation_id=row.organisation_id,
        account_id=row.account_id,
        dispute_id=row.id,
        reference=told.reference,
        fee_minor=told.fee_minor,
        currency=told.currency,
        told_at_ms=now_ms,
    )
    sides = (LedgerCode.PROVIDER_FEES, LedgerCode.PROVIDER_CLEARING)
    debit, credit = sides if told.fee_minor > 0 else sides[::-1]
    entry = Entry(
        kind=FEE,
        source=str(fee_id),
        occurred_on=local_date(now_ms, time_zone_of(conn, row.organisation_id)),
        postings=(Posting(debit, credit, abs(told.fee_minor)),),
    )
    post(
        conn,
        entry,
        organisation_id=row.organisation_id,
        legal_entity_id=row.legal_entity_id,
        currency=row.currency,
        recorded_at_ms=now_ms,
    )
