"""The application: pages, live updates and /api/v1 over one set of services."""

from http import HTTPStatus
from typing import cast
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from portillon_cloud.errors import CloudError, ConflictError, NotFoundError, RefusedError, TransientError
from portillon_cloud.gateways.api import snapshot_router
from portillon_cloud.http.problem import Problem, invalid_request
from portillon_cloud.http.services import Services
from portillon_cloud.locale.words import Words
from portillon_cloud.payments.inbox import webhook
from portillon_cloud.web.api import api_router
from portillon_cloud.web.assets import Assets
from portillon_cloud.web.live_panels import LivePanels
from portillon_cloud.web.openapi import openapi_of
from portillon_cloud.web.pages import (
    accounting,
    alarms,
    audit,
    bank,
    book_entries,
    clock,
    company,
    contract_texts,
    contracts,
    coupons,
    credentials,
    debits,
    decisions,
    desk,
    desk_acts,
    desk_limits,
    disputes,
    door_rights,
    doors,
    dunning,
    forecast,
    forgiveness,
    given_rights,
    hours,
    invoices,
    leave,
    leave_asked,
    live,
    members,
    notices,
    pay,
    pay_question,
    payer,
    payment_service,
    payouts,
    plans,
    policy,
    price_changes,
    profile,
    questions,
    receipt,
    referrals,
    renew,
    reports,
    rule_changes,
    sales,
    shared_passes,
    sign_in,
    subscriptions,
    suspicions,
    takings,
    transfers,
    unpaid,
    visits,
    webhooks,
    zones,
)
from portillon_cloud.web.rendering import bare_page
from portillon_cloud.web.security_headers import SecurityHeaders
from portillon_cloud.web.visit import SESSION_COOKIE, SignInNeeded, language_before_sign_in
from portillon_cloud.web.wording import N_

API = "/api/"
LIVE_EVERY_S = 1.0

# What a page says to a person; programs get the problem's own detail.
_TITLES = {
    HTTPStatus.FORBIDDEN: N_("Not allowed"),
    HTTPStatus.NOT_FOUND: N_("Not found"),
    HTTPStatus.METHOD_NOT_ALLOWED: N_("Not found"),
    HTTPStatus.CONFLICT: N_("Not possible now"),
    HTTPStatus.UNPROCESSABLE_ENTITY: N_("Something is missing or wrong"),
    HTTPStatus.SERVICE_UNAVAILABLE: N_("Try again soon"),
}
_TITLE_OF_A_DEFECT = N_("Something is wrong on our side")
_DETAILS = {
    "not-found": N_("There is nothing at this address, or it is not of your organisation."),
    "contract-link": N_("This link is over, or is not whole. Ask the gym for a new one."),
    "forged-form": N_("This form is out of date or came from elsewhere. Open the page again."),
    "invalid": N_("Go back, look at what you typed, and try again."),
    "internal": N_("It has been logged. Try again; if it stays, tell whoever runs this server."),
}


def create_app(services: Services, *, live_every_s: float = LIVE_EVERY_S) -> FastAPI:
    """The ASGI application. `live_every_s`: how often a live page looks for changes."""
    app = FastAPI(title="Portillon", version="1", docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(SecurityHeaders)
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    app.mount("/static", Assets())
    parts = (
        sign_in, live, doors, alarms, members, profile, credentials, door_rights, company, visits, notices, invoices,
        pay, pay_question, payer, desk, desk_acts, desk_limits, receipt, sales, subscriptions, contracts,
        contract_texts, transfers, leave, leave_asked, unpaid, dunning, clock, shared_passes, forgiveness, given_rights,
        hours, zones, policy, rule_changes, decisions, accounting, bank, debits, book_entries, takings, audit,
        renew, plans, coupons, price_changes,
        forecast, referrals, reports, webhooks, suspicions, disputes, payouts, questions, payment_service,
    )  # fmt: skip
    for part in parts:
        app.include_router(part.router, include_in_schema=False)
    app.include_router(api_router())
    app.include_router(snapshot_router)
    app.include_router(webhook.router)
    app.state.openapi = openapi_of(app)
    app.add_route("/api/v1/openapi.json", _openapi)
    put_over(app, services, live_every_s=live_every_s)
    return app


def put_over(app: FastAPI, services: Services, *, live_every_s: float = LIVE_EVERY_S) -> None:
    """Let the application answer from these services, and keep nothing of those it had: its routes cost a second."""
    app.state.services = services
    app.state.live_panels = LivePanels()
    app.state.live_streams = 0
    app.state.live_every_s = live_every_s


def problem_of(error: CloudError) -> Problem:
    """The answer for an error of the house: its place in the tree decides the status."""
    detail = str(error)
    if isinstance(error, NotFoundError):
        return Problem(HTTPStatus.NOT_FOUND, detail, kind="not-found")
    if isinstance(error, RefusedError | ConflictError):
        return Problem(HTTPStatus.CONFLICT, detail, kind="conflict")
    if isinstance(error, TransientError):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, kind="try-again", headers={"Retry-After": "1"})
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, kind="invalid")


def _openapi(request: Request) -> Response:
    return Response(request.app.state.openapi, media_type="application/json")


def _problem(request: Request, error: Exception) -> Response:
    return _answer(request, cast(Problem, error))


def _cloud_error(request: Request, error: Exception) -> Response:
    return _answer(request, problem_of(cast(CloudError, error)))


def _invalid(request: Request, error: Exception) -> Response:
    return _answer(request, invalid_request(cast(RequestValidationError, error)))


def _http(request: Request, error: Exception) -> Response:
    found = cast(HTTPException, error)
    detail = "There is nothing at this address." if found.status_code == HTTPStatus.NOT_FOUND else str(found.detail)
    return _answer(request, Problem(found.status_code, detail, headers=found.headers))


def _defect(request: Request, _error: Exception) -> Response:
    # The server logs the traceback; the answer tells nothing of it.
    return _answer(request, Problem(500, "Something is wrong on our side. It has been logged.", kind="internal"))


def _sign_in(request: Request, error: Exception) -> Response:
    answer = RedirectResponse(f"/sign-in?next={quote(cast(SignInNeeded, error).back, safe='')}", 303)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def _answer(request: Request, problem: Problem) -> Response:
    """JSON for programs, a page for people."""
    if request.url.path.startswith((API, "/gateway/")):
        return problem.response()
    words = getattr(request.state, "words", None) or Words(language_before_sign_in(request))
    title = words.say(_TITLES.get(HTTPStatus(problem.status), _TITLE_OF_A_DEFECT))
    detail = words.say(_DETAILS.get(problem.kind, problem.detail))
    answer = bare_page("problem.html", words, status=problem.status, title=title, detail=detail)
    answer.headers.update(problem.headers)
    return answer


_HANDLERS = {
    Problem: _problem,
    CloudError: _cloud_error,
    RequestValidationError: _invalid,
    HTTPException: _http,
    SignInNeeded: _sign_in,
    Exception: _defect,
}
