"""Whether the books add up: what the last audit found, another one now, and runs that stopped themselves."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.audit.check import explained
from portillon_cloud.audit.operations import audit, last_run, open_findings
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.forecast import stops
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.forecast_words import stop_texts
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]


@router.get("/audit")
def audit_page(services: ServicesDep, keeper: Keeper) -> Response:
    """The last audit and each breach that it saw, the oldest first."""
    words, organisation_id = keeper.words, keeper.principal.organisation_id
    with services.db.read() as conn:
        last, found = last_run(conn, organisation_id), open_findings(conn, organisation_id)
        stopped = stops.open_stops(conn, organisation_id)
    findings = [
        {"text": explained(words.say(one.says), one.finding, words.language), "since_ms": one.since_ms} for one in found
    ]
    standing = [{"id": one.id, "on": one.stopped_on, "texts": stop_texts(one, words)} for one in stopped]
    return page("billing/audit.html", keeper, last=last, findings=findings, stopped=standing)


@router.post("/audit", dependencies=[Depends(genuine_form)])
def audit_form(services: ServicesDep, keeper: Keeper) -> Response:
    """Audit now; the page then shows what was found."""
    audit(services.db, keeper.principal.organisation_id, now_ms=keeper.organisation.clock.business_ms)
    return RedirectResponse("/audit", 303)


@router.post("/audit/stopped-runs/{stop_id}", dependencies=[Depends(genuine_form)])
def confirm_form(
    stop_id: PathId,
    services: ServicesDep,
    keeper: Keeper,
    reason: Annotated[str, Form(min_length=1, max_length=500, pattern=r"\S")],
) -> Response:
    """It was looked at, and is right: the run goes on."""
    organisation = keeper.organisation
    author = Author(name=keeper.principal.name, at_ms=organisation.clock.business_ms, reason=reason)
    with services.db.write() as conn:
        stops.confirm(conn, organisation.id, stop_id, author=author)
    return RedirectResponse("/audit", 303)
