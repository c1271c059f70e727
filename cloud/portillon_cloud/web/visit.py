"""One signed-in person looking at one page: who, which language, which organisation, what time it is there."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import Depends, Form, Request

from portillon_cloud.access.rule_changes import Changer
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.problem import Problem
from portillon_cloud.identity.operations import who_is_signed_in
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.catalogue import LANGUAGES, best_language
from portillon_cloud.locale.words import Words
from portillon_cloud.reports.organisation_view import OrganisationView, organisation_view
from portillon_cloud.web.csrf import check_form
from portillon_cloud.web.wording import N_, Wording

SESSION_COOKIE = "portillon_session"
VISIT_COOKIE = "portillon_visit"  # before sign-in: what the sign-in form's token is made from
LANGUAGE_COOKIE = "portillon_language"


class SignInNeeded(Exception):
    """Nobody is signed in; `back` is the page to come back to."""

    def __init__(self, back: str) -> None:
        super().__init__("sign in first")
        self.back = back


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What every page for staff needs."""

    principal: Principal
    token: str
    organisation: OrganisationView
    now_ms: int  # machine time, read once per request
    here: str  # this page's own path, for coming back

    @property
    def changer(self) -> Changer:
        """Who changes a rule on this page."""
        return Changer(who=self.principal, real_ms=self.now_ms)

    @property
    def words(self) -> Words:
        """The reader's language, in the organisation's time zone."""
        return self.words_in(self.organisation.time_zone)

    def words_in(self, time_zone: str) -> Words:
        """The reader's language, in a site's time zone."""
        return Words(self.principal.language, self.organisation.country, time_zone)

    def wording(self, words: Words) -> Wording:
        """Enum members in words, as far as this reader may know."""
        return Wording(words, sees_money=self.principal.may(Permission.SEE_MONEY))


def visit(request: Request, services: ServicesDep) -> Visit:
    """The signed-in person. Raises SignInNeeded."""
    here = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = here if request.method == "GET" else "/"
    token = request.cookies.get(SESSION_COOKIE)
    now_ms = services.clock.real_ms()
    principal = who_is_signed_in(services.db, token, now_ms=now_ms) if token else None
    if token is None or principal is None:
        raise SignInNeeded(back)
    with services.db.read() as conn:
        organisation = organisation_view(conn, principal.organisation_id, now_ms)
    found = Visit(principal=principal, token=token, organisation=organisation, now_ms=now_ms, here=here)
    request.state.words = found.words  # for the page that says no, should one follow
    return found


def visit_with(permission: Permission) -> Callable[[Visit], Visit]:
    """A dependency that gives the visit, or raises Problem 403."""

    def check(found: Annotated[Visit, Depends(visit)]) -> Visit:
        if not found.principal.may(permission):
            raise Problem(HTTPStatus.FORBIDDEN, N_("Your role may not see or do this. Ask an owner."))
        return found

    return check


def genuine_form(request: Request, csrf: Annotated[str, Form()] = "") -> None:
    """A dependency of every page that changes something. Raises Problem 403 on a forged form."""
    check_form(request, cookie=request.cookies.get(SESSION_COOKIE), token=csrf)


def language_before_sign_in(request: Request) -> str:
    """Chosen on the sign-in page, or else what the browser prefers."""
    chosen = request.query_params.get("language") or request.cookies.get(LANGUAGE_COOKIE)
    return chosen if chosen in LANGUAGES else best_language(request.headers.get("accept-language"))


def own_path(back: str) -> str:
    """`back` if it is a path of ours, else the start page: a form never sends anybody to another site."""
    local = back.startswith("/") and not back.startswith(("//", "/\\")) and back.isprintable()
    return quote(back, safe="/?&=%-._~+:") if local and len(back) < 500 else "/"
