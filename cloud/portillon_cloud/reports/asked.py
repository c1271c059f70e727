"""Which months of which legal entity a reader asks for; the same for pages, the API and CSV."""

import datetime
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.billing.calendar import Period
from portillon_cloud.clock.local import local_date
from portillon_cloud.members.tables import organisation
from portillon_cloud.reports.book import Book, book_of
from portillon_cloud.reports.months import months_from, months_until

MONTHS, MONTHS_MAX = 12, 36
MONTH_PATTERN = r"^2[01]\d\d-(0[1-9]|1[0-2])$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """`months` ends with the one asked for; `coming` begins with the one that runs on `today`."""

    book: Book
    months: tuple[Period, ...]
    coming: tuple[Period, ...]
    today: datetime.date
    now_ms: int
    time_zone: str


def asked(
    conn: Connection,
    organisation_id: int,
    *,
    legal_entity_id: int | None,
    until: str | None,
    count: int,
    now_ms: int,
) -> Asked:
    """`until`: '2026-05', None: the month that runs. `now_ms`: business time. Raises UnknownLegalEntityError."""
    time_zone = conn.execute(select(organisation.c.time_zone).where(organisation.c.id == organisation_id)).scalar_one()
    today = local_date(now_ms, time_zone)
    last = today if until is None else datetime.date.fromisoformat(f"{until}-01")
    return Asked(
        book=book_of(conn, organisation_id, legal_entity_id),
        months=months_until(last, count),
        coming=months_from(today, count),
        today=today,
        now_ms=now_ms,
        time_zone=time_zone,
    )
