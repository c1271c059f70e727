"""Packs and quotas over /api/v1: what a member was given, what is left, and which gateway counts it."""

from typing import Annotated

from fastapi import APIRouter, Depends
from portillon_rules.visits import Per
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.visits.moving import move
from portillon_cloud.visits.operations import change, close, give, member_visits
from portillon_cloud.visits.plan_visits import MOST_MAX

router = APIRouter(tags=["visits"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Writer = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
BusinessMs = Annotated[int, Field(ge=0, le=7_258_118_400_000)]


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewAllowance(Incoming):
    """A pack of visits, or a quota: so many in each day, week or month."""

    most: int = Field(ge=1, le=MOST_MAX)
    per: Per | None = Field(default=None, description="Null: a pack")
    from_ms: BusinessMs | None = Field(default=None, description="Business time; null: from now on")
    until_ms: BusinessMs | None = Field(default=None, description="Business time; null: no end")


class ChangedAllowance(Incoming):
    most: int = Field(ge=0, le=MOST_MAX)


class NewHome(Incoming):
    gateway_id: str = Field(min_length=1, max_length=64)
    at_once: bool = Field(default=False, description="Without waiting for the old one, which will not come back")


class AllowanceGiven(BaseModel):
    id: int


class AllowanceOut(BaseModel):
    id: int
    per: Per | None
    most: int
    spent: int = Field(description="As far as journals have come; of a quota in the period that runs")
    left: int = Field(description="Below 0: overdrawn, by visits that were given unchecked")
    from_ms: int
    until_ms: int | None
    given_by: str
    by_plan: bool = Field(description="Plans give it: it follows them, and nobody changes it by hand")
    given_at_ms: int
    closed_at_ms: int | None


class MemberVisitsOut(BaseModel):
    allowances: list[AllowanceOut]
    home: str | None = Field(description="The gateway that counts them; null: the site has none yet")
    moving_to: str | None = Field(description="Meanwhile no gateway counts them")


@router.get("/members/{member_id}/visit-allowances")
def list_allowances(member_id: PathId, services: ServicesDep, reader: Reader) -> MemberVisitsOut:
    """Packs and quotas of a member, newest first, closed ones too."""
    with services.db.read() as conn:
        found = member_visits(
            conn,
            organisation_id=reader.organisation_id,
            member_id=member_id,
            now_ms=business_now_ms(conn, reader.organisation_id, services.clock.real_ms()),
        )
    return MemberVisitsOut(
        allowances=[
            AllowanceOut(
                id=one.id,
                per=one.per,
                most=one.most,
                spent=one.spent,
                left=one.left,
                from_ms=one.from_ms,
                until_ms=one.until_ms,
                given_by=one.given_by,
                by_plan=one.by_plan,
                given_at_ms=one.given_at_ms,
                closed_at_ms=one.closed_at_ms,
            )
            for one in found.allowances
        ],
        home=found.home,
        moving_to=found.moving_to,
    )


@router.post("/members/{member_id}/visit-allowances", status_code=201)
def give_allowance(member_id: PathId, new: NewAllowance, services: ServicesDep, writer: Writer) -> AllowanceGiven:
    """Give a pack or a quota. From then on the member comes in only while one has a visit left."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, writer.organisation_id, services.clock.real_ms())
        made = give(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            most=new.most,
            per=new.per,
            from_ms=now_ms if new.from_ms is None else new.from_ms,
            until_ms=new.until_ms,
            by=writer.name,
            now_ms=now_ms,
        )
    return AllowanceGiven(id=made)


@router.patch("/members/{member_id}/visit-allowances/{allowance_id}", status_code=204)
def change_allowance(
    member_id: PathId, allowance_id: PathId, new: ChangedAllowance, services: ServicesDep, writer: Writer
) -> None:
    """Let it have so many visits from now on."""
    with services.db.write() as conn:
        change(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            allowance_id=allowance_id,
            most=new.most,
        )


@router.delete("/members/{member_id}/visit-allowances/{allowance_id}", status_code=204)
def close_allowance(member_id: PathId, allowance_id: PathId, services: ServicesDep, writer: Writer) -> None:
    """Let it limit the member no more."""
    with services.db.write() as conn:
        close(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            allowance_id=allowance_id,
            now_ms=business_now_ms(conn, writer.organisation_id, services.clock.real_ms()),
        )


@router.put("/members/{member_id}/visit-home", status_code=202)
def move_visits(member_id: PathId, new: NewHome, services: ServicesDep, writer: Writer) -> None:
    """Have another gateway of the site count them: once the old one has told everything, some ten minutes."""
    with services.db.write() as conn:
        move(
            conn,
            organisation_id=writer.organisation_id,
            member_id=member_id,
            to=new.gateway_id,
            at_once=new.at_once,
            now_ms=business_now_ms(conn, writer.organisation_id, services.clock.real_ms()),
        )
