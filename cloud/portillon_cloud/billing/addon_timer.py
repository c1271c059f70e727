"""When a membership gets another end: what is beside it is looked at, after that is committed."""

from collections.abc import Sequence

from sqlalchemy import Connection, func, select

from portillon_cloud import timers
from portillon_cloud.billing.tables import subscription, subscription_event

ADDONS_END = "addons_end"
"""Kind of the timers; the subject is the membership."""


def plan_addons(
    conn: Connection, *, organisation_id: int, subscription_id: int, withdrawn: Sequence[int], now_ms: int
) -> None:
    """Have the add-ons of this subscription end with it; most have none. Once for each change of it."""
    if conn.scalar(select(subscription.c.id).where(subscription.c.beside_id == subscription_id).limit(1)) is None:
        return
    event = subscription_event.c
    last = conn.scalar(select(func.max(event.id)).where(event.subscription_id == subscription_id))
    timers.schedule(
        conn,
        organisation_id=organisation_id,
        kind=ADDONS_END,
        subject_id=subscription_id,
        due_at_ms=now_ms,
        key=f"{ADDONS_END}:{subscription_id}:{last}:{max(withdrawn, default=0)}",
    )
