"""Suspicions over /api/v1: what was held back and why, clearing one, and the limits."""

from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import Limit, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.fraud.guarding import clear, limits_of, set_limits
from portillon_cloud.payments.fraud.limits import Limits, Suspicion
from portillon_cloud.payments.fraud.signals import signals_of

NOTE_LENGTH = 500

router = APIRouter(tags=["payments"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Desk = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Owner = Annotated[Principal, Depends(require(Permission.SET_RULES))]
Most = Annotated[int, Field(ge=1, le=500)]


class SignalOut(BaseModel):
    """Instants are machine time."""

    id: int
    account_id: int
    suspicion: Suspicion = Field(
        description="many_cards, many_refusals: the account's links are held until somebody clears this"
    )
    counted: int = Field(description="How many tries there were")
    raised_at_real_ms: int
    cleared_at_real_ms: int | None
    cleared_by: str | None
    note: str | None


class Cleared(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    note: Annotated[
        str, Field(min_length=1, max_length=NOTE_LENGTH, pattern=r"^[^\x00]*\S[^\x00]*$", description="What was found")
    ]


class LimitsBody(BaseModel):
    """How many tries there may be; the next one is held."""

    model_config = ConfigDict(extra="forbid")

    tries_per_hour: Most = Field(description="By one account's links")
    cards_per_day: Most = Field(description="New cards of one account; then held until somebody has looked")
    refusals_per_day: Most = Field(description="Of one account; then held until somebody has looked")
    address_tries_per_hour: Most = Field(description="From one network address, over all accounts")
    organisation_refusals_per_hour: Most = Field(description="Over all accounts; then no new cards for that hour")


@router.get("/fraud-signals")
def list_signals(services: ServicesDep, reader: Reader, cleared: bool = False, limit: Limit = 50) -> list[SignalOut]:
    """What nobody has cleared, or what somebody has; the newest first."""
    with services.db.read() as conn:
        found = signals_of(conn, reader.organisation_id, still_open=not cleared, limit=limit)
    return [SignalOut.model_validate(one, from_attributes=True) for one in found]


@router.post("/fraud-signals/{signal_id}/clear", status_code=HTTPStatus.NO_CONTENT)
def clear_signal(signal_id: PathId, said: Cleared, services: ServicesDep, desk: Desk) -> None:
    """Somebody has looked: the account's links work again, and counting begins anew."""
    with services.db.write() as conn:
        clear(conn, desk.organisation_id, signal_id, by=desk.name, note=said.note, real_ms=services.clock.real_ms())


@router.get("/fraud-limits")
def get_limits(services: ServicesDep, reader: Reader) -> LimitsBody:
    """What holds now."""
    with services.db.read() as conn:
        return LimitsBody(**asdict(limits_of(conn, reader.organisation_id)))


@router.put("/fraud-limits", status_code=HTTPStatus.NO_CONTENT)
def put_limits(new: LimitsBody, services: ServicesDep, owner: Owner) -> None:
    """Choose other limits."""
    with services.db.write() as conn:
        set_limits(conn, owner.organisation_id, Limits(**new.model_dump()))
