"""Without whom a member does not pass, set at the desk: guardians of a minor, hosts of a guest."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.bond import Bond
from portillon_cloud.members.company import bind, unbind
from portillon_cloud.members.errors import CompanyRefusedError, UnknownMemberError
from portillon_cloud.web.pages.members import Done, draw_member
from portillon_cloud.web.rendering import Notice
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
NO_SUCH_COMPANY = N_(
    "Nothing was changed. Name another member by their number: an adult who needs no guardian, ten at most."
)


@router.post("/members/{member_id}/company", dependencies=[Depends(genuine_form)])
def bind_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    with_id: Annotated[int, Form(ge=1, le=ID_MAX)],
    bond: Annotated[Bond, Form()],
) -> Response:
    """Somebody more without whom this member does not pass; or the page again with why not."""
    try:
        with services.db.write() as conn:
            bind(
                conn,
                organisation_id=clerk.principal.organisation_id,
                member_id=member_id,
                with_id=with_id,
                bond=bond,
            )
    except (CompanyRefusedError, UnknownMemberError):
        return draw_member(
            services, clerk, member_id, notice=Notice("bad", clerk.words.say(NO_SUCH_COMPANY)), status=422
        )
    return _back(member_id)


@router.post("/members/{member_id}/company/{bond}/{with_id}/end", dependencies=[Depends(genuine_form)])
def unbind_form(member_id: PathId, bond: Bond, with_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """This one is not needed any more; with the last of them the member passes alone."""
    with services.db.write() as conn:
        unbind(conn, organisation_id=clerk.principal.organisation_id, member_id=member_id, with_id=with_id, bond=bond)
    return _back(member_id)


def _back(member_id: int) -> Response:
    return RedirectResponse(f"/members/{member_id}?done={Done.CHANGED}", 303)
