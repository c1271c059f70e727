"""Who owes what: every invoice with something still to collect whose due date has come, and where its ladder stands."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from portillon_cloud.billing.numbers import printed
from portillon_cloud.billing.tables import invoice
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.tables import dunning_case, dunning_step
from portillon_cloud.members.tables import account
from portillon_cloud.money import Money
from portillon_cloud.payments.store import due_day
from portillon_cloud.payments.tables import LIVE_INTENT, payment_intent
from portillon_cloud.reports.site_view import UnpaidSummary, UnpaidView

_OWED = invoice.join(payment_intent, payment_intent.c.invoice_id == invoice.c.id).outerjoin(
    dunning_case, and_(dunning_case.c.invoice_id == invoice.c.id, dunning_case.c.closed_at_ms.is_(None))
)


def unpaid(conn: Connection, *, organisation_id: int, today: date, limit: int, after: int = 0) -> UnpaidSummary:
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
    steps = _steps(conn, [row.case_id for row in rows if row.case_id is not None])
    return UnpaidSummary(
        rows=tuple(_view(row, steps.get(row.case_id, []), today) for row in rows),
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


def _steps(conn: Connection, case_ids: list[int]) -> dict[int, list[Row[Any]]]:
    found: dict[int, list[Row[Any]]] = {}
    for step in conn.execute(
        select(dunning_step).where(dunning_step.c.case_id.in_(case_ids)).order_by(dunning_step.c.number)
    ):
        found.setdefault(step.case_id, []).append(step)
    return found


def _view(row: Any, steps: list[Row[Any]], today: date) -> UnpaidView:
    done = [step for step in steps if step.done_at_ms is not None]
    coming = [step for step in steps if step.done_at_ms is None]
    return UnpaidView(
        invoice_id=row.id,
        account_id=row.account_id,
        number=printed(row.series, row.number, row.issued_on),
        who=row.name,
        owed=Money(row.amount_minor, row.currency),
        days_late=max(0, (today - row.due_on).days),
        step=StepKind(done[-1].kind) if done else None,
        next_step=StepKind(coming[0].kind) if coming else None,
        next_step_on=coming[0].planned_on if coming else None,
    )
