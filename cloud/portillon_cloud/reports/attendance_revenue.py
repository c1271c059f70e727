"""Attendance beside revenue: what a visit brings in, and who pays and is not seen (members at risk)."""

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from portillon_wire.messages import EventKind
from sqlalchemy import Connection, Select, case, func, select

from portillon_cloud.attendance.tables import CAME_IN, journal_event
from portillon_cloud.billing.calendar import Period
from portillon_cloud.billing.span import Moment
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.members.tables import member, site
from portillon_cloud.money import divide_half_away
from portillon_cloud.reports.book import Book
from portillon_cloud.reports.months import whole
from portillon_cloud.reports.recurring import Payer
from portillon_cloud.reports.revenue import RevenueMonth

DAYS_PER_WEEK = 7
_ASKED_AT_ONCE = 500  # members in one statement


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendanceMonth:
    """Passages in, at the legal entity's sites; how many members made them; `per_visit_minor`: earned / visits."""

    month: datetime.date
    visits: int
    members_seen: int
    earned_minor: int
    per_visit_minor: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberAtRisk:
    """Pays `monthly_minor` before tax, and was last seen on `last_seen_on` (None: never). `since_on`: pays since."""

    member_id: int
    who: str
    monthly_minor: int
    since_on: datetime.date
    last_seen_on: datetime.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRisk:
    """All who pay and were not seen for `weeks`: how many, what of MRR they are, and those who pay most of them."""

    weeks: int
    members: int
    monthly_minor: int
    first: tuple[MemberAtRisk, ...]


def attendance(
    conn: Connection, book: Book, months: Sequence[Period], earned: Sequence[RevenueMonth], *, time_zone: str
) -> tuple[AttendanceMonth, ...]:
    """One row per month; `earned` has one for each of the same months."""
    bounds = [start_of_day_ms(month.start, time_zone) for month in months]
    until_ms = start_of_day_ms(whole(months).end, time_zone)
    at_ms = journal_event.c.at_ms
    place = case(
        *((at_ms >= bound, index) for index, bound in reversed(list(enumerate(bounds)))),
    ).label("place")
    rows = conn.execute(
        _came_in(place, func.count().label("visits"), func.count(journal_event.c.member.distinct()).label("seen"))
        .where(
            journal_event.c.site_id.in_(_sites(conn, book)),
            journal_event.c.organisation_id == book.organisation_id,
            at_ms >= bounds[0],
            at_ms < until_ms,
        )
        .group_by(place)
    )
    counted = {int(row.place): (int(row.visits), int(row.seen)) for row in rows}
    return tuple(
        AttendanceMonth(
            month=month.start,
            visits=visits,
            members_seen=seen,
            earned_minor=of_month.earned_minor,
            per_visit_minor=divide_half_away(of_month.earned_minor, visits) if visits else None,
        )
        for index, (month, of_month) in enumerate(zip(months, earned, strict=True))
        for visits, seen in (counted.get(index, (0, 0)),)
    )


def at_risk(
    conn: Connection, book: Book, payers: Iterable[Payer], *, now_ms: int, time_zone: str, weeks: int, limit: int
) -> AtRisk:
    """Who pays now (not for a freeze alone), has paid for `weeks` or longer, and came in nowhere for as long."""
    today = local_date(now_ms, time_zone)
    unseen_since = today - datetime.timedelta(days=weeks * DAYS_PER_WEEK)
    now = Moment(today, 86_399)
    paying = {
        one.member_id: (amount_minor, one.first.day)
        for one in payers
        if one.first.day <= unseen_since and (amount_minor := one.trains_for_minor(now)) > 0
    }
    seen = _seen_since(conn, book, sorted(paying), start_of_day_ms(unseen_since, time_zone))
    missing = sorted(
        (member_id for member_id in paying if member_id not in seen), key=lambda one: (-paying[one][0], one)
    )
    shown = missing[:limit]
    names = _names(conn, book, shown)
    last = _last_seen(conn, book, shown)
    return AtRisk(
        weeks=weeks,
        members=len(missing),
        monthly_minor=sum(paying[one][0] for one in missing),
        first=tuple(
            MemberAtRisk(
                member_id=one,
                who=names[one],
                monthly_minor=paying[one][0],
                since_on=paying[one][1],
                last_seen_on=local_date(last[one], time_zone) if one in last else None,
            )
            for one in shown
        ),
    )


def _came_in(*columns: object) -> Select[tuple[object, ...]]:
    query: Select[tuple[object, ...]] = select(*columns)  # type: ignore[call-overload]
    return query.where(journal_event.c.kind == EventKind.PASSAGE.value, CAME_IN)


def _sites(conn: Connection, book: Book) -> Sequence[int]:
    column = site.c
    return (
        conn.execute(
            select(column.id).where(
                column.organisation_id == book.organisation_id, column.legal_entity_id == book.legal_entity_id
            )
        )
        .scalars()
        .all()
    )


def _seen_since(conn: Connection, book: Book, member_ids: Sequence[int], since_ms: int) -> set[int]:
    """At any site of the organisation. By the index of members, so many at a time: old passages cost nothing."""
    column = journal_event.c
    seen: set[int] = set()
    for start in range(0, len(member_ids), _ASKED_AT_ONCE):
        asked = [str(one) for one in member_ids[start : start + _ASKED_AT_ONCE]]
        rows = conn.execute(
            _came_in(column.member)
            .where(column.organisation_id == book.organisation_id, column.member.in_(asked), column.at_ms >= since_ms)
            .distinct()
        )
        seen.update(int(row.member) for row in rows)
    return seen


def _last_seen(conn: Connection, book: Book, member_ids: Sequence[int]) -> dict[int, int]:
    column = journal_event.c
    rows = conn.execute(
        _came_in(column.member, func.max(column.at_ms).label("at_ms"))
        .where(
            column.organisation_id == book.organisation_id,
            column.member.in_([str(one) for one in member_ids]),
            column.at_ms.is_not(None),
        )
        .group_by(column.member)
    )
    return {int(row.member): int(row.at_ms) for row in rows}


def _names(conn: Connection, book: Book, member_ids: Sequence[int]) -> dict[int, str]:
    column = member.c
    rows = conn.execute(
        select(column.id, column.first_name, column.last_name).where(
            column.organisation_id == book.organisation_id, column.id.in_(member_ids)
        )
    )
    return {row.id: f"{row.first_name} {row.last_name}" for row in rows}
