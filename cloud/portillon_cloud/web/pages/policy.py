"""What a site does when it knows too little: each choice with what happens then."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response
from portillon_rules.policy import SitePolicy

from portillon_cloud.access.errors import GraceTooShortError, SitePolicyInvalidError
from portillon_cloud.access.operations import set_site_policy, site_policy
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.web.pages.site_names import named_site
from portillon_cloud.web.policy_words import POLICY_SETTINGS
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.settings import kind_of, read_settings, typed_fields
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_SITE))]
Owner = Annotated[Visit, Depends(visit_with(Permission.SET_RULES))]
Typed = Annotated[dict[str, str], Depends(typed_fields)]

SET = N_("Noted. Every gateway of the site goes by it within a second, or when it is back.")
WRONG = N_("Nothing was changed: choose one of the answers, and hours from 0 to 744.")
GRACE_TOO_SHORT = N_(
    "Nothing was changed: with so many hours, members who have paid could be shut out by a dead line. Give them more"
    " days of grace first, or choose fewer hours."
)


@router.get("/sites/{site_id}/policy")
def policy_page(site_id: PathId, services: ServicesDep, reader: Reader, done: bool = False) -> Response:
    """Every choice as it stands."""
    return _draw(services, reader, site_id, Notice("ok", reader.words.say(SET)) if done else None)


@router.post("/sites/{site_id}/policy", dependencies=[Depends(genuine_form)])
def policy_form(site_id: PathId, services: ServicesDep, owner: Owner, typed: Typed) -> Response:
    """From now on the site does so; or the page again with why not. What the page does not show stays."""
    try:
        with services.db.write() as conn:
            named_site(conn, owner, site_id)
            before = site_policy(conn, site_id).to_body()
            policy = SitePolicy.from_body({**before, **read_settings(POLICY_SETTINGS, typed)})
            set_site_policy(conn, site_id, policy, by=owner.changer)
    except GraceTooShortError:
        return _draw(services, owner, site_id, Notice("bad", owner.words.say(GRACE_TOO_SHORT)), status=422)
    except (SitePolicyInvalidError, ValueError):
        return _draw(services, owner, site_id, Notice("bad", owner.words.say(WRONG)), status=422)
    return RedirectResponse(f"/sites/{site_id}/policy?done=true", 303)


def _draw(services: Services, reader: Visit, site_id: int, notice: Notice | None, *, status: int = 200) -> Response:
    with services.db.read() as conn:
        site = named_site(conn, reader, site_id)
        policy = site_policy(conn, site_id)
    return page(
        "policy.html",
        reader,
        status=status,
        words=reader.words_in(site.time_zone),
        notice=notice,
        site=site,
        settings=POLICY_SETTINGS,
        values=policy.to_body(),
        kind_of=kind_of,
        may_set_rules=reader.principal.may(Permission.SET_RULES),
    )
