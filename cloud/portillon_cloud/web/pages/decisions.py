"""What doors said to a member lately, why, and what helps."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from sqlalchemy import select

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import member
from portillon_cloud.reports.member_decisions import member_decisions
from portillon_cloud.web.decision_words import DecisionWords
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, visit_with

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MEMBERS))]
SHOWN = 50


@router.get("/members/{member_id}/decisions")
def decisions_page(member_id: PathId, services: ServicesDep, reader: Reader) -> Response:
    """The latest answers, newest first. Raises Problem 404."""
    organisation_id = reader.principal.organisation_id
    with services.db.read() as conn:
        who = conn.execute(
            select(member.c.id, member.c.first_name, member.c.last_name).where(
                member.c.organisation_id == organisation_id, member.c.id == member_id
            )
        ).one_or_none()
        if who is None:
            raise not_found("member")
        lines = member_decisions(conn, organisation_id=organisation_id, member_id=member_id, count=SHOWN)
    return page(
        "members/decisions.html",
        reader,
        who=who,
        lines=lines,
        words_of={line.time_zone: reader.words_in(line.time_zone) for line in lines},
        several_sites=len({line.site_id for line in lines}) > 1,
        decision_words=DecisionWords(reader.words, sees_money=reader.principal.may(Permission.SEE_MONEY)),
    )
