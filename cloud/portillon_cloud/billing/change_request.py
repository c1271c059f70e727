"""What people ask of a subscription, as a form or a program says it; turned into what the machine is asked."""

import datetime
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy import Connection, select

from portillon_cloud.billing import changes, subscription
from portillon_cloud.billing.agreement import agreement_of
from portillon_cloud.billing.catalogue import price_by_id
from portillon_cloud.billing.errors import UnknownSubscriptionError
from portillon_cloud.billing.legal_side import signed
from portillon_cloud.billing.life import Recorded
from portillon_cloud.billing.payers import payer_name
from portillon_cloud.billing.span import Moment
from portillon_cloud.billing.tables import subscription as subscription_row
from portillon_cloud.billing.timeline import Discounted, Shared
from portillon_cloud.billing.withdrawal import is_settled
from portillon_cloud.http.paging import Id
from portillon_cloud.money import PPM

_FIRST, _LAST = datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)
Day = Annotated[datetime.date, Field(ge=_FIRST, le=_LAST)]


class _Change(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: str | None = Field(
        default=None, max_length=200, description="Why; kept with the change, on credit notes too"
    )


class FreezeChange(_Change):
    """Nothing recurs and nobody passes from `on` up to and without `until_on`."""

    change: Literal["freeze"]
    on: Day
    until_on: Day
    proof: bool = Field(default=False, description="Whether a medical or other paper was seen")


class ResumeChange(_Change):
    """End the freeze on `on`; one that has not begun by then is withdrawn."""

    change: Literal["resume"]
    on: Day


class PlanChange(_Change):
    """Another price. `on` null: at the next renewal, so that no part of a period is charged or credited."""

    change: Literal["plan"]
    price_id: Id
    on: Day | None = None


class CancelChange(_Change):
    """`on`: the first day without it; null: the first day that term and notice allow."""

    change: Literal["cancel"]
    on: Day | None = None
    by_law: bool = Field(default=False, description="The consumer's right to cancel, which knows no term or notice")


class DiscountChange(_Change):
    """Less from `on` up to and without `until_on` (null: for good): a share of each cycle, or an amount of it."""

    change: Literal["discount"]
    code: str = Field(pattern=r"^[A-Z0-9-]{1,20}$", description="The coupon's, as it stands on the invoice")
    on: Day
    until_on: Day | None = None
    share_percent: int = Field(default=0, ge=0, le=100)
    amount_minor: int = Field(default=0, ge=0, le=100_000_000)

    @model_validator(mode="after")
    def _is_something(self) -> "DiscountChange":
        if self.share_percent == 0 and self.amount_minor == 0:
            raise ValueError("share_percent or amount_minor: a discount of nothing is none")
        if self.until_on is not None and self.until_on <= self.on:
            raise ValueError("until_on: the first day without it comes after the first day with it")
        return self


class ShareChange(_Change):
    """Another account (an employer) pays a part from `on` up to and without `until_on`: a share, or an amount."""

    change: Literal["share"]
    payer_account_id: Id
    on: Day
    until_on: Day | None = None
    share_percent: int = Field(default=0, ge=0, le=100)
    amount_minor: int = Field(default=0, ge=0, le=100_000_000, description="Of each billing period, before tax")

    @model_validator(mode="after")
    def _is_something(self) -> "ShareChange":
        if self.share_percent == 0 and self.amount_minor == 0:
            raise ValueError("share_percent or amount_minor: a part of nothing is none")
        return self


class EndShareChange(_Change):
    """From `on` the other account pays nothing, and the member's own account all."""

    change: Literal["end_share"]
    payer_account_id: Id
    on: Day


class KeepChange(_Change):
    """Withdraw an end that has not come."""

    change: Literal["keep"]


class RenewChange(_Change):
    """Move the end of a fixed term by whole months."""

    change: Literal["renew"]
    months: int = Field(ge=1, le=60)


Change = Annotated[
    FreezeChange
    | ResumeChange
    | PlanChange
    | DiscountChange
    | ShareChange
    | EndShareChange
    | CancelChange
    | KeepChange
    | RenewChange,
    Field(discriminator="change"),
]


def ask_of(conn: Connection, organisation_id: int, subscription_id: int, new: Change) -> changes.Ask:
    """What the machine is asked.

    Raises UnknownPlanError, UnknownSubscriptionError, UnknownPayerError; asked, UnlawfulContractError.
    """
    contract_id = conn.scalar(
        select(subscription_row.c.contract_id).where(
            subscription_row.c.id == subscription_id, subscription_row.c.organisation_id == organisation_id
        )
    )
    if contract_id is None:
        raise UnknownSubscriptionError(f"there is no subscription {subscription_id} in your organisation")
    agreed = agreement_of(conn, contract_id)
    match new:
        case FreezeChange(on=freeze_on, until_on=until_on, proof=proof):
            return lambda recorded, today: subscription.freeze(
                recorded, agreed, on=freeze_on, until_on=until_on, today=today, proof=proof
            )
        case ResumeChange(on=resume_on):
            return lambda recorded, _today: subscription.resume(recorded, on=resume_on)
        case PlanChange(price_id=price_id, on=on):
            tariff = changes.price_tariff(price_by_id(conn, organisation_id, price_id))
            return lambda recorded, today: subscription.change_tariff(
                recorded, agreed, tariff, on=on or subscription.at_renewal(recorded, today), today=today
            )
        case CancelChange(on=on, by_law=True):
            contract = signed(conn, organisation_id, subscription_id)

            def leave(recorded: Sequence[Recorded], today: datetime.date) -> subscription.Answer:
                contract.require_way_out(told_on=today, on=on or today)
                return subscription.cancel(recorded, agreed, on=on or today, today=today, by_law=True)

            return leave
        case CancelChange(on=on):
            return lambda recorded, today: subscription.cancel(
                recorded, agreed, on=on or subscription.cancellable_on(recorded, agreed, today), today=today
            )
        case DiscountChange() as given:
            discounted = Discounted(
                at=Moment(given.on),
                code=given.code,
                until=None if given.until_on is None else Moment(given.until_on),
                share_ppm=given.share_percent * PPM // 100,
                amount_minor=given.amount_minor,
            )
            return lambda recorded, today: subscription.discount(recorded, discounted, today=today)
        case ShareChange() as part:
            agreed_part = Shared(
                at=Moment(part.on),
                payer_account_id=part.payer_account_id,
                code=payer_name(conn, subscription_id, part.payer_account_id),
                until=None if part.until_on is None else Moment(part.until_on),
                share_ppm=part.share_percent * PPM // 100,
                amount_minor=part.amount_minor,
            )
            return lambda recorded, today: subscription.share(recorded, agreed, agreed_part, today=today)
        case EndShareChange(payer_account_id=payer_id, on=end_on):
            return lambda recorded, today: subscription.end_share(recorded, agreed, payer_id, on=end_on, today=today)
        case KeepChange():
            if is_settled(conn, subscription_id):
                return lambda _recorded, _today: subscription.Refused(subscription.Why.SETTLED_BY_LAW)
            return lambda recorded, today: subscription.keep(recorded, today=today)
        case RenewChange(months=months):
            prolonged = signed(conn, organisation_id, subscription_id)

            def renew(recorded: Sequence[Recorded], today: datetime.date) -> subscription.Answer:
                prolonged.require_renewal(agreed_on=today, months=months)
                return subscription.renew(recorded, months=months, today=today)

            return renew
