"""Gather the live page of one site from the rows of gateways, attendance, payments and dunning."""

from collections.abc import Mapping
from typing import Any

from portillon_rules.policy import AfterLease
from sqlalchemy import Connection, Row, func, select

from portillon_cloud.clock.local import local_date
from portillon_cloud.gateways.presence import is_online
from portillon_cloud.gateways.tables import feed_state, gateway, gateway_status
from portillon_cloud.members.tables import site
from portillon_cloud.outbox.tables import access_outbox
from portillon_cloud.presence.occupancy import occupancy_of
from portillon_cloud.reports.attendance_day import attendance_day
from portillon_cloud.reports.badges import last_badges
from portillon_cloud.reports.organisation_view import clock_view
from portillon_cloud.reports.site_view import BadgeView, FeedView, GatewayView, LaneCondition, LaneView, SiteView
from portillon_cloud.reports.unpaid import unpaid

BADGES_SHOWN = 14
UNPAID_SHOWN = 8
HOUR_MS = 3_600_000

GatewayRow = Row[Any]


def site_view(conn: Connection, *, organisation_id: int, site_id: int, real_ms: int, with_money: bool) -> SiteView:
    """The site at the machine instant `real_ms`. The site must be one of the organisation's."""
    place = conn.execute(select(site).where(site.c.id == site_id, site.c.organisation_id == organisation_id)).one()
    clock = clock_view(conn, organisation_id, real_ms)
    today = local_date(clock.business_ms, place.time_zone)
    badges = last_badges(conn, organisation_id=organisation_id, site_id=site_id, count=BADGES_SHOWN)
    rows = _gateways(conn, organisation_id, site_id)
    waiting = _accounts_waiting(conn, [row.id for row in rows])
    gateways = tuple(gateway_view(row, waiting=waiting.get(row.id, 0), real_ms=real_ms) for row in rows)
    return SiteView(
        site_id=site_id,
        name=place.name,
        time_zone=place.time_zone,
        clock=clock,
        lanes=tuple(
            lane
            for row, seen in zip(rows, gateways, strict=True)
            if not seen.revoked
            for lane in lanes(row.reported or {}, badges, online=seen.online)
        ),
        badges=badges,
        gateways=gateways,
        feed=feed_view(gateways, policy=place.policy),
        attendance=attendance_day(
            conn, organisation_id=organisation_id, site_id=site_id, on=today, time_zone=place.time_zone
        ),
        occupancy=occupancy_of(conn, site_id, now_ms=real_ms),
        unpaid=unpaid(conn, organisation_id=organisation_id, today=today, now_ms=clock.business_ms, limit=UNPAID_SHOWN)
        if with_money
        else None,
    )


def _gateways(conn: Connection, organisation_id: int, site_id: int) -> list[GatewayRow]:
    return list(
        conn.execute(
            select(
                gateway.c.id,
                gateway.c.name,
                gateway.c.revoked_at_ms,
                feed_state.c.epoch,
                feed_state.c.revision,
                feed_state.c.acked_epoch,
                feed_state.c.acked_revision,
                feed_state.c.root,
                feed_state.c.acked_root,
                feed_state.c.ready,
                feed_state.c.sweep_after,
                feed_state.c.lease_until_ms,
                gateway_status.c.online,
                gateway_status.c.seen_at_ms,
                gateway_status.c.software,
                gateway_status.c.reported,
            )
            .select_from(
                gateway.outerjoin(feed_state, feed_state.c.gateway_id == gateway.c.id).outerjoin(
                    gateway_status, gateway_status.c.gateway_id == gateway.c.id
                )
            )
            .where(gateway.c.organisation_id == organisation_id, gateway.c.site_id == site_id)
            .order_by(gateway.c.name)
        )
    )


def _accounts_waiting(conn: Connection, gateway_ids: list[str]) -> dict[str, int]:
    """Changes that the sequencer has not numbered yet."""
    rows = conn.execute(
        select(access_outbox.c.gateway_id, func.count())
        .where(access_outbox.c.gateway_id.in_(gateway_ids))
        .group_by(access_outbox.c.gateway_id)
    )
    return {gateway_id: count for gateway_id, count in rows}


def gateway_view(row: GatewayRow, *, waiting: int, real_ms: int) -> GatewayView:
    """One gateway's line. A gateway of another epoch, or with another root, has everything still to learn."""
    same_table = row.epoch is not None and row.epoch == row.acked_epoch
    revision = row.revision or 0
    behind = max(0, revision - row.acked_revision) + waiting if same_table else revision + waiting
    confirmed = same_table and bool(row.ready) and row.sweep_after is None and row.acked_root == row.root
    reported = row.reported or {}
    return GatewayView(
        id=row.id,
        name=row.name,
        online=is_online(online=bool(row.online), seen_at_ms=row.seen_at_ms, now_ms=real_ms),
        revoked=row.revoked_at_ms is not None,
        seen_ago_ms=None if row.seen_at_ms is None else max(0, real_ms - row.seen_at_ms),
        lease_left_ms=None if row.lease_until_ms is None else row.lease_until_ms - real_ms,
        revision=(row.acked_revision or 0) if same_table else 0,
        behind=behind if confirmed else max(1, behind),
        journal_pending=reported.get("journal_pending"),
        software=row.software or None,
        faults=tuple(_fault(device) for device in reported.get("devices", ()) if device["state"] != "up"),
        remarks=tuple(
            (device["name"], tuple(device["remarks"]))
            for device in reported.get("devices", ())
            if device.get("remarks")
        ),
    )


def feed_view(gateways: tuple[GatewayView, ...], *, policy: dict[str, object]) -> FeedView:
    """How many gateways have all they must know, and when those that do not stop by themselves."""
    serving = [one for one in gateways if not one.revoked]
    late = [one for one in serving if one.behind]
    after_lease = policy.get("after_lease", AfterLease.DENY.value)
    more_ms = int(str(policy.get("after_lease_hours", 0))) * HOUR_MS if after_lease == AfterLease.PASS_FOR_HOURS else 0
    endless = not late or after_lease == AfterLease.PASS_AND_FLAG
    return FeedView(
        in_force=len(serving) - len(late),
        gateways=len(serving),
        bound_ms=None if endless else max(max(0, one.lease_left_ms or 0) + more_ms for one in late),
    )


def lanes(reported: Mapping[str, Any], badges: tuple[BadgeView, ...], *, online: bool) -> list[LaneView]:
    """Each door that the gateway last reported, with its last badge.

    A device belongs to the door whose name begins its own: `lane-1-reader` to `lane-1`.
    """
    found = []
    for door in reported.get("doors", ()):
        faults = [
            _fault(device)
            for device in reported.get("devices", ())
            if device["state"] != "up" and device["name"].startswith(f"{door['name']}-")
        ]
        found.append(
            LaneView(
                name=door["name"],
                condition=_condition(door, online=online, faulty=bool(faults)),
                detail="; ".join(faults) or None,
                open=door.get("open"),
                troubles=tuple(door.get("troubles", ())),
                last=next((badge for badge in badges if badge.door == door["name"]), None),
            )
        )
    return found


def _fault(device: Mapping[str, Any]) -> str:
    return f"{device['name']}: {device.get('detail') or device['state']}"


_STANDINGS = {
    "lockdown": LaneCondition.LOCKDOWN,
    "blocked": LaneCondition.BLOCKED,
    "free": LaneCondition.FREE,
}


def _condition(door: Mapping[str, Any], *, online: bool, faulty: bool) -> LaneCondition:
    """The one word that matters most: what may cost a life, then what is broken, then what was ordered."""
    if not online:
        return LaneCondition.OFFLINE
    standing, told = door.get("standing", "plan"), {door["state"], *door.get("troubles", ())}
    if standing == "fire":
        return LaneCondition.FIRE
    if faulty or told & {"lane_fault", "input_fault", "output_fault", "reader_fault"}:
        return LaneCondition.FAULT
    if "door_forced" in told:
        return LaneCondition.FORCED
    if "door_held" in told:
        return LaneCondition.HELD
    return _STANDINGS.get(standing, LaneCondition.READY)
