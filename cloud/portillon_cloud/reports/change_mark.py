"""A cheap value that moves whenever something on a live page may have changed: a few index look-ups, no scan.

It may move for another organisation's sake (row ids are shared); then a page is drawn once for nothing. What moves
without a new row (the passing of time, a last-seen instant) is left to the page's own slow redraw.
"""

from sqlalchemy import Connection, Table, func, select

from portillon_cloud.access.tables import block
from portillon_cloud.alarms.tables import alarm, alarm_acknowledgement
from portillon_cloud.attendance.tables import alarm_seen, journal_event
from portillon_cloud.billing.tables import invoice
from portillon_cloud.clock.tables import clock_job, test_clock
from portillon_cloud.dunning.tables import dunning_case
from portillon_cloud.gateways.tables import feed_state, gateway, gateway_status
from portillon_cloud.messages.tables import message
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.payments.return_tables import payment_return
from portillon_cloud.payments.tables import allocation, attempt_outcome, payment, payment_attempt

_GROWING: tuple[Table, ...] = (
    journal_event,
    alarm_seen,
    alarm,
    alarm_acknowledgement,
    invoice,
    payment,
    allocation,
    payment_return,
    payment_attempt,
    dunning_case,
    message,
    block,
    access_outbox,
    clock_job,
)


def change_mark(conn: Connection, organisation_id: int) -> tuple[object, ...]:
    """Equal marks: nothing that a live page shows has been written in between."""
    newest = conn.execute(
        select(
            *(select(func.max(table.c.id)).scalar_subquery() for table in _GROWING),
            select(func.max(attempt_outcome.c.attempt_id)).scalar_subquery(),
        )
    ).one()
    clock = conn.execute(
        select(test_clock.c.clock_rev, test_clock.c.rate).where(test_clock.c.organisation_id == organisation_id)
    ).one_or_none()
    feeds = conn.execute(
        select(
            gateway.c.id,
            gateway.c.revoked_at_ms,
            feed_state.c.epoch,
            feed_state.c.revision,
            feed_state.c.acked_epoch,
            feed_state.c.acked_revision,
            gateway_status.c.online,
            gateway_status.c.changed_at_ms,
            gateway_status.c.reported_at_ms,
        )
        .select_from(
            gateway.outerjoin(feed_state, feed_state.c.gateway_id == gateway.c.id).outerjoin(
                gateway_status, gateway_status.c.gateway_id == gateway.c.id
            )
        )
        .where(gateway.c.organisation_id == organisation_id)
        .order_by(gateway.c.id)
    ).all()
    return (tuple(newest), None if clock is None else tuple(clock), tuple(tuple(feed) for feed in feeds))
