"""Forgiveness at the desk: where a member was no longer counts, with who said so and why."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX, PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.pages.members import Done, draw_member
from portillon_cloud.web.rendering import Notice
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_
from portillon_cloud.zones.errors import ZoneRuleError
from portillon_cloud.zones.forgiving import forgive

router = APIRouter(dependencies=[Depends(genuine_form)])
Forgiver = Annotated[Visit, Depends(visit_with(Permission.FORGIVE))]
SAY_WHY = N_("Nothing was changed. Say why in a few words: whoever looks later wants to know.")


@router.post("/members/{member_id}/forgivenesses")
def forgive_form(
    member_id: PathId,
    services: ServicesDep,
    desk: Forgiver,
    note: Annotated[str, Form(max_length=1_000)] = "",
    site_id: Annotated[int, Form(ge=0, le=ID_MAX)] = 0,
) -> Response:
    """The member begins anew at every door of the site; or the page again with why not."""
    try:
        with services.db.write() as conn:
            forgive(
                conn,
                principal=desk.principal,
                member_id=member_id,
                note=note,
                site_id=site_id or None,
                now_ms=desk.organisation.clock.business_ms,
                real_ms=desk.now_ms,
            )
    except ZoneRuleError:
        return draw_member(services, desk, member_id, notice=Notice("bad", desk.words.say(SAY_WHY)), status=422)
    return RedirectResponse(f"/members/{member_id}?done={Done.FORGIVEN}", 303)
