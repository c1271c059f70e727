"""What is the matter at the organisation's sites, what to do about it, and who took note."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.alarms.api import NOTE_LENGTH
from portillon_cloud.alarms.operations import acknowledge, open_alarms, past_alarms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.identity.store import names_of
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
Guard = Annotated[Visit, Depends(visit_with(Permission.ACKNOWLEDGE_ALARMS))]
PAST_SHOWN = 50


@router.get("/alarms")
def alarms_page(services: ServicesDep, reader: Reader) -> Response:
    """What stands or nobody has seen, then what is over."""
    organisation_id = reader.principal.organisation_id
    with services.db.read() as conn:
        found = open_alarms(conn, organisation_id)
        past = past_alarms(conn, organisation_id, limit=PAST_SHOWN)
        named = {by for line in (*found, *past) for by in (line.by, line.ended_by) if by is not None}
        people = names_of(conn, organisation_id, named)
    words_of = {line.time_zone: reader.words_in(line.time_zone) for line in (*found, *past)}
    may_acknowledge = reader.principal.may(Permission.ACKNOWLEDGE_ALARMS)
    return page(
        "alarms.html",
        reader,
        alarms=found,
        past=past,
        people=people,
        words_of=words_of,
        may_acknowledge=may_acknowledge,
    )


@router.post("/alarms/{alarm_id}/acknowledge", dependencies=[Depends(genuine_form)])
def acknowledge_form(
    alarm_id: PathId,
    services: ServicesDep,
    guard: Guard,
    note: Annotated[str, Form(max_length=NOTE_LENGTH)] = "",
    is_over: Annotated[bool, Form()] = False,
) -> Response:
    """Take note; pressing twice is pressing once."""
    with services.db.write() as conn:
        acknowledge(
            conn,
            principal=guard.principal,
            alarm_id=alarm_id,
            note=note.strip(),
            is_over=is_over,
            real_ms=guard.now_ms,
        )
    return RedirectResponse("/alarms", 303)
