"""Dunning over HTTP: who owes what and where their ladder stands, the organisation's policy, and promises to pay."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel

from portillon_cloud.access.store import collection
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.ladder import StepKind
from portillon_cloud.dunning.operations import set_policy
from portillon_cloud.dunning.policy_body import PolicyBody
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import After, Limit, Page
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.unpaid import unpaid

router = APIRouter(tags=["dunning"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Owner = Annotated[Principal, Depends(require(Permission.MANAGE_STAFF))]


class UnpaidOut(BaseModel):
    """One unpaid invoice. `step`: the last step taken on the ladder; null: none yet."""

    invoice_id: int
    account_id: int
    number: str
    who: str
    owed_minor: int
    currency: str
    days_late: int
    step: StepKind | None
    next_step: StepKind | None
    next_step_on: date | None
    waits_for: WaitsFor | None


@router.get("/unpaid")
def list_unpaid(services: ServicesDep, reader: Reader, limit: Limit = 50, after: After = 0) -> Page[UnpaidOut]:
    """Unpaid invoices, the oldest debt first; `after` counts the invoices to leave out."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, collection(conn, reader.organisation_id).zone)
        found = unpaid(
            conn, organisation_id=reader.organisation_id, today=today, now_ms=now_ms, limit=limit, after=after
        )
    items = [
        UnpaidOut(
            invoice_id=one.invoice_id,
            account_id=one.account_id,
            number=one.number,
            who=one.who,
            owed_minor=one.owed.amount_minor,
            currency=one.owed.currency,
            days_late=one.days_late,
            step=one.step,
            next_step=one.next_step,
            next_step_on=one.next_step_on,
            waits_for=one.waits_for,
        )
        for one in found.rows
    ]
    return Page(items=items, next_after=after + limit if found.count > after + limit else None)


@router.get("/dunning-policy")
def get_policy(services: ServicesDep, reader: Reader) -> PolicyBody:
    """The ladders that failed charges start."""
    with services.db.read() as conn:
        return PolicyBody.of(collection(conn, reader.organisation_id).policy)


@router.put("/dunning-policy", status_code=204)
def put_policy(wanted: PolicyBody, services: ServicesDep, owner: Owner) -> None:
    """Choose other ladders for cases to come. 422 if a dead link could then shut out a member who has paid."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, owner.organisation_id, services.clock.real_ms())
        set_policy(conn, owner.organisation_id, wanted.policy(), now_ms=now_ms)
