"""Send again what was not confirmed: after 0.3, 1 and 5 s, then at each lease interval, while the gateway is there."""

from sqlalchemy import Connection, select, update

from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.presence import reachable
from portillon_cloud.gateways.session import resend_delay_ms, window
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_state, gateway_status

GATEWAYS_PER_ROUND = 100


def resend(db: Database, *, now_ms: int) -> list[Outgoing]:
    """What is due to be sent again now."""
    due = (
        select(feed_state.c.gateway_id, reachable(now_ms).label("reachable"))
        .join_from(feed_state, gateway_status, gateway_status.c.gateway_id == feed_state.c.gateway_id)
        .where(feed_state.c.resend_due_ms <= now_ms)
        .order_by(feed_state.c.resend_due_ms, feed_state.c.gateway_id)
        .limit(GATEWAYS_PER_ROUND)
    )
    with db.read() as conn:
        found = conn.execute(due).all()
    if not found:
        return []
    messages: list[Outgoing] = []
    with db.write() as conn:
        for row in found:
            state = store.lock(conn, row.gateway_id, skip_locked=True)
            if state is None or state.resend_due_ms is None or state.resend_due_ms > now_ms:
                continue  # confirmed, or sent by another process, in between
            if row.reachable and state.revoked_at_ms is None:
                messages += _again(conn, state, now_ms)
            else:
                store.change(conn, state.gateway_id, resend_due_ms=None)  # its next report begins anew
    return messages


def due_again(db: Database, *, now_ms: int) -> None:
    """Make everything due that a gateway in our epoch has not confirmed."""
    state = feed_state.c
    behind = (state.acked_epoch == state.epoch) & (state.acked_revision < state.revision)
    with db.write() as conn:
        conn.execute(update(feed_state).where(behind).values(resends=0, resend_due_ms=now_ms))


def _again(conn: Connection, state: State, now_ms: int) -> list[Outgoing]:
    issued = store.issued(conn, state)
    entries = window(acked=state.acked_revision, issued=issued) if state.acked_epoch == state.epoch else None
    if entries is None or entries.first < issued.oldest_kept:
        store.change(conn, state.gateway_id, resend_due_ms=None, resends=0)
        return []
    store.change(
        conn,
        state.gateway_id,
        sent_through=max(entries.last, state.sent_through),
        sent_at_ms=now_ms,
        resends=state.resends + 1,
        resend_due_ms=now_ms + resend_delay_ms(state.resends + 1),
    )
    tokens = store.tokens(conn, state, first=entries.first, last=entries.last)
    return [outgoing.feed(state.gateway_id, token) for token in tokens]
