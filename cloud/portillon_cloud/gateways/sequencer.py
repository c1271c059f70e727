"""Turn 'this account changed' into numbered, signed entries: differences only, one sequencer per gateway at a time.

One transaction per site and turn: lock its gateways that wait, compute their rows anew, number, sign, delete the outbox
rows, commit. Only then is anything published; what is lost on the way is sent again (`resender`).
"""

import logging
from collections.abc import Callable, Sequence
from typing import Any

from portillon_wire.digest import Digest
from sqlalchemy import Connection, Select, bindparam, delete, exists, or_, select

from portillon_cloud.database import Database
from portillon_cloud.gateways import outgoing, store
from portillon_cloud.gateways.alarms import AlarmKind, raise_alarm
from portillon_cloud.gateways.differences import Difference, RowsNow, count, differences, split, write_rows
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.session import WINDOW, resend_delay_ms
from portillon_cloud.gateways.store import State
from portillon_cloud.gateways.tables import feed_state, gateway
from portillon_cloud.members.tables import account
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.secrets import Keyring

GATEWAYS_PER_ROUND = 32
ACCOUNTS_PER_TURN = 500
PRUNE_EVERY = 50  # revisions between two looks at what need not be kept any more
RETRY_MS = 5_000

_logger = logging.getLogger(__name__)
RULES_ONLY = 0
"""Stands for the site's rules where an account's id could: those begin at 1."""

_TRIED_NOW = store.STATE.where(
    or_(feed_state.c.retry_at_ms.is_(None), feed_state.c.retry_at_ms <= bindparam("asked_at_ms"))
)
_IN_OUTBOX = _TRIED_NOW.where(exists().where(access_outbox.c.gateway_id == feed_state.c.gateway_id))
_SWEEPING = _TRIED_NOW.where(feed_state.c.sweep_after.is_not(None))
_ANY = {False: select(exists(_IN_OUTBOX)), True: select(exists(_SWEEPING))}
"""Built once: they run at each tick."""

Taken = dict[int, int | None]
"""Outbox rows by id: the account that changed, RULES_ONLY, or None for all."""


def sequence(db: Database, keyring: Keyring, *, real_ms: Callable[[], int]) -> tuple[list[Outgoing], bool]:
    """One round: a site that something changed for, then one whose first rows are still being read.

    What to publish, and whether more is waiting. So a change waits for one turn of another site at most, however many
    sites of a chain are being filled.
    """
    asked_at_ms = real_ms()
    messages: list[Outgoing] = []
    more = False
    for waiting, sweep in ((_IN_OUTBOX, False), (_SWEEPING, True)):
        sent, worked = _site_turn(db, keyring, waiting, asked_at_ms, real_ms, sweep=sweep)
        messages += sent
        more = more or worked
    return messages, more


def _site_turn(
    db: Database,
    keyring: Keyring,
    waiting: Select[Any],
    asked_at_ms: int,
    real_ms: Callable[[], int],
    *,
    sweep: bool,
) -> tuple[list[Outgoing], bool]:
    """The gateways of one site, those that waited longest: no lock is held across sites."""
    with db.read() as conn:
        if not conn.execute(_ANY[sweep], {"asked_at_ms": asked_at_ms}).scalar():
            return [], False
    with db.write() as conn:
        claimed = _claim(conn, waiting.params(asked_at_ms=asked_at_ms))
        taken = [(state, _take(conn, state)) for state in claimed]
        # The order is the proof: outbox, then clock, then facts. A change whose outbox row was taken is among the facts
        # and has begun by the clock; one that comes meanwhile keeps its own row for the next round.
        now_ms = real_ms()
        rows = RowsNow(conn, keyring, now_ms)
        messages: list[Outgoing] = []
        for state, of_outbox in taken:
            messages += _turn_or_alarm(conn, keyring, state, of_outbox, rows, now_ms, sweep=sweep)
    return messages, bool(claimed)


def _claim(conn: Connection, waiting: Select[Any]) -> list[State]:
    """Lock the gateway that waited longest, and those of its site that wait too; none that another process has."""
    order = (feed_state.c.sequenced_at_ms, feed_state.c.gateway_id)
    waiting = waiting.order_by(*order).with_for_update(of=feed_state, skip_locked=True)
    first = conn.execute(waiting.limit(1)).one_or_none()
    if first is None:
        return []
    beside = waiting.where(gateway.c.site_id == first.site_id, gateway.c.id != first.gateway_id)
    return [first, *conn.execute(beside.limit(GATEWAYS_PER_ROUND - 1)).all()]


def _take(conn: Connection, state: State) -> Taken:
    outbox = access_outbox.c
    found = conn.execute(
        select(outbox.id, outbox.account_id, outbox.rules_only)
        .where(outbox.gateway_id == state.gateway_id)
        .order_by(outbox.id)
        .limit(ACCOUNTS_PER_TURN)
    )
    return {row.id: RULES_ONLY if row.rules_only else row.account_id for row in found}


def _turn_or_alarm(
    conn: Connection, keyring: Keyring, state: State, taken: Taken, rows: RowsNow, now_ms: int, *, sweep: bool
) -> list[Outgoing]:
    """One gateway whose rows cannot be computed must not hold up the others; its own leases stop meanwhile."""
    try:
        with conn.begin_nested():
            return _turn(conn, keyring, state, taken, rows, now_ms, sweep=sweep)
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


def _turn(
    conn: Connection, keyring: Keyring, state: State, taken: Taken, rows: RowsNow, now_ms: int, *, sweep: bool
) -> list[Outgoing]:
    """What changed, and of a `sweep` the next accounts; that everything changed begins one."""
    outbox = access_outbox.c
    everything = None in taken.values()
    rules = everything or RULES_ONLY in taken.values()
    accounts = {account_id for account_id in taken.values() if account_id}
    sweep_after = 0 if everything else state.sweep_after
    values: dict[str, Any] = {}
    messages: list[Outgoing] = []
    if state.revoked_at_ms is not None:
        sweep_after = None  # nothing is for it any more; its outbox is only emptied
    else:
        if sweep and sweep_after is not None:
            swept = _next_accounts(conn, state.organisation_id, sweep_after)
            accounts.update(swept)
            sweep_after = swept[-1] if len(swept) == ACCOUNTS_PER_TURN else None
        looked_at = tuple(sorted(accounts))
        fresh = rows.of(state.site_id, state.organisation_id, looked_at, site=rules)
        found = differences(conn, state, looked_at, fresh, site=rules)
        write_rows(conn, state, found)
        values, messages = _number(conn, keyring, state, found, now_ms, complete=sweep_after is None)
    conn.execute(delete(access_outbox).where(outbox.id.in_(list(taken))))
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


def _number(
    conn: Connection, keyring: Keyring, state: State, found: Sequence[Difference], now_ms: int, *, complete: bool
) -> tuple[dict[str, Any], list[Outgoing]]:
    """Number and keep the entries: (what changes in the state, what to publish).

    While the first sweep is under way nothing is numbered: nobody could use it.
    """
    digest = Digest.from_bytes(state.digest)
    visible = [one for one in found if one.body != one.was]
    if not state.ready:
        count(digest, visible)
        if complete:
            store.open_epoch(conn, state, epoch=state.epoch, digest=digest, now_ms=now_ms, key=keyring.feed_key)
            return {}, []
        return {"digest": digest.to_bytes(), "root": digest.root()}, []
    revision, tokens = state.revision, []
    for part in split(visible):
        count(digest, part)
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
