"""Who owes what: every invoice with something still to collect whose due date has come, and where its ladder stands."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.dunning.coming import Coming
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.next_steps import next_steps
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.members.tables import account
from portillon_cloud.money import Money
from portillon_cloud.payments.store import due_day
from portillon_cloud.payments.tables import LIVE_INTENT, payment_intent
from portillon_cloud.reports.site_view import UnpaidSummary, UnpaidView

_OWED = invoice.join(payment_intent, payment_intent.c.invoice_id == invoice.c.id).outerjoin(
    dunning_case, and_(dunning_case.c.invoice_id == invoice.c.id, dunning_case.c.closed_at_ms.is_(None))
)


def unpaid(
    conn: Connection, *, organisation_id: int, today: date, now_ms: int, limit: int, after: int = 0
) -> UnpaidSummary:
    """The oldest debts first, `limit` of them from the `after`-th on; count and totals are of all."""
    where = _owed(organisation_id, today)
    totals = conn.execute(
        select(func.count(), func.sum(payment_intent.c.amount_minor), payment_intent.c.currency)
        .select_from(_OWED)
        .where(where)
        .group_by(payment_intent.c.currency)
        .order_by(payment_intent.c.currency)
    ).all()
    rows = conn.execute(
        select(
            invoice.c.id,
            invoice.c.series,
            invoice.c.number,
            invoice.c.issued_on,
            due_day().label("due_on"),
            invoice.c.account_id,
            account.c.name,
            payment_intent.c.amount_minor,
            payment_intent.c.currency,
            dunning_case.c.id.label("case_id"),
        )
        .select_from(_OWED.join(account, account.c.id == invoice.c.account_id))
        .where(where)
        .order_by(due_day(), invoice.c.id)
        .limit(limit)
        .offset(after)
    ).all()
    taken = _taken(conn, [row.case_id for row in rows if row.case_id is not None])
    to_come = next_steps(conn, organisation_id, {row.id for row in rows if row.case_id is not None}, now_ms)
    return UnpaidSummary(
        rows=tuple(_view(row, taken.get(row.case_id), to_come.get(row.id, ()), today) for row in rows),
        count=sum(count for count, _, _ in totals),
        total=tuple(Money(int(total), currency) for _, total, currency in totals),
    )


def _owed(organisation_id: int, today: date) -> ColumnElement[bool]:
    # The organisation of the intent, not of the invoice: the few live intents are read first, not every invoice ever.
    return and_(
        payment_intent.c.organisation_id == organisation_id,
        LIVE_INTENT,
        or_(due_day() <= today, and_(dunning_case.c.id.is_not(None), payment_intent.c.due_on.is_(None))),
    )


def _taken(conn: Connection, case_ids: list[int]) -> dict[int, StepKind]:
    """By case, the last step that was taken."""
    column = dunning_step.c
    steps = conn.execute(
        select(column.case_id, column.kind)
        .where(column.case_id.in_(case_ids), column.done_at_ms.is_not(None))
        .order_by(column.done_at_ms, column.number)
    )
    return {step.case_id: StepKind(step.kind) for step in steps}


def _view(row: Any, taken: StepKind | None, to_come: Sequence[Coming], today: date) -> UnpaidView:
    following = next(iter(to_come), None)
    return UnpaidView(
        invoice_id=row.id,
        account_id=row.account_id,
        number=printed(row.series, row.number, row.issued_on),
        who=row.name,
        owed=Money(row.amount_minor, row.currency),
        days_late=max(0, (today - row.due_on).days),
        step=taken,
        next_step=None if following is None else following.kind,
        next_step_on=None if following is None else following.on,
        waits_for=None if following is None else following.waits_for,
    )
