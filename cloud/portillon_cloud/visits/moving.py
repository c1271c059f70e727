"""Which gateway counts a member's visits, and how they move to another: no visit is given twice on the way.

1. Somebody asks for the move: the feed's row names no home any more.
2. The old home confirms a revision with that row: from then on it lets nobody in on these visits (`stopped_at_ms`, by
   its own clock or the cloud's, whichever is ahead; put back with it if that clock was wrong).
3. It reports, later than the longest passage window after that and with that row still in force, that the cloud has
   every event of its journal: so every visit that it gave is known.
4. The new home's turn begins, with all of that as `before`.
Until 4 the visits are held elsewhere everywhere, and the site's policy for that holds. A home that lost its count moves
to itself in the same way. A gateway that is gone for good never confirms: staff then move at once, and what it may have
given unheard is given twice at most; it counts against what is left when it is heard of after all.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from portillon_wire.messages import Reported
from portillon_wire.rows import RowKind
from sqlalchemy import Connection, Row, bindparam, select, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud import outbox
from portillon_cloud.gateways.tables import feed_row, feed_state, gateway
from portillon_cloud.members.tables import member
from portillon_cloud.visits.errors import UnknownHomeError
from portillon_cloud.visits.tables import visit_home

WINDOW_MS = 660_000
"""A minute longer than the longest passage window: 60 s, ten times for who needs longer (portillon_config.doors). One
that waited in a lane's queue may come later still; it is then counted as of another turn."""
MEMBERS_PER_REPORT = 500

# Built once: they run for every report of every gateway.
_HOMES = (
    select(visit_home, member.c.account_id)
    .join(member, member.c.id == visit_home.c.member_id)
    .order_by(visit_home.c.member_id)
    .limit(MEMBERS_PER_REPORT)
    .with_for_update(of=visit_home)
)
_SITE = select(gateway.c.site_id).where(gateway.c.id == bindparam("gateway")).scalar_subquery()
_HOMELESS = _HOMES.where(visit_home.c.gateway_id.is_(None), member.c.site_id == _SITE)
_MOVING = _HOMES.where(visit_home.c.gateway_id == bindparam("gateway"), visit_home.c.moving_to.is_not(None))


def move(
    conn: Connection, *, organisation_id: int, member_id: int, to: str, now_ms: int, at_once: bool = False
) -> None:
    """Have the member's visits counted at the gateway `to`. `now_ms`: business time. Raises UnknownHomeError.

    `at_once`: without waiting for the old home, since it will not come back.
    """
    home = conn.execute(
        select(visit_home, member.c.account_id, member.c.site_id)
        .join(member, member.c.id == visit_home.c.member_id)
        .where(visit_home.c.member_id == member_id, visit_home.c.organisation_id == organisation_id)
        .with_for_update(of=visit_home)
    ).one_or_none()
    if home is None:
        raise UnknownHomeError(f"member {member_id} has no visits to count")
    if to not in gateways_of(conn, home.site_id):
        raise UnknownHomeError(f"the member's site has no gateway {to!r} in service")
    if at_once or home.gateway_id is None:
        _begin(conn, home, to, now_ms)
    elif home.moving_to is not None or home.gateway_id != to:
        stays = home.gateway_id == to and home.stopped_at_ms is None
        conn.execute(
            update(visit_home)
            .where(visit_home.c.member_id == member_id)
            .values(moving_to=None if stays else to)  # asked back before the home knew: nothing happened
        )
        outbox.account_changed(conn, organisation_id, home.account_id)


def gateways_of(conn: Connection, site_id: int) -> list[str]:
    """The site's gateways in service; the first of them counts visits unless somebody wants otherwise."""
    found = conn.execute(
        select(gateway.c.id)
        .where(gateway.c.site_id == site_id, gateway.c.revoked_at_ms.is_(None))
        .order_by(gateway.c.enrolled_at_ms, gateway.c.id)
    )
    return list(found.scalars())


def settle_down(conn: Connection, organisation_id: int, sites: Mapping[int, int], now_ms: int) -> None:
    """Give each member's visits a home at their site, if they have none, and hold them until the transaction ends."""
    gateways = {site_id: gateways_of(conn, site_id) for site_id in set(sites.values())}
    insert_new = sqlite.insert if conn.dialect.name == "sqlite" else postgresql.insert
    members = sorted(sites)
    conn.execute(
        insert_new(visit_home).on_conflict_do_nothing(),
        [
            {
                "member_id": member_id,
                "organisation_id": organisation_id,
                "gateway_id": next(iter(gateways[sites[member_id]]), None),
                "turn": 1,
                "since_ms": now_ms,
            }
            for member_id in members
        ],
    )
    held = select(visit_home.c.turn).where(visit_home.c.member_id.in_(members))
    conn.execute(held.order_by(visit_home.c.member_id).with_for_update()).all()


def settle(conn: Connection, gateway_id: str, report: Reported, *, now_ms: int, business_ms: int) -> int:
    """Take the next step of what waits for this gateway's report; how many turns began. `now_ms`: real time."""
    home = visit_home.c
    began = 0
    for row in conn.execute(_HOMELESS, {"gateway": gateway_id}).all():
        _begin(conn, row, gateway_id, business_ms)
        began += 1
    moving = conn.execute(_MOVING, {"gateway": gateway_id}).all()
    if not moving:
        return began
    told = _without_home(conn, gateway_id, [str(row.member_id) for row in moving])
    heard_ms = max(now_ms, report.at_ms or 0)
    for row in moving:
        if str(row.member_id) not in told:
            continue
        if row.stopped_at_ms is None or row.stopped_at_ms > heard_ms:
            conn.execute(update(visit_home).where(home.member_id == row.member_id).values(stopped_at_ms=heard_ms))
        elif _has_told_all(report, since_ms=row.stopped_at_ms):
            _begin(conn, row, row.moving_to, business_ms)
            began += 1
    return began


def _has_told_all(report: Reported, *, since_ms: int) -> bool:
    in_time = report.at_ms is not None and report.at_ms >= since_ms + WINDOW_MS
    return in_time and report.journal_pending == 0 and report.journal_writable


def _without_home(conn: Connection, gateway_id: str, members: Sequence[str]) -> set[str]:
    """Of whom the gateway has confirmed a row without a home: of nobody, unless it has confirmed all that there is."""
    state, row = feed_state.c, feed_row.c
    rows = conn.execute(
        select(row.key, row.body)
        .join(feed_state, state.gateway_id == row.gateway_id)
        .where(
            row.gateway_id == gateway_id,
            row.kind == RowKind.VISITS,
            row.key.in_(members),
            state.acked_epoch == state.epoch,
            state.acked_revision == state.revision,
            state.acked_root == state.root,
        )
    )
    return {key for key, body in rows if json.loads(body)["home"] is None}


def _begin(conn: Connection, home: Row[Any], gateway_id: str, now_ms: int) -> None:
    conn.execute(
        update(visit_home)
        .where(visit_home.c.member_id == home.member_id)
        .values(
            gateway_id=gateway_id,
            turn=home.turn + 1,
            since_ms=now_ms,
            moving_to=None,
            stopped_at_ms=None,
        )
    )
    outbox.account_changed(conn, home.organisation_id, home.account_id)
