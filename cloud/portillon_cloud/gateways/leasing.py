"""Give leases: to each gateway at its interval, and at once when a clock was turned or the gateway has caught up."""

from portillon_wire.messages import Lease
from portillon_wire.signature import sign
from sqlalchemy import Connection, or_, select

from portillon_cloud.clock import ClockReading, read_clock
from portillon_cloud.clock.tables import test_clock
from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.lease import NoLease, Standing, grant
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.presence import reachable
from portillon_cloud.gateways.session import LEASE_INTERVAL_MS
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_state, gateway, gateway_status
from portillon_cloud.secrets import Keyring

GATEWAYS_PER_ROUND = 100
ASK_AGAIN_MS = 1_000
"""How long after a refusal the next try is."""


def give_leases(db: Database, keyring: Keyring, *, now_ms: int, duration_s: int) -> list[Outgoing]:
    """The leases that are due now. Their counters are committed when this returns."""
    state = feed_state.c
    due = (
        select(state.gateway_id)
        .join_from(feed_state, gateway, gateway.c.id == state.gateway_id)
        .join(gateway_status, gateway_status.c.gateway_id == state.gateway_id)
        .outerjoin(test_clock, test_clock.c.organisation_id == state.organisation_id)
        .where(
            gateway.c.revoked_at_ms.is_(None),
            reachable(now_ms),
            or_(state.lease_due_ms <= now_ms, test_clock.c.clock_rev != state.lease_clock_rev),
            state.lease_not_before_ms <= now_ms,
        )
        .order_by(state.lease_due_ms, state.gateway_id)
        .limit(GATEWAYS_PER_ROUND)
    )
    with db.read() as conn:
        found = conn.execute(due).scalars().all()
    if not found:
        return []
    messages: list[Outgoing] = []
    with db.write() as conn:
        for gateway_id in found:
            locked = store.lock(conn, gateway_id, skip_locked=True)
            if locked is not None:
                messages += _one(conn, keyring, locked, now_ms=now_ms, duration_s=duration_s)
    return messages


def lease_for_news(
    conn: Connection, keyring: Keyring, gateway_id: str, *, now_ms: int, duration_s: int
) -> list[Outgoing]:
    """A lease if it says what the last one did not: a revision, an epoch, a turned clock, or that we hear it again."""
    state = store.lock(conn, gateway_id)
    if state is None:
        return []
    clock = read_clock(conn, state.organisation_id, now_ms)
    said = (state.lease_epoch, state.lease_revision, state.lease_clock_rev)
    if said == (state.acked_epoch, state.acked_revision, clock.clock_rev):
        return []
    return _give(conn, keyring, state, clock, now_ms=now_ms, duration_s=duration_s)


def _one(conn: Connection, keyring: Keyring, state: State, *, now_ms: int, duration_s: int) -> list[Outgoing]:
    clock = read_clock(conn, state.organisation_id, now_ms)
    if state.lease_due_ms > now_ms and clock.clock_rev == state.lease_clock_rev:
        return []  # another process gave it in between
    return _give(conn, keyring, state, clock, now_ms=now_ms, duration_s=duration_s)


def _give(
    conn: Connection, keyring: Keyring, state: State, clock: ClockReading, *, now_ms: int, duration_s: int
) -> list[Outgoing]:
    standing = Standing(
        gateway=state.gateway_id,
        revoked=state.revoked_at_ms is not None,
        table_ready=state.ready,
        epoch=state.epoch,
        acked_epoch=state.acked_epoch,
        acked_revision=state.acked_revision,
        acked_root=state.acked_root,
        root_there=store.root_at(conn, state, epoch=state.acked_epoch, revision=state.acked_revision),
        waiting_since_ms=store.waiting_since_ms(conn, state),
        last_counter=state.lease_counter,
    )
    given = grant(standing, clock=clock, now_ms=now_ms, duration_s=duration_s)
    if isinstance(given, NoLease):
        _refused(conn, state, given, now_ms)
        return []
    _remember(conn, state, given)
    return [outgoing.lease(state.gateway_id, sign(given, keyring.feed_key))]


def _remember(conn: Connection, state: State, lease: Lease) -> None:
    until_ms = lease.issued_ms + lease.duration_s * 1000
    store.change(
        conn,
        state.gateway_id,
        lease_counter=lease.counter,
        lease_due_ms=lease.issued_ms + LEASE_INTERVAL_MS,
        lease_not_before_ms=lease.issued_ms,
        lease_until_ms=until_ms if state.lease_until_ms is None else max(until_ms, state.lease_until_ms),
        lease_epoch=lease.epoch,
        lease_revision=lease.revision,
        lease_clock_rev=lease.clock_rev,
    )


def _refused(conn: Connection, state: State, why: NoLease, now_ms: int) -> None:
    values: dict[str, int] = {"lease_not_before_ms": now_ms + ASK_AGAIN_MS}
    if state.lease_due_ms <= now_ms:
        values["lease_due_ms"] = now_ms + ASK_AGAIN_MS
    if why is NoLease.OTHER_EPOCH and state.acked_at_ms is not None and state.resend_due_ms is None:
        # The gateway spoke and is not in our epoch: its offer may have been lost, so it is made again at each interval.
        values["snapshot_wanted_from"] = 0
        values["lease_not_before_ms"] = now_ms + LEASE_INTERVAL_MS
    store.change(conn, state.gateway_id, **values)
