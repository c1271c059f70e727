"""The list of members, and one member's page with the live answer to "may this person pass now?"."""

from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from portillon_cloud.access.facts import STAFF_ROLES, GivenRole
from portillon_cloud.access.given import rights_of
from portillon_cloud.clock.local import local_date
from portillon_cloud.doors.rights import rights_changes
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.may_pass import may_pass
from portillon_cloud.reports.member_list import member_list
from portillon_cloud.reports.member_view import member_view
from portillon_cloud.reports.organisation_view import sites_of
from portillon_cloud.visits.operations import member_visits
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, visit_with
from portillon_cloud.web.wording import N_
from portillon_cloud.zones.forgiving import forgivenesses
from portillon_cloud.zones.rows import zone_rules_of

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]
PER_PAGE = 50
RIGHTS_GIVEN_SHOWN = 10


class Done(StrEnum):
    """What was just done on this page."""

    ADDED = "added"
    CHANGED = "changed"
    REPLACED = "replaced"
    FORGIVEN = "forgiven"


DONE = {
    Done.ADDED: N_("Added. It opens at every turnstile within a second."),
    Done.CHANGED: N_("Noted. Every turnstile knows it within a second."),
    Done.FORGIVEN: N_("Forgiven. Every door of the site lets them begin anew within a second."),
    Done.REPLACED: N_("Replaced. The old one does not open any more; its PINs go on with the new one."),
}


@router.get("/members")
def members_page(
    services: ServicesDep,
    reader: Reader,
    q: Annotated[str, Query(max_length=100)] = "",
    p: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """Members whose name, e-mail or card number fits the search."""
    with services.db.read() as conn:
        found = member_list(
            conn,
            services.keyring,
            organisation_id=reader.principal.organisation_id,
            search=q,
            limit=PER_PAGE,
            after=(p - 1) * PER_PAGE,
        )
    return page(
        "members/list.html", reader, members=found, search=q, number=p, pages=max(1, -(-found.count // PER_PAGE))
    )


@router.get("/members/{member_id}")
def member_page(member_id: PathId, services: ServicesDep, reader: Reader, done: Done | None = None) -> Response:
    """One member: contract, credentials, invoices and payments for those who may see money, and the live answer."""
    notice = None if done is None else Notice("ok", reader.words.say(DONE[done]))
    return draw_member(services, reader, member_id, notice=notice)


def draw_member(
    services: Services, reader: Visit, member_id: int, *, notice: Notice | None = None, status: int = 200
) -> Response:
    """The member's page. Raises Problem 404."""
    organisation_id = reader.principal.organisation_id
    with services.db.read() as conn:
        member = member_view(
            conn,
            services.keyring,
            organisation_id=organisation_id,
            member_id=member_id,
            with_money=reader.principal.may(Permission.SEE_MONEY),
            now_ms=reader.organisation.clock.business_ms,
        )
        if member is None:
            raise not_found("member")
        answer = may_pass(
            conn,
            services.keyring,
            organisation_id=organisation_id,
            member_id=member_id,
            business_ms=reader.organisation.clock.business_ms,
        )
        visits = member_visits(
            conn,
            organisation_id=organisation_id,
            member_id=member_id,
            now_ms=reader.organisation.clock.business_ms,
        )
        forgiven = forgivenesses(conn, organisation_id=organisation_id, member_id=member_id)
        rights_given = rights_changes(conn, organisation_id, member_id=member_id, limit=RIGHTS_GIVEN_SHOWN)
        given = rights_of(conn, organisation_id, member_id)
        sites = sites_of(conn, organisation_id)
        watched = [site for site in sites if zone_rules_of(conn, site.id)]
    names_staff = reader.principal.may(Permission.MANAGE_STAFF)
    today = local_date(reader.organisation.clock.business_ms, member.time_zone)
    return page(
        "members/member.html",
        reader,
        status=status,
        member=member,
        answer=answer,
        visits=visits,
        today=today,
        forgiven=forgiven,
        rights_given=rights_given,
        given=given,
        roles_to_give=[role.value for role in GivenRole if names_staff or role not in STAFF_ROLES],
        now_ms=reader.organisation.clock.business_ms,
        sites=sites,
        watched=watched,
        words_of={site.time_zone: reader.words_in(site.time_zone) for site in sites},
        may_forgive=reader.principal.may(Permission.FORGIVE),
        notice=notice,
    )
