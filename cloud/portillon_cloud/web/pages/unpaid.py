"""Everybody who owes something, the oldest debt first."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.unpaid import unpaid
from portillon_cloud.web.rendering import page
from portillon_cloud.web.visit import Visit, visit_with

router = APIRouter()
PER_PAGE = 50


@router.get("/unpaid")
def unpaid_page(
    services: ServicesDep,
    reader: Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))],
    p: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> Response:
    """The whole list behind the live page's panel."""
    organisation = reader.organisation
    with services.db.read() as conn:
        found = unpaid(
            conn,
            organisation_id=organisation.id,
            today=local_date(organisation.clock.business_ms, organisation.time_zone),
            now_ms=organisation.clock.business_ms,
            limit=PER_PAGE,
            after=(p - 1) * PER_PAGE,
        )
    return page(
        "billing/unpaid.html",
        reader,
        unpaid=found,
        rows=found.rows,
        number=p,
        pages=max(1, -(-found.count // PER_PAGE)),
    )
