"""Occupancy over /api/v1."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.doors.operations import require_site
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.presence.occupancy import occupancy_of

router = APIRouter(tags=["zones"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]


class OccupancyOut(BaseModel):
    """How many people are in one zone."""

    model_config = ConfigDict(from_attributes=True)

    zone: str
    inside: int
    capacity: int | None = Field(description="Null: as many as come")
    live: bool = Field(description="False: the gateway that counted them is not heard any more")
    reported_at_ms: int | None = Field(description="Real time")


@router.get("/sites/{site_id}/occupancy")
def list_occupancy(site_id: PathId, services: ServicesDep, reader: Reader) -> list[OccupancyOut]:
    """Every zone that the site's gateways count. A site without rules for zones counts nobody."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        found = occupancy_of(conn, site_id, now_ms=services.clock.real_ms())
    return [OccupancyOut.model_validate(one) for one in found]
