"""Who may be sharing their pass, by what the doors saw; who is refused for it, and letting them in again."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.attendance.refusing import (
    DAYS,
    REFUSE_FROM_MAX,
    let_in_again,
    refuse_from,
    refused_members,
    set_refuse_from,
)
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.shared_passes import suspected_members
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]


@router.get("/shared-passes")
def shared_passes_page(services: ServicesDep, reader: Reader) -> Response:
    """The most suspected first; whoever opens a page of a member sees the rest there."""
    with services.db.read() as conn:
        organisation_id = reader.principal.organisation_id
        suspected = suspected_members(conn, organisation_id, now_ms=reader.organisation.clock.business_ms)
        refused = refused_members(conn, organisation_id)
        number = refuse_from(conn, organisation_id)
    return page(
        "shared_passes.html",
        reader,
        suspected=suspected,
        refused=refused,
        words_of={one.time_zone: reader.words_in(one.time_zone) for one in suspected},
        days=DAYS,
        refuse_from=number,
        refuse_from_max=REFUSE_FROM_MAX,
        may_change=reader.principal.may(Permission.CHANGE_MEMBERS),
    )


@router.post("/shared-passes/policy", dependencies=[Depends(genuine_form)])
def policy_form(
    services: ServicesDep, clerk: Clerk, refuse_from: Annotated[int, Form(ge=0, le=REFUSE_FROM_MAX)]
) -> Response:
    """From how many times on a member is refused; 0: never."""
    with services.db.write() as conn:
        set_refuse_from(conn, clerk.principal.organisation_id, refuse_from or None)
    return RedirectResponse("/shared-passes", 303)


@router.post("/shared-passes/{member_id}/let-in", dependencies=[Depends(genuine_form)])
def let_in_form(member_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """The member was spoken with, and passes again within a second."""
    with services.db.write() as conn:
        let_in_again(
            conn,
            organisation_id=clerk.principal.organisation_id,
            member_id=member_id,
            at_ms=clerk.organisation.clock.business_ms,
        )
    return RedirectResponse("/shared-passes", 303)
