"""Turn the business clock of a test organisation. The worker does the turning; the page only asks for it."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.clock.errors import BackwardsClockError, ClockBusyError, LiveClockError
from portillon_cloud.clock.local import instant_of_ms
from portillon_cloud.clock.operations import advance
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.problem import Problem
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.visit import Visit, genuine_form, own_path, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()


@router.post("/clock/advance", dependencies=[Depends(genuine_form)])
def advance_form(
    services: ServicesDep,
    reader: Annotated[Visit, Depends(visit_with(Permission.TURN_CLOCK))],
    to: Annotated[str, Form(max_length=30)],
    back: Annotated[str, Form()] = "/",
) -> Response:
    """Start the turn; the live page shows how far it is. Raises Problem 422, 409."""
    try:
        target_ms = instant_of_ms(to, reader.organisation.time_zone)
    except ValueError:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            N_("Write the day and time as on a calendar, for example 2025-03-12 09:30."),
            kind="no-instant",
        ) from None
    try:
        with services.db.write() as conn:
            advance(conn, reader.organisation.id, target_ms=target_ms, real_ms=services.clock.real_ms())
    except BackwardsClockError:
        raise Problem(HTTPStatus.CONFLICT, N_("A clock never goes back. Choose a later day or time.")) from None
    except ClockBusyError:
        raise Problem(
            HTTPStatus.CONFLICT, N_("The clock is being turned already. Wait until it has arrived.")
        ) from None
    except LiveClockError:
        raise Problem(HTTPStatus.CONFLICT, N_("A live organisation's time is the world's time.")) from None
    return RedirectResponse(own_path(back), 303)
