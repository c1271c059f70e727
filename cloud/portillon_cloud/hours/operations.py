"""Set a site's schedules and holiday calendars; its gateways go by them at once.

A calendar that a schedule names must be there, and nothing is removed that is gone by: at the gateway what is missing
is closed, and a schedule that is gone shuts everybody out who came by it.
"""

from collections.abc import Mapping
from typing import Any

from portillon_rules.entitlement import ALWAYS
from portillon_rules.holidays import HolidayCalendar
from portillon_rules.schedule import Schedule
from sqlalchemy import Connection, Table, delete, insert, select, update

from portillon_cloud import outbox
from portillon_cloud.access.rule_changes import Changer, note_change
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.access.tables import given_right, holiday_calendar, schedule
from portillon_cloud.billing.tables import plan
from portillon_cloud.doors.operations import require_site
from portillon_cloud.doors.rules import asked_of
from portillon_cloud.doors.tables import door_plan, door_rule
from portillon_cloud.hours.errors import HoursInUseError, HoursInvalidError, UnknownHoursError
from portillon_cloud.zones.operations import still_given, zone_rules_of

_KINDS = {schedule.name: RuleKind.HOURS, holiday_calendar.name: RuleKind.HOLIDAYS}


def schedules_of(conn: Connection, site_id: int) -> dict[str, Schedule]:
    """The site's schedules by name."""
    return {name: Schedule.from_body(name, body) for name, body in _bodies(conn, schedule, site_id).items()}


def calendars_of(conn: Connection, site_id: int) -> dict[str, HolidayCalendar]:
    """The site's holiday calendars by name."""
    found = _bodies(conn, holiday_calendar, site_id)
    return {name: HolidayCalendar.from_body(name, body) for name, body in found.items()}


def put_schedule(
    conn: Connection,
    *,
    organisation_id: int,
    site_id: int,
    name: str,
    body: Mapping[str, Any],
    by: Changer | None = None,
) -> Schedule:
    """Set the schedule `name`, as the feed's row has it.

    Raises UnknownSiteError, HoursInvalidError or UnknownHoursError.
    """
    require_site(conn, organisation_id, site_id)
    if name == ALWAYS:
        raise HoursInvalidError(f"{ALWAYS!r} is never closed and cannot be set: choose another name")
    try:
        new = Schedule.from_body(name, body)
    except (KeyError, TypeError, ValueError) as error:
        raise HoursInvalidError(f"schedule {name!r}: {error}") from error
    calendars = _bodies(conn, holiday_calendar, site_id)
    for one in new.holidays:
        if one.calendar not in calendars:
            raise UnknownHoursError(f"schedule {name!r}: site {site_id} has no holiday calendar {one.calendar!r}")
    _put(conn, schedule, organisation_id, site_id, name, new.to_body(), by)
    return new


def put_calendar(
    conn: Connection, *, organisation_id: int, site_id: int, name: str, days: frozenset[str], by: Changer | None = None
) -> HolidayCalendar:
    """Set the holiday calendar `name`. Raises UnknownSiteError or HoursInvalidError."""
    require_site(conn, organisation_id, site_id)
    try:
        new = HolidayCalendar(name, days)
    except ValueError as error:
        raise HoursInvalidError(f"holiday calendar {name!r}: {error}") from error
    _put(conn, holiday_calendar, organisation_id, site_id, name, new.to_body(), by)
    return new


def drop_schedule(
    conn: Connection, *, organisation_id: int, site_id: int, name: str, now_ms: int = 0, by: Changer | None = None
) -> None:
    """Remove a schedule that nothing goes by; given rights that are over at business time `now_ms` are nothing.

    Raises UnknownSiteError, UnknownHoursError or HoursInUseError.
    """
    require_site(conn, organisation_id, site_id)
    plans = select(plan.c.name).where(plan.c.organisation_id == organisation_id, plan.c.schedule == name)
    if (sold := conn.execute(plans.limit(1)).scalar_one_or_none()) is not None:
        raise HoursInUseError(f"the plan {sold!r} goes by {name!r}: give it another schedule first")
    rights = select(given_right.c.member_id).where(
        given_right.c.organisation_id == organisation_id, given_right.c.schedule == name, still_given(now_ms)
    )
    if (member_id := conn.execute(rights.limit(1)).scalar_one_or_none()) is not None:
        raise HoursInUseError(f"a right of member {member_id} goes by {name!r}: give them another schedule first")
    for reserved, asked in asked_of(conn, site_id).items():
        if any(one.schedule == name for one in asked.reserved):
            raise HoursInUseError(f"the door {reserved!r} is reserved during {name!r}: give it other hours first")
    for table, column in ((door_plan, door_plan.c.unlock), (door_rule, door_rule.c.pin_schedule)):
        doors = select(table.c.door).where(table.c.site_id == site_id, column == name)
        if (door := conn.execute(doors.limit(1)).scalar_one_or_none()) is not None:
            raise HoursInUseError(f"the door {door!r} goes by {name!r}: give it another schedule first")
    for rule in zone_rules_of(conn, site_id).values():
        if any(one.schedule == name for one in rule.reserved):
            raise HoursInUseError(f"the zone {rule.zone!r} is reserved during {name!r}: give it other hours first")
    _drop(conn, schedule, organisation_id, site_id, name, by)


def drop_calendar(
    conn: Connection, *, organisation_id: int, site_id: int, name: str, by: Changer | None = None
) -> None:
    """Remove a calendar that no schedule names. Raises UnknownSiteError, UnknownHoursError or HoursInUseError."""
    require_site(conn, organisation_id, site_id)
    for one in schedules_of(conn, site_id).values():
        if any(hours.calendar == name for hours in one.holidays):
            raise HoursInUseError(f"the schedule {one.name!r} names {name!r}: take it out there first")
    _drop(conn, holiday_calendar, organisation_id, site_id, name, by)


def _bodies(conn: Connection, table: Table, site_id: int) -> dict[str, Any]:
    rows = conn.execute(select(table.c.name, table.c.body).where(table.c.site_id == site_id).order_by(table.c.name))
    return {row.name: row.body for row in rows}


def _put(
    conn: Connection,
    table: Table,
    organisation_id: int,
    site_id: int,
    name: str,
    body: Mapping[str, Any],
    by: Changer | None,
) -> None:
    of_it = (table.c.site_id == site_id, table.c.name == name)
    was = conn.scalar(select(table.c.body).where(*of_it))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, _KINDS[table.name], name, **its, was=was, becomes=body)
    if not conn.execute(update(table).where(*of_it).values(body=body)).rowcount:
        conn.execute(insert(table).values(organisation_id=organisation_id, site_id=site_id, name=name, body=body))
    outbox.site_rules_changed(conn, organisation_id, site_id)


def _drop(conn: Connection, table: Table, organisation_id: int, site_id: int, name: str, by: Changer | None) -> None:
    was = conn.scalar(select(table.c.body).where(table.c.site_id == site_id, table.c.name == name))
    its = {"organisation_id": organisation_id, "site_id": site_id}
    note_change(conn, by, _KINDS[table.name], name, **its, was=was, becomes=None)
    if not conn.execute(delete(table).where(table.c.site_id == site_id, table.c.name == name)).rowcount:
        raise UnknownHoursError(f"site {site_id} has no {table.name.replace('_', ' ')} {name!r}")
    outbox.site_rules_changed(conn, organisation_id, site_id)
