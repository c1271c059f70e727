"""Members' visits as the feed carries them, and as their home gateway would count them now."""

from collections import defaultdict
from collections.abc import Collection

from portillon_rules.visits import Allowance, Per, Visit, VisitRow, VisitUse
from portillon_wire.rows import RowChange, RowKind
from sqlalchemy import Connection, and_, case, func, or_, select

from portillon_cloud.visits.tables import visit_allowance, visit_home, visit_spent


def visit_rows(conn: Connection, member_ids: Collection[int]) -> dict[int, RowChange]:
    """The feed row of each of these members who has packs or quotas."""
    return {
        member_id: RowChange(kind=RowKind.VISITS, key=str(member_id), body=row.to_body())
        for member_id, row in visits_of(conn, member_ids).items()
    }


def visits_of(conn: Connection, member_ids: Collection[int]) -> dict[int, VisitRow]:
    """What limits the visits of these members; who has no open allowance is not in it. One or two queries.

    `before` is everything that another turn than the present one spent, however late it was heard of: so visits that
    were given unchecked, or by a lost gateway, shorten what the home may give as soon as they are known. A cloud that
    was restored numbers turns again: what another gateway spent is never of the home's turn, whatever its number.
    """
    allowance, home = visit_allowance.c, visit_home.c
    found = conn.execute(
        select(
            visit_allowance,
            case((home.moving_to.is_(None), home.gateway_id)).label("home"),
            home.turn,
            home.since_ms,
        )
        .join(visit_home, home.member_id == allowance.member_id)
        .where(allowance.member_id.in_(member_ids), allowance.closed_at_ms.is_(None))
        .order_by(allowance.id)
    ).all()
    if not found:
        return {}
    before = _before(conn, [row.id for row in found])
    allowances: defaultdict[int, list[Allowance]] = defaultdict(list)
    for row in found:
        period, count = before.get(row.id, ("", 0))
        allowances[row.member_id].append(
            Allowance(
                name=str(row.id),
                most=row.most,
                per=None if row.per is None else Per(row.per),
                from_ms=row.from_ms,
                until_ms=row.until_ms,
                before=count,
                before_in=period,
            )
        )
    return {
        row.member_id: VisitRow(
            member=str(row.member_id),
            home=row.home,
            turn=row.turn,
            since_ms=row.since_ms,
            allowances=tuple(allowances[row.member_id]),
        )
        for row in found
    }


def use_at_home(conn: Connection, member_id: int) -> VisitUse:
    """What the member's home gateway knows, as far as its journal has come: for the live answer at the desk."""
    row = visits_of(conn, [member_id]).get(member_id)
    if row is None:
        return VisitUse()
    spent = visit_spent.c
    counted = conn.execute(
        select(spent.allowance_id, spent.period, func.count())
        .where(
            spent.allowance_id.in_([int(one.name) for one in row.allowances]),
            spent.turn == row.turn,
            spent.gateway_id == row.home,
        )
        .group_by(spent.allowance_id, spent.period)
    )
    return VisitUse(
        row,
        tuple((Visit(str(allowance_id), row.turn, period), count) for allowance_id, period, count in counted),
        sure=row.home is not None,
    )


def _before(conn: Connection, allowance_ids: Collection[int]) -> dict[int, tuple[str, int]]:
    """By allowance, what other turns spent: of a quota in the latest such period, since earlier ones are over."""
    spent, home = visit_spent.c, visit_home.c
    others = or_(home.turn != spent.turn, home.gateway_id.is_distinct_from(spent.gateway_id))
    counts = conn.execute(
        select(spent.allowance_id, spent.period, func.count())
        .join(visit_home, and_(home.member_id == spent.member_id, others))
        .where(spent.allowance_id.in_(allowance_ids))
        .group_by(spent.allowance_id, spent.period)
        .order_by(spent.period)
    )
    return {allowance_id: (period, count) for allowance_id, period, count in counts}
