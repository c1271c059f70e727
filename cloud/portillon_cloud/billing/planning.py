"""When billing's own timers ring: the invoice run at the next due day, revenue recognition after each month."""

import datetime

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, exists, func, or_, select

from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.tables import block
from portillon_cloud.billing.calendar import add_months
from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.members.tables import organisation
from portillon_cloud.timers import schedule
from portillon_cloud.timers.operations import is_waiting

INVOICE_RUN = "invoice_run"
RECOGNITION = "recognise_revenue"


def plan_invoice_run(
    conn: Connection, *, organisation_id: int, legal_entity_id: int, due_on: datetime.date, time_zone: str, because: str
) -> None:
    """Have the legal entity's invoices run at the start of `due_on`, unless a run waits for that instant already."""
    due_at_ms = start_of_day_ms(due_on, time_zone)
    if is_waiting(
        conn, organisation_id=organisation_id, kind=INVOICE_RUN, subject_id=legal_entity_id, due_at_ms=due_at_ms
    ):
        return
    schedule(
        conn,
        organisation_id=organisation_id,
        kind=INVOICE_RUN,
        subject_id=legal_entity_id,
        due_at_ms=due_at_ms,
        # A day can need a second run (a subscription added in the afternoon), so its cause is part of the key.
        key=f"{INVOICE_RUN}:{legal_entity_id}:{due_on}:{because}",
    )


def next_invoice_on(conn: Connection, legal_entity_id: int, now_ms: int) -> datetime.date | None:
    """The first day on which anything of the legal entity falls due; None: nothing will, by what is known now."""
    column = subscription.c
    found: datetime.date | None = conn.execute(
        select(func.min(column.next_invoice_on)).where(
            column.legal_entity_id == legal_entity_id, column.next_invoice_on.is_not(None), not_held(now_ms)
        )
    ).scalar_one()
    return found


def not_held(now_ms: int) -> ColumnElement[bool]:
    """Its account may be invoiced, and who pays a part: no block of a whole account switches that off now."""
    return ~exists().where(
        _holds_invoices(),
        block.c.from_ms <= now_ms,
        or_(block.c.until_ms.is_(None), block.c.until_ms > now_ms),
    )


def _holds_invoices() -> ColumnElement[bool]:
    """A block of the subscription's whole account, or of one that pays a part, that switches invoicing off."""
    return and_(
        block.c.account_id.in_((subscription.c.account_id, subscription.c.bill_with_id)),
        block.c.member_id.is_(None),
        cast(block.c.switches, Text).contains(f'"{Switch.INVOICING}"'),
    )


def plan_held_invoices(conn: Connection, *, organisation_id: int, account_id: int, now_ms: int) -> None:
    """Have what a block held back invoiced now that one has ended, and what falls due next on its day.

    Runs that rang under the block planned the next one without this account.
    """
    zone = conn.execute(select(organisation.c.time_zone).where(organisation.c.id == organisation_id)).scalar_one()
    today = local_date(now_ms, zone)
    waiting = conn.execute(
        select(subscription.c.legal_entity_id, func.min(subscription.c.next_invoice_on).label("next_on"))
        .where(
            or_(subscription.c.account_id == account_id, subscription.c.bill_with_id == account_id),
            subscription.c.next_invoice_on.is_not(None),
            exists().where(_holds_invoices(), block.c.until_ms <= now_ms),
        )
        .group_by(subscription.c.legal_entity_id)
    )
    for row in waiting:
        plan_invoice_run(
            conn,
            organisation_id=organisation_id,
            legal_entity_id=row.legal_entity_id,
            due_on=max(today, row.next_on),
            time_zone=zone,
            because=f"a{account_id}:{now_ms}",
        )


def plan_recognition(
    conn: Connection, *, organisation_id: int, legal_entity_id: int, month: datetime.date, time_zone: str
) -> None:
    """Have the revenue of the month of `month` recognised once it is over."""
    first = month.replace(day=1)
    schedule(
        conn,
        organisation_id=organisation_id,
        kind=RECOGNITION,
        subject_id=legal_entity_id,
        due_at_ms=start_of_day_ms(add_months(first, 1), time_zone),
        key=f"{RECOGNITION}:{legal_entity_id}:{first:%Y-%m}",
    )
