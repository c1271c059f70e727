"""Write off what nobody hopes for any more: it becomes a loss, and the member owes it no longer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, insert, select

from portillon_cloud import outbox
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments import store
from portillon_cloud.payments.desk import end_charging
from portillon_cloud.payments.errors import NothingOwedError, OverpaymentError, RequestKeyReusedError
from portillon_cloud.payments.owed import owed_minor
from portillon_cloud.payments.tables import IntentState, allocation
from portillon_cloud.payments.tables import write_off as write_off_row


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOff:
    """Who gives up how much of an invoice, and why. `amount_minor` None: all that is owed of it."""

    organisation_id: int
    account_id: int
    invoice_id: int
    by: str
    reason: str
    request_key: str
    amount_minor: int | None = None


def write_off(conn: Connection, asked: WriteOff, *, now_ms: int) -> int:
    """Write it off; its id. Taxes owed on it stay owed: what law gives back of those is claimed, not posted.

    Raises NothingOwedError, OverpaymentError, ChargeUnderWayError, RequestKeyReusedError, PeriodClosedError.
    """
    lock_account(conn, asked.account_id)
    before = _done_before(conn, asked)
    if before is not None:
        return before
    intents = [
        one
        for one in store.lock_live_intents(conn, asked.account_id)
        if (one.organisation_id, one.invoice_id) == (asked.organisation_id, asked.invoice_id)
    ]
    if not intents:
        raise NothingOwedError(f"nothing is owed of invoice {asked.invoice_id} by account {asked.account_id}")
    intent, owed = intents[0], owed_minor(conn, asked.invoice_id)
    given_up = owed if asked.amount_minor is None else asked.amount_minor
    if not 0 < given_up <= owed:
        raise OverpaymentError(f"{owed} is owed of invoice {intent.invoice_id}: write off between 1 and that")
    _take_off(conn, intents, given_up, now_ms=now_ms)
    made = insert_one(
        conn,
        write_off_row,
        organisation_id=intent.organisation_id,
        legal_entity_id=intent.legal_entity_id,
        account_id=intent.account_id,
        invoice_id=intent.invoice_id,
        amount_minor=given_up,
        currency=intent.currency,
        written_off_at_ms=now_ms,
        written_off_by=asked.by,
        reason=asked.reason,
        request_key=asked.request_key,
    )
    conn.execute(
        insert(allocation).values(
            organisation_id=intent.organisation_id,
            write_off_id=made,
            invoice_id=intent.invoice_id,
            amount_minor=given_up,
        )
    )
    post(
        conn,
        Entry(
            kind="write_off",
            source=str(made),
            occurred_on=local_date(now_ms, time_zone_of(conn, intent.organisation_id)),
            postings=(Posting(LedgerCode.BAD_DEBT, LedgerCode.RECEIVABLE, given_up),),
        ),
        organisation_id=intent.organisation_id,
        legal_entity_id=intent.legal_entity_id,
        currency=intent.currency,
        recorded_at_ms=now_ms,
    )
    dunning.paid(conn, organisation_id=intent.organisation_id, account_id=intent.account_id, now_ms=now_ms)
    outbox.account_changed(conn, intent.organisation_id, intent.account_id)
    return made


def _take_off(conn: Connection, intents: Sequence[store.Intent], left_minor: int, *, now_ms: int) -> None:
    """Collect so much less, of instalments from the one due first on."""
    for intent in intents:
        if left_minor <= 0:
            return
        share_minor = min(left_minor, store.owed_of(conn, intent))
        left_minor -= share_minor
        end_charging(conn, intent, code="written_off", now_ms=now_ms)
        store.set_intent_state(conn, intent.id, IntentState.REPLACED)
        if share_minor < intent.amount_minor:
            store.insert_intent(conn, replace(intent, amount_minor=intent.amount_minor - share_minor), now_ms)


def _done_before(conn: Connection, asked: WriteOff) -> int | None:
    column = write_off_row.c
    row = conn.execute(
        select(write_off_row).where(
            column.organisation_id == asked.organisation_id, column.request_key == asked.request_key
        )
    ).one_or_none()
    if row is None:
        return None
    if row.invoice_id != asked.invoice_id or asked.amount_minor not in (None, row.amount_minor):
        raise RequestKeyReusedError(f"request key {asked.request_key!r} was used for write-off {row.id}; use a new key")
    return int(row.id)
