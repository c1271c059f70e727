"""What doors do for a member beyond opening, set at the desk."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.doors.rights import change_rights
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.operations import DoorRights
from portillon_cloud.web.pages.members import Done
from portillon_cloud.web.visit import Visit, genuine_form, visit_with

router = APIRouter()
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Ticked = Annotated[bool, Form()]


@router.post("/members/{member_id}/door-rights", dependencies=[Depends(genuine_form)])
def rights_form(
    member_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    long_access: Ticked = False,
    first_person: Ticked = False,
    lockdown_exempt: Ticked = False,
    escort: Ticked = False,
    escorted: Ticked = False,
    supervisor: Ticked = False,
) -> Response:
    """What is not ticked is taken away."""
    with services.db.write() as conn:
        change_rights(
            conn,
            principal=clerk.principal,
            now_ms=clerk.organisation.clock.business_ms,
            real_ms=clerk.now_ms,
            member_id=member_id,
            rights=DoorRights(
                long_access=long_access,
                first_person=first_person,
                lockdown_exempt=lockdown_exempt,
                escort=escort,
                escorted=escorted,
                supervisor=supervisor,
            ),
        )
    return RedirectResponse(f"/members/{member_id}?done={Done.CHANGED}", 303)
