"""Templates to HTML: everything is escaped unless a chart says it is Markup."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.words import Words
from portillon_cloud.web.alarm_words import AlarmWords
from portillon_cloud.web.assets import asset
from portillon_cloud.web.csrf import form_token
from portillon_cloud.web.door_words import DoorWords
from portillon_cloud.web.visit import Visit

LANGUAGE_NAMES = (("en", "English"), ("fr", "Français"))
_BESIDE = {
    "/books": ("/audit", "/payment-service", "/webhooks"),
    "/plans": ("/coupons", "/referrals", "/price-changes"),
    "/unpaid": ("/dunning", "/disputes", "/questions", "/payouts", "/suspicions"),
}  # pages under the same entry of the navigation
CLOCK_STEP_MS = 24 * 3600 * 1000  # what the clock form suggests: the same time tomorrow

_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_templates.globals["asset"] = asset
_templates.filters["capitalize_first"] = lambda text: text[:1].upper() + text[1:]


@dataclass(frozen=True, slots=True)
class Notice:
    """One line at the top of a page; `kind` is ok, warn or bad."""

    kind: str
    text: str


def render(template: str, words: Words, context: Mapping[str, Any]) -> str:
    """The template in the reader's language."""
    return _templates.get_template(template).render(
        words=words, _=words.say, ngettext=words.count, languages=LANGUAGE_NAMES, **context
    )


def bare_page(template: str, words: Words, *, status: int = 200, **context: Any) -> HTMLResponse:
    """A page for somebody who is not signed in."""
    return HTMLResponse(render(template, words, context), status)


def page(
    template: str,
    visit: Visit,
    *,
    status: int = 200,
    words: Words | None = None,
    notice: Notice | None = None,
    **context: Any,
) -> HTMLResponse:
    """A page for staff, with its masthead, navigation and clock."""
    said = words or visit.words
    return HTMLResponse(render(template, said, {**_frame(visit, said), "notice": notice, **context}), status)


def reader_context(visit: Visit, words: Words) -> dict[str, Any]:
    """What page and live panels share: it depends on role and language, never on the person."""
    return {
        "wording": visit.wording(words),
        "alarm_words": AlarmWords(words),
        "door_words": DoorWords(words),
        "may_see_members": visit.principal.may(Permission.SEE_MEMBERS),
        "may_change_members": visit.principal.may(Permission.CHANGE_MEMBERS),
        "may_see_hardware": visit.principal.may(Permission.MANAGE_GATEWAYS),
        "may_take_payment": visit.principal.may(Permission.TAKE_PAYMENT),
    }


def _frame(visit: Visit, words: Words) -> dict[str, Any]:
    clock = visit.organisation.clock
    return {
        **reader_context(visit, words),
        "principal": visit.principal,
        "role_name": visit.wording(words).role(visit.principal.role),
        "organisation_name": visit.organisation.name,
        "csrf": form_token(visit.token),
        "here": visit.here,
        "navigation": _navigation(visit, words),
        "notices": visit.organisation.unseen_alarms if visit.principal.may(Permission.SEE_MEMBERS) else None,
        "audit_findings": visit.organisation.audit_findings if visit.principal.may(Permission.KEEP_BOOKS) else 0,
        "stopped_runs": visit.organisation.stopped_runs if visit.principal.may(Permission.KEEP_BOOKS) else 0,
        "to_answer": visit.organisation.disputes_to_answer if visit.principal.may(Permission.KEEP_BOOKS) else 0,
        "answer_by_ms": visit.organisation.answer_by_ms,
        "alarm_count": visit.organisation.open_alarms,
        "here_is_alarms": visit.here.startswith("/alarms"),
        "here_is_notices": visit.here.startswith("/notices"),
        "clock": clock,
        "may_turn_clock": clock.test and visit.principal.may(Permission.TURN_CLOCK),
        "clock_suggestion": words.local(clock.business_ms + CLOCK_STEP_MS).strftime("%Y-%m-%dT%H:%M"),
        "clock_earliest": words.local(clock.business_ms).strftime("%Y-%m-%dT%H:%M"),
    }


def _navigation(visit: Visit, words: Words) -> list[dict[str, Any]]:
    items = (
        (Permission.SEE_SITE, "/sites", words.say("Live")),
        (Permission.SEE_MEMBERS, "/members", words.say("Members")),
        (Permission.TAKE_PAYMENT, "/desk", words.say("Desk")),
        (Permission.SEE_MONEY, "/unpaid", words.say("Unpaid")),
        (Permission.SET_RULES, "/plans", words.say("Plans")),
        (Permission.KEEP_BOOKS, "/books", words.say("Books")),
        (Permission.SEE_REPORTS, "/reports", words.say("Reports")),
    )
    return [
        {
            "href": href if href != "/sites" else "/",
            "text": text,
            "here": visit.here.startswith((href, *_BESIDE.get(href, ()))),
        }
        for permission, href, text in items
        if visit.principal.may(permission)
    ]
