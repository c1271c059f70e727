"""The cloud's clock was ahead and has been put right: what it wrote down for later is due now.

Nobody would be given a lease or sent a lost change again before that time, which may be a year away; and a change that
seems to be from the future would never count as waiting, so that leases would go on without it.
"""

from sqlalchemy import BindParameter, ColumnElement, bindparam, case, exists, or_, select, update

from portillon_cloud.database import Database
from portillon_cloud.gateways.session import LEASE_INTERVAL_MS
from portillon_cloud.gateways.tables import feed_entry, feed_state, gateway_status

LATER_MS_MAX = 2 * LEASE_INTERVAL_MS
"""Nothing is put off for longer by a clock that is right."""

_STATE = (
    feed_state.c.sequenced_at_ms,
    feed_state.c.retry_at_ms,
    feed_state.c.backlog_since_ms,
    feed_state.c.sent_at_ms,
    feed_state.c.resend_due_ms,
    feed_state.c.acked_at_ms,
    feed_state.c.lease_due_ms,
    feed_state.c.lease_not_before_ms,
)
_INSTANTS = {
    feed_state: _STATE,
    feed_entry: (feed_entry.c.issued_at_ms,),
    gateway_status: (gateway_status.c.seen_at_ms, gateway_status.c.reported_at_ms, gateway_status.c.changed_at_ms),
}


def mend_instants(db: Database, *, now_ms: int) -> bool:
    """Bring instants that lie too far ahead back to `now_ms`; whether there were any."""
    later_ms = now_ms + LATER_MS_MAX
    with db.read() as conn:
        # Whatever a clock that is ahead does to a gateway's feed begins or ends with one of these.
        if not conn.execute(_IS_ANY, {"later_ms": later_ms}).scalar():
            return False
    with db.write() as conn:
        for table, instants in _INSTANTS.items():
            mended = {one.name: case((one > later_ms, now_ms), else_=one) for one in instants}
            conn.execute(update(table).where(_any(instants, later_ms)).values(mended))
    return True


def _any(instants: tuple[ColumnElement[int], ...], later_ms: int | BindParameter[int]) -> ColumnElement[bool]:
    return or_(*(one > later_ms for one in instants))


_IS_ANY = select(exists().where(_any(_STATE, bindparam("later_ms"))))  # built once: it runs at each tick
