"""The doors of a site at the desk: how they stand, what they are ordered to do, and opening one now."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Path
from fastapi.responses import RedirectResponse, Response
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_rules.reserved import reserved_from

from portillon_cloud.clock.local import instant_of_ms
from portillon_cloud.doors.errors import OrderOverError
from portillon_cloud.doors.operations import (
    open_once,
    order,
    orders_given,
    orders_in_force,
    plan,
    require_site,
    reset_fire,
    schedules_of,
)
from portillon_cloud.doors.rows import plans_of
from portillon_cloud.doors.rules import COMPANY_WITHIN_S_MAX, AskedAtDoor, asked_of, set_asked
from portillon_cloud.doors.states import doors_of
from portillon_cloud.gateways.commands import commands
from portillon_cloud.gateways.errors import GatewayAwayError
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.organisation_view import sites_of
from portillon_cloud.web.pages.site_names import named_site
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import typed_fields
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_
from portillon_cloud.web.zone_words import reserved_hours

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.ORDER_DOORS))]
Planner = Annotated[Visit, Depends(visit_with(Permission.PLAN_DOORS))]
Owner = Annotated[Visit, Depends(visit_with(Permission.RESET_FIRE))]
Door = Annotated[str, Path(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*|\*)$")]
GIVEN_SHOWN = 12
NO_END = N_("Nothing was ordered: choose an end that is still to come, or none.")
NO_HOURS = N_("Nothing was changed: choose hours of this site, and at most 32 of them.")
AWAY = N_("The gateway is not connected: nothing was done. Open the door on site.")


class Done(StrEnum):
    """What was just done on this page."""

    ORDERED = "ordered"
    PLANNED = "planned"
    ASKED = "asked"
    SENT = "sent"


DONE = {
    Done.ORDERED: N_("Ordered. Every gateway of the site knows it within a second, or when it is back."),
    Done.PLANNED: N_("Planned. Every gateway of the site knows it within a second, or when it is back."),
    Done.ASKED: N_("Noted. Every gateway of the site asks for it within a second, or when it is back."),
    Done.SENT: N_("Sent. Below you see what becomes of it."),
}


class Ordered(StrEnum):
    """What the buttons say."""

    FREE = "free"
    BLOCKED = "blocked"
    LOCKDOWN = "lockdown"
    PLAN = "plan"


@router.get("/sites/{site_id}/doors")
def doors_page(site_id: PathId, services: ServicesDep, reader: Reader, done: Done | None = None) -> Response:
    """Every door, and what may be ordered of it."""
    return _draw(services, reader, site_id, None if done is None else Notice("ok", reader.words.say(DONE[done])))


@router.post("/sites/{site_id}/doors/{door}/order", dependencies=[Depends(genuine_form)])
def order_form(
    site_id: PathId,
    door: Door,
    services: ServicesDep,
    clerk: Clerk,
    standing: Annotated[Ordered, Form()],
    until: Annotated[str, Form(max_length=30)] = "",
) -> Response:
    """Have a door, or all of them, stand so, perhaps until a day and time at the site; or go back to the plan."""
    try:
        with services.db.write() as conn:
            zone = require_site(conn, clerk.principal.organisation_id, site_id)
            order(
                conn,
                principal=clerk.principal,
                site_id=site_id,
                door=door,
                standing=None if standing is Ordered.PLAN else Standing(standing),
                until_ms=_end_ms(until, zone),
                now_ms=clerk.organisation.clock.business_ms,
                real_ms=clerk.now_ms,
            )
    except OrderOverError:
        return _draw(services, clerk, site_id, Notice("bad", clerk.words.say(NO_END)), status=422)
    return _back(site_id, Done.ORDERED)


@router.post("/sites/{site_id}/doors/{door}/plan", dependencies=[Depends(genuine_form)])
def plan_form(
    site_id: PathId,
    door: Door,
    services: ServicesDep,
    planner: Planner,
    unlock: Annotated[str, Form(max_length=100)] = "",
    first_person: Annotated[bool, Form()] = False,
) -> Response:
    """Let a door stand unlocked while a schedule is open; with none it stays locked."""
    with services.db.write() as conn:
        plan(
            conn,
            organisation_id=planner.principal.organisation_id,
            site_id=site_id,
            door=door,
            unlock=unlock or None,
            first_person=first_person,
            by=planner.changer,
        )
    return _back(site_id, Done.PLANNED)


@router.post("/sites/{site_id}/doors/{door}/asked", dependencies=[Depends(genuine_form)])
def asked_form(
    site_id: PathId,
    door: Door,
    services: ServicesDep,
    planner: Planner,
    typed: Annotated[dict[str, str], Depends(typed_fields)],
    within_s: Annotated[int, Form(ge=1, le=COMPANY_WITHIN_S_MAX)],
    pin_schedule: Annotated[str, Form(max_length=100)] = "",
    two_people: Annotated[bool, Form()] = False,
    supervised: Annotated[bool, Form()] = False,
    minors_alone: Annotated[bool, Form()] = False,
) -> Response:
    """What is not ticked is not asked; or the page again with why not."""
    with services.db.read() as conn:
        hours = reserved_hours(schedules_of(conn, named_site(conn, planner, site_id).id))
    try:
        reserved = reserved_from(hours.read("reserved", typed))
    except ValueError:
        return _draw(services, planner, site_id, Notice("bad", planner.words.say(NO_HOURS)), status=422)
    asked = AskedAtDoor(
        pin_schedule=pin_schedule or None,
        two_people=two_people,
        supervised=supervised,
        minors_alone=minors_alone,
        within_s=within_s,
        reserved=reserved,
    )
    with services.db.write() as conn:
        set_asked(
            conn,
            organisation_id=planner.principal.organisation_id,
            site_id=site_id,
            door=door,
            asked=None if asked == AskedAtDoor() else asked,
            by=planner.changer,
        )
    return _back(site_id, Done.ASKED)


@router.post("/sites/{site_id}/doors/{door}/open", dependencies=[Depends(genuine_form)])
def open_form(site_id: PathId, door: Door, services: ServicesDep, clerk: Clerk) -> Response:
    """Open a door once, now; or the page again with why not."""
    try:
        with services.db.write() as conn:
            open_once(
                conn,
                services.keyring,
                principal=clerk.principal,
                site_id=site_id,
                door=door,
                real_ms=services.clock.real_ms(),
            )
    except GatewayAwayError:
        return _draw(services, clerk, site_id, Notice("bad", clerk.words.say(AWAY)), status=409)
    return _back(site_id, Done.SENT)


@router.post("/sites/{site_id}/fire/reset", dependencies=[Depends(genuine_form)])
def reset_form(site_id: PathId, services: ServicesDep, owner: Owner) -> Response:
    """Say to every gateway of the site that the fire is over; or the page again with why not."""
    try:
        with services.db.write() as conn:
            reset_fire(
                conn, services.keyring, principal=owner.principal, site_id=site_id, real_ms=services.clock.real_ms()
            )
    except GatewayAwayError:
        return _draw(services, owner, site_id, Notice("bad", owner.words.say(AWAY)), status=409)
    return _back(site_id, Done.SENT)


def _end_ms(until: str, time_zone: str) -> int | None:
    try:
        return instant_of_ms(until, time_zone) if until else None
    except ValueError:
        raise OrderOverError(f"{until!r} is no day and time at which an order could end") from None


def _draw(services: Services, reader: Visit, site_id: int, notice: Notice | None, *, status: int = 200) -> Response:
    organisation_id = reader.principal.organisation_id
    with services.db.read() as conn:
        site = next((one for one in sites_of(conn, organisation_id) if one.id == site_id), None)
        if site is None:
            raise not_found("site")
        schedules = schedules_of(conn, site_id)
        found = {
            "doors": doors_of(conn, site_id),
            "orders": orders_in_force(conn, site_id, now_ms=reader.organisation.clock.business_ms),
            "plans": plans_of(conn, site_id),
            "asked": asked_of(conn, site_id),
            "schedules": schedules,
            "given": orders_given(conn, site_id, limit=GIVEN_SHOWN),
            "commands": commands(conn, organisation_id, site_id=site_id, limit=GIVEN_SHOWN),
        }
    may, words = reader.principal.may, reader.words_in(site.time_zone)
    return page(
        "doors.html",
        reader,
        status=status,
        words=words,
        earliest=words.local(reader.organisation.clock.business_ms).strftime("%Y-%m-%dT%H:%M"),
        notice=notice,
        site=site,
        every_door=EVERY_DOOR,
        asks_nothing=AskedAtDoor(),
        within_s_max=COMPANY_WITHIN_S_MAX,
        reserved_hours=reserved_hours(schedules),
        now_ms=reader.now_ms,
        may_order=may(Permission.ORDER_DOORS),
        may_plan=may(Permission.PLAN_DOORS),
        may_reset_fire=may(Permission.RESET_FIRE),
        **found,
    )


def _back(site_id: int, done: Done) -> Response:
    return RedirectResponse(f"/sites/{site_id}/doors?done={done}", 303)
