"""Runs that stopped themselves over HTTP, how far a run may leave its forecast, and what another engine would do."""

import datetime
from itertools import islice
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from portillon_cloud.billing.engine_differences import EngineDifference, engine_differences
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.forecast import stops
from portillon_cloud.billing.forecast.figures import Bounds, Figures, Leaving
from portillon_cloud.billing.invoice import ENGINE
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import legal_entity

router = APIRouter(tags=["billing"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]


class StopOut(BaseModel):
    """`figures`: of the batch that was not written, in minor units of `currency`."""

    id: int
    legal_entity_id: int
    currency: str
    stopped_on: datetime.date
    raised_at_ms: int
    leavings: list[Leaving]
    figures: Figures


class Confirmed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, description="What you found when you looked", pattern=r"\S")


class BoundsBody(BaseModel):
    """Percent of what was foretold and of the subscriptions due; below the least amounts nothing stops a run."""

    model_config = ConfigDict(extra="forbid")

    billed_percent_most: int = Field(ge=101, le=10_000)
    billed_percent_least: int = Field(ge=0, le=99)
    difference_minor_least: int = Field(ge=1, le=1_000_000_000)
    repairs_percent_most: int = Field(ge=1, le=1_000)
    repairs_least: int = Field(ge=1, le=100_000)


class EngineDifferencesOut(BaseModel):
    """`engine`: this version; `more`: there are more than were asked for. Amounts in minor units."""

    engine: str
    items: list[EngineDifference]
    more: bool


@router.get("/stopped-runs")
def list_stopped_runs(services: ServicesDep, reader: Reader) -> list[StopOut]:
    """Invoice runs that would have left their forecast: nothing of that batch was written. The oldest first."""
    with services.db.read() as conn:
        found = stops.open_stops(conn, reader.organisation_id)
    return [
        StopOut(
            id=one.id,
            legal_entity_id=one.legal_entity_id,
            currency=one.currency,
            stopped_on=one.stopped_on,
            raised_at_ms=one.raised_at_ms,
            leavings=list(one.leavings),
            figures=one.figures,
        )
        for one in found
    ]


@router.post("/stopped-runs/{stop_id}/confirm", status_code=204)
def confirm_run(stop_id: PathId, looked: Confirmed, services: ServicesDep, accountant: Accountant) -> None:
    """Somebody has looked, and it is right: the run goes on today, within a quarter of those figures."""
    with services.db.write() as conn:
        at_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
        author = Author(name=accountant.name, at_ms=at_ms, reason=looked.reason)
        stops.confirm(conn, accountant.organisation_id, stop_id, author=author)


@router.get("/forecast-policy")
def get_forecast_policy(services: ServicesDep, reader: Reader) -> BoundsBody:
    """How far a run may leave its forecast before it stops itself."""
    with services.db.read() as conn:
        return BoundsBody.model_validate(stops.bounds_of(conn, reader.organisation_id).to_body())


@router.put("/forecast-policy", status_code=204)
def put_forecast_policy(wanted: BoundsBody, services: ServicesDep, accountant: Accountant) -> None:
    """Choose other bounds for the runs to come."""
    with services.db.write() as conn:
        stops.set_bounds(conn, accountant.organisation_id, Bounds(**wanted.model_dump()))


@router.get("/legal-entities/{legal_entity_id}/engine-differences")
def list_engine_differences(
    legal_entity_id: PathId,
    services: ServicesDep,
    accountant: Accountant,
    limit: Annotated[int, Query(ge=1, le=1000, description="How many at most")] = 200,
) -> EngineDifferencesOut:
    """What this version of the engine would have billed otherwise. Nothing is changed: past documents stay."""
    with services.db.read() as conn:
        own = select(legal_entity.c.id).where(
            legal_entity.c.id == legal_entity_id, legal_entity.c.organisation_id == accountant.organisation_id
        )
        if conn.scalar(own) is None:
            raise not_found("legal entity")
        found = list(islice(engine_differences(conn, legal_entity_id), limit + 1))
    return EngineDifferencesOut(engine=ENGINE, items=found[:limit], more=len(found) > limit)
