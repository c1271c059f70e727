"""Sign contracts over HTTP: what it would come to, payment by payment, and the signature itself."""

import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, or_, select, true

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.billing.change_request import Day
from portillon_cloud.billing.contracts import Agreed, Wish, agree, subscribe
from portillon_cloud.billing.coupons_api import Code
from portillon_cloud.billing.errors import SamePlanTwiceError
from portillon_cloud.billing.tables import contract, price, subscription
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import OnceKey, once
from portillon_cloud.http.paging import Id
from portillon_cloud.http.problem import unprocessable
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import member

router = APIRouter(tags=["billing"])
Seller = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]


class SignedTerms(BaseModel):
    """What is signed, whoever signs it."""

    model_config = ConfigDict(extra="forbid")

    price_id: Id
    starts_on: Day
    renews: bool = Field(default=False, description="Whether it goes on after its term, where the law allows that")
    at_distance: bool = Field(default=False, description="Signed online or by telephone: the consumer may withdraw")
    proof: str | None = Field(
        default=None, min_length=1, max_length=200, description="What was seen, of a price that is not for everybody"
    )
    coupon_code: Code | None = None

    def wish(self, organisation_id: int, member_id: int) -> Wish:
        """What is asked for, for this member."""
        return Wish(organisation_id=organisation_id, **{**self.model_dump(), "member_id": member_id})


class NewSubscription(SignedTerms):
    member_id: Id
    another: bool = Field(
        default=False, description="A second one of a plan that the member has at that time is meant, and no slip"
    )

    def wish(self, organisation_id: int, member_id: int) -> Wish:
        """What is asked for, whether it is another one or not."""
        terms = {name: getattr(self, name) for name in SignedTerms.model_fields}
        return SignedTerms(**terms).wish(organisation_id, member_id)


class SubscribedOut(BaseModel):
    contract_id: int
    subscription_id: int


class PartOut(BaseModel):
    """`what`: membership, joining, discount; in minor units, as priced."""

    what: str
    amount_minor: int


class PaymentOut(BaseModel):
    """One payment. Of an invoice that is paid in instalments the first one says what it is for, and its taxes."""

    due_on: datetime.date
    total_minor: int
    tax_minor: int
    parts: list[PartOut]


class AgreedOut(BaseModel):
    """What signing comes to. `trial_until_on`: the first day that is paid for. `ends_on`: the first day without it.

    `payments`: all of a fixed term; of what has no end those of a year.
    """

    starts_on: datetime.date
    trial_until_on: datetime.date | None
    ends_on: datetime.date | None
    law: str
    currency: str
    payments: list[PaymentOut]
    payments_minor: int
    beside_subscription_id: int | None = Field(description="Of an add-on: the membership it ends with")


@router.post("/subscriptions/preview")
def preview_subscription(new: NewSubscription, services: ServicesDep, seller: Seller) -> AgreedOut:
    """What signing this would come to; nothing is written, no coupon used. Refused as the signature would be."""
    with services.db.read() as conn:
        _account_of(conn, new, seller)
        now_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
        agreed = agree(conn, new.wish(seller.organisation_id, new.member_id), now_ms=now_ms)
        _refuse_twice(conn, new, agreed)
        return agreed_out(agreed)


@router.post("/subscriptions", status_code=201)
def create_subscription(
    new: NewSubscription, services: ServicesDep, seller: Seller, response: Response, request_key: OnceKey = None
) -> SubscribedOut:
    """Sign a contract for a member. 409: rules of the law that these terms break, each by name; or the member has this
    plan already, and `another` does not say that a second one is meant."""

    def signed() -> SubscribedOut:
        account_id = _account_of(conn, new, seller)
        lock_account(conn, account_id)
        now_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
        _refuse_twice(conn, new, agree(conn, new.wish(seller.organisation_id, new.member_id), now_ms=now_ms))
        made = subscribe(
            conn,
            organisation_id=seller.organisation_id,
            account_id=account_id,
            member_id=new.member_id,
            price_id=new.price_id,
            starts_on=new.starts_on,
            renews=new.renews,
            at_distance=new.at_distance,
            proof=new.proof,
            coupon_code=new.coupon_code,
            by=seller.name,
            now_ms=now_ms,
        )
        return SubscribedOut(contract_id=made.contract_id, subscription_id=made.subscription_id)

    with services.db.write() as conn:
        answer = once(conn, seller, request_key, new, SubscribedOut, signed, real_ms=services.clock.real_ms())
    response.headers["Location"] = f"/api/v1/subscriptions/{answer.subscription_id}"
    return answer


def _account_of(conn: Connection, new: NewSubscription, seller: Principal) -> int:
    found: int | None = conn.scalar(
        select(member.c.account_id).where(
            member.c.id == new.member_id, member.c.organisation_id == seller.organisation_id
        )
    )
    if found is None:
        detail = f"member_id {new.member_id} does not exist in your organisation."
        raise unprocessable(detail, pointer="/body/member_id")
    return found


def _refuse_twice(conn: Connection, new: NewSubscription, agreed: Agreed) -> None:
    """Raises SamePlanTwiceError if the member has the plan on one of these days, unless another one is meant."""
    if new.another:
        return
    plans = select(price.c.plan_id).where(price.c.id == new.price_id)
    ends_on = agreed.offered.ends_on
    had = conn.execute(
        select(subscription.c.id, contract.c.starts_on)
        .join(price, price.c.id == subscription.c.price_id)
        .join(contract, contract.c.id == subscription.c.contract_id)
        .where(
            subscription.c.member_id == new.member_id,
            subscription.c.state == "active",
            price.c.plan_id.in_(plans),
            or_(subscription.c.ends_on.is_(None), subscription.c.ends_on > new.starts_on),
            true() if ends_on is None else contract.c.starts_on < ends_on,
        )
        .order_by(subscription.c.id)
        .limit(1)
    ).one_or_none()
    if had is not None:
        raise SamePlanTwiceError(
            f"member {new.member_id} has this plan by subscription {had.id} of {had.starts_on} already: send "
            "another = true if a second one is meant"
        )


def agreed_out(agreed: Agreed) -> AgreedOut:
    """As it is shown."""
    offered = agreed.offered
    return AgreedOut(
        starts_on=offered.starts_on,
        trial_until_on=offered.trial_until_on,
        ends_on=offered.ends_on,
        law=agreed.place.law,
        currency=offered.price.currency,
        payments=[
            PaymentOut(
                due_on=one.due_on,
                total_minor=one.total_minor,
                tax_minor=one.tax_minor,
                parts=[PartOut(what=piece.component, amount_minor=piece.amount_minor) for piece in one.pieces],
            )
            for one in agreed.payments
        ],
        payments_minor=sum(one.total_minor for one in agreed.payments),
        beside_subscription_id=None if agreed.beside is None else agreed.beside.subscription_id,
    )
