"""Money that a payer's bank takes back after it was ours: a returned debit, a lost dispute, a cheque that bounced.

1. The payment and its allocations stay as they are; the return is a record of its own, told twice it is one.
2. What no invoice had used goes first; then allocations are undone, the newest first.
3. What is owed again is a new intent in a place of its own: timers of the old one, and what is on its way for it,
   have nothing to do with it.
4. What had been paid back to the member meanwhile is a loss: nobody can be charged for it without a person's word.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from portillon_cloud import outbox, webhooks
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.clock.local import local_date
from portillon_cloud.database.rows import insert_one
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.ledger import Entry, LedgerCode, Posting, post
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.payments import store
from portillon_cloud.payments.errors import OverpaymentError, RequestKeyReusedError, UnknownPaymentError
from portillon_cloud.payments.provider import is_hard
from portillon_cloud.payments.return_tables import ReturnKind, allocation_undone, payment_return
from portillon_cloud.payments.tables import IntentState, Means, allocation, open_credit, payment, payment_intent
from portillon_cloud.takings.operations import record_taking


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """What the bank says. `request_key`: its own name for it. `amount_minor` None: all that is left of the payment.

    `out_of`: where the money lay. `collect_again` False: what is owed again waits for a person.
    """

    organisation_id: int
    payment_id: int
    kind: ReturnKind
    code: str
    request_key: str
    by: str
    amount_minor: int | None = None
    out_of: LedgerCode = LedgerCode.PROVIDER_CLEARING
    collect_again: bool = True


@dataclass(frozen=True, slots=True)
class _Undone:
    """What of one allocation is taken back."""

    allocation_id: int
    invoice_id: int
    position: int
    amount_minor: int


def take_back(conn: Connection, told: TakenBack, *, now_ms: int) -> int:
    """Book it, owe it again, begin its dunning; its id.

    Raises UnknownPaymentError, OverpaymentError (more than is left of the payment), RequestKeyReusedError.
    """
    paid = _lock_payment(conn, told)
    before = _told_before(conn, told)
    if before is not None:
        return before
    left_minor = paid.amount_minor - _returned_minor(conn, paid.id)
    amount_minor = left_minor if told.amount_minor is None else told.amount_minor
    if not 0 < amount_minor <= left_minor:
        raise OverpaymentError(f"of payment {paid.id} {left_minor} is left: no more can be taken back")
    from_credit_minor = _take_credit(conn, paid.id, amount_minor)
    undone = list(_undoable(conn, paid.id, amount_minor - from_credit_minor))
    lost_minor = amount_minor - from_credit_minor - sum(one.amount_minor for one in undone)
    return_id = insert_one(
        conn,
        payment_return,
        organisation_id=told.organisation_id,
        legal_entity_id=paid.legal_entity_id,
        account_id=paid.account_id,
        payment_id=paid.id,
        amount_minor=amount_minor,
        from_credit_minor=from_credit_minor,
        lost_minor=lost_minor,
        currency=paid.currency,
        kind=told.kind,
        code=told.code,
        request_key=told.request_key,
        noted_by=told.by,
        returned_at_ms=now_ms,
    )
    _write_undone(conn, told.organisation_id, return_id, undone)
    sides = (
        (LedgerCode.RECEIVABLE, amount_minor - from_credit_minor - lost_minor),
        (LedgerCode.MEMBER_CREDIT, from_credit_minor),
        (LedgerCode.BAD_DEBT, lost_minor),
    )
    post(
        conn,
        Entry(
            kind="payment_return",
            source=str(return_id),
            occurred_on=local_date(now_ms, time_zone_of(conn, told.organisation_id)),
            postings=tuple(Posting(code, told.out_of, minor) for code, minor in sides if minor),
        ),
        organisation_id=told.organisation_id,
        legal_entity_id=paid.legal_entity_id,
        currency=paid.currency,
        recorded_at_ms=now_ms,
    )
    if Means(paid.means) is not Means.BROUGHT:
        back: Counter[int] = Counter()
        for one in undone:
            back[one.invoice_id] -= one.amount_minor
        record_taking(
            conn,
            organisation_id=told.organisation_id,
            legal_entity_id=paid.legal_entity_id,
            account_id=paid.account_id,
            payment_id=paid.id,
            means=paid.means,
            amount_minor=-amount_minor,
            currency=paid.currency,
            settles=back,
            now_ms=now_ms,
            return_id=return_id,
        )
    for one in undone:
        _owe_again(conn, paid, one, told, now_ms)
    dunning.review_account(conn, organisation_id=told.organisation_id, account_id=paid.account_id, now_ms=now_ms)
    dunning.watch_account(conn, organisation_id=told.organisation_id, account_id=paid.account_id)
    outbox.account_changed(conn, told.organisation_id, paid.account_id)
    webhooks.tell(conn, webhooks.EventKind.PAYMENT_RETURNED, told.organisation_id, [return_id], at_ms=now_ms)
    return return_id


def _lock_payment(conn: Connection, told: TakenBack) -> Row[Any]:
    found = conn.execute(
        select(payment).where(payment.c.id == told.payment_id, payment.c.organisation_id == told.organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownPaymentError(f"organisation {told.organisation_id} has no payment {told.payment_id}")
    lock_account(conn, found.account_id)
    return found


def _told_before(conn: Connection, told: TakenBack) -> int | None:
    row = conn.execute(
        select(payment_return).where(
            payment_return.c.organisation_id == told.organisation_id,
            payment_return.c.request_key == told.request_key,
        )
    ).one_or_none()
    if row is None:
        return None
    if (row.payment_id, row.kind) != (told.payment_id, told.kind):
        raise RequestKeyReusedError(f"{told.request_key!r} was told of payment {row.payment_id} before, as {row.kind}")
    return int(row.id)


def _returned_minor(conn: Connection, payment_id: int) -> int:
    total = select(func.coalesce(func.sum(payment_return.c.amount_minor), 0))
    return int(conn.execute(total.where(payment_return.c.payment_id == payment_id)).scalar_one())


def _take_credit(conn: Connection, payment_id: int, amount_minor: int) -> int:
    """Take back what no invoice has used; how much that was."""
    column = open_credit.c
    row = conn.execute(select(column.id, column.left_minor).where(column.payment_id == payment_id)).one_or_none()
    if row is None:
        return 0
    if row.left_minor <= amount_minor:
        conn.execute(delete(open_credit).where(column.id == row.id))
        return int(row.left_minor)
    conn.execute(update(open_credit).where(column.id == row.id).values(left_minor=row.left_minor - amount_minor))
    return amount_minor


def _undoable(conn: Connection, payment_id: int, amount_minor: int) -> Iterator[_Undone]:
    undone = (
        select(func.coalesce(func.sum(allocation_undone.c.amount_minor), 0))
        .where(allocation_undone.c.allocation_id == allocation.c.id)
        .scalar_subquery()
    )
    rows = conn.execute(
        select(allocation, undone.label("undone_minor"))
        .where(allocation.c.payment_id == payment_id)
        .order_by(allocation.c.id.desc())
    ).all()
    for row in rows:
        minor = min(row.amount_minor - int(row.undone_minor), amount_minor)
        if minor > 0:
            amount_minor -= minor
            yield _Undone(row.id, row.invoice_id, row.position, minor)


def _write_undone(conn: Connection, organisation_id: int, return_id: int, undone: Sequence[_Undone]) -> None:
    for one in undone:
        newest = conn.execute(
            select(func.max(allocation.c.id)).where(allocation.c.invoice_id == one.invoice_id)
        ).scalar_one()
        insert_one(
            conn,
            allocation_undone,
            organisation_id=organisation_id,
            payment_return_id=return_id,
            allocation_id=one.allocation_id,
            after_id=newest,
            invoice_id=one.invoice_id,
            position=one.position,
            amount_minor=one.amount_minor,
        )


def _owe_again(conn: Connection, paid: Row[Any], one: _Undone, told: TakenBack, now_ms: int) -> None:
    intent = store.insert_intent(conn, _next_intent(conn, paid, one), now_ms)
    if not told.collect_again:
        store.set_intent_state(conn, intent.id, IntentState.PARKED)
        return
    failure = dunning.Failure(
        organisation_id=told.organisation_id,
        account_id=paid.account_id,
        invoice_id=one.invoice_id,
        intent_id=intent.id,
        code=told.code,
    )
    # Whose cheque bounced has agreed to no charge of a card.
    retries = told.kind is ReturnKind.RETURNED and not is_hard(told.code)
    dunning.charge_failed(conn, failure, retries=retries, now_ms=now_ms)


def _next_intent(conn: Connection, paid: Row[Any], one: _Undone) -> store.Intent:
    column = payment_intent.c
    of_invoice = column.invoice_id == one.invoice_id
    highest = conn.execute(select(func.max(column.position)).where(of_invoice)).scalar_one()
    due_on = conn.scalar(
        select(column.due_on).where(of_invoice, column.position == one.position).order_by(column.id.desc()).limit(1)
    )
    return store.Intent(
        id=0,
        organisation_id=paid.organisation_id,
        legal_entity_id=paid.legal_entity_id,
        account_id=paid.account_id,
        invoice_id=one.invoice_id,
        amount_minor=one.amount_minor,
        currency=paid.currency,
        state=IntentState.OPEN,
        position=int(highest) + 1,
        due_on=due_on,
    )
