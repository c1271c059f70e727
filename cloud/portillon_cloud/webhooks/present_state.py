"""What an event's thing is like now: read when the event is sent, never when it was written."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Row, Table, func, select

from portillon_cloud.access.standing import standing_at, switches_off
from portillon_cloud.access.store import account_facts
from portillon_cloud.attendance.tables import journal_event
from portillon_cloud.billing.event_store import recorded
from portillon_cloud.billing.life import life_on
from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import credit_note, invoice, subscription
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account, member
from portillon_cloud.payments.disputes.list import fee_minor
from portillon_cloud.payments.disputes.tables import dispute
from portillon_cloud.payments.fraud.tables import fraud_signal
from portillon_cloud.payments.owed import owed_minor
from portillon_cloud.payments.refunding.tables import payout_paid
from portillon_cloud.payments.return_tables import allocation_undone, payment_return
from portillon_cloud.payments.tables import allocation, attempt_outcome, payment, payment_attempt, payment_intent
from portillon_cloud.webhooks.catalogue import (
    ChargeState,
    CreditNoteState,
    DisputeTold,
    EndpointTold,
    EventKind,
    InvoiceState,
    MemberState,
    PassageState,
    PaymentState,
    RefundTold,
    ReturnState,
    Settled,
    StandingState,
    State,
    SubscriptionState,
    SuspectedState,
)
from portillon_cloud.webhooks.tables import webhook_endpoint

Read = Callable[[Connection, int, int, int], State | None]
"""Connection, organisation, subject, business time: what it is like; None: there is no such thing any more."""


def present_state(
    conn: Connection, kind: EventKind, organisation_id: int, subject_id: int, *, now_ms: int
) -> State | None:
    """What the subject of an event of this kind is like now; None: there is no such thing any more."""
    return _READ[kind](conn, organisation_id, subject_id, now_ms)


def _row(conn: Connection, table: Table, organisation_id: int, subject_id: int) -> Row[Any] | None:
    own = (table.c.organisation_id == organisation_id, table.c.id == subject_id)
    return conn.execute(select(table).where(*own)).one_or_none()


def _member(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, member, organisation_id, subject_id)
    if row is None:
        return None
    return MemberState(member_id=row.id, account_id=row.account_id, site_id=row.site_id, joined_on=row.joined_on)


def _subscription(conn: Connection, organisation_id: int, subject_id: int, now_ms: int) -> State | None:
    row = _row(conn, subscription, organisation_id, subject_id)
    events = recorded(conn, [subject_id]).get(subject_id)
    if row is None or not events:
        return None
    life = life_on(events, local_date(now_ms, time_zone_of(conn, organisation_id)))
    return SubscriptionState(
        subscription_id=row.id,
        contract_id=row.contract_id,
        member_id=row.member_id,
        account_id=row.account_id,
        price_id=life.tariff.price_id,
        condition=life.condition,
        starts_on=life.starts_on,
        ends_on=life.ends_on,
    )


def _invoice(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, invoice, organisation_id, subject_id)
    if row is None:
        return None
    return InvoiceState(
        invoice_id=row.id,
        account_id=row.account_id,
        number=printed(row.series, row.number, row.issued_on),
        issued_on=row.issued_on,
        due_on=row.due_on,
        currency=row.currency,
        total_minor=row.total_minor,
        owed_minor=owed_minor(conn, row.id),
    )


def _credit_note(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, credit_note, organisation_id, subject_id)
    if row is None:
        return None
    return CreditNoteState(
        credit_note_id=row.id,
        invoice_id=row.invoice_id,
        account_id=row.account_id,
        number=printed(row.series, row.number, row.issued_on),
        issued_on=row.issued_on,
        currency=row.currency,
        total_minor=row.total_minor,
    )


def _payment(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, payment, organisation_id, subject_id)
    if row is None:
        return None
    used, undone = allocation.c, allocation_undone.c
    taken_back = (
        select(func.coalesce(func.sum(undone.amount_minor), 0)).where(undone.allocation_id == used.id).scalar_subquery()
    )
    left = func.sum(used.amount_minor - taken_back)
    settles = conn.execute(
        select(used.invoice_id, left.label("left_minor"))
        .where(used.payment_id == row.id)
        .group_by(used.invoice_id)
        .having(left > 0)
        .order_by(used.invoice_id)
    )
    returned = select(func.coalesce(func.sum(payment_return.c.amount_minor), 0))
    return PaymentState(
        payment_id=row.id,
        account_id=row.account_id,
        means=row.means,
        currency=row.currency,
        amount_minor=row.amount_minor,
        returned_minor=int(conn.execute(returned.where(payment_return.c.payment_id == row.id)).scalar_one()),
        settles=[Settled(invoice_id=one.invoice_id, amount_minor=int(one.left_minor)) for one in settles],
    )


def _charge(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    attempt, intent, outcome = payment_attempt.c, payment_intent.c, attempt_outcome.c
    row = conn.execute(
        select(
            attempt.id, attempt.number, intent.invoice_id, intent.account_id, intent.currency, intent.amount_minor,
            outcome.outcome, outcome.code,
        )
        .join(payment_intent, intent.id == attempt.intent_id)
        .outerjoin(attempt_outcome, outcome.attempt_id == attempt.id)
        .where(attempt.id == subject_id, attempt.organisation_id == organisation_id)
    ).one_or_none()  # fmt: skip
    if row is None:
        return None
    return ChargeState(
        attempt_id=row.id,
        invoice_id=row.invoice_id,
        account_id=row.account_id,
        number=row.number,
        currency=row.currency,
        amount_minor=row.amount_minor,
        outcome=row.outcome,
        code=row.code,
        owed_minor=owed_minor(conn, row.invoice_id),
    )


def _return(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, payment_return, organisation_id, subject_id)
    if row is None:
        return None
    return ReturnState(
        return_id=row.id,
        payment_id=row.payment_id,
        account_id=row.account_id,
        kind=row.kind,
        code=row.code,
        currency=row.currency,
        amount_minor=row.amount_minor,
    )


def _dispute(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = conn.execute(
        select(dispute, fee_minor().label("fee_minor")).where(
            dispute.c.organisation_id == organisation_id, dispute.c.id == subject_id
        )
    ).one_or_none()
    if row is None:
        return None
    return DisputeTold(
        dispute_id=row.id,
        payment_id=row.payment_id,
        account_id=row.account_id,
        state=row.state,
        reason=row.reason,
        currency=row.currency,
        amount_minor=row.amount_minor,
        fee_minor=int(row.fee_minor),
        debit=row.debit,
        cleared=row.cleared_at_ms is not None,
        answer_by_ms=row.answer_by_ms,
    )


def _refund(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, payout_paid, organisation_id, subject_id)
    if row is None:
        return None
    return RefundTold(
        refund_id=row.id,
        account_id=row.account_id,
        means=row.means,
        currency=row.currency,
        amount_minor=row.amount_minor,
    )


def _suspected(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    column = fraud_signal.c
    found = conn.execute(
        select(column.suspicion)
        .where(
            column.organisation_id == organisation_id,
            column.account_id == subject_id,
            column.cleared_at_real_ms.is_(None),
        )
        .order_by(column.id)
    ).scalars()
    return SuspectedState(account_id=subject_id, suspicions=list(found))


def _standing(conn: Connection, organisation_id: int, subject_id: int, now_ms: int) -> State | None:
    if _row(conn, account, organisation_id, subject_id) is None:
        return None
    facts = account_facts(conn, organisation_id, [subject_id], now_ms)[subject_id]
    return StandingState(
        account_id=subject_id,
        standing=standing_at(facts, now_ms),
        switched_off=sorted(switches_off(facts, now_ms)),
    )


def _passage(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, journal_event, organisation_id, subject_id)
    if row is None:
        return None
    known = row.member is not None and row.member.isdecimal()
    return PassageState(
        passage_id=row.id,
        site_id=row.site_id,
        door=row.door,
        member_id=int(row.member) if known else None,
        at_ms=row.at_ms,
        way=row.way,
    )


def _endpoint(conn: Connection, organisation_id: int, subject_id: int, _now_ms: int) -> State | None:
    row = _row(conn, webhook_endpoint, organisation_id, subject_id)
    return None if row is None else EndpointTold(endpoint_id=row.id, state=row.state)


_READ: Mapping[EventKind, Read] = MappingProxyType(
    {
        EventKind.MEMBER_CREATED: _member,
        EventKind.SUBSCRIPTION_STARTED: _subscription,
        EventKind.SUBSCRIPTION_CHANGED: _subscription,
        EventKind.SUBSCRIPTION_ENDED: _subscription,
        EventKind.INVOICE_ISSUED: _invoice,
        EventKind.CREDIT_NOTE_ISSUED: _credit_note,
        EventKind.PAYMENT_SUCCEEDED: _payment,
        EventKind.PAYMENT_FAILED: _charge,
        EventKind.PAYMENT_ACTION_REQUIRED: _charge,
        EventKind.PAYMENT_RETURNED: _return,
        EventKind.DISPUTE_OPENED: _dispute,
        EventKind.DISPUTE_ANSWERED: _dispute,
        EventKind.DISPUTE_CLOSED: _dispute,
        EventKind.DISPUTE_CLEARED: _dispute,
        EventKind.REFUND_PAID: _refund,
        EventKind.ACCOUNT_SUSPECTED: _suspected,
        EventKind.STANDING_CHANGED: _standing,
        EventKind.PASSAGE: _passage,
        EventKind.ENDPOINT_FAILING: _endpoint,
        EventKind.PING: _endpoint,
    }
)
