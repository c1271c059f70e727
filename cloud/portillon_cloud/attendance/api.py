"""Attendance over /api/v1: a site's day, its last badges, a member's visits."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.attendance.duress import duress_alarms, mark_seen
from portillon_cloud.attendance.operations import counts, visits
from portillon_cloud.attendance.refusing import (
    REFUSE_FROM_MAX,
    let_in_again,
    refuse_from,
    refused_members,
    set_refuse_from,
)
from portillon_cloud.attendance.sharing import Sharing
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Limit, PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import member, site
from portillon_cloud.reports.attendance_day import attendance_day
from portillon_cloud.reports.badges import last_badges
from portillon_cloud.reports.shared_passes import suspected_members

FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)  # days that every calendar library can count with

router = APIRouter(tags=["attendance"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
MemberWriter = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
MemberReader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]


class DayOut(BaseModel):
    """What is known by now: journals that gateways deliver later may still add to a past day."""

    on: date
    passages: int
    by_hour: list[int] = Field(description="Passages by the site's local hour, 24 numbers")
    granted: int
    denied: int
    not_used: int
    denied_by_reason: dict[str, int]


class BadgeOut(BaseModel):
    at_ms: int
    door: str
    who: str | None = Field(description="Given name and initial; null: a card nobody holds")
    member_id: int | None
    outcome: str
    reason: str | None
    flags: list[str]


class DuressOut(BaseModel):
    """Somebody was made to open with their duress code."""

    id: int
    at_ms: int | None = Field(description="Business time; null: nobody can tell when it was")
    site_id: int
    door: str | None
    member_id: int | None
    who: str | None
    seen_by: str | None = Field(description="Null: nobody has seen it yet")


class SuspectedOut(BaseModel):
    """A member whom the doors saw do what one person with one pass hardly does."""

    model_config = ConfigDict(from_attributes=True)

    member_id: int
    who: str
    times: dict[Sharing, int] = Field(description="How often each was noticed")
    last_ms: int = Field(description="Business time of the last one")
    door: str
    site: str


class SharingPolicyBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    refuse_from: int | None = Field(
        ge=1, le=REFUSE_FROM_MAX, description="Suspicions in 30 days; null: sharing is shown and never refused"
    )


class RefusedOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    member_id: int
    who: str
    since_ms: int = Field(description="Business time")


class VisitOut(BaseModel):
    at_ms: int | None = Field(description="Business time; null: nobody can tell when it was")
    site_id: int
    door: str | None
    kind: str
    reason: str | None


@router.get("/sites/{site_id}/attendance")
def site_attendance(
    site_id: PathId,
    services: ServicesDep,
    principal: Reader,
    on: Annotated[date | None, Query(ge=FIRST_DAY, le=LAST_DAY, description="Business date; today if left out")] = None,
) -> DayOut:
    """One business day at a site, by hour, with what the doors refused and why."""
    with services.db.read() as conn:
        zone = _time_zone(conn, principal.organisation_id, site_id)
        now_ms = business_now_ms(conn, principal.organisation_id, services.clock.real_ms())
        day = on or local_date(now_ms, zone)
        by_hour = attendance_day(
            conn, organisation_id=principal.organisation_id, site_id=site_id, on=day, time_zone=zone
        ).by_hour
        found = counts(
            conn,
            organisation_id=principal.organisation_id,
            site_id=site_id,
            from_ms=start_of_day_ms(day, zone),
            until_ms=start_of_day_ms(day + timedelta(days=1), zone),
        )
    return DayOut(
        on=day,
        passages=found.passages,
        by_hour=list(by_hour),
        granted=found.granted,
        denied=found.denied,
        not_used=found.not_used,
        denied_by_reason=dict(found.denied_by_reason),
    )


@router.get("/sites/{site_id}/badges")
def site_badges(site_id: PathId, services: ServicesDep, principal: Reader, limit: Limit = 20) -> list[BadgeOut]:
    """The newest badges at a site, each with what came of it."""
    with services.db.read() as conn:
        _time_zone(conn, principal.organisation_id, site_id)
        found = last_badges(conn, organisation_id=principal.organisation_id, site_id=site_id, count=limit)
    return [
        BadgeOut(
            at_ms=one.at_ms,
            door=one.door,
            who=one.who,
            member_id=one.member_id,
            outcome=one.outcome,
            reason=one.reason,
            flags=list(one.flags),
        )
        for one in found
    ]


@router.get("/members/{member_id}/visits")
def member_visits(
    member_id: PathId, services: ServicesDep, principal: MemberReader, limit: Limit = 50
) -> list[VisitOut]:
    """A member's latest passages and refusals, newest first."""
    with services.db.read() as conn:
        theirs = conn.execute(
            select(member.c.id).where(member.c.id == member_id, member.c.organisation_id == principal.organisation_id)
        ).first()
        if theirs is None:
            raise not_found("member")
        found = visits(conn, organisation_id=principal.organisation_id, member_id=member_id, limit=limit)
    return [
        VisitOut(at_ms=one.at_ms, site_id=one.site_id, door=one.door, kind=one.kind, reason=one.reason) for one in found
    ]


@router.get("/shared-passes")
def list_shared_passes(services: ServicesDep, principal: MemberReader) -> list[SuspectedOut]:
    """Members who may share their pass, by the last 30 days at the doors; the most suspected first."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, principal.organisation_id, services.clock.real_ms())
        found = suspected_members(conn, principal.organisation_id, now_ms=now_ms)
    return [SuspectedOut.model_validate(one) for one in found]


@router.get("/shared-passes/policy")
def get_sharing_policy(services: ServicesDep, principal: MemberReader) -> SharingPolicyBody:
    """When a member who shares a pass is refused."""
    with services.db.read() as conn:
        return SharingPolicyBody(refuse_from=refuse_from(conn, principal.organisation_id))


@router.put("/shared-passes/policy", status_code=204)
def put_sharing_policy(new: SharingPolicyBody, services: ServicesDep, principal: MemberWriter) -> None:
    """Change it, for what journals bring from now on."""
    with services.db.write() as conn:
        set_refuse_from(conn, principal.organisation_id, new.refuse_from)


@router.get("/shared-passes/refused")
def list_refused(services: ServicesDep, principal: MemberReader) -> list[RefusedOut]:
    """Members who are refused for sharing until somebody lets them in again."""
    with services.db.read() as conn:
        found = refused_members(conn, principal.organisation_id)
    return [RefusedOut.model_validate(one) for one in found]


@router.delete("/shared-passes/refused/{member_id}", status_code=204)
def end_refusal(member_id: PathId, services: ServicesDep, principal: MemberWriter) -> None:
    """Let a member in again; what was noticed before is forgiven."""
    with services.db.write() as conn:
        let_in_again(
            conn,
            organisation_id=principal.organisation_id,
            member_id=member_id,
            at_ms=business_now_ms(conn, principal.organisation_id, services.clock.real_ms()),
        )


@router.get("/duress-alarms")
def list_duress_alarms(services: ServicesDep, principal: MemberReader, limit: Limit = 50) -> list[DuressOut]:
    """The latest silent alarms, newest first. Neither badges nor technicians tell of them."""
    with services.db.read() as conn:
        found = duress_alarms(conn, principal.organisation_id, limit=limit)
    return [
        DuressOut(
            id=one.id,
            at_ms=one.at_ms,
            site_id=one.site_id,
            door=one.door,
            member_id=one.member_id,
            who=one.who,
            seen_by=one.seen_by,
        )
        for one in found
    ]


@router.post("/duress-alarms/{alarm_id}/seen", status_code=204)
def see_duress_alarm(alarm_id: PathId, services: ServicesDep, principal: MemberReader) -> None:
    """Write down that it was seen, by whom; the first one counts."""
    with services.db.write() as conn:
        mark_seen(
            conn,
            organisation_id=principal.organisation_id,
            alarm_id=alarm_id,
            real_ms=services.clock.real_ms(),
            by=principal.name,
        )


def _time_zone(conn: Connection, organisation_id: int, site_id: int) -> str:
    zone = conn.execute(
        select(site.c.time_zone).where(site.c.id == site_id, site.c.organisation_id == organisation_id)
    ).scalar()
    if zone is None:
        raise not_found("site")
    return str(zone)
