"""Close a month only once all that belongs to it is in the book."""

import datetime

from sqlalchemy import Connection, exists, select

from portillon_cloud.billing.planning import RECOGNITION
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.ledger.errors import PeriodError
from portillon_cloud.ledger.periods import Book, Close, close
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.timers.tables import timer


def close_months(conn: Connection, book: Book, act: Close) -> None:
    """Close up to and with the month of `act.through_on`. Raises PeriodError."""
    through_on = act.through_on
    if through_on is not None:
        zone = time_zone_of(conn, book.organisation_id)
        if through_on >= local_date(act.at_ms, zone):
            raise PeriodError(f"the month of {through_on} is not over yet")
        over_ms = start_of_day_ms(through_on + datetime.timedelta(days=1), zone)
        if _revenue_waits(conn, book, over_ms):
            raise PeriodError(
                f"the revenue of a month up to {through_on} is not recognised yet: the worker does it on the first of "
                "the next month; see that it runs, and close after"
            )
    close(conn, book, act)


def _revenue_waits(conn: Connection, book: Book, over_ms: int) -> bool:
    column = timer.c
    waiting: bool = conn.execute(
        select(
            exists().where(
                column.organisation_id == book.organisation_id,
                column.kind == RECOGNITION,
                column.subject_id == book.legal_entity_id,
                column.due_at_ms <= over_ms,
                column.state != "done",
            )
        )
    ).scalar_one()
    return waiting
