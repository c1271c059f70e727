"""Zones over /api/v1: their rules, and members whom staff let begin anew."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from portillon_rules.reserved import RESERVED_MAX
from portillon_rules.zone_rule import Strictness, ZoneRule
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.access.rule_changes import Changer
from portillon_cloud.clock import business_now_ms
from portillon_cloud.doors.api import ReservedBody
from portillon_cloud.doors.operations import require_site
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.zones.forgiving import forgive, forgivenesses
from portillon_cloud.zones.operations import (
    add_zone,
    drop_zone,
    drop_zone_rule,
    put_zone_rule,
    zone_rules_of,
    zones_of,
)
from portillon_cloud.zones.tables import NOTE_LENGTH

router = APIRouter(tags=["zones"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
MemberReader = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
Forgiver = Annotated[Principal, Depends(require(Permission.FORGIVE))]
ZoneName = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
ZoneOrAll = Annotated[
    str, Path(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.-]*|\*)$", description="* for all of the site")
]
Minutes = Annotated[int, Field(ge=1, le=527_040)]
People = Annotated[int, Field(ge=1, le=1_000_000)]


class RuleBody(BaseModel):
    """What holds in a zone, or site-wide. What is left out says nothing."""

    model_config = ConfigDict(extra="forbid")

    within: str | None = Field(
        default=None, max_length=64, description="The zone from which one enters it; null: outside"
    )
    passback: Strictness = Field(default=Strictness.OFF, description="For whoever enters and is in it already")
    passback_minutes: Minutes | None = Field(default=None, description="For so long after the last passage; then …")
    passback_after: Strictness = Field(default=Strictness.OFF, description="… from then on")
    not_inside: Strictness = Field(default=Strictness.OFF, description="For whoever leaves it and never entered")
    stale: Strictness = Field(
        default=Strictness.SOFT, description="The most that these come to while other gateways are not heard"
    )
    reset_hour: Annotated[int, Field(ge=0, le=23)] | None = Field(
        default=None, description="At that hour of the site's day everybody counts as gone"
    )
    stay_minutes: Minutes | None = Field(default=None, description="So does who stays for longer")
    capacity: People | None = Field(default=None, description="How many may be in it")
    almost_full: People | None = Field(default=None, description="From so many on, entries are marked")
    at_capacity: Strictness = Field(default=Strictness.HARD, description="For the first one too many")
    above_capacity: Strictness = Field(default=Strictness.HARD, description="For everybody after that")
    reserved: list[ReservedBody] = Field(
        default=[], max_length=RESERVED_MAX, description="Hours of one group, in it and in the zones within it"
    )
    staff_exempt: bool = Field(default=True, description="None of it holds for staff; they are counted")


class ZonesOut(BaseModel):
    """Every zone of a site, and the rules by zone; `*` is site-wide, a zone without a rule asks nothing."""

    zones: list[str]
    rules: dict[str, RuleBody]


class NewForgiveness(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: str = Field(min_length=1, max_length=NOTE_LENGTH, description="Why")
    site_id: int | None = Field(default=None, ge=1, description="Null: the member's own site")


class ForgivenessOut(BaseModel):
    site: str
    at_ms: int = Field(description="Business time")
    given_by: str
    note: str


@router.get("/sites/{site_id}/zones")
def list_zones(site_id: PathId, services: ServicesDep, reader: Reader) -> ZonesOut:
    """The zones of a site and what holds in them."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        rules = zone_rules_of(conn, site_id)
        return ZonesOut(zones=zones_of(conn, site_id), rules={zone: _body(one) for zone, one in rules.items()})


@router.put("/sites/{site_id}/zones/{zone}", status_code=HTTPStatus.NO_CONTENT)
def make_zone(site_id: PathId, zone: ZoneName, services: ServicesDep, owner: Owner) -> None:
    """Let there be a zone of this name: doors' configuration and plans may name it."""
    with services.db.write() as conn:
        add_zone(conn, organisation_id=owner.organisation_id, site_id=site_id, zone=zone, by=_by(services, owner))


@router.delete("/sites/{site_id}/zones/{zone}", status_code=HTTPStatus.NO_CONTENT)
def remove_zone(site_id: PathId, zone: ZoneName, services: ServicesDep, owner: Owner) -> None:
    """Remove a zone that no plan opens and in which no other one lies."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        drop_zone(
            conn,
            organisation_id=owner.organisation_id,
            site_id=site_id,
            zone=zone,
            now_ms=now_ms,
            by=_by(services, owner),
        )


@router.put("/sites/{site_id}/zones/{zone}/rule")
def set_zone_rule(site_id: PathId, zone: ZoneOrAll, new: RuleBody, services: ServicesDep, owner: Owner) -> RuleBody:
    """Set what holds in a zone; every gateway of the site goes by it at once."""
    with services.db.write() as conn:
        body = new.model_dump(mode="json")
        made = put_zone_rule(
            conn, organisation_id=owner.organisation_id, site_id=site_id, zone=zone, body=body, by=_by(services, owner)
        )
    return _body(made)


@router.delete("/sites/{site_id}/zones/{zone}/rule", status_code=HTTPStatus.NO_CONTENT)
def remove_zone_rule(site_id: PathId, zone: ZoneOrAll, services: ServicesDep, owner: Owner) -> None:
    """Nothing is asked in this zone any more."""
    with services.db.write() as conn:
        drop_zone_rule(conn, organisation_id=owner.organisation_id, site_id=site_id, zone=zone, by=_by(services, owner))


@router.get("/members/{member_id}/forgivenesses")
def list_forgivenesses(member_id: PathId, services: ServicesDep, reader: MemberReader) -> list[ForgivenessOut]:
    """Who let the member begin anew, where and why; newest first."""
    with services.db.read() as conn:
        found = forgivenesses(conn, organisation_id=reader.organisation_id, member_id=member_id)
    return [ForgivenessOut(site=one.site, at_ms=one.at_ms, given_by=one.given_by, note=one.note) for one in found]


@router.post("/members/{member_id}/forgivenesses", status_code=HTTPStatus.NO_CONTENT)
def forgive_member(member_id: PathId, new: NewForgiveness, services: ServicesDep, forgiver: Forgiver) -> None:
    """Where they were until now no longer counts, at every door of the site."""
    real_ms = services.clock.real_ms()
    with services.db.write() as conn:
        forgive(
            conn,
            principal=forgiver,
            member_id=member_id,
            note=new.note,
            site_id=new.site_id,
            now_ms=business_now_ms(conn, forgiver.organisation_id, real_ms),
            real_ms=real_ms,
        )


def _body(rule: ZoneRule) -> RuleBody:
    return RuleBody.model_validate(rule.to_body())


def _by(services: ServicesDep, who: Principal) -> Changer:
    return Changer(who=who, real_ms=services.clock.real_ms())
