"""Coupons over HTTP: what is offered, how often it was used, and its use for a subscription that runs already."""

import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.billing.coupons import Coupon, CouponTerms, coupons_of, end_coupon, make_coupon
from portillon_cloud.billing.event_store import Author
from portillon_cloud.billing.gifts import redeem
from portillon_cloud.billing.offer import Gift
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.money import PPM

router = APIRouter(tags=["plans"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Desk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
Code = Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,20}$", description="As it stands on the invoice: SPRING-26")]
_PPM_PER_PERCENT = PPM // 100


class CouponBody(BaseModel):
    """What a coupon gives, to whom, and how often. It is never changed: end it, and make another."""

    model_config = ConfigDict(extra="forbid")

    code: Code
    share_percent: int = Field(default=0, ge=0, le=100, description="Off each period's price")
    amount_minor: int = Field(default=0, ge=0, le=100_000_000, description="Or so much off each")
    cycles: int | None = Field(default=None, ge=1, le=120, description="Of the first so many periods; null: of all")
    waives_joining: bool = Field(default=False, description="No joining fee")
    plans: list[Id] | None = Field(default=None, min_length=1, max_length=100, description="Null: for every plan")
    valid_until_on: datetime.date | None = Field(default=None, description="The last day on which it is taken")
    uses_most: int | None = Field(default=None, ge=1, le=1_000_000, description="In all; null: no limit")
    member_uses_most: int = Field(default=1, ge=1, le=100, description="By one member")


class CouponOut(CouponBody):
    id: int
    uses: int
    active: bool


class CouponUse(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Code


class CouponUsed(BaseModel):
    """`from_on`: the next renewal. `until_on`: the first day at the whole price again; null: it stays so."""

    from_on: datetime.date
    until_on: datetime.date | None


class CouponMade(BaseModel):
    id: int


@router.get("/coupons")
def list_coupons(services: ServicesDep, reader: Reader) -> list[CouponOut]:
    """Every coupon that was ever offered, the newest first."""
    with services.db.read() as conn:
        return [_out(one) for one in coupons_of(conn, reader.organisation_id)]


@router.post("/coupons", status_code=HTTPStatus.CREATED)
def offer_coupon(new: CouponBody, services: ServicesDep, owner: Owner) -> CouponMade:
    """Offer it from now on."""
    terms = CouponTerms(
        gift=Gift(
            code=new.code,
            share_ppm=new.share_percent * _PPM_PER_PERCENT,
            amount_minor=new.amount_minor,
            cycles=new.cycles,
            waives_joining=new.waives_joining,
        ),
        plans=None if new.plans is None else tuple(new.plans),
        valid_until_on=new.valid_until_on,
        uses_most=new.uses_most,
        member_uses_most=new.member_uses_most,
    )
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        return CouponMade(id=make_coupon(conn, owner.organisation_id, terms, by=owner.name, now_ms=now_ms))


@router.post("/subscriptions/{subscription_id}/coupon", status_code=HTTPStatus.CREATED)
def use_coupon(subscription_id: PathId, new: CouponUse, services: ServicesDep, desk: Desk) -> CouponUsed:
    """Use a coupon for a subscription that runs already: its next periods cost less. 409 says why not."""
    with services.db.write() as conn:
        at_ms = business_now_ms(conn, desk.organisation_id, services.clock.real_ms())
        given = redeem(
            conn,
            organisation_id=desk.organisation_id,
            subscription_id=subscription_id,
            code=new.code,
            author=Author(name=desk.name, at_ms=at_ms, reason=f"coupon {new.code}"),
        )
    return CouponUsed(from_on=given.from_on, until_on=given.until_on)


@router.delete("/coupons/{coupon_id}", status_code=HTTPStatus.NO_CONTENT)
def take_no_more(coupon_id: PathId, services: ServicesDep, owner: Owner) -> None:
    """Take it no more; whoever has used it keeps what it gives."""
    with services.db.write() as conn:
        end_coupon(conn, owner.organisation_id, coupon_id)


def _out(one: Coupon) -> CouponOut:
    terms, gift = one.terms, one.gift
    return CouponOut(
        id=one.id,
        code=gift.code,
        share_percent=gift.share_ppm // _PPM_PER_PERCENT,
        amount_minor=gift.amount_minor,
        cycles=gift.cycles,
        waives_joining=gift.waives_joining,
        plans=None if terms.plans is None else list(terms.plans),
        valid_until_on=terms.valid_until_on,
        uses_most=terms.uses_most,
        member_uses_most=terms.member_uses_most,
        uses=one.uses,
        active=one.active,
    )
