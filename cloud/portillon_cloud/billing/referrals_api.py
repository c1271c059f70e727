"""Referrals over HTTP: what one brings, who brought whom, and rewards that waited."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.billing.referrals import (
    ReferralState,
    Reward,
    give_reward,
    note,
    referrals_of,
    reward_of,
    set_reward,
)
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.money import PPM

router = APIRouter(tags=["plans"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Desk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
_PPM_PER_PERCENT = PPM // 100


class RewardBody(BaseModel):
    """Less of each of the next `cycles` periods of whoever brought somebody: a share, or an amount."""

    model_config = ConfigDict(extra="forbid")

    cycles: int = Field(ge=1, le=24)
    share_percent: int = Field(default=0, ge=0, le=100)
    amount_minor: int = Field(default=0, ge=0, le=100_000_000)


class RewardTerms(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reward: RewardBody | None = Field(description="Null: referrals bring nothing")


class NewReferral(BaseModel):
    model_config = ConfigDict(extra="forbid")

    referrer_id: Id = Field(description="The member who brought somebody")
    referred_id: Id = Field(description="The new member, who has paid nothing yet")


class ReferralOut(BaseModel):
    """`waiting`: the first invoice is paid, and nothing could be given yet. `subscription_id`: what costs less."""

    id: int
    referrer_id: int
    referred_id: int
    state: ReferralState
    subscription_id: int | None


class ReferralMade(BaseModel):
    id: int


class Given(BaseModel):
    subscription_id: int


@router.get("/referral-reward")
def get_reward(services: ServicesDep, reader: Reader) -> RewardTerms:
    """What a referral brings."""
    with services.db.read() as conn:
        found = reward_of(conn, reader.organisation_id)
    if found is None:
        return RewardTerms(reward=None)
    share_percent = found.share_ppm // _PPM_PER_PERCENT
    return RewardTerms(
        reward=RewardBody(cycles=found.cycles, share_percent=share_percent, amount_minor=found.amount_minor)
    )


@router.put("/referral-reward", status_code=HTTPStatus.NO_CONTENT)
def choose_reward(new: RewardTerms, services: ServicesDep, owner: Owner) -> None:
    """What every referral brings from now on, those that wait too."""
    asked = new.reward
    with services.db.write() as conn:
        set_reward(
            conn,
            owner.organisation_id,
            None if asked is None else Reward(asked.cycles, asked.share_percent * _PPM_PER_PERCENT, asked.amount_minor),
        )


@router.get("/referrals")
def list_referrals(services: ServicesDep, reader: Reader) -> list[ReferralOut]:
    """Who brought whom, the newest first."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, time_zone_of(conn, reader.organisation_id))
        found = referrals_of(conn, reader.organisation_id, on=today)
    return [
        ReferralOut(
            id=one.id,
            referrer_id=one.referrer_id,
            referred_id=one.referred_id,
            state=one.state,
            subscription_id=one.subscription_id,
        )
        for one in found
    ]


@router.post("/referrals", status_code=HTTPStatus.CREATED)
def note_referral(new: NewReferral, services: ServicesDep, desk: Desk) -> ReferralMade:
    """Write down who brought whom; the reward follows by itself once the new member's first invoice is paid."""
    with services.db.write() as conn:
        made = note(
            conn,
            organisation_id=desk.organisation_id,
            referrer_id=new.referrer_id,
            referred_id=new.referred_id,
            by=desk.name,
            now_ms=business_now_ms(conn, desk.organisation_id, services.clock.real_ms()),
        )
    return ReferralMade(id=made)


@router.post("/referrals/{referral_id}/reward")
def reward_now(referral_id: PathId, services: ServicesDep, desk: Desk) -> Given:
    """Give a reward that waited: for a membership, or for terms that were not set. 409 says why not."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, desk.organisation_id, services.clock.real_ms())
        return Given(subscription_id=give_reward(conn, desk.organisation_id, referral_id, now_ms=now_ms))
