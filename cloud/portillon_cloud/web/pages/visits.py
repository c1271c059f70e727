"""Packs and quotas at the desk: given, closed, and which gateway counts them."""

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from portillon_rules.visits import Per

from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.visits.errors import AllowanceError
from portillon_cloud.visits.moving import move
from portillon_cloud.visits.operations import close, give, time_zone_of
from portillon_cloud.visits.plan_visits import MOST_MAX
from portillon_cloud.web.pages.members import Done, draw_member
from portillon_cloud.web.rendering import Notice
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter(dependencies=[Depends(genuine_form)])
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
NOT_GIVEN = N_("Nothing was given: the last day is over, or there are too many packs that nobody closed.")
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2199, 12, 31)


class Kind(StrEnum):
    """What the form can give."""

    PACK = "pack"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@router.post("/members/{member_id}/visits")
def give_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    most: Annotated[int, Form(ge=1, le=MOST_MAX)],
    kind: Annotated[Kind, Form()],
    last_day: Annotated[str, Form(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
) -> Response:
    """From now on the member comes on these visits; or the page again with why not."""
    now_ms = clerk.organisation.clock.business_ms
    whose = {"organisation_id": clerk.principal.organisation_id, "member_id": member_id}
    try:
        with services.db.write() as conn:
            give(
                conn,
                **whose,
                most=most,
                per=None if kind is Kind.PACK else Per(kind.value),
                from_ms=now_ms,
                until_ms=_end_ms(last_day, time_zone_of(conn, **whose)),
                by=clerk.principal.name,
                now_ms=now_ms,
            )
    except (AllowanceError, ValueError):
        return draw_member(services, clerk, member_id, notice=Notice("bad", clerk.words.say(NOT_GIVEN)), status=422)
    return _back(member_id)


@router.post("/members/{member_id}/visits/{allowance_id}/close")
def close_form(member_id: PathId, allowance_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """It limits the member no more."""
    with services.db.write() as conn:
        close(
            conn,
            organisation_id=clerk.principal.organisation_id,
            member_id=member_id,
            allowance_id=allowance_id,
            now_ms=clerk.organisation.clock.business_ms,
        )
    return _back(member_id)


@router.post("/members/{member_id}/visits/home")
def move_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    gateway_id: Annotated[str, Form(max_length=64)],
    at_once: Annotated[bool, Form()] = False,
) -> Response:
    """Another gateway counts them, once the present one has told everything (or at once, if it is gone)."""
    with services.db.write() as conn:
        move(
            conn,
            organisation_id=clerk.principal.organisation_id,
            member_id=member_id,
            to=gateway_id,
            at_once=at_once,
            now_ms=clerk.organisation.clock.business_ms,
        )
    return _back(member_id)


def _end_ms(last_day: str, zone: str) -> int | None:
    """The first instant after the day; None: no end. Raises ValueError for a day that no calendar has."""
    if not last_day:
        return None
    day = date.fromisoformat(last_day)
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"{day} is no day of our time")
    return start_of_day_ms(day + timedelta(days=1), zone)


def _back(member_id: int) -> Response:
    return RedirectResponse(f"/members/{member_id}?done={Done.CHANGED}", 303)
