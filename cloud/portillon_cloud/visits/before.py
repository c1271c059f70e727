"""Visits of a pack that were used before the subscription came here."""

from sqlalchemy import Connection, func, insert, select

from portillon_cloud.billing.tables import plan, price, subscription
from portillon_cloud.visits.errors import AllowanceError
from portillon_cloud.visits.from_plans import keep_plan_visits
from portillon_cloud.visits.tables import visit_allowance, visit_spent, visits_before


def note_visits_left(conn: Connection, *, organisation_id: int, subscription_id: int, left: int, now_ms: int) -> None:
    """Let a subscription that was just made have `left` visits of its pack. Raises AllowanceError."""
    pack = _pack(conn, subscription_id)
    if pack is None:
        raise AllowanceError("this plan has no pack of visits: leave it empty")
    if not 0 <= left <= pack:
        raise AllowanceError(f"{left} visits left of a pack of {pack}: write 0 to {pack}")
    conn.execute(
        insert(visits_before).values(subscription_id=subscription_id, organisation_id=organisation_id, used=pack - left)
    )
    account_id = conn.execute(
        select(subscription.c.account_id).where(subscription.c.id == subscription_id)
    ).scalar_one()
    keep_plan_visits(conn, organisation_id, [account_id], now_ms)


def visits_left(conn: Connection, subscription_id: int) -> int | None:
    """Of its pack, by what was counted so far; None: it has none."""
    pack = _pack(conn, subscription_id)
    if pack is None:
        return None
    used = conn.scalar(select(visits_before.c.used).where(visits_before.c.subscription_id == subscription_id)) or 0
    given = select(visit_allowance.c.id).where(
        visit_allowance.c.source == f"subscription:{subscription_id}", visit_allowance.c.per.is_(None)
    )
    spent = conn.scalar(select(func.count()).where(visit_spent.c.allowance_id.in_(given))) or 0
    return max(pack - used - spent, 0)


def _pack(conn: Connection, subscription_id: int) -> int | None:
    """How many visits its plan gives in all."""
    visits = conn.execute(
        select(plan.c.visits)
        .join(price, price.c.plan_id == plan.c.id)
        .join(subscription, subscription.c.price_id == price.c.id)
        .where(subscription.c.id == subscription_id)
    ).scalar_one()
    pack: int | None = (visits or {}).get("pack")
    return pack
