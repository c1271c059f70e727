"""Who may be sharing their pass, by what the doors saw."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.shared_passes import DAYS, suspected_members
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]


@router.get("/shared-passes")
def shared_passes_page(services: ServicesDep, reader: Reader) -> Response:
    """The most suspected first; whoever opens a page of a member sees the rest there."""
    with services.db.read() as conn:
        suspected = suspected_members(
            conn, reader.principal.organisation_id, now_ms=reader.organisation.clock.business_ms
        )
    words_of = {one.time_zone: reader.words_in(one.time_zone) for one in suspected}
    return page("shared_passes.html", reader, suspected=suspected, words_of=words_of, days=DAYS)
