"""Passages of one business day at a site, by the hour of its own wall clock."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from portillon_wire.messages import EventKind
from sqlalchemy import Connection, func, select

from portillon_cloud.attendance.tables import CAME_IN, journal_event
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.reports.site_view import AttendanceDay

_QUARTER_MS = 15 * 60 * 1000  # every time zone's offset is a whole number of quarters


def attendance_day(conn: Connection, *, organisation_id: int, site_id: int, on: date, time_zone: str) -> AttendanceDay:
    """Counted by the database per quarter, sorted into local hours here: right on the days when clocks change, too."""
    zone = ZoneInfo(time_zone)
    from_ms, until_ms = (start_of_day_ms(day, time_zone) for day in (on, on + timedelta(days=1)))
    quarter = journal_event.c.at_ms // _QUARTER_MS
    rows = conn.execute(
        select(quarter.label("quarter"), func.count().label("passages"))
        .where(
            journal_event.c.organisation_id == organisation_id,
            journal_event.c.site_id == site_id,
            journal_event.c.kind == EventKind.PASSAGE.value,
            journal_event.c.at_ms >= from_ms,
            journal_event.c.at_ms < until_ms,
            CAME_IN,
        )
        .group_by(quarter)
    )
    by_hour = [0] * 24
    for row in rows:
        by_hour[datetime.fromtimestamp(int(row.quarter) * _QUARTER_MS / 1000, zone).hour] += row.passages
    return AttendanceDay(on=on, by_hour=tuple(by_hour))
