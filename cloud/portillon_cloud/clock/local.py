"""Between instants and local dates: the local date of an organisation or a site decides what falls on which day."""

import datetime
from zoneinfo import ZoneInfo


def local_date(instant_ms: int, time_zone: str) -> datetime.date:
    """The date on the wall in `time_zone` at an instant."""
    return datetime.datetime.fromtimestamp(instant_ms / 1000, ZoneInfo(time_zone)).date()


def start_of_day_ms(day: datetime.date, time_zone: str) -> int:
    """The first instant of `day` in `time_zone`, also where summer time begins at midnight and 00:00 is skipped."""
    midnight = datetime.datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone))
    return int(midnight.timestamp() * 1000)


def instant_of_ms(local: str, time_zone: str) -> int:
    """The instant at which the wall in `time_zone` shows this ISO day and time; raises ValueError.

    Of an hour that comes twice, the first; one that is skipped is read as if summer time had not begun.
    """
    return int(datetime.datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(time_zone)).timestamp() * 1000)
