"""Plans, rules and orders of a site's doors as the feed carries them."""

from portillon_rules.door_plan import DoorOrder, DoorPlan, Standing
from portillon_wire.rows import RowChange, RowKind
from sqlalchemy import Connection, select

from portillon_cloud.doors.rules import door_rules
from portillon_cloud.doors.tables import door_order, door_plan


def plans_of(conn: Connection, site_id: int) -> dict[str, DoorPlan]:
    """The plans of a site's doors."""
    rows = conn.execute(select(door_plan).where(door_plan.c.site_id == site_id))
    return {row.door: DoorPlan(row.door, row.unlock, row.first_person) for row in rows}


def door_rows(conn: Connection, site_id: int) -> list[RowChange]:
    """The site's plans, rules and orders as feed rows. One that is over stays: the gateway knows its end."""
    orders = conn.execute(select(door_order).where(door_order.c.site_id == site_id).order_by(door_order.c.door))
    return [
        *(
            RowChange(kind=RowKind.DOOR_PLAN, key=door, body=one.to_body())
            for door, one in sorted(plans_of(conn, site_id).items())
        ),
        *(RowChange(kind=RowKind.DOOR_RULE, key=one.door, body=one.to_body()) for one in door_rules(conn, site_id)),
        *(
            RowChange(
                kind=RowKind.DOOR_ORDER,
                key=row.door,
                body=DoorOrder(row.door, Standing(row.standing), row.given_by_id, row.until_ms).to_body(),
            )
            for row in orders
        ),
    ]
