"""The SQL around one gateway's feed: its state under a lock, its kept entries, its epochs."""

from typing import Any

from portillon_wire.digest import Digest
from portillon_wire.messages import FeedEntry
from portillon_wire.rows import RowChange
from portillon_wire.signature import SigningKey, sign
from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from portillon_cloud.gateways.session import Issued
from portillon_cloud.gateways.tables import feed_entry, feed_state, gateway

KEPT_ENTRIES = 1_000
"""Entries of a gateway that can be sent again; whoever is further behind gets a snapshot."""

State = Row[Any]
"""A row of feed_state with the gateway's site_id, mode and revoked_at_ms."""

STATE = select(feed_state, gateway.c.site_id, gateway.c.mode, gateway.c.revoked_at_ms).join_from(
    feed_state, gateway, gateway.c.id == feed_state.c.gateway_id
)

# These run for every message of every gateway, and are built once: building one takes four times as long as it runs.
_ITS_STATE = STATE.where(feed_state.c.gateway_id == bindparam("gateway"))
_LOCK = _ITS_STATE.with_for_update(of=feed_state)
_LOCK_IF_FREE = _ITS_STATE.with_for_update(of=feed_state, skip_locked=True)
_CHANGE = update(feed_state).where(feed_state.c.gateway_id == bindparam("gateway"))
_OF_EPOCH = (feed_entry.c.gateway_id == bindparam("gateway"), feed_entry.c.epoch == bindparam("of_epoch"))
_OLDEST = select(func.min(feed_entry.c.revision)).where(*_OF_EPOCH)
_ROOT = select(feed_entry.c.root).where(*_OF_EPOCH, feed_entry.c.revision == bindparam("at_revision"))
_UNCONFIRMED_SINCE = select(func.min(feed_entry.c.issued_at_ms)).where(
    *_OF_EPOCH, feed_entry.c.revision > bindparam("confirmed")
)


def lock(conn: Connection, gateway_id: str, *, skip_locked: bool = False) -> State | None:
    """The gateway's state, locked until the transaction ends (SQLite: there is one writer); None: not enrolled.

    `skip_locked`: None also if another process has it. Whoever locks several must not wait for any.
    """
    return conn.execute(_LOCK_IF_FREE if skip_locked else _LOCK, {"gateway": gateway_id}).one_or_none()


def change(conn: Connection, gateway_id: str, **values: Any) -> None:
    """Write columns of a locked state."""
    conn.execute(_CHANGE, {"gateway": gateway_id, **values})


def issued(conn: Connection, state: State) -> Issued:
    """What the feed has come to."""
    oldest = conn.execute(_OLDEST, {"gateway": state.gateway_id, "of_epoch": state.epoch}).scalar()
    return Issued(
        epoch=state.epoch,
        revision=state.revision,
        root=state.root,
        oldest_kept=state.revision + 1 if oldest is None else oldest,
        lease_counter=state.lease_counter,
    )


def root_at(conn: Connection, state: State, *, epoch: int, revision: int) -> str | None:
    """The root that was issued at a position; None: never issued, or not kept any more."""
    if epoch != state.epoch:
        return None
    if revision == state.revision:
        return str(state.root) if state.ready else None
    found: str | None = conn.execute(
        _ROOT, {"gateway": state.gateway_id, "of_epoch": epoch, "at_revision": revision}
    ).scalar()
    return found


def tokens(conn: Connection, state: State, *, first: int, last: int) -> list[bytes]:
    """The kept entries of the running epoch from `first` to `last`, in order, as they were signed."""
    entry = feed_entry.c
    return list(
        conn.execute(
            select(entry.token)
            .where(
                entry.gateway_id == state.gateway_id,
                entry.epoch == state.epoch,
                entry.revision.between(first, last),
            )
            .order_by(entry.revision)
        ).scalars()
    )


def waiting_since_ms(conn: Connection, state: State) -> int | None:
    """Since when the oldest change that the gateway has not confirmed is known; None: it confirmed all there is."""
    unconfirmed = conn.execute(
        _UNCONFIRMED_SINCE,
        {"gateway": state.gateway_id, "of_epoch": state.epoch, "confirmed": state.acked_revision},
    ).scalar()
    return min((at for at in (unconfirmed, state.backlog_since_ms) if at is not None), default=None)


def write_entry(
    conn: Connection,
    *,
    organisation_id: int,
    gateway_id: str,
    epoch: int,
    revision: int,
    changes: tuple[RowChange, ...],
    root: str,
    now_ms: int,
    key: SigningKey,
) -> bytes:
    """Sign and keep one entry; returns its token."""
    message = FeedEntry(
        gateway=gateway_id, epoch=epoch, revision=revision, changes=changes, root=root, issued_ms=now_ms
    )
    token = sign(message, key)
    conn.execute(
        insert(feed_entry).values(
            organisation_id=organisation_id,
            gateway_id=gateway_id,
            epoch=epoch,
            revision=revision,
            root=root,
            token=token,
            issued_at_ms=now_ms,
        )
    )
    return token


def prune(conn: Connection, gateway_id: str, *, epoch: int, revision: int) -> None:
    """Forget entries of other epochs, and those before the newest KEPT_ENTRIES."""
    entry = feed_entry.c
    conn.execute(
        delete(feed_entry).where(
            entry.gateway_id == gateway_id, (entry.epoch != epoch) | (entry.revision <= revision - KEPT_ENTRIES)
        )
    )


def open_epoch(conn: Connection, state: State, *, epoch: int, digest: Digest, now_ms: int, key: SigningKey) -> None:
    """Begin `epoch` with the rows as they are: one entry without changes, which nobody applies (all enter by snapshot).

    It gives the first revision of the epoch a root that is known as long as any other.
    """
    revision, root = state.revision + 1, digest.root()
    prune(conn, state.gateway_id, epoch=epoch, revision=revision)
    write_entry(
        conn,
        organisation_id=state.organisation_id,
        gateway_id=state.gateway_id,
        epoch=epoch,
        revision=revision,
        changes=(),
        root=root,
        now_ms=now_ms,
        key=key,
    )
    change(
        conn,
        state.gateway_id,
        epoch=epoch,
        revision=revision,
        root=root,
        digest=digest.to_bytes(),
        ready=True,
        sent_through=revision,
        sent_at_ms=None,
        resends=0,
        resend_due_ms=None,
        snapshot_wanted_from=0,
    )
