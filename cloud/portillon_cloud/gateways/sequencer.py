"""Turn 'this account changed' into numbered, signed entries: differences only, one sequencer per gateway at a time.

One transaction per round: lock the gateways whose turn it is, compute their rows anew, number, sign, delete the outbox
rows, commit. Only then is anything published; what is lost on the way is sent again (`resender`).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from portillon_wire.digest import Digest
from portillon_wire.rows import RowChange, canonical_body
from sqlalchemy import Connection, Select, delete, exists, false, insert, or_, select

from portillon_cloud.access.operations import rows_for_accounts, site_rows
from portillon_cloud.clock import business_now_ms
from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.alarms import AlarmKind, raise_alarm
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.session import WINDOW, resend_delay_ms
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_row, feed_state
from portillon_cloud.members.tables import account
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.secrets import Keyring

GATEWAYS_PER_ROUND = 32
ACCOUNTS_PER_TURN = 500
ENTRY_CHANGES = 500
ENTRY_BYTES = 100_000
KEYS_PER_STATEMENT = 5_000  # SQLite takes 32,766 values in one statement, PostgreSQL 65,535
PRUNE_EVERY = 50  # revisions between two looks at what need not be kept any more
RETRY_MS = 5_000

_logger = logging.getLogger(__name__)
_Name = tuple[str, str]
_Fresh = dict[_Name, tuple[int | None, RowChange]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that is not as the feed says. `body` None: it goes."""

    change: RowChange
    account_id: int | None
    body: bytes | None
    was: bytes | None


def sequence(db: Database, keyring: Keyring, *, now_ms: int) -> tuple[list[Outgoing], bool]:
    """One round over the gateways whose turn it is; what to publish, and whether more is waiting."""
    with db.read() as conn:
        if not conn.execute(select(exists(_waiting(now_ms)))).scalar():
            return [], False
    messages: list[Outgoing] = []
    with db.write() as conn:
        rows = _Rows(conn, keyring, now_ms)
        claimed = conn.execute(
            _waiting(now_ms)
            .order_by(feed_state.c.sequenced_at_ms, feed_state.c.gateway_id)
            .limit(GATEWAYS_PER_ROUND)
            .with_for_update(of=feed_state, skip_locked=True)
        ).all()
        for state in claimed:
            messages += _turn_or_alarm(conn, keyring, state, rows, now_ms)
    return messages, bool(claimed)


def _waiting(now_ms: int) -> Select[Any]:
    in_outbox = exists().where(access_outbox.c.gateway_id == feed_state.c.gateway_id)
    return store.STATE.where(
        or_(in_outbox, feed_state.c.sweep_after.is_not(None)),
        or_(feed_state.c.retry_at_ms.is_(None), feed_state.c.retry_at_ms <= now_ms),
    )


def _turn_or_alarm(conn: Connection, keyring: Keyring, state: State, rows: "_Rows", now_ms: int) -> list[Outgoing]:
    """One gateway whose rows cannot be computed must not hold up the others; its own leases stop meanwhile."""
    try:
        with conn.begin_nested():
            return _turn(conn, keyring, state, rows, now_ms)
    except Exception as error:
        _logger.exception("gateway %s: the feed cannot be sequenced", state.gateway_id)
        raise_alarm(
            conn,
            organisation_id=state.organisation_id,
            gateway_id=state.gateway_id,
            kind=AlarmKind.SEQUENCER_FAILED,
            detail=f"{type(error).__name__}: {error}",
            now_ms=now_ms,
        )
        since_ms = now_ms if state.backlog_since_ms is None else state.backlog_since_ms
        store.change(conn, state.gateway_id, retry_at_ms=now_ms + RETRY_MS, backlog_since_ms=since_ms)
        return []


def _turn(conn: Connection, keyring: Keyring, state: State, rows: "_Rows", now_ms: int) -> list[Outgoing]:
    outbox = access_outbox.c
    taken = conn.execute(
        select(outbox.id, outbox.account_id)
        .where(outbox.gateway_id == state.gateway_id)
        .order_by(outbox.id)
        .limit(ACCOUNTS_PER_TURN)
    ).all()
    everything = any(row.account_id is None for row in taken)
    accounts = {row.account_id for row in taken if row.account_id is not None}
    sweep_after = 0 if everything else state.sweep_after
    values: dict[str, Any] = {}
    messages: list[Outgoing] = []
    if state.revoked_at_ms is not None:
        sweep_after = None  # nothing is for it any more; its outbox is only emptied
    else:
        if sweep_after is not None:
            swept = _next_accounts(conn, state.organisation_id, sweep_after)
            accounts.update(swept)
            sweep_after = swept[-1] if len(swept) == ACCOUNTS_PER_TURN else None
        looked_at = tuple(sorted(accounts))
        fresh = rows.of(state.site_id, state.organisation_id, looked_at, site=everything)
        differences = _differences(conn, state, looked_at, fresh, site=everything)
        _write_rows(conn, state, differences)
        values, messages = _number(conn, keyring, state, differences, now_ms, complete=sweep_after is None)
    conn.execute(delete(access_outbox).where(outbox.id.in_([row.id for row in taken])))
    left = sweep_after is not None
    if len(taken) == ACCOUNTS_PER_TURN:
        left = left or bool(conn.execute(select(exists().where(outbox.gateway_id == state.gateway_id))).scalar())
    since_ms = now_ms if state.backlog_since_ms is None else state.backlog_since_ms
    values.update(
        sweep_after=sweep_after,
        sequenced_at_ms=now_ms,
        retry_at_ms=None,
        backlog_since_ms=since_ms if left else None,
    )
    store.change(conn, state.gateway_id, **values)
    return messages


def _next_accounts(conn: Connection, organisation_id: int, after: int) -> list[int]:
    return list(
        conn.execute(
            select(account.c.id)
            .where(account.c.organisation_id == organisation_id, account.c.id > after)
            .order_by(account.c.id)
            .limit(ACCOUNTS_PER_TURN)
        ).scalars()
    )


class _Rows:
    """The rows as they must be now, read once per round for all gateways of a site: one transaction, one truth."""

    def __init__(self, conn: Connection, keyring: Keyring, now_ms: int) -> None:
        self._conn, self._keyring, self._now_ms = conn, keyring, now_ms
        self._known: dict[tuple[int, tuple[int, ...], bool], _Fresh] = {}

    def of(self, site_id: int, organisation_id: int, accounts: tuple[int, ...], *, site: bool) -> "_Fresh":
        """By name, with their accounts; the site's own first, so that a new policy goes before what it governs."""
        asked = (site_id, accounts, site)
        if asked not in self._known:
            fresh: _Fresh = {}
            if site:
                fresh.update({(row.kind, row.key): (None, row) for row in site_rows(self._conn, site_id)})
            business_ms = business_now_ms(self._conn, organisation_id, self._now_ms)
            of_accounts = rows_for_accounts(
                self._conn, self._keyring, site_id=site_id, account_ids=accounts, now_ms=business_ms
            )
            for account_id, rows in of_accounts.items():
                fresh.update({(row.kind, row.key): (account_id, row) for row in rows})
            self._known[asked] = fresh
        return self._known[asked]


def _differences(
    conn: Connection,
    state: State,
    accounts: Sequence[int],
    fresh: _Fresh,
    *,
    site: bool,
) -> list[Difference]:
    row = feed_row.c
    rows = select(row.kind, row.key, row.account_id, row.body).where(row.gateway_id == state.gateway_id)
    of_these = or_(row.account_id.in_(accounts), row.account_id.is_(None) if site else false())
    had = {(one.kind, one.key): one for one in conn.execute(rows.where(of_these))}
    # A row that is new for these accounts may have been another's until now: a card changed hands.
    for keys in _batches([key for kind, key in fresh if (kind, key) not in had]):
        had.update({(one.kind, one.key): one for one in conn.execute(rows.where(row.key.in_(keys)))})
    found = []
    for name, (account_id, change) in fresh.items():
        was = had.pop(name, None)
        body = canonical_body(change.body or {})
        if was is None or was.body != body or was.account_id != account_id:
            found.append(Difference(change, account_id, body, None if was is None else was.body))
    gone = [
        Difference(RowChange(kind=kind, key=key, body=None), was.account_id, None, was.body)
        for (kind, key), was in had.items()
    ]
    return found + gone


def _write_rows(conn: Connection, state: State, differences: Sequence[Difference]) -> None:
    row = feed_row.c
    for kind in {one.change.kind for one in differences if one.was is not None}:
        stale = [one.change.key for one in differences if one.was is not None and one.change.kind == kind]
        for keys in _batches(stale):
            conn.execute(
                delete(feed_row).where(row.gateway_id == state.gateway_id, row.kind == kind, row.key.in_(keys))
            )
    new = [
        {
            "gateway_id": state.gateway_id,
            "organisation_id": state.organisation_id,
            "kind": one.change.kind,
            "key": one.change.key,
            "account_id": one.account_id,
            "body": one.body,
        }
        for one in differences
        if one.body is not None
    ]
    if new:
        conn.execute(insert(feed_row), new)


def _number(
    conn: Connection, keyring: Keyring, state: State, differences: Sequence[Difference], now_ms: int, *, complete: bool
) -> tuple[dict[str, Any], list[Outgoing]]:
    """Number and keep the entries: (what changes in the state, what to publish).

    While the first sweep is under way nothing is numbered: nobody could use it.
    """
    digest = Digest.from_bytes(state.digest)
    visible = [one for one in differences if one.body != one.was]
    if not state.ready:
        _count(digest, visible)
        if complete:
            store.open_epoch(conn, state, epoch=state.epoch, digest=digest, now_ms=now_ms, key=keyring.feed_key)
            return {}, []
        return {"digest": digest.to_bytes(), "root": digest.root()}, []
    revision, tokens = state.revision, []
    for part in split(visible):
        _count(digest, part)
        revision += 1
        tokens.append(
            store.write_entry(
                conn,
                organisation_id=state.organisation_id,
                gateway_id=state.gateway_id,
                epoch=state.epoch,
                revision=revision,
                changes=tuple(one.change for one in part),
                root=digest.root(),
                now_ms=now_ms,
                key=keyring.feed_key,
            )
        )
    if not tokens:
        return {}, []
    if state.revision // PRUNE_EVERY != revision // PRUNE_EVERY:
        store.prune(conn, state.gateway_id, epoch=state.epoch, revision=revision)
    values = {"revision": revision, "root": digest.root(), "digest": digest.to_bytes()}
    sent = _publishable(state, tokens)
    if sent:
        values.update(sent_through=state.revision + len(sent), sent_at_ms=now_ms)
        if state.resend_due_ms is None:
            values.update(resends=0, resend_due_ms=now_ms + resend_delay_ms(0))
    return values, [outgoing.feed(state.gateway_id, token) for token in sent]


def _publishable(state: State, tokens: Sequence[bytes]) -> Sequence[bytes]:
    """The new entries that fit into the gateway's window; it can use none before its snapshot or out of order."""
    if state.acked_epoch != state.epoch or state.sent_through != state.revision:
        return []
    return tokens[: max(0, state.acked_revision + WINDOW - state.revision)]


def _count(digest: Digest, differences: Sequence[Difference]) -> None:
    for one in differences:
        if one.was is not None:
            digest.remove(one.change.kind, one.change.key, one.was)
        if one.body is not None:
            digest.add(one.change.kind, one.change.key, one.body)


def _batches(keys: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), KEYS_PER_STATEMENT):
        yield keys[start : start + KEYS_PER_STATEMENT]


def split(differences: Sequence[Difference]) -> Iterator[list[Difference]]:
    """Parts of at most ENTRY_CHANGES rows and ENTRY_BYTES of names and bodies (one row alone may be larger)."""
    part: list[Difference] = []
    size = 0
    for one in differences:
        weight = len(one.change.kind) + len(one.change.key) + len(one.body or b"")
        if part and (len(part) == ENTRY_CHANGES or size + weight > ENTRY_BYTES):
            yield part
            part, size = [], 0
        part.append(one)
        size += weight
    if part:
        yield part
