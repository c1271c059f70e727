"""For the gym's own website: whoever wants to leave and has no link asks for it here, with their e-mail alone."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from sqlalchemy import select

from portillon_cloud.billing.way_to_leave import ask_way_to_leave
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.errors import AskedTooOften
from portillon_cloud.identity.strangers import count_asking
from portillon_cloud.locale.catalogue import LANGUAGES
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tables import organisation
from portillon_cloud.web.pages.leave import from_our_page
from portillon_cloud.web.rendering import bare_page
from portillon_cloud.web.wording import N_

router = APIRouter()
EMAIL_MOST = 254
NO_EMAIL = N_("Write an e-mail address, for example name@example.org.")


@router.get("/gym/{organisation_id}/leave")
def asked_page(organisation_id: PathId, request: Request, services: ServicesDep) -> Response:
    """The form."""
    return _draw(organisation_id, request, services)


@router.post("/gym/{organisation_id}/leave")
def asked_form(
    organisation_id: PathId,
    request: Request,
    services: ServicesDep,
    email: Annotated[str, Form(max_length=EMAIL_MOST)] = "",
) -> Response:
    """The same answer whoever it is; who is known has a letter."""
    from_our_page(request)
    gym = _gym(organisation_id, services)
    typed = email.strip()
    if not _is_email(typed):
        return _draw(organisation_id, request, services, problem=NO_EMAIL, email=email, status=422)
    real_ms = services.clock.real_ms()
    try:
        with services.db.write() as conn:
            address = request.client.host if request.client else "unknown"
            count_asking(conn, what="leave", email=typed, address=address, now_ms=real_ms)
            ask_way_to_leave(conn, gym.id, typed, now_ms=business_now_ms(conn, gym.id, real_ms))
    except AskedTooOften as error:
        wait_s = -(-error.retry_after_ms // 1000)
        answer = _draw(organisation_id, request, services, wait_s=wait_s, email=email, status=429)
        answer.headers["Retry-After"] = str(wait_s)
        return answer
    return _draw(organisation_id, request, services, asked_for=typed)


def _is_email(text: str) -> bool:
    head, at, tail = text.rpartition("@")
    return bool(head and at and "." in tail.strip(".")) and not any(one.isspace() for one in text)


def _gym(organisation_id: int, services: Services) -> Any:
    """Raises Problem 404."""
    column = organisation.c
    with services.db.read() as conn:
        found = conn.execute(
            select(column.id, column.name, column.language, column.country, column.time_zone).where(
                column.id == organisation_id
            )
        ).one_or_none()
    if found is None:
        raise not_found("gym")
    return found


def _draw(organisation_id: int, request: Request, services: Services, *, status: int = 200, **shown: Any) -> Response:
    gym = _gym(organisation_id, services)
    chosen = request.query_params.get("language")
    words = Words(chosen if chosen in LANGUAGES else gym.language, gym.country, gym.time_zone)
    request.state.words = words  # for the page that says no, should one follow
    problem = shown.pop("problem", None)
    wait_s = shown.pop("wait_s", None)
    if wait_s is not None:
        problem = words.count(
            "Asked too often. Try again in %(n)s second.", "Asked too often. Try again in %(n)s seconds.", wait_s
        )
    elif problem is not None:
        problem = words.say(problem)
    given = {"email": "", "asked_for": None, **shown}
    return bare_page("leave_asked.html", words, status=status, gym=gym, problem=problem, **given)
