"""Set what holds in a site's zones; its gateways go by it at once.

A zone is a name that doors' configuration and plans share. Nothing is removed that is gone by: a zone that a plan
opens, or in which another one lies, stays.
"""

import re
from collections.abc import Mapping
from typing import Any

from portillon_rules.zone_rule import EVERY_ZONE, NESTING_MAX, ZoneRule, chain
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from portillon_cloud import outbox
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.tables import given_right
from portillon_cloud.billing.tables import plan
from portillon_cloud.doors.errors import UnknownScheduleError
from portillon_cloud.doors.operations import require_site, schedules_of
from portillon_cloud.members.tables import site
from portillon_cloud.zones.errors import UnknownZoneError, ZoneInUseError, ZoneRuleError
from portillon_cloud.zones.rows import zone_rules_of
from portillon_cloud.zones.tables import zone_rule

__all__ = [
    "ZONES_MOST",
    "add_zone",
    "drop_zone",
    "drop_zone_rule",
    "put_zone_rule",
    "still_given",
    "zone_rules_of",
    "zones_of",
]

ZONE_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"
ZONES_MOST = 64


def zones_of(conn: Connection, site_id: int) -> list[str]:
    """The names of the site's zones."""
    names: list[str] = conn.execute(select(site.c.zones).where(site.c.id == site_id)).scalar_one()
    return names


def add_zone(conn: Connection, *, organisation_id: int, site_id: int, zone: str, by: Changer | None = None) -> None:
    """Let there be a zone of this name; if it is there already, it is left as it is.

    Raises UnknownSiteError or ZoneRuleError.
    """
    require_site(conn, organisation_id, site_id)
    if re.fullmatch(ZONE_NAME, zone) is None:
        raise ZoneRuleError(f"zone {zone!r}: a name has letters, digits, '-', '_' and '.', 64 at most")
    names = _zones_to_change(conn, site_id)
    if zone in names:
        return
    if len(names) >= ZONES_MOST:
        raise ZoneRuleError(f"site {site_id} has {ZONES_MOST} zones: remove one first")
    conn.execute(update(site).where(site.c.id == site_id).values(zones=[*names, zone]))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, RuleKind.ZONE, zone, **its, was=None, becomes={})


def drop_zone(
    conn: Connection, *, organisation_id: int, site_id: int, zone: str, now_ms: int = 0, by: Changer | None = None
) -> None:
    """Remove a zone and its rule; given rights that are over at business time `now_ms` hold it no more.

    Raises UnknownSiteError, UnknownZoneError or ZoneInUseError.
    """
    require_site(conn, organisation_id, site_id)
    names = _zones_to_change(conn, site_id)
    if zone not in names:
        raise UnknownZoneError(f"site {site_id} has no zone {zone!r}")
    if len(names) == 1:
        raise ZoneInUseError(f"{zone!r} is the last zone of site {site_id}: nobody could enter anywhere")
    plans = conn.execute(select(plan.c.name, plan.c.zones).where(plan.c.organisation_id == organisation_id))
    if (sold := next((row.name for row in plans if zone in row.zones), None)) is not None:
        raise ZoneInUseError(f"the plan {sold!r} opens {zone!r}: take it out there first")
    rights = select(given_right.c.member_id, given_right.c.zones).where(
        given_right.c.organisation_id == organisation_id, still_given(now_ms)
    )
    if (member_id := next((row.member_id for row in conn.execute(rights) if zone in row.zones), None)) is not None:
        raise ZoneInUseError(f"a right of member {member_id} opens {zone!r}: end it first")
    inner = next((rule.zone for rule in zone_rules_of(conn, site_id).values() if rule.within == zone), None)
    if inner is not None:
        raise ZoneInUseError(f"the zone {inner!r} lies in {zone!r}: change its rule first")
    had = zone_rules_of(conn, site_id).get(zone)
    conn.execute(update(site).where(site.c.id == site_id).values(zones=[one for one in names if one != zone]))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, RuleKind.ZONE, zone, **its, was={} if had is None else had.to_body(), becomes=None)
    conn.execute(delete(zone_rule).where(zone_rule.c.site_id == site_id, zone_rule.c.zone == zone))
    outbox.site_rules_changed(conn, organisation_id, site_id)


def put_zone_rule(
    conn: Connection,
    *,
    organisation_id: int,
    site_id: int,
    zone: str,
    body: Mapping[str, Any],
    by: Changer | None = None,
) -> ZoneRule:
    """Set the rule of a zone, or of EVERY_ZONE, as the feed's row has it.

    Raises UnknownSiteError, UnknownZoneError, UnknownScheduleError or ZoneRuleError.
    """
    require_site(conn, organisation_id, site_id)
    names = _zones_to_change(conn, site_id)
    if zone != EVERY_ZONE and zone not in names:
        raise UnknownZoneError(f"site {site_id} has no zone {zone!r}")
    try:
        rule = ZoneRule.from_body(zone, body)
    except (KeyError, TypeError, ValueError) as error:
        raise ZoneRuleError(f"zone {zone!r}: {error}") from error
    if rule.within is not None:
        _check_within(rule, names, zone_rules_of(conn, site_id))
    schedules = schedules_of(conn, site_id)
    for one in rule.reserved:
        if one.schedule not in schedules:
            raise UnknownScheduleError(f"zone {zone!r}: site {site_id} has no schedule {one.schedule!r}")
    if rule.capacity is not None and rule.almost_full is not None and rule.almost_full > rule.capacity:
        raise ZoneRuleError(f"zone {zone!r}: almost full at {rule.almost_full} comes after full at {rule.capacity}")
    of_it = (zone_rule.c.site_id == site_id, zone_rule.c.zone == zone)
    was = conn.scalar(select(zone_rule.c.body).where(*of_it))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, RuleKind.ZONE_RULE, zone, **its, was=was, becomes=rule.to_body())
    if not conn.execute(update(zone_rule).where(*of_it).values(body=rule.to_body())).rowcount:
        conn.execute(
            insert(zone_rule).values(organisation_id=organisation_id, site_id=site_id, zone=zone, body=rule.to_body())
        )
    outbox.site_rules_changed(conn, organisation_id, site_id)
    return rule


def drop_zone_rule(
    conn: Connection, *, organisation_id: int, site_id: int, zone: str, by: Changer | None = None
) -> None:
    """Nothing is asked in this zone any more. Raises UnknownSiteError or UnknownZoneError."""
    require_site(conn, organisation_id, site_id)
    of_it = (zone_rule.c.site_id == site_id, zone_rule.c.zone == zone)
    was = conn.scalar(select(zone_rule.c.body).where(*of_it))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, RuleKind.ZONE_RULE, zone, **its, was=was, becomes=None)
    gone = conn.execute(delete(zone_rule).where(*of_it))
    if not gone.rowcount:
        raise UnknownZoneError(f"site {site_id} has no rule for the zone {zone!r}")
    outbox.site_rules_changed(conn, organisation_id, site_id)


def still_given(now_ms: int) -> ColumnElement[bool]:
    """Given rights that are not over at business time `now_ms`."""
    return or_(given_right.c.until_ms.is_(None), given_right.c.until_ms > now_ms)


def _zones_to_change(conn: Connection, site_id: int) -> list[str]:
    """The names, held until the transaction ends: two people at once neither lose a zone nor close a ring."""
    names: list[str] = conn.execute(select(site.c.zones).where(site.c.id == site_id).with_for_update()).scalar_one()
    return names


def _check_within(rule: ZoneRule, names: list[str], others: Mapping[str, ZoneRule]) -> None:
    if rule.within not in names:
        raise UnknownZoneError(f"zone {rule.zone!r} lies in {rule.within!r}, which the site does not have")
    around = list(chain(rule.within, {**others, rule.zone: rule}))
    if rule.zone in around:
        raise ZoneRuleError(f"zone {rule.zone!r} would lie in itself: {' in '.join([rule.zone, *around])}")
    if len(around) >= NESTING_MAX:
        raise ZoneRuleError(f"zone {rule.zone!r}: at most {NESTING_MAX} zones lie in each other")
