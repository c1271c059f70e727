"""The business clock over HTTP. A live organisation's is read-only."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from portillon_cloud.clock.operations import advance, set_rate
from portillon_cloud.clock.reading import ClockReading, read_clock
from portillon_cloud.clock.tables import clock_job
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["clock"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Turner = Annotated[Principal, Depends(require(Permission.TURN_CLOCK))]
LATEST_MS = 7_258_118_400_000  # 2200-01-01: what still fits every calendar


class ClockOut(BaseModel):
    """`rate` 0: business time stands still; 1: it runs. `clock_rev` rises each time the clock is turned."""

    mode: str
    business_ms: int
    clock_rev: int
    rate: int


class Advance(BaseModel):
    model_config = ConfigDict(extra="forbid")

    to_ms: int = Field(ge=0, le=LATEST_MS, description="Business time to reach, milliseconds since the Unix epoch")


class Rate(BaseModel):
    model_config = ConfigDict(extra="forbid")

    rate: Literal[0, 1]


class JobOut(BaseModel):
    """`state`: running, done or failed."""

    id: int
    state: str
    target_ms: int
    steps: int
    error: str | None


@router.get("/clock")
def get_clock(services: ServicesDep, reader: Reader) -> ClockOut:
    """What time it is for your organisation."""
    with services.db.read() as conn:
        return _out(read_clock(conn, reader.organisation_id, services.clock.real_ms()))


@router.post("/clock/advance", status_code=202)
def advance_clock(new: Advance, services: ServicesDep, turner: Turner) -> JobOut:
    """Go to a later business time through everything due on the way; 409 in a live organisation, or backwards."""
    with services.db.write() as conn:
        job_id = advance(conn, turner.organisation_id, target_ms=new.to_ms, real_ms=services.clock.real_ms())
    return get_job(job_id, services, turner)


@router.get("/clock/jobs/{job_id}")
def get_job(job_id: PathId, services: ServicesDep, reader: Reader) -> JobOut:
    """How far a turn of the clock is."""
    with services.db.read() as conn:
        row = conn.execute(
            select(clock_job).where(clock_job.c.id == job_id, clock_job.c.organisation_id == reader.organisation_id)
        ).one_or_none()
    if row is None:
        raise not_found("turn of the clock")
    return JobOut.model_validate(dict(row._mapping))


@router.post("/clock/rate")
def rate_clock(new: Rate, services: ServicesDep, turner: Turner) -> ClockOut:
    """Let business time run or stand still."""
    with services.db.write() as conn:
        return _out(set_rate(conn, turner.organisation_id, rate=new.rate, real_ms=services.clock.real_ms()))


def _out(reading: ClockReading) -> ClockOut:
    return ClockOut(mode=reading.mode, business_ms=reading.business_ms, clock_rev=reading.clock_rev, rate=reading.rate)
