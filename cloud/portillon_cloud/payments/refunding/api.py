"""Payouts over HTTP: what is owed back, that it was paid by hand, and what became of one in doubt."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.api import RequestKey
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out, settle_doubt
from portillon_cloud.payments.refunding.list import PayoutToDo, due_payouts
from portillon_cloud.payments.refunding.tables import PaidBy

router = APIRouter(tags=["payments"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Cashier = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Keeper = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]


class PayoutOut(BaseModel):
    """Credit that is owed back. `to_do`: wait for the provider, pay it by hand, or look what became of it there."""

    id: int
    account_id: int
    who: str
    amount_minor: int
    currency: str
    reason: str
    asked_at_ms: int
    to_do: PayoutToDo
    code: str | None = Field(description="Why it did not go by the way the money came")


class PaidIn(BaseModel):
    """How it was handed over."""

    model_config = ConfigDict(extra="forbid")

    means: Literal["cash", "cheque", "transfer"]


class PaidOutOut(BaseModel):
    paid_id: int


class DoubtIn(BaseModel):
    """What somebody found on the provider's own pages."""

    model_config = ConfigDict(extra="forbid")

    was_paid: bool


@router.get("/payouts")
def list_due(services: ServicesDep, reader: Reader) -> list[PayoutOut]:
    """What is owed back to members and not paid, the oldest first."""
    with services.db.read() as conn:
        found = due_payouts(conn, reader.organisation_id)
    return [PayoutOut.model_validate(one, from_attributes=True) for one in found]


@router.post("/payouts/{payout_id}/paid", status_code=201)
def paid_by_hand(
    payout_id: PathId, paid: PaidIn, request_key: RequestKey, services: ServicesDep, cashier: Cashier
) -> PaidOutOut:
    """It was paid by hand. 409: it was paid already; 503: the provider is being asked to pay it."""
    with services.db.write() as conn:
        said = PaidOut(
            organisation_id=cashier.organisation_id,
            payout_id=payout_id,
            means=PaidBy(paid.means),
            by=cashier.name,
            request_key=f"{cashier.kind}:{cashier.id}:{request_key}",
        )
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        return PaidOutOut(paid_id=pay_out(conn, said, now_ms=now_ms))


@router.post("/payouts/{payout_id}/doubt", status_code=204)
def settle(payout_id: PathId, found: DoubtIn, services: ServicesDep, keeper: Keeper) -> None:
    """Say what became of a refund that nobody knows of. 409: it is not in doubt."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, keeper.organisation_id, services.clock.real_ms())
        settle_doubt(conn, keeper.organisation_id, payout_id, was_paid=found.was_paid, by=keeper.name, now_ms=now_ms)
