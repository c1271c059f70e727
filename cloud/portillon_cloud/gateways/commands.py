"""Commands from the desk to a gateway: numbered and signed with the request, published once, answered once.

A command is for this moment. It is published at most once: one that is lost is given again by whoever still wants it.
Its counter is never below the real time at which it was given, so that a cloud restored from a backup, which has
forgotten the last ones, still counts on from above them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from portillon_wire.commands import LIFE_MS_MAX, Action, Command, CommandResult
from portillon_wire.signature import sign
from sqlalchemy import Connection, bindparam, func, insert, select, update

from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.gateways import outgoing
from portillon_cloud.gateways.errors import GatewayAwayError, UnknownGatewayError
from portillon_cloud.gateways.outgoing import Outgoing
from portillon_cloud.gateways.presence import is_online
from portillon_cloud.gateways.tables import command, gateway, gateway_status
from portillon_cloud.identity.principal import Principal
from portillon_cloud.secrets import Keyring

PUBLISHED_AT_ONCE_MAX = 200
_WAITING = select(command.c.id).where(
    command.c.published_at_ms.is_(None), command.c.expires_at_ms > bindparam("now_ms")
)
_ANY_WAITING = _WAITING.limit(1)  # built once: it runs at each tick


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenCommand:
    """One command and what became of it. `outcome`: taken or refused; None: no answer yet. Instants are real time."""

    id: int
    gateway_id: str
    action: str
    door: str | None
    given_by: str
    issued_at_ms: int
    expires_at_ms: int
    outcome: str | None
    reason: str | None


def give_command(
    conn: Connection,
    keyring: Keyring,
    *,
    principal: Principal,
    gateway_id: str,
    action: Action,
    door: str | None,
    now_ms: int,
) -> int:
    """Sign a command and let it be published; returns its row. Raises UnknownGatewayError or GatewayAwayError.

    Nothing is queued for a gateway that is away: it would surprise somebody later.
    """
    found = conn.execute(
        select(gateway_status.c.online, gateway_status.c.seen_at_ms)
        .join_from(gateway, gateway_status, gateway_status.c.gateway_id == gateway.c.id)
        .where(
            gateway.c.id == gateway_id,
            gateway.c.organisation_id == principal.organisation_id,
            gateway.c.revoked_at_ms.is_(None),
        )
        .with_for_update(of=gateway_status)  # two at the same moment get two counters; SQLite has the one writer
    ).one_or_none()
    if found is None:
        raise UnknownGatewayError(f"organisation {principal.organisation_id} has no gateway {gateway_id!r}")
    if not is_online(online=found.online, seen_at_ms=found.seen_at_ms, now_ms=now_ms):
        raise GatewayAwayError(f"gateway {gateway_id!r} is not connected: nothing was done; open the door on site")
    kid = keyring.command_key.kid
    last = conn.execute(
        select(func.max(command.c.counter)).where(command.c.gateway_id == gateway_id, command.c.kid == kid)
    ).scalar()
    signed = Command(
        gateway=gateway_id,
        action=action,
        door=door,
        by=principal.staff_id,
        counter=max(now_ms, (last or 0) + 1),
        issued_ms=now_ms,
        expires_ms=now_ms + LIFE_MS_MAX,
    )
    made = conn.execute(
        insert(command)
        .values(
            organisation_id=principal.organisation_id,
            gateway_id=gateway_id,
            kid=kid,
            counter=signed.counter,
            action=action.value,
            door=door,
            given_by=principal.name,
            given_by_id=principal.staff_id,
            issued_at_ms=signed.issued_ms,
            expires_at_ms=signed.expires_ms,
            token=sign(signed, keyring.command_key),
        )
        .returning(command.c.id)
    ).scalar_one()
    wake_after_commit(conn)
    return int(made)


def publish_commands(db: Database, *, now_ms: int) -> list[Outgoing]:
    """What was given since, each once: whoever marks it publishes it. What is over by now goes nowhere."""
    with db.read() as conn:
        if conn.execute(_ANY_WAITING, {"now_ms": now_ms}).first() is None:
            return []
    with db.write() as conn:
        ids = _WAITING.params(now_ms=now_ms).order_by(command.c.id).limit(PUBLISHED_AT_ONCE_MAX)
        marked = conn.execute(
            update(command)
            .where(command.c.id.in_(ids), command.c.published_at_ms.is_(None))
            .values(published_at_ms=now_ms)
            .returning(command.c.id, command.c.gateway_id, command.c.token, command.c.expires_at_ms)
        ).all()
    return [
        outgoing.command(row.gateway_id, row.token, expiry_s=max(1, -(-(row.expires_at_ms - now_ms) // 1000)))
        for row in sorted(marked, key=lambda row: row.id)
    ]


def take_result(conn: Connection, gateway_id: str, result: CommandResult, *, now_ms: int) -> bool:
    """Keep a gateway's answer; the first one counts. False: no command of ours, or answered before."""
    done = conn.execute(
        update(command)
        .where(
            command.c.gateway_id == gateway_id,
            command.c.kid == result.kid,
            command.c.counter == result.counter,
            command.c.outcome.is_(None),
        )
        .values(outcome=result.outcome, reason=result.reason or None, answered_at_ms=now_ms)
    )
    return bool(done.rowcount)


def commands(conn: Connection, organisation_id: int, *, site_id: int, limit: int) -> Sequence[GivenCommand]:
    """The latest commands at one site, newest first."""
    rows = conn.execute(
        select(
            command.c.id,
            command.c.gateway_id,
            command.c.action,
            command.c.door,
            command.c.given_by,
            command.c.issued_at_ms,
            command.c.expires_at_ms,
            command.c.outcome,
            command.c.reason,
        )
        .join_from(command, gateway, gateway.c.id == command.c.gateway_id)
        .where(command.c.organisation_id == organisation_id, gateway.c.site_id == site_id)
        .order_by(command.c.id.desc())
        .limit(limit)
    )
    return [GivenCommand(**row._mapping) for row in rows]
