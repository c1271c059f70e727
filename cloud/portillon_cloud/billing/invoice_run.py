"""The invoice run: all that fell due, in batches of one transaction each. Run again after a crash it does the rest.

In each batch: read what is due and lock it, compute in memory, take the numbers, write. The counter's lock is held for
the writing only. A period billed twice is refused by the database (unique recurring line), whatever the code does.
"""

import datetime
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, Select, select, tuple_, update

from portillon_cloud.billing import credit_store, invoice_store
from portillon_cloud.billing.calendar import period_index, period_on
from portillon_cloud.billing.catalogue import Price, prices_of_entity
from portillon_cloud.billing.errors import RunConflictError, TimelineError
from portillon_cloud.billing.forecast.measuring import DueNow, Judge, Planned
from portillon_cloud.billing.invoice import Buyer, Charge, Draft, draft_invoice
from portillon_cloud.billing.invoice_store import Seller
from portillon_cloud.billing.parking import DOCUMENTS_MOST, Doubt, DoubtCode, park
from portillon_cloud.billing.payers import payers_of
from portillon_cloud.billing.planning import not_held
from portillon_cloud.billing.reckoning import Reckoned, keep_standing, reckon
from portillon_cloud.billing.tables import subscription
from portillon_cloud.billing.tax import Rate
from portillon_cloud.billing.tax_catalogue import treatment_on
from portillon_cloud.billing.timeline import payer_of
from portillon_cloud.clock.local import local_date
from portillon_cloud.database import Database
from portillon_cloud.members.tables import account, member
from portillon_cloud.outbox import accounts_changed
from portillon_cloud.payments.credit import use_credit, with_credit

BATCH = 500
Due = Row[Any]
_Place = tuple[datetime.date, int]  # due day and payer of the last invoices written: where the next batch begins


@dataclass(frozen=True, slots=True)
class _Batch:
    issued: Sequence[int]
    reached: _Place | None  # None: nothing was due
    planned: Planned | None = None


def run_invoices(
    db: Database,
    legal_entity_id: int,
    *,
    on: datetime.date,
    now_ms: int,
    batch: int = BATCH,
    hold: Callable[[Connection], None] = lambda _conn: None,
    judge: Judge = lambda _conn, _planned: None,
) -> list[int]:
    """Bill all that is due up to and with the day `on`; the ids of the invoices issued now, none if it was done before.

    One invoice per payer and due day. `now_ms` is business time; its local date is the date of issue.
    `hold` is called in each batch's transaction: it raises if another worker took the run over. So does `judge` with
    what the batch wrote: it raises RunStoppedError, and nothing of that batch stays.
    """
    issued: list[int] = []
    reached: _Place | None = None
    while True:
        with db.write() as conn:
            hold(conn)
            done = bill_batch(conn, legal_entity_id, on=on, now_ms=now_ms, limit=batch, after=reached)
            if done.planned is not None:
                judge(conn, done.planned)
        issued.extend(done.issued)
        if done.reached is None:
            return issued
        reached = done.reached


def bill_batch(
    conn: Connection,
    legal_entity_id: int,
    *,
    on: datetime.date,
    now_ms: int,
    limit: int = BATCH,
    after: _Place | None = None,
) -> _Batch:
    """Bill the next `limit` or so due subscriptions in the caller's transaction."""
    due = _due(conn, legal_entity_id, on=on, now_ms=now_ms, limit=limit, after=after)
    if not due:
        return _Batch((), None)
    seller = invoice_store.seller(conn, legal_entity_id)
    prices = prices_of_entity(conn, legal_entity_id)
    issued_on = local_date(now_ms, seller.time_zone)
    reached = _place(due[-1])
    reckoned, doubts = _reckoned(conn, due, on, prices)
    for doubt in doubts:
        park(conn, seller.organisation_id, doubt, now_ms=now_ms)
    parked = {doubt.account_id for doubt in doubts}
    due = [row for row in due if row.account_id not in parked]
    payers = payers_of(conn, reckoned)
    drafts = [
        draft
        for _, rows in groupby(due, key=_place)
        for draft in drafts_of(list(rows), reckoned, prices, seller, issued_on, payers)
    ]
    _move_on(conn, [row for row in due if row.plain], prices)
    for subscription_id, one in reckoned.items():
        keep_standing(conn, subscription_id, one.standing)
    accounts_changed(conn, seller.organisation_id, sorted({row.account_id for row in due if row.id in reckoned}))
    issued = invoice_store.issue(conn, seller, drafts, issued_on=issued_on, now_ms=now_ms)
    credits = [credit for one in reckoned.values() for credit in one.difference.credits]
    notes = credit_store.drafts_for(conn, credits) if credits else []
    credit_store.issue_credit_notes(conn, seller, notes, reason="reckoned", issued_on=issued_on, now_ms=now_ms)
    for account_id in with_credit(conn, (draft.buyer.account_id for draft in drafts)):
        use_credit(conn, account_id, now_ms=now_ms)
    due_now = [
        DueNow(subscription_id=row.id, component=row.component, price_id=row.price_id, on=row.next_invoice_on)
        for row in due
    ]
    return _Batch(issued, reached, Planned(due=due_now, prices=prices, drafts=drafts, credits=credits))


def _due(
    conn: Connection, legal_entity_id: int, *, on: datetime.date, now_ms: int, limit: int, after: _Place | None
) -> Sequence[Due]:
    """Whole invoices' worth of subscriptions due on the first day that is left, locked, payer by payer."""
    column = subscription.c
    conditions = [column.legal_entity_id == legal_entity_id, not_held(now_ms)]
    if after is not None:
        # Skips what this run has billed. What it moved on is due on a later day: a batch never goes past its own.
        conditions.append(tuple_(column.next_invoice_on, column.bill_with_id) > after)
    due_on = select(column.next_invoice_on).where(*conditions, column.next_invoice_on <= on)
    first_on = conn.scalar(due_on.order_by(column.next_invoice_on, column.bill_with_id).limit(1))
    if first_on is None:
        return ()
    # Not "equal": SQLite would then sort all that is due for every batch instead of following the index.
    conditions.append(column.next_invoice_on <= first_on)
    order = (column.next_invoice_on, column.bill_with_id, column.account_id, column.id)
    query = due_rows().where(*conditions).order_by(*order)
    while True:
        rows: Sequence[Due] = conn.execute(query.limit(limit + 1).with_for_update(of=subscription)).all()
        if len(rows) <= limit:
            return rows
        whole = [row for row in rows if _place(row) != _place(rows[-1])]
        if whole:
            return whole
        limit *= 2  # one payer with more subscriptions than a batch has


def _place(row: Due) -> _Place:
    return (row.next_invoice_on, row.bill_with_id)


def _reckoned(
    conn: Connection, due: Sequence[Due], on: datetime.date, prices: Mapping[int, Price]
) -> tuple[Mapping[int, Reckoned], Sequence[Doubt]]:
    """What is not plain, reckoned; and the subscriptions that nothing is to be written for before a person looked.

    Each to its own due day, as if the run had rung then: what is late is billed period by period, like the rest.
    """
    doubts = [_doubt(row, DoubtCode.TOO_FAR_BEHIND, _behind(row)) for row in due if _is_behind(row, on, prices)]
    reckoned: dict[int, Reckoned] = {}
    for due_on, rows in groupby((row for row in due if not row.plain), key=lambda row: row.next_invoice_on):
        changed = list(rows)
        try:
            reckoned.update(reckon(conn, [row.id for row in changed], until_on=due_on, prices=prices))
        except TimelineError:
            # One of them makes no life: which one, and the others are billed.
            for row in changed:
                try:
                    reckoned.update(reckon(conn, [row.id], until_on=due_on, prices=prices))
                except TimelineError as error:
                    doubts.append(_doubt(row, DoubtCode.EVENTS_MAKE_NO_LIFE, str(error)))
    for row in due:
        one = reckoned.get(row.id)
        documents = 0 if one is None else len(one.difference.lines) + len(one.difference.credits)
        if documents > DOCUMENTS_MOST:
            detail = f"{documents} lines and credits at once; at most {DOCUMENTS_MOST} are written without a person"
            doubts.append(_doubt(row, DoubtCode.TOO_MANY_LINES, detail))
    parked = {doubt.account_id for doubt in doubts}
    return {row.id: reckoned[row.id] for row in due if row.id in reckoned and row.account_id not in parked}, doubts


def _is_behind(row: Due, on: datetime.date, prices: Mapping[int, Price]) -> bool:
    interval = prices[row.price_id].interval
    last_on = on if row.ends_on is None else min(on, row.ends_on - datetime.timedelta(days=1))
    missing = period_index(row.anchor_on, interval, last_on) - period_index(
        row.anchor_on, interval, row.next_invoice_on
    )
    return missing >= DOCUMENTS_MOST


def _behind(row: Due) -> str:
    return f"nothing was billed since {row.next_invoice_on}; at most {DOCUMENTS_MOST} periods are billed at once"


def _doubt(row: Due, code: DoubtCode, detail: str) -> Doubt:
    return Doubt(account_id=row.account_id, subscription_id=row.id, code=code, detail=detail)


def due_rows() -> Select[Any]:
    """Subscriptions with what their invoices say of payer and member."""
    column = subscription.c
    return (
        select(
            column.id,
            column.account_id,
            column.bill_with_id,
            column.member_id,
            column.price_id,
            column.component,
            column.plain,
            column.anchor_on,
            column.next_invoice_on,
            column.ends_on,
            account.c.name,
            account.c.email,
            account.c.language,
            member.c.first_name,
            member.c.last_name,
        )
        .join(account, account.c.id == column.account_id)
        .join(member, member.c.id == column.member_id)
    )


def drafts_of(
    rows: Sequence[Due],
    reckoned: Mapping[int, Reckoned],
    prices: Mapping[int, Price],
    seller: Seller,
    issued_on: datetime.date,
    payers: Mapping[int, Buyer],
) -> Iterator[Draft]:
    """What the payers of these are invoiced now: each one invoice for all that is priced and taxed alike."""
    alike: dict[tuple[int, bool, tuple[Rate, ...]], list[Charge]] = {}
    buyers = dict(payers)
    for row in rows:
        own = Buyer(account_id=row.account_id, name=row.name, email=row.email, language=row.language)
        buyers[own.account_id] = own
        for charge in _charges(row, reckoned.get(row.id), prices):
            price = prices[charge.price_id]
            treatment = treatment_on(seller.tax_regime, price.tax_category, issued_on)
            if price.taxable and treatment.exempt_because is not None:
                charge = replace(charge, exempt_because=treatment.exempt_because)
            payer_id = payer_of(charge.component) or own.account_id
            alike.setdefault((payer_id, price.tax_inclusive, treatment.rates), []).append(charge)
    for (payer_id, inclusive, rates), charges in sorted(alike.items(), key=lambda one: one[0][:2]):
        yield draft_invoice(
            buyers[payer_id],
            charges,
            issued_on=issued_on,
            payment_days=seller.payment_days,
            inclusive=inclusive,
            rates=rates,
        )


def _charges(row: Due, reckoned: Reckoned | None, prices: Mapping[int, Price]) -> Iterator[Charge]:
    member_name = f"{row.first_name} {row.last_name}"
    if reckoned is None:
        price = prices[row.price_id]
        yield Charge(
            subscription_id=row.id,
            component=row.component,
            price_id=row.price_id,
            plan_name=price.plan_name,
            member_name=member_name,
            cycle=period_on(row.anchor_on, price.interval, row.next_invoice_on),
            unit_minor=price.amount_minor,
            priced_minor=price.amount_minor,
            taxable=price.taxable,
        )
        return
    for new in reckoned.difference.lines:
        piece, price = new.piece, prices[new.piece.tariff.price_id]
        yield Charge(
            subscription_id=row.id,
            component=piece.component,
            price_id=price.id,
            plan_name=price.plan_name,
            member_name=member_name,
            cycle=piece.cycle,
            part=None if piece.whole else piece.span,
            unit_minor=piece.tariff.unit_minor,
            quantity=piece.tariff.quantity,
            taken_from_minor=piece.tariff.taken_from_minor,
            priced_minor=piece.amount_minor,
            taxable=price.taxable,
            generation=new.generation,
            codes=piece.codes,
            paid_by=piece.paid_by,
        )


def _move_on(conn: Connection, due: Sequence[Due], prices: Mapping[int, Price]) -> None:
    """Set each subscription to its next period; one statement per new date, of which a run has few."""
    column = subscription.c
    moves: dict[datetime.date | None, list[int]] = {}
    for row in due:
        end = period_on(row.anchor_on, prices[row.price_id].interval, row.next_invoice_on).end
        over = row.ends_on is not None and end >= row.ends_on
        moves.setdefault(None if over else end, []).append(row.id)
    for next_on, ids in moves.items():
        moved = conn.execute(update(subscription).where(column.id.in_(ids)).values(next_invoice_on=next_on))
        if moved.rowcount != len(ids):
            raise RunConflictError(f"{len(ids) - moved.rowcount} subscriptions vanished during the run; run it again")
