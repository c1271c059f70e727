"""Rules over /api/v1 that are of no one door or zone: a site's policy, who changed what, what doors said to whom."""

from typing import Annotated

from fastapi import APIRouter, Depends
from portillon_rules.policy import (
    LENIENT_HOURS_MAX,
    AfterLease,
    JournalUnwritable,
    SitePolicy,
    TimeUncertain,
    VisitsElsewhere,
)
from portillon_rules.reason import DenyReason
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from sqlalchemy import select

from portillon_cloud.access.errors import SitePolicyInvalidError
from portillon_cloud.access.operations import set_site_policy, site_policy
from portillon_cloud.access.rule_changes import Changer, RuleChange, rule_changes
from portillon_cloud.access.rule_kinds import RuleKind
from portillon_cloud.doors.operations import require_site
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Limit, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.errors import UnknownMemberError
from portillon_cloud.members.tables import member
from portillon_cloud.reports.member_decisions import DecisionLine, member_decisions

router = APIRouter(tags=["rules"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_SITE))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
Desk = Annotated[Principal, Depends(require(Permission.SEE_MEMBERS))]
AFTER_LEASE_HOURS_MAX = 744


class PolicyBody(BaseModel):
    """What the site does when it knows too little. What is left out is the choice that lets nobody in by accident."""

    model_config = ConfigDict(extra="forbid")

    after_lease: AfterLease = Field(default=AfterLease.DENY, description="For members, once the lease is over")
    after_lease_hours: int = Field(default=0, ge=0, le=AFTER_LEASE_HOURS_MAX)
    journal_unwritable: JournalUnwritable = JournalUnwritable.PASS_AND_FLAG
    time_uncertain: TimeUncertain = TimeUncertain.FOLLOW
    visits_elsewhere: VisitsElsewhere = VisitsElsewhere.DENY
    lenient_hours: dict[DenyReason, Annotated[int, Field(ge=1, le=LENIENT_HOURS_MAX)]] = Field(
        default={}, description="For so many hours after it would refuse for this reason, it lets in and marks it"
    )


class RuleChangeOut(BaseModel):
    kind: RuleKind
    name: str = Field(description="Of the schedule, calendar, zone, door or plan")
    site: str | None = Field(description="Null: a plan or a price")
    was: JsonValue = Field(description="Null: it is new")
    becomes: JsonValue = Field(description="Null: it was removed")
    changed_by: str
    at_ms: int = Field(description="Business time")


class DecisionOut(BaseModel):
    """One answer of a door, and what it rested on; an older gateway's journal tells no ground."""

    at_ms: int = Field(description="Business time; of what nobody could date, when it was received")
    site: str
    door: str
    outcome: str
    reason: str | None
    flags: list[str]
    rule: str | None
    row_kind: str | None
    row_name: str | None
    revision: int | None = Field(description="Of the gateway's table, when it decided")


@router.get("/sites/{site_id}/policy")
def read_policy(site_id: PathId, services: ServicesDep, reader: Reader) -> PolicyBody:
    """What the site does when it knows too little."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        return _body(site_policy(conn, site_id))


@router.put("/sites/{site_id}/policy")
def set_policy(site_id: PathId, new: PolicyBody, services: ServicesDep, owner: Owner) -> PolicyBody:
    """Have it do so from now on; every gateway of the site goes by it at once."""
    with services.db.write() as conn:
        zone = require_site(conn, owner.organisation_id, site_id)
        try:
            policy = SitePolicy.from_body({**new.model_dump(mode="json"), "time_zone": zone})
        except ValueError as error:
            raise SitePolicyInvalidError(str(error)) from error
        set_site_policy(conn, site_id, policy, by=Changer(who=owner, real_ms=services.clock.real_ms()))
    return _body(policy)


@router.get("/rule-changes")
def list_rule_changes(services: ServicesDep, owner: Owner, limit: Limit = 50) -> list[RuleChangeOut]:
    """Who changed by what doors and plans go, from what to what; newest first."""
    with services.db.read() as conn:
        found = rule_changes(conn, owner.organisation_id, limit=limit)
    return [_change(one) for one in found]


@router.get("/sites/{site_id}/rule-changes")
def list_site_rule_changes(
    site_id: PathId, services: ServicesDep, reader: Reader, limit: Limit = 50
) -> list[RuleChangeOut]:
    """The same for one site; who may see money sees plans and prices too, which are of no one site."""
    with services.db.read() as conn:
        require_site(conn, reader.organisation_id, site_id)
        plans = reader.may(Permission.SEE_MONEY)
        found = rule_changes(conn, reader.organisation_id, site_id=site_id, plans=plans, limit=limit)
    return [_change(one) for one in found]


@router.get("/members/{member_id}/decisions")
def list_decisions(member_id: PathId, services: ServicesDep, desk: Desk, limit: Limit = 50) -> list[DecisionOut]:
    """What doors said to the member lately, and why; newest first."""
    with services.db.read() as conn:
        known = select(member.c.id).where(member.c.organisation_id == desk.organisation_id, member.c.id == member_id)
        if conn.scalar(known) is None:
            raise UnknownMemberError(f"organisation {desk.organisation_id} has no member {member_id}")
        lines = member_decisions(conn, organisation_id=desk.organisation_id, member_id=member_id, count=limit)
    return [_decision(line) for line in lines]


def _body(policy: SitePolicy) -> PolicyBody:
    return PolicyBody.model_validate({name: value for name, value in policy.to_body().items() if name != "time_zone"})


def _change(one: RuleChange) -> RuleChangeOut:
    return RuleChangeOut(
        kind=one.kind,
        name=one.name,
        site=one.site,
        was=one.was,
        becomes=one.becomes,
        changed_by=one.changed_by,
        at_ms=one.at_ms,
    )


def _decision(line: DecisionLine) -> DecisionOut:
    ground = line.ground
    return DecisionOut(
        at_ms=line.badge.at_ms,
        site=line.site,
        door=line.badge.door,
        outcome=line.badge.outcome,
        reason=line.badge.reason,
        flags=list(line.badge.flags),
        rule=None if ground is None else ground.rule,
        row_kind=None if ground is None else ground.kind,
        row_name=None if ground is None or ground.kind is None else ground.name,
        revision=None if ground is None else ground.revision,
    )
