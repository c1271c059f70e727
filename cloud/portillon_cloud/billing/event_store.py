"""The SQL of subscription events and of what was billed of a subscription. The caller owns the transaction."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, insert, select

from portillon_cloud import webhooks
from portillon_cloud.billing.addon_timer import plan_addons
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.catalogue import Price
from portillon_cloud.billing.difference import Billed
from portillon_cloud.billing.event_body import from_body, kind_of, to_body
from portillon_cloud.billing.life import Recorded
from portillon_cloud.billing.span import Moment, Span
from portillon_cloud.billing.subscription import Decided
from portillon_cloud.billing.tables import (
    credit_note_line,
    event_withdrawal,
    invoice_line,
    subscription_event,
)
from portillon_cloud.billing.timeline import Ended, Started, Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who records, when (business time), and why."""

    name: str
    at_ms: int
    reason: str | None = None


def record(conn: Connection, *, organisation_id: int, subscription_id: int, decided: Decided, author: Author) -> None:
    """Write the events and withdrawals of an answer."""
    if decided.withdraw:
        conn.execute(
            insert(event_withdrawal),
            [
                {
                    "event_id": event_id,
                    "organisation_id": organisation_id,
                    "withdrawn_at_ms": author.at_ms,
                    "withdrawn_by": author.name,
                }
                for event_id in decided.withdraw
            ],
        )
    rows = [
        {
            "organisation_id": organisation_id,
            "subscription_id": subscription_id,
            "kind": kind_of(event),
            "holds_from_on": event.at.day,
            "body": to_body(event),
            "recorded_at_ms": author.at_ms,
            "recorded_by": author.name,
            "reason": author.reason,
        }
        for event in decided.record
    ]
    if rows:
        conn.execute(insert(subscription_event), rows)
    started = any(isinstance(event, Started) for event in decided.record)
    ended = any(isinstance(event, Ended) for event in decided.record)
    happened = (
        webhooks.EventKind.SUBSCRIPTION_STARTED
        if started
        else webhooks.EventKind.SUBSCRIPTION_ENDED
        if ended
        else webhooks.EventKind.SUBSCRIPTION_CHANGED
    )
    if rows or decided.withdraw:
        webhooks.tell(conn, happened, organisation_id, [subscription_id], at_ms=author.at_ms)
    if decided.withdraw or (ended and not started):
        plan_addons(
            conn,
            organisation_id=organisation_id,
            subscription_id=subscription_id,
            withdrawn=decided.withdraw,
            now_ms=author.at_ms,
        )


def recorded(conn: Connection, subscription_ids: Sequence[int]) -> Mapping[int, Sequence[Recorded]]:
    """By subscription, the events that nobody withdrew."""
    column = subscription_event.c
    rows = conn.execute(
        select(column.id, column.subscription_id, column.kind, column.body)
        .join(event_withdrawal, event_withdrawal.c.event_id == column.id, isouter=True)
        .where(column.subscription_id.in_(subscription_ids), event_withdrawal.c.event_id.is_(None))
        .order_by(column.id)
    )
    found: defaultdict[int, list[Recorded]] = defaultdict(list)
    for row in rows:
        found[row.subscription_id].append(Recorded(row.id, from_body(row.kind, row.body)))
    return found


def billed(
    conn: Connection, subscription_ids: Sequence[int], prices: Mapping[int, Price]
) -> Mapping[int, Sequence[Billed]]:
    """By subscription, its lines on invoices, with what credit notes took of them."""
    line, credit = invoice_line.c, credit_note_line.c
    lines = conn.execute(select(invoice_line).where(line.subscription_id.in_(subscription_ids)).order_by(line.id)).all()
    credits = conn.execute(
        select(credit_note_line)
        .join(invoice_line, line.id == credit.invoice_line_id)
        .where(line.subscription_id.in_(subscription_ids))
        .order_by(credit.id)
    )
    taken: defaultdict[int, list[tuple[Span, int]]] = defaultdict(list)
    for row in credits:
        taken[row.invoice_line_id].append((_span(row), row.priced_minor))
    found: defaultdict[int, list[Billed]] = defaultdict(list)
    for row in lines:
        found[row.subscription_id].append(
            Billed(
                line_id=row.id,
                component=row.component,
                tariff=Tariff(
                    price_id=row.price_id,
                    unit_minor=row.unit_minor,
                    interval=prices[row.price_id].interval,
                    quantity=row.quantity,
                    taken_from_minor=row.taken_from_minor,
                ),
                cycle=Period(row.cycle_start, row.cycle_end),
                span=_span(row),
                amount_minor=row.priced_minor,
                generation=row.generation,
                credited=tuple(span for span, _ in taken[row.id]),
                credited_minor=sum(amount_minor for _, amount_minor in taken[row.id]),
            )
        )
    return found


def _span(row: Row[Any]) -> Span:
    return Span(Moment(row.period_start, row.start_second), Moment(row.period_end, row.end_second))
