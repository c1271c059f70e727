"""Whether the books add up: what the last audit found, in sentences, and another one now."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.audit.check import explained
from portillon_cloud.audit.operations import audit, last_run, open_findings
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.identity.roles import Permission
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
    findings = [
        {"text": explained(words.say(one.says), one.finding, words.language), "since_ms": one.since_ms} for one in found
    ]
    return page("billing/audit.html", keeper, last=last, findings=findings)


@router.post("/audit", dependencies=[Depends(genuine_form)])
def audit_form(services: ServicesDep, keeper: Keeper) -> Response:
    """Audit now; the page then shows what was found."""
    audit(services.db, keeper.principal.organisation_id, now_ms=keeper.organisation.clock.business_ms)
    return RedirectResponse("/audit", 303)
