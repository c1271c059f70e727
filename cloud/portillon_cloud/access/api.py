"""Access over HTTP: an account's standing, and the blocks that staff place and end. (Live answers: members' routes.)"""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.access import store
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.access.standing import Standing, standing_at, switches_off
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account

router = APIRouter(tags=["access"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
PathId = Annotated[int, Path(ge=1, le=ID_MAX)]
StaffReason = Literal["frozen", "parked", "banned"]
STAFF = "staff"
"""Source of the blocks that people place: what dunning or a dispute placed is not theirs to end."""


class BlockOut(BaseModel):
    """`until_ms` null: until somebody ends it."""

    reason: BlockReason
    source: str
    from_ms: int
    until_ms: int | None
    switches: list[Switch]


class StandingOut(BaseModel):
    """The word, the switches that are off, and the blocks behind them (in force or coming)."""

    standing: Standing
    off: list[Switch]
    blocks: list[BlockOut]


class NewBlock(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: StaffReason
    until_ms: int | None = Field(default=None, ge=0, le=7_258_118_400_000, description="Business time; null: no end")


@router.get("/accounts/{account_id}/standing")
def get_standing(account_id: PathId, services: ServicesDep, reader: Reader) -> StandingOut:
    """How the account stands now, and why."""
    with services.db.read() as conn:
        _require_account(conn, reader, account_id)
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        facts = store.account_facts(conn, reader.organisation_id, [account_id], now_ms)[account_id]
    return StandingOut(
        standing=standing_at(facts, now_ms),
        off=sorted(switches_off(facts, now_ms)),
        blocks=[
            BlockOut(
                reason=one.reason,
                source=one.source,
                from_ms=one.from_ms,
                until_ms=one.until_ms,
                switches=sorted(one.switches),
            )
            for one in facts.blocks
        ],
    )


@router.put("/accounts/{account_id}/blocks", status_code=204)
def place_block(account_id: PathId, new: NewBlock, services: ServicesDep, writer: Writer) -> None:
    """Block the account from now on. Placing the same block twice places one."""
    with services.db.write() as conn:
        _require_account(conn, writer, account_id)
        put_block(
            conn,
            organisation_id=writer.organisation_id,
            account_id=account_id,
            reason=BlockReason(new.reason),
            source=STAFF,
            from_ms=business_now_ms(conn, writer.organisation_id, services.clock.real_ms()),
            until_ms=new.until_ms,
        )


@router.delete("/accounts/{account_id}/blocks/{reason}", status_code=204)
def lift_block(account_id: PathId, reason: StaffReason, services: ServicesDep, writer: Writer) -> None:
    """End the staff's block of this reason. What dunning placed ends by payment only."""
    with services.db.write() as conn:
        _require_account(conn, writer, account_id)
        ended = end_block(
            conn,
            organisation_id=writer.organisation_id,
            account_id=account_id,
            reason=BlockReason(reason),
            source=STAFF,
            at_ms=business_now_ms(conn, writer.organisation_id, services.clock.real_ms()),
        )
    if not ended:
        raise not_found("block")


def _require_account(conn: Connection, principal: Principal, account_id: int) -> None:
    """Raises Problem 404 unless the account is of the caller's organisation."""
    found = conn.execute(
        select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == principal.organisation_id)
    ).one_or_none()
    if found is None:
        raise not_found("account")
