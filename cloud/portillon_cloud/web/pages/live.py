"""The live page of a site, and the stream that keeps it up to date."""

import json
import time
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Annotated

import anyio
from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from markupsafe import Markup
from starlette.concurrency import run_in_threadpool

from portillon_cloud.alarms.operations import unacknowledged
from portillon_cloud.attendance.duress import unseen_alarms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import Problem, not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.operations import who_is_signed_in
from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.words import Words
from portillon_cloud.reports.attendance_chart import ChartWords, attendance_chart
from portillon_cloud.reports.change_mark import change_mark
from portillon_cloud.reports.organisation_view import SiteName, sites_of
from portillon_cloud.reports.site_report import site_view
from portillon_cloud.reports.site_view import SiteView
from portillon_cloud.web.live_panels import LivePanels, Panel
from portillon_cloud.web.rendering import bare_page, page, reader_context, render
from portillon_cloud.web.visit import Visit, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]

PANELS = (
    "clock",
    "today",
    "lanes",
    "badges",
    "feed",
    "gateways",
    "attendance",
    "occupancy",
    "unpaid",
    "notices",
    "alarms",
)
STREAMS_MAX = 256
CHECK_SESSION_EVERY = 15  # ticks
STREAM_TICKS_MAX = 900  # then the browser connects again: a forgotten stream does not live for ever


@router.get("/")
def start(services: ServicesDep, reader: Reader) -> Response:
    """To the first site."""
    with services.db.read() as conn:
        sites = sites_of(conn, reader.principal.organisation_id)
    if not sites:
        words = reader.words
        return bare_page(
            "problem.html",
            words,
            title=words.say("No site yet"),
            detail=words.say(
                "This organisation has no site. Make one with 'portillon-cloud', then open this page again."
            ),
        )
    return RedirectResponse(f"/sites/{sites[0].id}", 303)


@router.get("/sites/{site_id}")
def live_page(site_id: PathId, request: Request, services: ServicesDep, reader: Reader) -> Response:
    """Everything that matters at this site now."""
    with services.db.read() as conn:
        sites = sites_of(conn, reader.principal.organisation_id)
    site = _site(sites, site_id)
    return page(
        "live/live.html",
        reader,
        words=reader.words_in(site.time_zone),
        site=site,
        sites=sites,
        panels={
            name: {"html": Markup(panel.html), "version": panel.version}  # noqa: S704  our own templates made it
            for name, panel in _panels(request, services, reader, site).items()
        },
    )


@router.get("/sites/{site_id}/events")
def live_events(site_id: PathId, request: Request, services: ServicesDep, reader: Reader) -> Response:
    """Server-sent events: `panel` with new HTML whenever a panel changed; `over` when the session has ended."""
    with services.db.read() as conn:
        site = _site(sites_of(conn, reader.principal.organisation_id), site_id)
    if request.app.state.live_streams >= STREAMS_MAX:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            N_("Too many live pages are open on this server. Close some."),
            headers={"Retry-After": "30"},
        )
    return StreamingResponse(_stream(request, services, reader, site), media_type="text/event-stream")


async def _stream(request: Request, services: Services, reader: Visit, site: SiteName) -> AsyncIterator[str]:
    state = request.app.state
    known: dict[str, str] = {}
    state.live_streams += 1
    try:
        yield "retry: 1000\nevent: hello\ndata: {}\n\n"
        for tick in range(STREAM_TICKS_MAX):
            if tick % CHECK_SESSION_EVERY == 0 and not await run_in_threadpool(_still_in, services, reader):
                yield "event: over\ndata: {}\n\n"
                return
            panels = await run_in_threadpool(_panels, request, services, reader, site)
            for name, panel in panels.items():
                if known.get(name) != panel.version:
                    known[name] = panel.version
                    body = json.dumps({"name": name, "html": panel.html, "version": panel.version})
                    yield f"event: panel\ndata: {body}\n\n"
            await anyio.sleep(state.live_every_s)
    finally:
        state.live_streams -= 1


def _still_in(services: Services, reader: Visit) -> bool:
    now_ms = services.clock.real_ms()
    return who_is_signed_in(services.db, reader.token, now_ms=now_ms, seen=False) == reader.principal


def _panels(request: Request, services: Services, reader: Visit, site: SiteName) -> Mapping[str, Panel]:
    live: LivePanels = request.app.state.live_panels
    principal = reader.principal
    now_ms = services.clock.real_ms()

    def mark() -> tuple[object, ...]:
        with services.db.read() as conn:
            return change_mark(conn, principal.organisation_id)

    def draw() -> dict[str, str]:
        with services.db.read() as conn:
            view = site_view(
                conn,
                organisation_id=principal.organisation_id,
                site_id=site.id,
                real_ms=now_ms,
                with_money=principal.may(Permission.SEE_MONEY),
            )
            notices = unseen_alarms(conn, principal.organisation_id) if principal.may(Permission.SEE_MEMBERS) else None
            alarms = unacknowledged(conn, principal.organisation_id)
        words = reader.words_in(site.time_zone)
        return draw_panels(view, reader, words, notices=notices, alarms=alarms)

    reader_kind = (site.id, principal.role, principal.language)
    return live.current(reader_kind, now_ms=time.monotonic_ns() // 1_000_000, mark=mark, draw=draw)


def draw_panels(view: SiteView, reader: Visit, words: Words, *, notices: int | None, alarms: int) -> dict[str, str]:
    """The HTML of each panel that this reader may see."""
    context = {
        **reader_context(reader, words),
        "site": view,
        "clock": view.clock,
        "chart": _chart(view, words),
        "notices": notices,
        "here_is_notices": False,
        "alarm_count": alarms,
        "here_is_alarms": False,
    }
    hidden = {"unpaid"} if view.unpaid is None else set()
    hidden |= {"notices"} if notices is None else set()
    names = [name for name in PANELS if name not in hidden]
    return {name: render(f"live/{name}.html", words, context).strip() for name in names}


def _chart(view: SiteView, words: Words) -> Markup:
    day = view.attendance
    busiest = max(range(len(day.by_hour)), key=day.by_hour.__getitem__, default=0)
    description = (
        words.say(
            "%(total)s passages so far; the busiest hour begins at %(hour)s with %(most)s.",
            total=words.number(day.total),
            hour=words.hour(busiest),
            most=words.number(day.by_hour[busiest]),
        )
        if day.total
        else words.say("Nobody has come through yet.")
    )
    return attendance_chart(
        day.by_hour,
        words=ChartWords(
            title=words.say("Passages by hour, %(day)s", day=words.long_day(day.on)),
            description=description,
            hour_labels=[words.hour(hour) for hour in range(len(day.by_hour))],
        ),
        now_hour=words.local(view.clock.business_ms).hour,
    )


def _site(sites: list[SiteName], site_id: int) -> SiteName:
    for site in sites:
        if site.id == site_id:
            return site
    raise not_found("site")
