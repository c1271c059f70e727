"""Visits of a pack that were used before the subscription came here."""

from sqlalchemy import Connection, func, insert, select

from portillon_cloud.billing.tables import plan, price, subscription
from portillon_cloud.visits.errors import AllowanceError
from portillon_cloud.visits.from_plans import keep_plan_visits
from portillon_cloud.visits.tables import visit_allowance, visit_spent, visits_before


def note_visits_left(conn: Connection, *, organisation_id: int, subscription_id: int, left: int, now_ms: int) -> None:
    """Let a subscription that was just made have `left` visits of its pack. Raises AllowanceError."""
    account_id, visits = conn.execute(
        select(subscription.c.account_id, plan.c.visits)
        .join(price, price.c.id == subscription.c.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(subscription.c.id == subscription_id)
    ).one()
    pack = (visits or {}).get("pack")
    if pack is None:
        raise AllowanceError("this plan has no pack of visits: leave it empty")
    if not 0 <= left <= pack:
        raise AllowanceError(f"{left} visits left of a pack of {pack}: write 0 to {pack}")
    conn.execute(
        insert(visits_before).values(subscription_id=subscription_id, organisation_id=organisation_id, used=pack - left)
    )
    keep_plan_visits(conn, organisation_id, [account_id], now_ms)


def visits_left(conn: Connection, subscription_id: int) -> int | None:
    """Of its pack, by what was counted so far; None: it has none."""
    row = conn.execute(
        select(visit_allowance.c.id, visit_allowance.c.most)
        .where(
            visit_allowance.c.source == f"subscription:{subscription_id}",
            visit_allowance.c.per.is_(None),
            visit_allowance.c.closed_at_ms.is_(None),
        )
        .order_by(visit_allowance.c.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    spent = conn.scalar(select(func.count()).where(visit_spent.c.allowance_id == row.id)) or 0
    return max(int(row.most) - spent, 0)
