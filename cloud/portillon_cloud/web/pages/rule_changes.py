"""Who changed by what a site's doors go, and what a plan sells."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response

from portillon_cloud.access.rule_changes import rule_changes
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.pages.site_names import named_site
from portillon_cloud.web.rendering import page
from portillon_cloud.web.rule_change_words import RuleChangeWords
from portillon_cloud.web.visit import Visit, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
SHOWN = 100


@router.get("/sites/{site_id}/changes")
def changes_page(site_id: PathId, services: ServicesDep, reader: Reader) -> Response:
    """The latest changes, newest first, each with what it was and what it became."""
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
        plans = reader.principal.may(Permission.SEE_MONEY)
        found = rule_changes(conn, reader.principal.organisation_id, site_id=site_id, plans=plans, limit=SHOWN)
    words = reader.words_in(site.time_zone)
    return page("rule_changes.html", reader, words=words, site=site, changes=found, change_words=RuleChangeWords(words))
