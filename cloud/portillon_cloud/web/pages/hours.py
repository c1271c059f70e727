"""A site's hours and holidays: every schedule as a picture of its week, made, changed and removed."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import URL

from portillon_cloud.clock.local import local_date
from portillon_cloud.hours.errors import HoursInUseError, HoursInvalidError
from portillon_cloud.hours.operations import (
    calendars_of,
    drop_calendar,
    drop_schedule,
    put_calendar,
    put_schedule,
    schedules_of,
)
from portillon_cloud.hours.public_holidays import Country, public_holidays
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.hours_form import HoursForm, body_of, form_of, form_typed
from portillon_cloud.web.hours_words import HoursWords
from portillon_cloud.web.pages.site_names import named_site
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.week_picture import day_bars, spans_by_weekday
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
Planner = Annotated[Visit, Depends(visit_with(Permission.PLAN_DOORS))]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_. -]*$"
Name = Annotated[str, Path(max_length=100, pattern=NAME)]
NewName = Annotated[str, Form(max_length=100, pattern=NAME)]
Typed = Annotated[dict[str, list[str]], Depends(typed_lists)]
NEW_SCHEDULE: Mapping[str, list[str]] = {"windows": [], "closed_on": []}
DAYS_MOST = 500

WRONG = N_("Nothing was changed. Write hours as 9:00-16:00, 18:00-22:00; the fields that are not so are marked.")
NO_NAME = N_("Nothing was added: “always” is never closed, and is there already.")
IN_USE = N_("Nothing was removed: a plan, a right, a door or a zone goes by these hours. Give it others first.")
CALENDAR_IN_USE = N_("Nothing was removed: hours name this calendar. Take it out there first.")
NO_DAYS = N_("Nothing was changed. A line for each day: 2026-12-24 for once, 12-25 for every year.")


class Done(StrEnum):
    """What was just done on this page."""

    SET = "set"
    REMOVED = "removed"


DONE = {
    Done.SET: N_("Noted. Every gateway of the site goes by it within a second, or when it is back."),
    Done.REMOVED: N_("Removed."),
}


@router.get("/sites/{site_id}/hours")
def hours_page(site_id: PathId, services: ServicesDep, reader: Reader, done: Done | None = None) -> Response:
    """Every schedule with its week, and every holiday calendar."""
    return _draw_all(services, reader, site_id, _said(reader, done))


@router.post("/sites/{site_id}/hours", dependencies=[Depends(genuine_form)])
def new_form(site_id: PathId, services: ServicesDep, planner: Planner, name: NewName) -> Response:
    """Hours of this name, closed until somebody writes them; those that are there stay as they are."""
    try:
        with services.db.write() as conn:
            named_site(conn, planner, site_id)
            if name not in schedules_of(conn, site_id):
                put_schedule(conn, **_whose(planner, site_id), name=name, body=NEW_SCHEDULE, by=planner.changer)
    except HoursInvalidError:
        return _draw_all(services, planner, site_id, Notice("bad", planner.words.say(NO_NAME)), status=422)
    return _to(site_id, f"schedule/{name}")


@router.get("/sites/{site_id}/hours/schedule/{name}")
def schedule_page(
    site_id: PathId, name: Name, services: ServicesDep, reader: Reader, done: Done | None = None
) -> Response:
    """One schedule: its week to be changed, its holidays and exceptions, and what it comes to."""
    return _draw_one(services, reader, site_id, name, notice=_said(reader, done))


@router.post("/sites/{site_id}/hours/schedule/{name}", dependencies=[Depends(genuine_form)])
def schedule_form(site_id: PathId, name: Name, services: ServicesDep, planner: Planner, typed: Typed) -> Response:
    """The schedule as it was typed; or the page again with what cannot be read."""
    form = form_typed(typed)
    try:
        with services.db.write() as conn:
            put_schedule(conn, **_whose(planner, site_id), name=name, body=body_of(form), by=planner.changer)
    except HoursInvalidError:
        notice = Notice("bad", planner.words.say(WRONG))
        return _draw_one(services, planner, site_id, name, notice=notice, typed=form, status=422)
    return _to(site_id, f"schedule/{name}", Done.SET)


@router.post("/sites/{site_id}/hours/schedule/{name}/remove", dependencies=[Depends(genuine_form)])
def remove_form(site_id: PathId, name: Name, services: ServicesDep, planner: Planner) -> Response:
    """The schedule is no more; or the page again with why not."""
    try:
        with services.db.write() as conn:
            drop_schedule(
                conn,
                **_whose(planner, site_id),
                name=name,
                now_ms=planner.organisation.clock.business_ms,
                by=planner.changer,
            )
    except HoursInUseError:
        return _draw_all(services, planner, site_id, Notice("bad", planner.words.say(IN_USE)), status=409)
    return _to(site_id, "", Done.REMOVED)


@router.post("/sites/{site_id}/hours/calendars", dependencies=[Depends(genuine_form)])
def new_calendar_form(site_id: PathId, services: ServicesDep, planner: Planner, name: NewName) -> Response:
    """A calendar of this name without a day; one that is there stays as it is."""
    with services.db.write() as conn:
        named_site(conn, planner, site_id)
        if name not in calendars_of(conn, site_id):
            put_calendar(conn, **_whose(planner, site_id), name=name, days=frozenset(), by=planner.changer)
    return _to(site_id, f"calendar/{name}")


@router.get("/sites/{site_id}/hours/calendar/{name}")
def calendar_page(
    site_id: PathId,
    name: Name,
    services: ServicesDep,
    reader: Reader,
    done: Done | None = None,
    fill: Country | None = None,
    year: int = 0,
) -> Response:
    """One holiday calendar; `fill` adds the days of the law to what is written, for somebody to save."""
    with services.db.read() as conn:
        named_site(conn, reader, site_id)
        calendar = calendars_of(conn, site_id).get(name)
    if calendar is None:
        raise not_found("calendar")
    days = set(calendar.days)
    if fill is not None and 1970 <= year <= 2199:
        days |= {day.isoformat() for day in public_holidays(fill, year)}
    return _draw_calendar(services, reader, site_id, name, "\n".join(sorted(days)), notice=_said(reader, done))


@router.post("/sites/{site_id}/hours/calendar/{name}", dependencies=[Depends(genuine_form)])
def calendar_form(
    site_id: PathId,
    name: Name,
    services: ServicesDep,
    planner: Planner,
    days: Annotated[str, Form(max_length=20_000)] = "",
) -> Response:
    """The calendar's days, one on each line; or the page again with what is no day."""
    try:
        with services.db.write() as conn:
            written = frozenset(line.strip() for line in days.splitlines() if line.strip())
            if len(written) > DAYS_MOST:
                raise HoursInvalidError(f"a calendar has {DAYS_MOST} days at most")
            put_calendar(conn, **_whose(planner, site_id), name=name, days=written, by=planner.changer)
    except HoursInvalidError:
        notice = Notice("bad", planner.words.say(NO_DAYS))
        return _draw_calendar(services, planner, site_id, name, days, notice=notice, status=422)
    return _to(site_id, f"calendar/{name}", Done.SET)


@router.post("/sites/{site_id}/hours/calendar/{name}/remove", dependencies=[Depends(genuine_form)])
def remove_calendar_form(site_id: PathId, name: Name, services: ServicesDep, planner: Planner) -> Response:
    """The calendar is no more; or the page again with why not."""
    try:
        with services.db.write() as conn:
            drop_calendar(conn, **_whose(planner, site_id), name=name, by=planner.changer)
    except HoursInUseError:
        return _draw_all(services, planner, site_id, Notice("bad", planner.words.say(CALENDAR_IN_USE)), status=409)
    return _to(site_id, "", Done.REMOVED)


def _draw_all(services: Services, reader: Visit, site_id: int, notice: Notice | None, *, status: int = 200) -> Response:
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
        schedules, calendars = schedules_of(conn, site_id), calendars_of(conn, site_id)
    words = reader.words_in(site.time_zone)
    weeks = {name: spans_by_weekday(one) for name, one in schedules.items()}
    return page(
        "hours/hours.html",
        reader,
        status=status,
        words=words,
        notice=notice,
        site=site,
        schedules=schedules,
        calendars=calendars,
        weeks=weeks,
        bars={name: day_bars(week) for name, week in weeks.items()},
        hours_words=HoursWords(words),
        may_plan=reader.principal.may(Permission.PLAN_DOORS),
    )


def _draw_one(
    services: Services,
    reader: Visit,
    site_id: int,
    name: str,
    *,
    notice: Notice | None = None,
    typed: HoursForm | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
        schedule, calendars = schedules_of(conn, site_id).get(name), calendars_of(conn, site_id)
    if schedule is None:
        raise not_found("schedule")
    words = reader.words_in(site.time_zone)
    today = local_date(reader.organisation.clock.business_ms, site.time_zone)
    said = HoursWords(words)
    return page(
        "hours/schedule.html",
        reader,
        status=status,
        words=words,
        notice=notice,
        site=site,
        name=name,
        form=typed or form_of(schedule, calendars),
        bars=day_bars(spans_by_weekday(schedule)),
        previews=said.previews(schedule, site.time_zone, calendars, today),
        hours_words=said,
        may_plan=reader.principal.may(Permission.PLAN_DOORS),
    )


def _draw_calendar(
    services: Services, reader: Visit, site_id: int, name: str, days: str, *, notice: Notice | None, status: int = 200
) -> Response:
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
    words = reader.words_in(site.time_zone)
    this_year = words.local(reader.organisation.clock.business_ms).year
    return page(
        "hours/calendar.html",
        reader,
        status=status,
        words=words,
        notice=notice,
        site=site,
        name=name,
        days=days,
        said=HoursWords(words).days(days.split()),
        fills=[(country, year) for country in Country for year in (this_year, this_year + 1)],
        hours_words=HoursWords(words),
        may_plan=reader.principal.may(Permission.PLAN_DOORS),
    )


def _whose(planner: Visit, site_id: int) -> dict[str, int]:
    return {"organisation_id": planner.principal.organisation_id, "site_id": site_id}


def _said(reader: Visit, done: Done | None) -> Notice | None:
    return None if done is None else Notice("ok", reader.words.say(DONE[done]))


def _to(site_id: int, path: str, done: Done | None = None) -> Response:
    address = URL(f"/sites/{site_id}/hours" + (f"/{path}" if path else ""))
    return RedirectResponse(str(address if done is None else address.include_query_params(done=str(done))), 303)
