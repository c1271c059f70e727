"""What staff must see and a lane must not show: silent alarms, and who has seen them."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.attendance.duress import duress_alarms, mark_seen
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]
NOTICES_SHOWN = 50


@router.get("/notices")
def notices_page(services: ServicesDep, reader: Reader) -> Response:
    """The latest silent alarms. The word in the navigation says nothing of what is behind it."""
    with services.db.read() as conn:
        alarms = duress_alarms(conn, reader.principal.organisation_id, limit=NOTICES_SHOWN)
    words_of = {alarm.time_zone: reader.words_in(alarm.time_zone) for alarm in alarms}
    return page("notices.html", reader, alarms=alarms, words_of=words_of)


@router.post("/notices/{alarm_id}/seen", dependencies=[Depends(genuine_form)])
def seen_form(alarm_id: PathId, services: ServicesDep, reader: Reader) -> Response:
    """Write down who has seen it; pressing twice is pressing once."""
    with services.db.write() as conn:
        mark_seen(
            conn,
            organisation_id=reader.principal.organisation_id,
            alarm_id=alarm_id,
            real_ms=reader.now_ms,
            by=reader.principal.name,
        )
    return RedirectResponse("/notices", 303)
