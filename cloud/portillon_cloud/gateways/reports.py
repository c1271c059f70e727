"""Take in a gateway's report of where it stands: remember it, and do what `session` answers."""

from portillon_wire.digest import Digest
from portillon_wire.messages import SyncReport
from sqlalchemy import Connection

from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.alarms import AlarmKind, raise_alarm
from portillon_cloud.gateways.leasing import lease_for_news
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.repair import answer_wish
from portillon_cloud.gateways.session import (
    InForce,
    MovingOn,
    OfferSnapshot,
    OpenEpoch,
    Repair,
    Resend,
    Sent,
    answer,
    resend_delay_ms,
)
from portillon_cloud.gateways.store import State
from portillon_cloud.secrets import Keyring


def take_report(
    conn: Connection, keyring: Keyring, state: State, report: SyncReport, *, now_ms: int, duration_s: int
) -> list[Outgoing]:
    """Remember the position and answer it; `state` is locked."""
    there = store.root_at(conn, state, epoch=report.epoch, revision=report.revision)
    sent = Sent(
        through=state.sent_through,
        at_ms=state.sent_at_ms,
        acked_epoch=state.acked_epoch,
        acked_revision=state.acked_revision,
    )
    found = answer(report, store.issued(conn, state), sent, root_there=there, now_ms=now_ms)
    store.change(
        conn,
        state.gateway_id,
        acked_epoch=report.epoch,
        acked_revision=report.revision,
        acked_root=report.root,
        acked_at_ms=now_ms,
        acked_lease_counter=report.lease_counter,
        acked_clock_rev=report.clock_rev,
        # A restored cloud must not give leases that the gateway has outgrown.
        lease_counter=max(state.lease_counter, report.lease_counter),
    )
    if report.lease_counter < state.acked_lease_counter:
        # Another process took in a later report first (or the gateway was restored): a lease makes it say where it is.
        store.change(conn, state.gateway_id, lease_revision=-1)
    match found:
        case InForce():
            return _in_force(conn, keyring, state, now_ms=now_ms, duration_s=duration_s)
        case MovingOn():
            store.change(conn, state.gateway_id, resends=0, resend_due_ms=now_ms + resend_delay_ms(0))
            return []
        case Resend():
            return _send(conn, state, found, now_ms)
        case Repair(asked, in_force):
            lease = _in_force(conn, keyring, state, now_ms=now_ms, duration_s=duration_s) if in_force else []
            return [*answer_wish(conn, keyring, state, asked), *lease] if state.ready else lease
        case OfferSnapshot():
            store.change(conn, state.gateway_id, snapshot_wanted_from=found.at_least, resend_due_ms=None)
            return []
        case OpenEpoch():
            _open(conn, keyring, state, found, now_ms)
            return []


def _in_force(conn: Connection, keyring: Keyring, state: State, *, now_ms: int, duration_s: int) -> list[Outgoing]:
    store.change(
        conn, state.gateway_id, sent_through=state.revision, resends=0, resend_due_ms=None, snapshot_wanted_from=None
    )
    return lease_for_news(conn, keyring, state.gateway_id, now_ms=now_ms, duration_s=duration_s)


def _send(conn: Connection, state: State, entries: Resend, now_ms: int) -> list[Outgoing]:
    through = entries.last if state.sent_at_ms is None else max(entries.last, state.sent_through)
    store.change(
        conn,
        state.gateway_id,
        sent_through=through,
        sent_at_ms=now_ms,
        resends=0,
        resend_due_ms=now_ms + resend_delay_ms(0),
        snapshot_wanted_from=None,
    )
    tokens = store.tokens(conn, state, first=entries.first, last=entries.last)
    return [outgoing.feed(state.gateway_id, token) for token in tokens]


def _open(conn: Connection, keyring: Keyring, state: State, found: OpenEpoch, now_ms: int) -> None:
    if state.ready:
        digest = Digest.from_bytes(state.digest)
        store.open_epoch(conn, state, epoch=found.epoch, digest=digest, now_ms=now_ms, key=keyring.feed_key)
    else:  # the first sweep will open it
        store.change(conn, state.gateway_id, epoch=found.epoch, snapshot_wanted_from=0)
    raise_alarm(
        conn,
        organisation_id=state.organisation_id,
        gateway_id=state.gateway_id,
        kind=AlarmKind.NEW_EPOCH,
        detail=f"epoch {found.epoch} opened: the gateway {found.why}; it or the cloud was restored",
        now_ms=now_ms,
    )
