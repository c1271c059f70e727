"""Keep members' packs and quotas as their plans say; the SQL around plan_visits.py. The caller owns the transaction.

Called wherever that may change: a subscription begins or is changed, one of them turns by its date, an owner edits a
plan. What a plan gave keeps its row, and so its count, for as long as it is the same gift.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from portillon_rules.visits import ALLOWANCES_MAX, QUOTAS_MAX
from sqlalchemy import Connection, Row, insert, or_, select, update

from portillon_cloud import outbox
from portillon_cloud.access import store
from portillon_cloud.access.entitlement import FOREVER_MS
from portillon_cloud.access.review import review_at
from portillon_cloud.billing.tables import plan, subscription
from portillon_cloud.members.tables import member, organisation
from portillon_cloud.visits.moving import settle_down
from portillon_cloud.visits.plan_visits import PlannedAllowance, SoldPart, planned, turns_ms
from portillon_cloud.visits.tables import visit_allowance, visits_before

ACCOUNTS_PER_READ = 2_000


def keep_plan_visits(conn: Connection, organisation_id: int, account_ids: Sequence[int], now_ms: int) -> None:
    """Give these accounts' members what their plans give from business time `now_ms` on, and take back the rest."""
    # Held until the end: whoever edits a plan meanwhile waits, and then finds what was subscribed here.
    plans = select(plan.c.visits).where(plan.c.organisation_id == organisation_id).with_for_update(read=True)
    if all(visits is None for visits in conn.execute(plans).scalars()):
        return
    for start in range(0, len(account_ids), ACCOUNTS_PER_READ):
        _keep(conn, organisation_id, account_ids[start : start + ACCOUNTS_PER_READ], now_ms)


def keep_everyones_visits(conn: Connection, organisation_id: int, now_ms: int) -> None:
    """The same for every account of the organisation: one of its plans gives something else now."""
    accounts = select(subscription.c.account_id).where(subscription.c.organisation_id == organisation_id).distinct()
    account_ids = list(conn.execute(accounts.order_by(subscription.c.account_id)).scalars())
    for start in range(0, len(account_ids), ACCOUNTS_PER_READ):
        _keep(conn, organisation_id, account_ids[start : start + ACCOUNTS_PER_READ], now_ms)


def _keep(conn: Connection, organisation_id: int, account_ids: Sequence[int], now_ms: int) -> None:
    parts = _parts(conn, organisation_id, account_ids)
    people = conn.execute(
        select(member.c.id, member.c.account_id, member.c.site_id).where(member.c.id.in_(sorted(parts)))
    ).all()
    limited = {row.id: row for row in people if any(part.visits is not None for part in parts[row.id])}
    had_before = _rows(conn, list(parts))
    known = {row.id: row for row in people if row.id in limited or row.id in had_before}
    if not known:
        return
    settle_down(conn, organisation_id, {row.id: row.site_id for row in known.values()}, now_ms)
    had = _rows(conn, list(known))
    changed = set()
    for member_id, who in known.items():
        by_staff = [row for row in had[member_id] if row.source is None]
        wanted = _with_room(planned(parts[member_id], now_ms), by_staff)
        if _write(conn, organisation_id, member_id, had[member_id], wanted, now_ms):
            changed.add(who.account_id)
        if member_id in limited:
            for at_ms in turns_ms(parts[member_id]):
                if now_ms < at_ms < FOREVER_MS:
                    review_at(conn, organisation_id, who.account_id, at_ms)
    if changed:
        outbox.accounts_changed(conn, organisation_id, sorted(changed))


def _parts(conn: Connection, organisation_id: int, account_ids: Sequence[int]) -> Mapping[int, list[SoldPart]]:
    zone = conn.execute(select(organisation.c.time_zone).where(organisation.c.id == organisation_id)).scalar_one()
    found: defaultdict[int, list[SoldPart]] = defaultdict(list)
    used = _used_before(conn, account_ids)
    for one in store.terms(conn, account_ids, zone):
        runs = one.membership
        found[one.member_id].append(
            SoldPart(
                subscription_id=one.subscription_id,
                plan=one.plan,
                from_ms=runs.from_ms,
                until_ms=FOREVER_MS if runs.until_ms is None else runs.until_ms,
                zones=runs.zones,
                schedule=runs.schedule,
                sites=one.sites,
                visits=one.visits,
                used_before=used.pop(one.subscription_id, 0),  # of the first pack it had
            )
        )
    return found


def _used_before(conn: Connection, account_ids: Sequence[int]) -> dict[int, int]:
    """By subscription, the visits that were used before it came here."""
    rows = conn.execute(
        select(visits_before.c.subscription_id, visits_before.c.used)
        .join(subscription, subscription.c.id == visits_before.c.subscription_id)
        .where(subscription.c.account_id.in_(account_ids))
    )
    return {subscription_id: used for subscription_id, used in rows}


def _rows(conn: Connection, member_ids: Iterable[int]) -> Mapping[int, list[Row[Any]]]:
    """What they have or had from plans, and what staff gave them that is open."""
    allowance = visit_allowance.c
    rows = conn.execute(
        select(visit_allowance)
        .where(
            allowance.member_id.in_(sorted(member_ids)),
            or_(allowance.source.is_not(None), allowance.closed_at_ms.is_(None)),
        )
        .order_by(allowance.id)
    )
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        found[row.member_id].append(row)
    return found


def _with_room(wanted: Sequence[PlannedAllowance], by_staff: Sequence[Row[Any]]) -> list[PlannedAllowance]:
    """As many as a row of the feed holds, the nearest first: the rest is given as soon as one of these is over."""
    quotas_left = QUOTAS_MAX - sum(row.per is not None for row in by_staff)
    packs = [one for one in wanted if one.per is None]
    quotas = [one for one in wanted if one.per is not None][: max(quotas_left, 0)]
    return [*quotas, *packs][: max(ALLOWANCES_MAX - len(by_staff), 0)]


def _write(
    conn: Connection,
    organisation_id: int,
    member_id: int,
    had: Sequence[Row[Any]],
    wanted: Sequence[PlannedAllowance],
    now_ms: int,
) -> bool:
    """Make the member's rows what is wanted; whether anything was to do."""
    rows = {(row.source, row.from_ms): row for row in had if row.source is not None}
    changed = False
    for one in wanted:
        values = {"most": one.most, "until_ms": one.until_ms, "given_by": ", ".join(one.plans), "closed_at_ms": None}
        row = rows.pop((one.source, one.from_ms), None)
        if row is None:
            conn.execute(
                insert(visit_allowance).values(
                    organisation_id=organisation_id,
                    member_id=member_id,
                    source=one.source,
                    per=None if one.per is None else one.per.value,
                    from_ms=one.from_ms,
                    given_at_ms=now_ms,
                    **values,
                )
            )
        elif any(row._mapping[name] != value for name, value in values.items()):
            conn.execute(update(visit_allowance).where(visit_allowance.c.id == row.id).values(**values))
        else:
            continue
        changed = True
    over = [row.id for row in rows.values() if row.closed_at_ms is None]
    if over:
        conn.execute(update(visit_allowance).where(visit_allowance.c.id.in_(over)).values(closed_at_ms=now_ms))
    return changed or bool(over)
