"""Enrol a gateway, write its configuration, revoke it, and see which of them obey."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from portillon_wire.digest import Digest
from sqlalchemy import Connection, insert, select, update

from portillon_cloud.database import wake_after_commit
from portillon_cloud.gateways.errors import GatewayExistsError, GatewayModeError, UnknownGatewayError
from portillon_cloud.gateways.names import checked_gateway_id
from portillon_cloud.gateways.presence import is_online
from portillon_cloud.gateways.tables import feed_state, gateway, gateway_status
from portillon_cloud.members.operations import site_keys
from portillon_cloud.members.tables import organisation, site
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFiles:
    """What a gateway is given: the first sections of its configuration, and the secret files these name."""

    toml: str
    secrets: Mapping[str, str] = field(repr=False)

    def write_secrets(self, directory: Path) -> None:
        """Write the secret files beside the configuration, readable by their owner only."""
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in self.secrets.items():
            handle = os.open(directory / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write(text + "\n")


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayFacts:
    """One gateway as the cloud knows it. `in_force`: it confirmed all there is, in the running epoch."""

    id: str
    name: str
    site_id: int
    online: bool
    revoked: bool
    seen_at_ms: int | None
    software: str
    epoch: int
    revision: int
    acked_epoch: int
    acked_revision: int
    acked_clock_rev: int
    acked_lease_counter: int
    lease_until_ms: int | None
    in_force: bool


def enrol_gateway(
    conn: Connection,
    *,
    organisation_id: int,
    site_id: int,
    gateway_id: str,
    name: str,
    mode: str,
    now_ms: int,
) -> None:
    """Enrol a gateway of a site and let its feed be filled. `mode` is what the gateway's own configuration will say.

    Raises GatewayNameError, GatewayExistsError, GatewayModeError, UnknownGatewayError (no such site here).
    """
    checked_gateway_id(gateway_id)
    theirs = conn.execute(select(organisation.c.mode).where(organisation.c.id == organisation_id)).scalar()
    if mode != theirs:
        raise GatewayModeError(
            f"gateway {gateway_id!r} is {mode!r} and its organisation {theirs!r}: they must be the same"
        )
    if site_id not in conn.execute(select(site.c.id).where(site.c.organisation_id == organisation_id)).scalars().all():
        raise UnknownGatewayError(f"organisation {organisation_id} has no site {site_id}")
    if conn.execute(select(gateway.c.id).where(gateway.c.id == gateway_id)).first():
        raise GatewayExistsError(f"a gateway {gateway_id!r} was enrolled already; give this one another id")
    whose = {"organisation_id": organisation_id, "gateway_id": gateway_id}
    conn.execute(
        insert(gateway).values(
            id=gateway_id,
            organisation_id=organisation_id,
            site_id=site_id,
            name=name,
            mode=mode,
            enrolled_at_ms=now_ms,
        )
    )
    digest = Digest.empty()
    conn.execute(
        insert(feed_state).values(
            **whose,
            epoch=1,
            revision=0,
            root=digest.root(),
            digest=digest.to_bytes(),
            ready=False,
            sequenced_at_ms=0,
            sent_through=0,
            resends=0,
            acked_epoch=0,
            acked_revision=0,
            acked_root="",
            acked_lease_counter=0,
            acked_clock_rev=0,
            lease_counter=0,
            lease_due_ms=now_ms,
            lease_not_before_ms=0,
            lease_epoch=0,
            lease_revision=-1,
            lease_clock_rev=0,
        )
    )
    conn.execute(
        insert(gateway_status).values(
            **whose, online=False, boot_id="", connection=0, software="", changed_at_ms=now_ms
        )
    )
    conn.execute(insert(access_outbox).values(**whose, account_id=None))
    wake_after_commit(conn)


def revoke_gateway(conn: Connection, *, organisation_id: int, gateway_id: str, now_ms: int) -> None:
    """No lease and no entry from now on; offline it runs to the end of its lease. Raises UnknownGatewayError."""
    done = conn.execute(
        update(gateway)
        .where(gateway.c.id == gateway_id, gateway.c.organisation_id == organisation_id)
        .values(revoked_at_ms=now_ms)
    )
    if not done.rowcount:
        raise UnknownGatewayError(f"organisation {organisation_id} has no gateway {gateway_id!r}")


def gateway_config(
    conn: Connection,
    keyring: Keyring,
    *,
    gateway_id: str,
    data_dir: Path,
    broker: str,
    ca_file: Path | None = None,
    certificate_file: Path | None = None,
    private_key_file: Path | None = None,
    snapshot_base: str | None = None,
) -> GatewayFiles:
    """The sections [gateway], [site] and [cloud] of the gateway's configuration; its devices and doors follow them.

    Raises UnknownGatewayError.
    """
    row = conn.execute(
        select(gateway.c.mode, gateway.c.site_id, site.c.language)
        .join_from(gateway, site, site.c.id == gateway.c.site_id)
        .where(gateway.c.id == gateway_id)
    ).one_or_none()
    if row is None:
        raise UnknownGatewayError(f"no gateway {gateway_id!r} is enrolled")
    # The active key first, and at most one that is being replaced: more the gateway does not take.
    keys = site_keys(conn, keyring, row.site_id)[:2]
    secrets = {f"site-{key.key_id}.key": key.secret.hex() for key in keys}
    named = ", ".join(
        f"{{ key_id = {_text(key.key_id)}, secret_file = {_text(f'site-{key.key_id}.key')} }}" for key in keys
    )
    cloud = {
        "broker": broker,
        "ca_file": ca_file,
        "certificate_file": certificate_file,
        "private_key_file": private_key_file,
        "snapshot_base": snapshot_base,
    }
    lines = [
        "[gateway]",
        f"id = {_text(gateway_id)}",
        f"mode = {_text(row.mode)}",
        f"data_dir = {_text(data_dir)}",
        f"language = {_text(row.language)}",
        "",
        "[site]",
        f"keys = [{named}]",
        "",
        "[cloud]",
        *(f"{name} = {_text(value)}" for name, value in cloud.items() if value is not None),
        "",
        "[[cloud.keys]]",
        f"kid = {_text(keyring.feed_key.kid)}",
        f"public = {_text(keyring.feed_key.public.hex())}",
        'usages = ["feed", "lease"]',
        "",
        "[[cloud.keys]]",
        f"kid = {_text(keyring.command_key.kid)}",
        f"public = {_text(keyring.command_key.public.hex())}",
        'usages = ["command"]',
    ]
    return GatewayFiles(toml="\n".join(lines) + "\n", secrets=secrets)


def gateways(conn: Connection, organisation_id: int, *, now_ms: int) -> list[GatewayFacts]:
    """Every gateway of the organisation, by name. `now_ms` is real time."""
    rows = conn.execute(
        select(gateway, feed_state, gateway_status)
        .join_from(gateway, feed_state, feed_state.c.gateway_id == gateway.c.id)
        .join(gateway_status, gateway_status.c.gateway_id == gateway.c.id)
        .where(gateway.c.organisation_id == organisation_id)
        .order_by(gateway.c.name, gateway.c.id)
    )
    waiting = set(
        conn.execute(
            select(access_outbox.c.gateway_id).where(access_outbox.c.organisation_id == organisation_id).distinct()
        ).scalars()
    )
    return [
        GatewayFacts(
            id=row.id,
            name=row.name,
            site_id=row.site_id,
            online=is_online(online=row.online, seen_at_ms=row.seen_at_ms, now_ms=now_ms),
            revoked=row.revoked_at_ms is not None,
            seen_at_ms=row.seen_at_ms,
            software=row.software,
            epoch=row.epoch,
            revision=row.revision,
            acked_epoch=row.acked_epoch,
            acked_revision=row.acked_revision,
            acked_clock_rev=row.acked_clock_rev,
            acked_lease_counter=row.acked_lease_counter,
            lease_until_ms=row.lease_until_ms,
            in_force=row.ready
            and row.sweep_after is None
            and row.id not in waiting
            and (row.acked_epoch, row.acked_revision, row.acked_root) == (row.epoch, row.revision, row.root),
        )
        for row in rows
    ]


def _text(value: object) -> str:
    # A TOML basic string has JSON's escapes (TOML 1.0, Strings); DEL alone JSON leaves as it is.
    return json.dumps(str(value)).replace("\x7f", "\\u007f")
