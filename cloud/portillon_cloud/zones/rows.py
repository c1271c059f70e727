"""Zones' rules and who was forgiven, as the feed carries them."""

from portillon_rules.presence import Forgiven
from portillon_rules.zone_rule import ZoneRule
from portillon_wire.rows import RowChange, RowKind
from sqlalchemy import Connection, select

from portillon_cloud.zones.tables import forgiveness, zone_rule

FORGIVEN_MOST = 1_000
"""A gateway keeps them all at hand. Of whom staff forgave so long ago, a passage since then is known at every door."""


def zone_rules_of(conn: Connection, site_id: int) -> dict[str, ZoneRule]:
    """The rules of a site's zones, by zone; EVERY_ZONE is site-wide."""
    rows = conn.execute(select(zone_rule).where(zone_rule.c.site_id == site_id).order_by(zone_rule.c.zone))
    return {row.zone: ZoneRule.from_body(row.zone, row.body) for row in rows}


def zone_rows(conn: Connection, site_id: int) -> list[RowChange]:
    """As feed rows. A site without rules for zones asks nobody where they are, and forgives nobody."""
    rules = zone_rules_of(conn, site_id)
    if not rules:
        return []
    return [
        *(RowChange(kind=RowKind.ZONE_RULE, key=zone, body=rule.to_body()) for zone, rule in rules.items()),
        *(RowChange(kind=RowKind.FORGIVEN, key=one.member, body=one.to_body()) for one in _forgiven(conn, site_id)),
    ]


def _forgiven(conn: Connection, site_id: int) -> list[Forgiven]:
    latest = conn.execute(
        select(forgiveness.c.member_id, forgiveness.c.at_ms)
        .where(forgiveness.c.site_id == site_id)
        .order_by(forgiveness.c.id.desc())
        .limit(FORGIVEN_MOST)
    )
    # Business time never goes back: the latest of a member is the one that counts, and comes first.
    found: dict[int, int] = {}
    for row in latest:
        found.setdefault(row.member_id, row.at_ms)
    return [Forgiven(str(member_id), at_ms) for member_id, at_ms in sorted(found.items())]
