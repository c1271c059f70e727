"""How the doors of a site stand, as their gateways last reported it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from portillon_cloud.gateways.tables import gateway, gateway_status


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorState:
    """One door. `standing`: plan, free, blocked, lockdown or fire. `open` None: it has no contact, or nobody knows."""

    gateway_id: str
    name: str
    kind: str
    state: str
    standing: str
    open: bool | None
    troubles: tuple[str, ...]
    reported_at_ms: int | None


def doors_of(conn: Connection, site_id: int) -> list[DoorState]:
    """Every door that a gateway of the site reported last, by gateway, in the order of its configuration."""
    rows = conn.execute(
        select(gateway.c.id, gateway_status.c.reported, gateway_status.c.reported_at_ms)
        .join_from(gateway, gateway_status, gateway_status.c.gateway_id == gateway.c.id)
        .where(gateway.c.site_id == site_id, gateway.c.revoked_at_ms.is_(None))
        .order_by(gateway.c.name, gateway.c.id)
    )
    return [state for row in rows for state in door_states(row.id, row.reported or {}, row.reported_at_ms)]


def door_states(gateway_id: str, reported: Mapping[str, Any], reported_at_ms: int | None) -> Iterator[DoorState]:
    """The doors in one report; an older gateway's report tells less of them."""
    for door in reported.get("doors", ()):
        yield DoorState(
            gateway_id=gateway_id,
            name=door["name"],
            kind=door["kind"],
            state=door["state"],
            standing=door.get("standing", "plan"),
            open=door.get("open"),
            troubles=tuple(door.get("troubles", ())),
            reported_at_ms=reported_at_ms,
        )
