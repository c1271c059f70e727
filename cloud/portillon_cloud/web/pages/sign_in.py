"""Sign in, sign out, and the choice of language."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.identity.errors import SignInRefused, SignInThrottled
from portillon_cloud.identity.operations import SESSION_LONGEST_MS, set_language, sign_in, sign_out
from portillon_cloud.locale.catalogue import LANGUAGES
from portillon_cloud.locale.words import Words
from portillon_cloud.web.csrf import check_form, form_token
from portillon_cloud.web.rendering import bare_page
from portillon_cloud.web.visit import (
    LANGUAGE_COOKIE,
    SESSION_COOKIE,
    VISIT_COOKIE,
    Visit,
    genuine_form,
    language_before_sign_in,
    own_path,
    visit,
)

router = APIRouter()
_YEAR_S = 365 * 24 * 3600


@router.get("/sign-in")
def sign_in_page(request: Request, next: str = "/") -> Response:
    """The form, in the language that the browser prefers or that was chosen here."""
    return _form(request, next=next)


@router.post("/sign-in")
def sign_in_form(
    request: Request,
    services: ServicesDep,
    email: Annotated[str, Form(max_length=254)] = "",
    password: Annotated[str, Form()] = "",
    csrf: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
) -> Response:
    """A session, or the form again with what was wrong."""
    check_form(request, cookie=request.cookies.get(VISIT_COOKIE), token=csrf)
    words = Words(language_before_sign_in(request))
    try:
        token = sign_in(
            services.db,
            email=email,
            password=password,
            address=request.client.host if request.client else "unknown",
            now_ms=services.clock.real_ms(),
        )
    except SignInRefused:
        return _form(
            request, next=next, email=email, status=401, problem=words.say("The e-mail or the password is wrong.")
        )
    except SignInThrottled as error:
        seconds = -(-error.retry_after_ms // 1000)
        problem = words.count(
            "Too many failed sign-ins. Try again in %(n)s second.",
            "Too many failed sign-ins. Try again in %(n)s seconds.",
            seconds,
        )
        answer = _form(request, next=next, email=email, status=429, problem=problem)
        answer.headers["Retry-After"] = str(seconds)
        return answer
    answer = RedirectResponse(own_path(next), 303)
    _set_cookie(request, answer, SESSION_COOKIE, token, seconds=SESSION_LONGEST_MS // 1000)
    answer.delete_cookie(VISIT_COOKIE)
    return answer


@router.post("/sign-out", dependencies=[Depends(genuine_form)])
def sign_out_form(services: ServicesDep, found: Annotated[Visit, Depends(visit)]) -> Response:
    """The session ends here and in the database."""
    with services.db.write() as conn:
        sign_out(conn, found.token)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/language", dependencies=[Depends(genuine_form)])
def language_form(
    request: Request,
    services: ServicesDep,
    found: Annotated[Visit, Depends(visit)],
    language: Annotated[str, Form()],
    back: Annotated[str, Form()] = "/",
) -> Response:
    """This person's language, from now on and on every machine."""
    answer = RedirectResponse(own_path(back), 303)
    if language in LANGUAGES:
        with services.db.write() as conn:
            set_language(conn, found.principal.id, language)
        _set_cookie(request, answer, LANGUAGE_COOKIE, language, seconds=_YEAR_S)
    return answer


def _form(request: Request, *, next: str, email: str = "", status: int = 200, problem: str | None = None) -> Response:
    language = language_before_sign_in(request)
    cookie = request.cookies.get(VISIT_COOKIE) or secrets.token_urlsafe(32)
    answer = bare_page(
        "sign_in.html",
        Words(language),
        status=status,
        csrf=form_token(cookie),
        next=own_path(next),
        email=email,
        problem=problem,
    )
    _set_cookie(request, answer, VISIT_COOKIE, cookie, seconds=None)
    if request.query_params.get("language") == language:
        _set_cookie(request, answer, LANGUAGE_COOKIE, language, seconds=_YEAR_S)
    return answer


def _set_cookie(request: Request, answer: Response, name: str, value: str, *, seconds: int | None) -> None:
    answer.set_cookie(
        name, value, max_age=seconds, httponly=True, samesite="lax", secure=request.url.scheme == "https", path="/"
    )
