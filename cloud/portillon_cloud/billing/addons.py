"""Add-ons: subscriptions that are only had beside a membership, and end with it."""

import datetime
from dataclasses import dataclass

from sqlalchemy import Connection, or_, select

from portillon_cloud.billing.catalogue import PlanKind
from portillon_cloud.billing.errors import CatalogueError
from portillon_cloud.billing.tables import plan, price, subscription


@dataclass(frozen=True, slots=True)
class Membership:
    """What an add-on is beside, and the first day without it."""

    subscription_id: int
    ends_on: datetime.date | None


def membership_of(conn: Connection, organisation_id: int, member_id: int, starts_on: datetime.date) -> Membership:
    """The member's newest membership that is not over on `starts_on`. Raises CatalogueError: there is none."""
    column = subscription.c
    row = conn.execute(
        select(column.id, column.ends_on)
        .join(price, price.c.id == column.price_id)
        .join(plan, plan.c.id == price.c.plan_id)
        .where(
            column.organisation_id == organisation_id,
            column.member_id == member_id,
            or_(column.ends_on.is_(None), column.ends_on > starts_on),
            plan.c.kind == PlanKind.MEMBERSHIP.value,
        )
        .order_by(column.id.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        raise CatalogueError(
            f"price_id: this is only sold beside a membership, and the member has none on {starts_on}; sell one first"
        )
    return Membership(row.id, row.ends_on)
