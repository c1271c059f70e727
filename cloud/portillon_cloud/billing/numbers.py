"""Invoice numbers: 1, 2, 3 … per legal entity and series, in the order of their days, never a gap, never twice."""

import datetime

from sqlalchemy import Connection, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.billing.errors import NumberingError
from portillon_cloud.billing.tables import number_series

LIVE_SERIES = "INV"
TEST_SERIES = "TEST"
CREDIT_SERIES = "CN"
TEST_CREDIT_SERIES = "TEST-CN"


def series_of(mode: str) -> str:
    """A test organisation never takes a number that the tax office could see."""
    return TEST_SERIES if mode == "test" else LIVE_SERIES


def credit_series_of(mode: str) -> str:
    """Credit notes are counted by themselves: they are documents of another kind (CGI, ann. II, 242 nonies A, I 7°)."""
    return TEST_CREDIT_SERIES if mode == "test" else CREDIT_SERIES


def printed(series: str, number: int, issued_on: datetime.date) -> str:
    """As it stands on the document: INV-202601-000017. The month is the one of issue, on the seller's calendar.

    It says when, and is no series of its own: the count goes on from month to month (docs/adr/0015).
    """
    return f"{series}-{issued_on:%Y%m}-{number:06d}"


def take_numbers(
    conn: Connection,
    *,
    organisation_id: int,
    legal_entity_id: int,
    series: str,
    count: int,
    issued_on: datetime.date,
) -> range:
    """The next `count` numbers; the counter's row is locked until this transaction ends, so take them late and once.

    A rollback gives them back. Raises NumberingError if the series has a number issued on a later day.
    """
    column = number_series.c
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        insert(number_series)
        .values(
            organisation_id=organisation_id,
            legal_entity_id=legal_entity_id,
            series=series,
            last_number=0,
            last_issued_on=issued_on,
        )
        .on_conflict_do_nothing()
    )
    last: int | None = conn.execute(
        update(number_series)
        .where(column.legal_entity_id == legal_entity_id, column.series == series, column.last_issued_on <= issued_on)
        .values(last_number=column.last_number + count, last_issued_on=issued_on)
        .returning(column.last_number)
    ).scalar_one_or_none()
    if last is None:
        raise NumberingError(
            f"series {series} of legal entity {legal_entity_id} has invoices issued after {issued_on}; "
            "numbers follow the calendar, so issue this one with today's date"
        )
    return range(last - count + 1, last + 1)
