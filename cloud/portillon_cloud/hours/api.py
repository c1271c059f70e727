"""Schedules and holidays over /api/v1. Minutes are of the local day; past 1440 they run into the next."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from portillon_rules.schedule import Schedule
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.access.rule_changes import Changer
from portillon_cloud.clock import business_now_ms
from portillon_cloud.doors.operations import require_site
from portillon_cloud.hours.operations import (
    calendars_of,
    drop_calendar,
    drop_schedule,
    put_calendar,
    put_schedule,
    schedules_of,
)
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["hours"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Planner = Annotated[Principal, Depends(require(Permission.PLAN_DOORS))]
Name = Annotated[str, Path(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9_. -]*$")]
Span = tuple[int, int]
Day = Annotated[str, Field(min_length=10, max_length=10, description="YYYY-MM-DD")]
AT_MOST = 500
"""Windows, dates or days in one schedule or calendar: decades of holidays, and a body that is read at once."""


class ScheduleBody(BaseModel):
    """For each day the first of these has the say: first and last day, `dates`, `closed_on`, `holidays`, `windows`."""

    model_config = ConfigDict(extra="forbid")

    windows: list[tuple[int, int, int]] = Field(
        max_length=AT_MOST, description="Weekday (0: Monday), from minute, until minute"
    )
    closed_on: list[Day] = Field(default=[], max_length=AT_MOST)
    holidays: list[tuple[str, list[Span]]] = Field(
        default=[], max_length=20, description="Calendar and the hours on its days; no hours: closed"
    )
    dates: dict[Day, list[Span]] = Field(default={}, max_length=AT_MOST, description="Hours of single dates")
    first_day: Day | None = None
    last_day: Day | None = None


class CalendarBody(BaseModel):
    """A calendar's days: YYYY-MM-DD for once, MM-DD for every year."""

    model_config = ConfigDict(extra="forbid")

    days: list[str] = Field(max_length=AT_MOST)


@router.get("/sites/{site_id}/schedules")
def list_schedules(site_id: PathId, services: ServicesDep, reader: Reader) -> dict[str, ScheduleBody]:
    """All schedules of a site, by name."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        return {name: _body(one) for name, one in schedules_of(conn, site_id).items()}


@router.put("/sites/{site_id}/schedules/{name}")
def set_schedule(
    site_id: PathId, name: Name, new: ScheduleBody, services: ServicesDep, planner: Planner
) -> ScheduleBody:
    """Set a schedule; every gateway of the site goes by it at once."""
    with services.db.write() as conn:
        body = new.model_dump(mode="json")
        made = put_schedule(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            name=name,
            body=body,
            by=_by(services, planner),
        )
    return _body(made)


@router.delete("/sites/{site_id}/schedules/{name}", status_code=HTTPStatus.NO_CONTENT)
def remove_schedule(site_id: PathId, name: Name, services: ServicesDep, planner: Planner) -> None:
    """Remove a schedule that no plan and no door goes by."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, planner.organisation_id, services.clock.real_ms())
        drop_schedule(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            name=name,
            now_ms=now_ms,
            by=_by(services, planner),
        )


@router.get("/sites/{site_id}/holidays")
def list_calendars(site_id: PathId, services: ServicesDep, reader: Reader) -> dict[str, CalendarBody]:
    """All holiday calendars of a site, by name."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        return {name: CalendarBody(days=sorted(one.days)) for name, one in calendars_of(conn, site_id).items()}


@router.put("/sites/{site_id}/holidays/{name}")
def set_calendar(
    site_id: PathId, name: Name, new: CalendarBody, services: ServicesDep, planner: Planner
) -> CalendarBody:
    """Set a holiday calendar; schedules that name it go by it at once."""
    with services.db.write() as conn:
        days = frozenset(new.days)
        made = put_calendar(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            name=name,
            days=days,
            by=_by(services, planner),
        )
    return CalendarBody(days=sorted(made.days))


@router.delete("/sites/{site_id}/holidays/{name}", status_code=HTTPStatus.NO_CONTENT)
def remove_calendar(site_id: PathId, name: Name, services: ServicesDep, planner: Planner) -> None:
    """Remove a calendar that no schedule names."""
    with services.db.write() as conn:
        drop_calendar(
            conn, organisation_id=planner.organisation_id, site_id=site_id, name=name, by=_by(services, planner)
        )


def _body(one: Schedule) -> ScheduleBody:
    return ScheduleBody.model_validate(one.to_body())


def _by(services: ServicesDep, who: Principal) -> Changer:
    return Changer(who=who, real_ms=services.clock.real_ms())
