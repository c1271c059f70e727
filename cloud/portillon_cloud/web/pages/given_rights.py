"""At the desk: rights that staff give and nobody pays for; the language and the groups of a member."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.access.errors import GivenRightError
from portillon_cloud.access.facts import STAFF_ROLES, GivenRole
from portillon_cloud.access.given import end_right, give_right
from portillon_cloud.access.sites import ALL_SITES
from portillon_cloud.clock.local import start_of_day_ms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.catalogue import LANGUAGES
from portillon_cloud.members.errors import GroupRefusedError
from portillon_cloud.members.groups import set_groups
from portillon_cloud.members.operations import set_language
from portillon_cloud.visits.operations import time_zone_of
from portillon_cloud.web.pages.members import Done, draw_member
from portillon_cloud.web.rendering import Notice
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter(dependencies=[Depends(genuine_form)])
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
NOT_GIVEN = N_("Nothing was given: tick a zone of this site, say why, and let the last day be to come.")
ONLY_OWNERS = N_("Nothing was given: who is staff, an owner says.")
NO_GROUP = N_("Nothing was changed: write names of groups with letters, digits and spaces, and commas between them.")
LAST_DAY = date(2199, 12, 31)


@router.post("/members/{member_id}/given-rights")
def give_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    role: Annotated[GivenRole, Form()],
    zones: Annotated[list[str], Form()] = [],  # noqa: B006 - FastAPI copies it
    everywhere: Annotated[bool, Form()] = False,
    last_day: Annotated[str, Form(max_length=10, pattern=r"^(\d{4}-\d{2}-\d{2})?$")] = "",
    reason: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """From now on the member has this right; or the page again with why not."""
    if role in STAFF_ROLES and not clerk.principal.may(Permission.MANAGE_STAFF):
        return _refused(services, clerk, member_id, ONLY_OWNERS)
    organisation_id = clerk.principal.organisation_id
    try:
        with services.db.write() as conn:
            give_right(
                conn,
                organisation_id=organisation_id,
                member_id=member_id,
                role=role,
                zones=zones,
                sites=ALL_SITES if everywhere else None,
                from_ms=clerk.organisation.clock.business_ms,
                until_ms=_end_ms(last_day, time_zone_of(conn, organisation_id=organisation_id, member_id=member_id)),
                given_by=clerk.principal.name,
                reason=reason,
            )
    except (GivenRightError, ValueError):
        return _refused(services, clerk, member_id, NOT_GIVEN)
    return _back(member_id)


@router.post("/members/{member_id}/given-rights/{right_id}/end")
def end_form(member_id: PathId, right_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """It opens nothing more."""
    with services.db.write() as conn:
        end_right(
            conn,
            organisation_id=clerk.principal.organisation_id,
            member_id=member_id,
            right_id=right_id,
            ended_by=clerk.principal.name,
            at_ms=clerk.organisation.clock.business_ms,
        )
    return _back(member_id)


@router.post("/members/{member_id}/language-and-groups")
def about_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    language: Annotated[str, Form(max_length=2)] = "",
    groups: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """What doors speak to the member, and for whom hours may be reserved; or the page again with why not."""
    organisation_id, named = clerk.principal.organisation_id, [one for one in groups.split(",") if one.strip()]
    spoken = language if language in LANGUAGES else None
    try:
        with services.db.write() as conn:
            set_groups(conn, organisation_id=organisation_id, member_id=member_id, groups=named)
            set_language(conn, organisation_id=organisation_id, member_id=member_id, language=spoken)
    except GroupRefusedError:
        return _refused(services, clerk, member_id, NO_GROUP)
    return _back(member_id)


def _end_ms(last_day: str, time_zone: str) -> int | None:
    """The midnight after it; raises ValueError for no date, or one past the calendar."""
    if not last_day:
        return None
    day = date.fromisoformat(last_day)
    if day >= LAST_DAY:
        raise ValueError(f"{last_day} is later than {LAST_DAY}")
    return start_of_day_ms(day + timedelta(days=1), time_zone)


def _refused(services: ServicesDep, clerk: Visit, member_id: int, why: str) -> Response:
    return draw_member(services, clerk, member_id, notice=Notice("bad", clerk.words.say(why)), status=422)


def _back(member_id: int) -> Response:
    return RedirectResponse(f"/members/{member_id}?done={Done.CHANGED}", 303)
