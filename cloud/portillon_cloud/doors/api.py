"""Doors over /api/v1: how they stand, what they are ordered and planned to do, and opening one now."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from portillon_rules.door_plan import EVERY_DOOR, Standing
from portillon_rules.reserved import RESERVED_MAX, reserved_from
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.access.rule_changes import Changer
from portillon_cloud.clock import business_now_ms
from portillon_cloud.doors.operations import (
    GivenOrder,
    open_once,
    order,
    orders_given,
    orders_in_force,
    plan,
    require_site,
    reset_fire,
)
from portillon_cloud.doors.rights import rights_changes
from portillon_cloud.doors.rows import plans_of
from portillon_cloud.doors.rules import COMPANY_WITHIN_S, COMPANY_WITHIN_S_MAX, AskedAtDoor, asked_of, set_asked
from portillon_cloud.doors.states import doors_of
from portillon_cloud.gateways.commands import commands
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Limit, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["doors"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Clerk = Annotated[Principal, Depends(require(Permission.ORDER_DOORS))]
Desk = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Planner = Annotated[Principal, Depends(require(Permission.PLAN_DOORS))]
Owner = Annotated[Principal, Depends(require(Permission.RESET_FIRE))]
DoorName = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
DoorOrAll = Annotated[
    str,
    Path(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*|\*)$", description=f"{EVERY_DOOR} for all of the site"),
]


class OrderOut(BaseModel):
    door: str
    standing: Standing | None = Field(description="Null: withdrawn, back to the plan")
    until_ms: int | None = Field(description="Business time; null: until withdrawn")
    given_by: str
    given_at_ms: int


class PlanOut(BaseModel):
    unlock: str = Field(description="The schedule during which the door stands unlocked")
    first_person: bool = Field(description="Only once somebody entitled to it has passed")


class ReservedBody(BaseModel):
    """While the schedule is open, only members of the group enter."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    schedule: str = Field(min_length=1, max_length=100)
    group: str = Field(min_length=1, max_length=64)


class AskedBody(BaseModel):
    """What a door asks of whoever comes, beyond a card that opens it."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    pin_schedule: str | None = Field(
        default=None, min_length=1, max_length=100, description="While it is open a card alone is not enough"
    )
    two_people: bool = Field(default=False, description="It opens for two different members only")
    supervised: bool = Field(default=False, description="One of the supervisors must be inside, or be let in first")
    minors_alone: bool = Field(default=False, description="It asks for no guardian")
    within_s: int = Field(
        default=COMPANY_WITHIN_S, ge=1, le=COMPANY_WITHIN_S_MAX, description="How long a badge is company, in seconds"
    )
    reserved: list[ReservedBody] = Field(default=[], max_length=RESERVED_MAX, description="Hours of one group")


class DoorOut(BaseModel):
    """One door as its gateway reported it last, and what it is told to do."""

    name: str
    gateway_id: str
    kind: str
    state: str
    standing: str = Field(description="plan, free, blocked, lockdown or fire")
    open: bool | None = Field(description="Null: it has no contact, or nobody knows")
    troubles: list[str]
    reported_at_ms: int | None
    order: OrderOut | None = Field(description="The door's own; one for all of the site is under /orders")
    plan: PlanOut | None
    asked: AskedBody | None = Field(description="Null: a card that opens it is enough")


class Incoming(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewOrder(Incoming):
    standing: Standing
    until_ms: int | None = Field(default=None, ge=0, le=7_258_118_400_000, description="Business time; null: no end")


class NewPlan(Incoming):
    unlock: str = Field(min_length=1, max_length=100)
    first_person: bool = False


class RightsChangeOut(BaseModel):
    rights: list[str] = Field(description="What the member had from then on")
    given_by: str
    at_ms: int = Field(description="Business time")


class CommandGiven(BaseModel):
    command_ids: list[int]


class CommandOut(BaseModel):
    """One command. `outcome` null: no answer yet; after `expires_at_ms` none will come. Instants are machine time."""

    id: int
    gateway_id: str
    action: str
    door: str | None
    given_by: str
    issued_at_ms: int
    expires_at_ms: int
    outcome: str | None
    reason: str | None


@router.get("/sites/{site_id}/doors")
def list_doors(site_id: PathId, services: ServicesDep, reader: Reader) -> list[DoorOut]:
    """Every door of the site: how it stands, its plan, and the order above it."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        states, plans, asked = doors_of(conn, site_id), plans_of(conn, site_id), asked_of(conn, site_id)
        orders = orders_in_force(conn, site_id, now_ms=now_ms)
    found = []
    for state in states:
        given, planned = orders.get(state.name), plans.get(state.name)
        found.append(
            DoorOut(
                name=state.name,
                gateway_id=state.gateway_id,
                kind=state.kind,
                state=state.state,
                standing=state.standing,
                open=state.open,
                troubles=list(state.troubles),
                reported_at_ms=state.reported_at_ms,
                order=None if given is None else _order(given),
                plan=None if planned is None else PlanOut(unlock=planned.unlock, first_person=planned.first_person),
                asked=AskedBody.model_validate(asked[state.name]) if state.name in asked else None,
            )
        )
    return found


@router.get("/sites/{site_id}/orders")
def list_orders(site_id: PathId, services: ServicesDep, reader: Reader) -> list[OrderOut]:
    """The orders in force at the site; the door * is all of it."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        found = orders_in_force(conn, site_id, now_ms=now_ms)
    return [_order(found[door]) for door in sorted(found)]


@router.get("/sites/{site_id}/orders/given")
def list_orders_given(site_id: PathId, services: ServicesDep, reader: Reader, limit: Limit = 50) -> list[OrderOut]:
    """Who had which door stand how; newest first."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        return [_order(one) for one in orders_given(conn, site_id, limit=limit)]


@router.put("/sites/{site_id}/doors/{door}/order", status_code=HTTPStatus.NO_CONTENT)
def give_order(site_id: PathId, door: DoorOrAll, new: NewOrder, services: ServicesDep, clerk: Clerk) -> None:
    """Have a door, or all of the site, stand free, blocked or in lockdown from now on."""
    _give(services, clerk, site_id, door, new.standing, new.until_ms)


@router.delete("/sites/{site_id}/doors/{door}/order", status_code=HTTPStatus.NO_CONTENT)
def withdraw_order(site_id: PathId, door: DoorOrAll, services: ServicesDep, clerk: Clerk) -> None:
    """Back to the plan."""
    _give(services, clerk, site_id, door, None, None)


@router.put("/sites/{site_id}/doors/{door}/plan", status_code=HTTPStatus.NO_CONTENT)
def give_plan(site_id: PathId, door: DoorName, new: NewPlan, services: ServicesDep, planner: Planner) -> None:
    """Have a door stand unlocked while a schedule is open."""
    with services.db.write() as conn:
        plan(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            door=door,
            unlock=new.unlock,
            first_person=new.first_person,
            by=_by(services, planner),
        )


@router.delete("/sites/{site_id}/doors/{door}/plan", status_code=HTTPStatus.NO_CONTENT)
def end_plan(site_id: PathId, door: DoorName, services: ServicesDep, planner: Planner) -> None:
    """Let it stay locked at all hours."""
    with services.db.write() as conn:
        plan(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            door=door,
            unlock=None,
            by=_by(services, planner),
        )


@router.put("/sites/{site_id}/doors/{door}/asked", status_code=HTTPStatus.NO_CONTENT)
def ask_at_door(site_id: PathId, door: DoorName, new: AskedBody, services: ServicesDep, planner: Planner) -> None:
    """Have a door ask for a PIN, a second person or a supervisor."""
    _ask(
        services,
        planner,
        site_id,
        door,
        AskedAtDoor(**{**new.model_dump(), "reserved": reserved_from(one.model_dump() for one in new.reserved)}),
    )


@router.delete("/sites/{site_id}/doors/{door}/asked", status_code=HTTPStatus.NO_CONTENT)
def ask_nothing(site_id: PathId, door: DoorName, services: ServicesDep, planner: Planner) -> None:
    """A card that opens it is enough again."""
    _ask(services, planner, site_id, door, None)


@router.post("/sites/{site_id}/doors/{door}/open", status_code=HTTPStatus.ACCEPTED)
def open_door(site_id: PathId, door: DoorName, services: ServicesDep, clerk: Clerk) -> CommandGiven:
    """Open once, now. Refused if the gateway is not connected; what became of it is under /commands."""
    with services.db.write() as conn:
        given = open_once(
            conn,
            services.keyring,
            principal=clerk,
            site_id=site_id,
            door=door,
            real_ms=services.clock.real_ms(),
        )
    return CommandGiven(command_ids=[given])


@router.post("/sites/{site_id}/fire/reset", status_code=HTTPStatus.ACCEPTED)
def end_fire(site_id: PathId, services: ServicesDep, owner: Owner) -> CommandGiven:
    """Say that the fire is over. A gateway whose fire input still alarms does not obey."""
    with services.db.write() as conn:
        given = reset_fire(conn, services.keyring, principal=owner, site_id=site_id, real_ms=services.clock.real_ms())
    return CommandGiven(command_ids=given)


@router.get("/sites/{site_id}/commands")
def list_commands(site_id: PathId, services: ServicesDep, reader: Reader, limit: Limit = 20) -> list[CommandOut]:
    """The latest commands and what became of them, newest first."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        found = commands(conn, reader.organisation_id, site_id=site_id, limit=limit)
    return [
        CommandOut(
            id=one.id,
            gateway_id=one.gateway_id,
            action=one.action,
            door=one.door,
            given_by=one.given_by,
            issued_at_ms=one.issued_at_ms,
            expires_at_ms=one.expires_at_ms,
            outcome=one.outcome,
            reason=one.reason,
        )
        for one in found
    ]


@router.get("/members/{member_id}/door-rights/changes")
def list_rights_changes(
    member_id: PathId, services: ServicesDep, desk: Desk, limit: Limit = 20
) -> list[RightsChangeOut]:
    """Who changed what doors do for this member beyond opening; newest first."""
    with services.db.read() as conn:
        found = rights_changes(conn, desk.organisation_id, member_id=member_id, limit=limit)
    return [RightsChangeOut(rights=list(one.rights), given_by=one.given_by, at_ms=one.at_ms) for one in found]


def _give(
    services: ServicesDep, clerk: Principal, site_id: int, door: str, standing: Standing | None, until_ms: int | None
) -> None:
    real_ms = services.clock.real_ms()
    with services.db.write() as conn:
        order(
            conn,
            principal=clerk,
            site_id=site_id,
            door=door,
            standing=standing,
            until_ms=until_ms,
            now_ms=business_now_ms(conn, clerk.organisation_id, real_ms),
            real_ms=real_ms,
        )


def _ask(services: ServicesDep, planner: Principal, site_id: int, door: str, asked: AskedAtDoor | None) -> None:
    with services.db.write() as conn:
        set_asked(
            conn,
            organisation_id=planner.organisation_id,
            site_id=site_id,
            door=door,
            asked=asked,
            by=_by(services, planner),
        )


def _order(one: GivenOrder) -> OrderOut:
    return OrderOut(
        door=one.door,
        standing=one.standing,
        until_ms=one.until_ms,
        given_by=one.given_by,
        given_at_ms=one.given_at_ms,
    )


def _by(services: ServicesDep, who: Principal) -> Changer:
    return Changer(who=who, real_ms=services.clock.real_ms())
