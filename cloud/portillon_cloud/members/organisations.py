"""Make an organisation, its legal entities and its sites."""

import secrets
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from portillon_rules.credential import SiteKey
from sqlalchemy import Connection, insert, select

from portillon_cloud.audit.planning import plan_audit
from portillon_cloud.clock.operations import start_test_clock
from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger import open_books
from portillon_cloud.members.errors import OrganisationError
from portillon_cloud.members.tables import legal_entity, organisation, site, site_key
from portillon_cloud.outbox import everything_changed
from portillon_cloud.secrets import Keyring

SITE_SECRET_BYTES = 32


def create_organisation(
    conn: Connection,
    *,
    mode: str,
    name: str,
    country: str,
    language: str,
    time_zone: str,
    real_ms: int,
    province: str | None = None,
    business_ms: int | None = None,
) -> int:
    """Make a tenant; its mode is fixed for ever: 'live', or 'test' with a clock set to `business_ms` (default: now)."""
    _check_time_zone(time_zone)
    if mode != "test" and business_ms is not None:
        raise OrganisationError(
            "a live organisation has no clock to set; leave business_ms out, or make a test organisation"
        )
    organisation_id = insert_one(
        conn,
        organisation,
        mode=mode,
        name=name,
        country=country,
        province=province,
        language=language,
        time_zone=time_zone,
        created_at_real_ms=real_ms,
    )
    if mode == "test":
        start_test_clock(
            conn, organisation_id, business_ms=real_ms if business_ms is None else business_ms, real_ms=real_ms
        )
    else:
        plan_audit(conn, organisation_id=organisation_id, time_zone=time_zone, after_ms=real_ms)
    return organisation_id


def create_legal_entity(
    conn: Connection,
    *,
    organisation_id: int,
    name: str,
    currency: str,
    tax_regime: str,
    tax_numbers: dict[str, str] | None = None,
) -> int:
    """Make who sells: own number series, own ledger (its books are opened here), own tax registrations."""
    entity_id = insert_one(
        conn,
        legal_entity,
        organisation_id=organisation_id,
        name=name,
        currency=currency,
        tax_regime=tax_regime,
        tax_numbers=tax_numbers or {},
    )
    open_books(conn, organisation_id=organisation_id, legal_entity_id=entity_id, currency=currency)
    return entity_id


def create_site(
    conn: Connection,
    keyring: Keyring,
    *,
    organisation_id: int,
    legal_entity_id: int,
    name: str,
    time_zone: str,
    language: str,
    zones: Sequence[str] = ("gym",),
    policy: dict[str, Any] | None = None,
) -> int:
    """Make a gym with its first credential key."""
    _check_time_zone(time_zone)
    site_id = insert_one(
        conn,
        site,
        organisation_id=organisation_id,
        legal_entity_id=legal_entity_id,
        name=name,
        time_zone=time_zone,
        language=language,
        zones=list(zones),
        policy=policy or {},
    )
    conn.execute(
        insert(site_key).values(
            organisation_id=organisation_id,
            site_id=site_id,
            key_id="k1",
            sealed_secret=keyring.seal(secrets.token_bytes(SITE_SECRET_BYTES), purpose=_purpose(site_id)),
            state="active",
        )
    )
    everything_changed(conn, organisation_id)
    return site_id


def site_keys(conn: Connection, keyring: Keyring, site_id: int) -> list[SiteKey]:
    """The site's credential keys, the active one first."""
    rows = conn.execute(
        select(site_key.c.key_id, site_key.c.sealed_secret)
        .where(site_key.c.site_id == site_id)
        .order_by(site_key.c.state, site_key.c.id.desc())  # 'active' sorts before 'retired'
    ).all()
    return [SiteKey(row.key_id, keyring.unseal(row.sealed_secret, purpose=_purpose(site_id))) for row in rows]


def _purpose(site_id: int) -> str:
    return f"site_key:{site_id}"


def _check_time_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise OrganisationError(f"{name!r} is no time zone; write an IANA name such as America/Toronto") from error


def time_zone_of(conn: Connection, organisation_id: int) -> str:
    """The time zone of an organisation's business."""
    found: str = conn.execute(select(organisation.c.time_zone).where(organisation.c.id == organisation_id)).scalar_one()
    return found
