"""Where gateways fetch snapshots (knowing the URL is the permission), and how /api/v1 shows and revokes gateways."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Header
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, Field

from portillon_cloud.gateways.alarms import alarms
from portillon_cloud.gateways.byte_range import UnsatisfiableRangeError, byte_range
from portillon_cloud.gateways.operations import GatewayFacts, gateways, revoke_gateway
from portillon_cloud.gateways.snapshot import PATH, find, read
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["gateways"])
"""Part of /api/v1."""

snapshot_router = APIRouter(include_in_schema=False)
"""For gateways; mounted at the root."""

Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Technician = Annotated[Principal, Depends(require(Permission.MANAGE_GATEWAYS))]


class GatewayOut(BaseModel):
    id: str
    name: str
    site_id: int
    online: bool
    revoked: bool
    seen_at_ms: int | None
    software: str
    revision: int = Field(description="The newest revision of its feed")
    confirmed_revision: int = Field(description="The revision it confirmed; 0 while it is in no running epoch")
    in_force: bool = Field(description="It confirmed all there is")
    confirmed_clock_rev: int = Field(description="The turn of the business clock that it goes by")
    lease_until_ms: int | None = Field(description="Until when it may decide alone; machine time")


class AlarmOut(BaseModel):
    gateway_id: str
    kind: str
    detail: str
    count: int
    first_at_ms: int
    last_at_ms: int


@router.get("/gateways")
def list_gateways(services: ServicesDep, principal: Reader) -> list[GatewayOut]:
    """Every gateway, how far it has confirmed its feed, and until when it could go on alone."""
    with services.db.read() as conn:
        found = gateways(conn, principal.organisation_id, now_ms=services.clock.real_ms())
    return [_out(one) for one in found]


@router.get("/gateways/alarms")
def list_alarms(services: ServicesDep, principal: Reader) -> list[AlarmOut]:
    """The latest alarms about gateways, newest first."""
    with services.db.read() as conn:
        found = alarms(conn, principal.organisation_id)
    return [
        AlarmOut(
            gateway_id=one.gateway_id,
            kind=one.kind,
            detail=one.detail,
            count=one.count,
            first_at_ms=one.first_at_ms,
            last_at_ms=one.last_at_ms,
        )
        for one in found
    ]


@router.post("/gateways/{gateway_id}/revoke", status_code=HTTPStatus.NO_CONTENT)
def revoke(gateway_id: str, services: ServicesDep, principal: Technician) -> None:
    """Stop its leases and its feed; offline it runs to the end of its last lease."""
    with services.db.write() as conn:
        revoke_gateway(
            conn,
            organisation_id=principal.organisation_id,
            gateway_id=gateway_id,
            now_ms=services.clock.real_ms(),
        )


@snapshot_router.get(PATH + "{token}")
def fetch_snapshot(
    token: str,
    services: ServicesDep,
    range_wanted: Annotated[str | None, Header(alias="Range", max_length=100)] = None,
    if_range: Annotated[str | None, Header(alias="If-Range", max_length=100)] = None,
) -> Response:
    """The snapshot of an offer, or the part of it that is still missing; raises SnapshotGoneError."""
    with services.db.read() as conn:
        found = find(conn, token, now_ms=services.clock.real_ms())
    tag = f'"{found.sha256}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "private, no-transform"}
    try:
        part = byte_range(range_wanted if if_range in (None, tag) else None, found.size)
    except UnsatisfiableRangeError:
        headers["Content-Range"] = f"bytes */{found.size}"
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=headers)
    start, end = part or (0, found.size)
    headers["Content-Length"] = str(end - start)
    if part is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{found.size}"
    return StreamingResponse(
        read(services.db, found, start, end),
        status_code=HTTPStatus.OK if part is None else HTTPStatus.PARTIAL_CONTENT,
        headers=headers,
        media_type="application/zstd",
    )


def _out(one: GatewayFacts) -> GatewayOut:
    return GatewayOut(
        id=one.id,
        name=one.name,
        site_id=one.site_id,
        online=one.online,
        revoked=one.revoked,
        seen_at_ms=one.seen_at_ms,
        software=one.software,
        revision=one.revision,
        confirmed_revision=one.acked_revision if one.acked_epoch == one.epoch else 0,
        in_force=one.in_force,
        confirmed_clock_rev=one.acked_clock_rev,
        lease_until_ms=one.lease_until_ms,
    )
