"""Access over HTTP: an account's standing, the blocks staff place, the rights they give, the groups they name.

Live answers are among the members' routes.
"""

from http import HTTPStatus
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path
from portillon_rules.entitlement import ALWAYS, FOREVER_MS
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.access import store
from portillon_cloud.access.blocks import BlockReason, Switch
from portillon_cloud.access.facts import STAFF_ROLES, GivenRole
from portillon_cloud.access.given import REASON_CHARACTERS_MAX, ZONES_MAX, end_right, give_right, rights_of
from portillon_cloud.access.operations import end_block, put_block
from portillon_cloud.access.sites import ALL_SITES
from portillon_cloud.access.standing import Standing, standing_at, switches_off
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX, Id
from portillon_cloud.http.problem import Problem, not_found, unprocessable
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.groups import GROUPS_MAX, groups_of, set_groups
from portillon_cloud.members.tables import account

router = APIRouter(tags=["access"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
PathId = Annotated[int, Path(ge=1, le=ID_MAX)]
StaffReason = Literal["parked", "banned"]
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


class GivenRightOut(BaseModel):
    """A right that nobody pays for. `sites` null: at the member's home site. `until_ms` null: no end."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    role: GivenRole
    zones: list[str]
    schedule: str
    sites: Literal["all"] | list[int] | None
    from_ms: int
    until_ms: int | None
    given_by: str
    reason: str
    ended_by: str | None


class NewGivenRight(BaseModel):
    model_config = ConfigDict(extra="forbid")

    role: GivenRole
    zones: list[str] = Field(min_length=1, max_length=ZONES_MAX)
    schedule: str = Field(default=ALWAYS, max_length=100)
    sites: Literal["all"] | list[Id] | None = Field(
        default=None, description=f"null: the home site; {ALL_SITES!r}; or ids of sites"
    )
    from_ms: int | None = Field(default=None, ge=0, le=FOREVER_MS, description="Business time; null: now")
    until_ms: int | None = Field(default=None, ge=0, le=FOREVER_MS, description="null: until somebody ends it")
    reason: str = Field(min_length=1, max_length=REASON_CHARACTERS_MAX, description="Why; the next one reads it")


class GivenOut(BaseModel):
    id: int


class GroupsBody(BaseModel):
    """For whom a zone or door may have hours of its own."""

    model_config = ConfigDict(extra="forbid")

    groups: list[str] = Field(max_length=GROUPS_MAX)


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
        now_ms = business_now_ms(conn, writer.organisation_id, services.clock.real_ms())
        if new.until_ms is not None and new.until_ms <= now_ms:
            raise unprocessable("This instant has passed: name a later one.", pointer="/body/until_ms")
        put_block(
            conn,
            organisation_id=writer.organisation_id,
            account_id=account_id,
            reason=BlockReason(new.reason),
            source=STAFF,
            from_ms=now_ms,
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


@router.get("/members/{member_id}/given-rights")
def list_given_rights(member_id: PathId, services: ServicesDep, reader: Reader) -> list[GivenRightOut]:
    """Every right that staff gave this member, in force, coming or over; the newest first."""
    with services.db.read() as conn:
        found = rights_of(conn, reader.organisation_id, member_id)
    return [GivenRightOut.model_validate(one) for one in found]


@router.post("/members/{member_id}/given-rights", status_code=201)
def give_a_right(member_id: PathId, new: NewGivenRight, services: ServicesDep, writer: Writer) -> GivenOut:
    """Give a right that nobody pays for; of staff, technicians and cleaners only an owner does."""
    if new.role in STAFF_ROLES and not writer.may(Permission.MANAGE_STAFF):
        raise Problem(HTTPStatus.FORBIDDEN, f"Only an owner gives a right as {new.role}.")
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, writer.organisation_id, services.clock.real_ms())
        made = give_right(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            role=new.role,
            zones=new.zones,
            schedule=new.schedule,
            sites=tuple(new.sites) if isinstance(new.sites, list) else new.sites,
            from_ms=now_ms if new.from_ms is None else new.from_ms,
            until_ms=new.until_ms,
            given_by=writer.name,
            reason=new.reason,
        )
    return GivenOut(id=made)


@router.delete("/members/{member_id}/given-rights/{right_id}", status_code=204)
def end_a_right(member_id: PathId, right_id: PathId, services: ServicesDep, writer: Writer) -> None:
    """End it now; who did is kept."""
    with services.db.write() as conn:
        end_right(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            right_id=right_id,
            ended_by=writer.name,
            at_ms=business_now_ms(conn, writer.organisation_id, services.clock.real_ms()),
        )


@router.get("/members/{member_id}/groups")
def get_groups(member_id: PathId, services: ServicesDep, reader: Reader) -> GroupsBody:
    """The groups that this member is of."""
    with services.db.read() as conn:
        return GroupsBody(groups=list(groups_of(conn, reader.organisation_id, member_id)))


@router.put("/members/{member_id}/groups", status_code=204)
def put_groups(member_id: PathId, new: GroupsBody, services: ServicesDep, writer: Writer) -> None:
    """Change them; every gateway knows within a second."""
    with services.db.write() as conn:
        set_groups(conn, organisation_id=writer.organisation_id, member_id=member_id, groups=new.groups)


def _require_account(conn: Connection, principal: Principal, account_id: int) -> None:
    """Raises Problem 404 unless the account is of the caller's organisation."""
    found = conn.execute(
        select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == principal.organisation_id)
    ).one_or_none()
    if found is None:
        raise not_found("account")
