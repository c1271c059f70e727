"""How many people are in each zone of a site now, as its gateways count them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portillon_rules.zone_rule import ZoneRule
from sqlalchemy import Connection, Row, select

from portillon_cloud.gateways.presence import is_online
from portillon_cloud.gateways.tables import gateway, gateway_status
from portillon_cloud.zones.rows import zone_rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneOccupancy:
    """One zone. `capacity` None: as many as come. Not `live`: the gateway that counted them is not heard any more."""

    zone: str
    inside: int
    capacity: int | None
    almost_full: int | None
    live: bool
    reported_at_ms: int | None

    @property
    def full(self) -> bool:
        """One more would be too many."""
        return self.capacity is not None and self.inside >= self.capacity

    @property
    def nearly(self) -> bool:
        """Not yet, but soon."""
        return not self.full and self.almost_full is not None and self.inside >= self.almost_full


def occupancy_of(conn: Connection, site_id: int, *, now_ms: int) -> tuple[ZoneOccupancy, ...]:
    """Every zone that a gateway counts, by name. Each counts the whole site: the latest of those that are online is
    believed. `now_ms`: real time."""
    rows = conn.execute(
        select(gateway_status)
        .join(gateway, gateway.c.id == gateway_status.c.gateway_id)
        .where(gateway.c.site_id == site_id, gateway.c.revoked_at_ms.is_(None), gateway_status.c.reported.is_not(None))
        .order_by(gateway.c.id)
    ).all()
    counted: dict[str, tuple[tuple[bool, int], int, Row[Any]]] = {}
    for row in rows:
        live = is_online(online=row.online, seen_at_ms=row.seen_at_ms, now_ms=now_ms)
        for zone, inside in (row.reported.get("occupancy") or {}).items():
            worth = live, row.reported_at_ms or 0
            if zone not in counted or worth > counted[zone][0]:
                counted[zone] = worth, inside, row
    rules = zone_rules_of(conn, site_id) if counted else {}
    return tuple(_one(zone, inside, live, row, rules) for zone, ((live, _), inside, row) in sorted(counted.items()))


def _one(zone: str, inside: int, live: bool, row: Row[Any], rules: Mapping[str, ZoneRule]) -> ZoneOccupancy:
    rule = rules.get(zone)
    return ZoneOccupancy(
        zone=zone,
        inside=inside,
        capacity=rule.capacity if rule else None,
        almost_full=rule.almost_full if rule else None,
        live=live,
        reported_at_ms=row.reported_at_ms,
    )
