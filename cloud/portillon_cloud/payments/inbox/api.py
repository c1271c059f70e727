"""What a payment provider told, over HTTP: what could not be acted on, and having it acted on again."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.inbox import replay

router = APIRouter(tags=["payments"])
Keeper = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]


class ParkedOut(BaseModel):
    """An event from which nothing followed yet, although something should; `error`: why."""

    event_id: str
    kind: str
    error: str


class ReplayIn(BaseModel):
    """One event, by the provider's name for it; or all that happened since a second of the provider's clock."""

    model_config = ConfigDict(extra="forbid")

    event_id: str | None = Field(default=None, min_length=1, max_length=200, examples=["evt_1PQ"])
    since_s: int | None = Field(default=None, ge=0, le=2**40, description="Seconds since 1970")


class ReplayOut(BaseModel):
    """How many events are acted on again now; what the provider lists besides follows within minutes."""

    events: int


@router.get("/provider-events/parked")
def list_parked(services: ServicesDep, keeper: Keeper) -> list[ParkedOut]:
    """What the payment provider told and nobody could act on, the oldest first."""
    with services.db.read() as conn:
        found = replay.parked(conn, keeper.organisation_id)
    return [ParkedOut(event_id=event_id, kind=kind, error=error) for event_id, kind, error in found]


@router.post("/provider-events/replay", status_code=202)
def replay_events(wanted: ReplayIn, services: ServicesDep, keeper: Keeper) -> ReplayOut:
    """Have events acted on again. Safe at any time: what each is about is asked for anew, and nothing is done twice."""
    with services.db.write() as conn:
        if wanted.event_id is not None:
            replay.replay_one(conn, keeper.organisation_id, wanted.event_id)
            return ReplayOut(events=1)
        return ReplayOut(events=replay.replay_since(conn, keeper.organisation_id, wanted.since_s or 0))
