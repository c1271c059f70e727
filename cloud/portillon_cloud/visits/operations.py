"""Give members packs and quotas, change and close them; every gateway of the site knows within a second."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from portillon_rules.visits import ALLOWANCES_MAX, QUOTAS_MAX, Allowance, Per
from sqlalchemy import Connection, Row, func, select, update

from portillon_cloud import outbox
from portillon_cloud.access.entitlement import FOREVER_MS
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.tables import member, site
from portillon_cloud.visits.errors import AllowanceError, UnknownAllowanceError
from portillon_cloud.visits.moving import gateways_of, settle_down
from portillon_cloud.visits.plan_visits import MOST_MAX
from portillon_cloud.visits.tables import visit_allowance, visit_home, visit_spent


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowanceView:
    """A pack (`per` None) or quota as it stands. `spent`: in all, or in the period that runs; below 0 left: overdrawn.

    `until_ms` None: no end. `by_plan`: plans give it, and it follows them. Only what journals have told is counted.
    """

    id: int
    per: Per | None
    most: int
    spent: int
    from_ms: int
    until_ms: int | None
    given_by: str
    by_plan: bool
    given_at_ms: int
    closed_at_ms: int | None

    @property
    def left(self) -> int:
        """How many visits it has yet, in all or in the period that runs."""
        return self.most - self.spent


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberVisits:
    """What one member was given, newest first, and which gateway counts it (`home`; None: none yet)."""

    allowances: tuple[AllowanceView, ...]
    home: str | None
    moving_to: str | None
    gateways: tuple[str, ...]


def give(
    conn: Connection,
    *,
    organisation_id: int,
    member_id: int,
    most: int,
    per: Per | None,
    from_ms: int,
    until_ms: int | None,
    by: str,
    now_ms: int,
) -> int:
    """Give a pack of `most` visits, or a quota of as many in each period, over `[from_ms, until_ms)` of business time.

    Raises UnknownMemberError, AllowanceError.
    """
    whose = _member(conn, organisation_id, member_id)
    end_ms = FOREVER_MS if until_ms is None else until_ms
    if not 1 <= most <= MOST_MAX:
        raise AllowanceError(f"{most} visits: a pack or quota has 1 to {MOST_MAX}")
    if from_ms >= end_ms or end_ms <= now_ms:
        raise AllowanceError("a pack or quota that ends before it begins, or has ended, gives nothing: choose its end")
    # Two gifts at the same moment: the second waits here, and counts the first one.
    settle_down(conn, organisation_id, {member_id: whose.site_id}, now_ms)
    allowance = visit_allowance.c
    open_ones = list(
        conn.execute(
            select(allowance.per).where(allowance.member_id == member_id, allowance.closed_at_ms.is_(None))
        ).scalars()
    )
    quotas = sum(one is not None for one in open_ones)
    if len(open_ones) >= ALLOWANCES_MAX or (per is not None and quotas >= QUOTAS_MAX):
        raise AllowanceError(
            f"a member has at most {ALLOWANCES_MAX} open packs and quotas, {QUOTAS_MAX} of them quotas:"
            " close those that are over"
        )
    made = insert_one(
        conn,
        visit_allowance,
        organisation_id=organisation_id,
        member_id=member_id,
        per=None if per is None else per.value,
        most=most,
        from_ms=from_ms,
        until_ms=end_ms,
        given_by=by,
        given_at_ms=now_ms,
    )
    outbox.account_changed(conn, organisation_id, whose.account_id)
    return made


def change(conn: Connection, *, organisation_id: int, member_id: int, allowance_id: int, most: int) -> None:
    """Let it have so many visits from now on: some more given, or one given back.

    Raises UnknownMemberError, UnknownAllowanceError, AllowanceError.
    """
    if not 0 <= most <= MOST_MAX:
        raise AllowanceError(f"{most} visits: a pack or quota has 0 to {MOST_MAX}")
    _change(conn, organisation_id, member_id, allowance_id, most=most)


def close(conn: Connection, *, organisation_id: int, member_id: int, allowance_id: int, now_ms: int) -> None:
    """Let it limit the member no more. (A pack that is used up goes on to refuse until it is closed.)

    Raises UnknownMemberError, UnknownAllowanceError, AllowanceError for one that a plan gives.
    """
    _change(conn, organisation_id, member_id, allowance_id, closed_at_ms=now_ms)


def member_visits(conn: Connection, *, organisation_id: int, member_id: int, now_ms: int) -> MemberVisits:
    """What the member was given and what is left of it now. Raises UnknownMemberError."""
    whose = _member(conn, organisation_id, member_id)
    zone = time_zone_of(conn, organisation_id=organisation_id, member_id=member_id)
    home = conn.execute(select(visit_home).where(visit_home.c.member_id == member_id)).one_or_none()
    rows = conn.execute(
        select(visit_allowance).where(visit_allowance.c.member_id == member_id).order_by(visit_allowance.c.id.desc())
    ).all()
    return MemberVisits(
        allowances=tuple(_view(row, spent) for row, spent in zip(rows, _spent(conn, rows, zone, now_ms), strict=True)),
        home=None if home is None else home.gateway_id,
        moving_to=None if home is None else home.moving_to,
        gateways=tuple(gateways_of(conn, whose.site_id)),
    )


def time_zone_of(conn: Connection, *, organisation_id: int, member_id: int) -> str:
    """By which the member's days begin. Raises UnknownMemberError."""
    whose = _member(conn, organisation_id, member_id)
    zone: str = conn.execute(select(site.c.time_zone).where(site.c.id == whose.site_id)).scalar_one()
    return zone


def _view(row: Row[Any], spent: int) -> AllowanceView:
    return AllowanceView(
        id=row.id,
        per=None if row.per is None else Per(row.per),
        most=row.most,
        spent=spent,
        from_ms=row.from_ms,
        until_ms=None if row.until_ms >= FOREVER_MS else row.until_ms,
        given_by=row.given_by,
        by_plan=row.source is not None,
        given_at_ms=row.given_at_ms,
        closed_at_ms=row.closed_at_ms,
    )


def _spent(conn: Connection, rows: Sequence[Row[Any]], zone: str, now_ms: int) -> list[int]:
    periods = {
        row.id: Allowance(
            name=str(row.id), most=row.most, per=None if row.per is None else Per(row.per), until_ms=row.until_ms
        ).period_at(now_ms, zone)
        for row in rows
    }
    spent = visit_spent.c
    counts = conn.execute(
        select(spent.allowance_id, spent.period, func.count())
        .where(spent.allowance_id.in_(periods), spent.period.in_(set(periods.values())))
        .group_by(spent.allowance_id, spent.period)
    )
    found = {(allowance_id, period): count for allowance_id, period, count in counts}
    return [found.get((row.id, periods[row.id]), 0) for row in rows]


def _change(conn: Connection, organisation_id: int, member_id: int, allowance_id: int, **values: int) -> None:
    whose = _member(conn, organisation_id, member_id)
    allowance = visit_allowance.c
    its = (allowance.id == allowance_id, allowance.member_id == member_id, allowance.closed_at_ms.is_(None))
    changed = conn.execute(update(visit_allowance).where(*its, allowance.source.is_(None)).values(**values))
    if not changed.rowcount:
        if conn.scalar(select(allowance.given_by).where(*its)) is not None:
            raise AllowanceError("a plan gives these visits: change the plan, or the member's subscription")
        raise UnknownAllowanceError(f"member {member_id} has no open pack or quota {allowance_id}")
    outbox.account_changed(conn, organisation_id, whose.account_id)


def _member(conn: Connection, organisation_id: int, member_id: int) -> Row[Any]:
    found = conn.execute(
        select(member).where(member.c.id == member_id, member.c.organisation_id == organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownMemberError(f"organisation {organisation_id} has no member {member_id}")
    return found
