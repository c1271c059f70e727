"""A member's credit: what of credit notes and payments no invoice has used, and its use for what is owed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, delete, insert, select, update

from portillon_cloud import outbox
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.tables import organisation
from portillon_cloud.payments import store
from portillon_cloud.payments.tables import AttemptState, FinalOutcome, IntentState, allocation, open_credit


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """An amount that an account has: of a payment, or of a credit note."""

    organisation_id: int
    account_id: int
    left_minor: int
    currency: str
    payment_id: int | None = None
    credit_note_id: int | None = None


def add_credit(conn: Connection, credit: Credit) -> None:
    """Keep it for what comes."""
    if credit.left_minor > 0:
        insert_one(
            conn,
            open_credit,
            organisation_id=credit.organisation_id,
            account_id=credit.account_id,
            payment_id=credit.payment_id,
            credit_note_id=credit.credit_note_id,
            currency=credit.currency,
            left_minor=credit.left_minor,
        )


def with_credit(conn: Connection, account_ids: Iterable[int]) -> Sequence[int]:
    """Those of the accounts that have any credit."""
    column = open_credit.c.account_id
    return (
        conn.execute(select(column).where(column.in_(sorted(set(account_ids)))).distinct().order_by(column))
        .scalars()
        .all()
    )


def use_credit(conn: Connection, account_id: int, *, now_ms: int, first_invoice_id: int | None = None) -> int:
    """Use the account's credit for what it owes, the invoice due first first (or the one named); what was used.

    An invoice whose charge may still succeed is left out: it would be paid twice. Its turn comes with the next use.
    """
    intents = store.lock_live_intents(conn, account_id)
    intents.sort(key=lambda intent: intent.invoice_id != first_invoice_id)
    used_minor = 0
    for intent in intents:
        if _in_flight(conn, intent):
            continue
        used_minor += _settle(conn, intent, now_ms)
    if used_minor:
        organisation_id = intents[0].organisation_id
        dunning.paid(conn, organisation_id=organisation_id, account_id=account_id, now_ms=now_ms)
        outbox.account_changed(conn, organisation_id, account_id)
    return used_minor


def _in_flight(conn: Connection, intent: store.Intent) -> bool:
    live = store.live_attempt(conn, intent.id)
    return live is not None and live.state is not AttemptState.PROVIDER_DOWN


def _settle(conn: Connection, intent: store.Intent, now_ms: int) -> int:
    owed = store.owed_of(conn, intent)
    column = open_credit.c
    sources = conn.execute(
        select(open_credit)
        .where(column.account_id == intent.account_id, column.currency == intent.currency)
        .order_by(column.id)
    ).all()
    used_minor = 0
    for source in sources:
        share_minor = min(source.left_minor, owed - used_minor)
        if share_minor <= 0:
            break
        used_minor += share_minor
        _allocate(conn, intent, source.payment_id, source.credit_note_id, share_minor, now_ms)
        if share_minor == source.left_minor:
            conn.execute(delete(open_credit).where(column.id == source.id))
        else:
            left_minor = source.left_minor - share_minor
            conn.execute(update(open_credit).where(column.id == source.id).values(left_minor=left_minor))
    if used_minor:
        live = store.live_attempt(conn, intent.id)
        if live is not None:
            store.end_attempt(conn, intent, live, FinalOutcome.ABANDONED, now_ms=now_ms, code="paid_by_credit")
        store.set_intent_state(conn, intent.id, IntentState.REPLACED)
        if used_minor < owed:
            store.insert_intent(conn, replace(intent, amount_minor=owed - used_minor), now_ms)
    return used_minor


def _allocate(
    conn: Connection,
    intent: store.Intent,
    payment_id: int | None,
    credit_note_id: int | None,
    share_minor: int,
    now_ms: int,
) -> None:
    allocation_id = conn.execute(
        insert(allocation)
        .values(
            organisation_id=intent.organisation_id,
            payment_id=payment_id,
            credit_note_id=credit_note_id,
            invoice_id=intent.invoice_id,
            position=intent.position,
            amount_minor=share_minor,
        )
        .returning(allocation.c.id)
    ).scalar_one()
    zone = conn.execute(
        select(organisation.c.time_zone).where(organisation.c.id == intent.organisation_id)
    ).scalar_one()
    post(
        conn,
        Entry(
            kind="credit_used",
            source=str(allocation_id),
            occurred_on=local_date(now_ms, zone),
            postings=(Posting(LedgerCode.MEMBER_CREDIT, LedgerCode.RECEIVABLE, share_minor),),
        ),
        organisation_id=intent.organisation_id,
        legal_entity_id=intent.legal_entity_id,
        currency=intent.currency,
        recorded_at_ms=now_ms,
    )
