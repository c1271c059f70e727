"""Ladders on a calendar, promises to pay and the collectors' list over HTTP."""

import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.access.blocks import Switch
from portillon_cloud.access.store import collection
from portillon_cloud.clock import business_now_ms
from portillon_cloud.dunning.calendar import Course, DayKind, course
from portillon_cloud.dunning.case_view import HandedOver, case_view, handed_over
from portillon_cloud.dunning.coming import WaitsFor
from portillon_cloud.dunning.failures import FailureClass
from portillon_cloud.dunning.ladder import LetterKind, StepKind
from portillon_cloud.dunning.policy_body import Currency, Minor, PolicyBody
from portillon_cloud.dunning.promises import PromiseTaken, take_promise
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import RequestKey
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import account
from portillon_cloud.reports.csv_sheet import OR_CSV, csv_sheet

router = APIRouter(tags=["dunning"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Cashier = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Date = Annotated[datetime.date, Field(ge=datetime.date(2000, 1, 1), le=datetime.date(2199, 12, 31))]


class CourseAsked(BaseModel):
    """An invoice that nobody pays. `policy` null: the one in force."""

    model_config = ConfigDict(extra="forbid")

    policy: PolicyBody | None = None
    failure: FailureClass = FailureClass.SOFT
    due_on: Date
    owed_minor: Minor = 5000
    currency: Currency


class HappeningOut(BaseModel):
    """`day` counts from the charge that failed. It happens if at least `owed_minor_min` is owed."""

    on: datetime.date
    day: int
    kind: DayKind
    letter: LetterKind | None
    switches: list[Switch]
    owed_minor_min: int


class CourseOut(BaseModel):
    """`shut_on`: the day on whose morning the door shuts; null: never."""

    due_on: datetime.date
    shut_on: datetime.date | None
    happenings: list[HappeningOut]


class StepOut(BaseModel):
    """`done_at_ms` null: to come; `on` null: nobody knows when what it waits for ends."""

    on: datetime.date | None
    kind: StepKind
    letter: LetterKind | None
    done_at_ms: int | None
    waits_for: WaitsFor | None


class CaseOut(BaseModel):
    """Where the invoice stands. `shut_on`: when dues shut the door if nobody pays; null: never."""

    failure: FailureClass
    cause: str
    starts_on: datetime.date
    closed: bool
    handed_over_at_ms: int | None
    promised_on: datetime.date | None
    shut_on: datetime.date | None
    steps: list[StepOut]


class NewPromise(BaseModel):
    """The day on which the payer says they will pay."""

    model_config = ConfigDict(extra="forbid")

    pay_on: Date


class PromiseOut(BaseModel):
    """`until_ms`: the morning after; until then nothing is shut and nobody is reminded."""

    invoice_id: int
    pay_on: datetime.date
    until_ms: int


class HandedOverOut(BaseModel):
    """One debt with the collectors; `currency` says of what the amount is."""

    invoice_id: int
    account_id: int
    number: str
    name: str
    email: str | None
    language: str
    due_on: datetime.date
    handed_over_on: datetime.date
    owed_minor: int
    currency: str


@router.post("/dunning-policy/preview")
def preview(asked: CourseAsked, services: ServicesDep, reader: Reader) -> CourseOut:
    """What a policy, in force or only thought of, does to an invoice that nobody pays, day by day. Changes nothing."""
    with services.db.read() as conn:
        going_by = collection(conn, reader.organisation_id)
    found = course(
        going_by.policy if asked.policy is None else asked.policy.policy(),
        asked.failure,
        due_on=asked.due_on,
        zone=going_by.zone,
        currency=asked.currency,
        owed_minor=asked.owed_minor,
    )
    return course_out(found)


@router.get("/invoices/{invoice_id}/dunning")
def get_case(invoice_id: PathId, services: ServicesDep, reader: Reader) -> CaseOut:
    """The steps that were taken for this invoice and those to come, with their dates. 404: no charge of it failed."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, reader.organisation_id, services.clock.real_ms())
        found = case_view(conn, reader.organisation_id, invoice_id, now_ms=now_ms)
    if found is None:
        raise not_found("case")
    return CaseOut(
        failure=found.failure,
        cause=found.cause,
        starts_on=found.starts_on,
        closed=found.closed,
        handed_over_at_ms=found.handed_over_at_ms,
        promised_on=found.promised_on,
        shut_on=found.shut_on,
        steps=[StepOut.model_validate(one, from_attributes=True) for one in found.steps],
    )


@router.post("/accounts/{account_id}/promises", status_code=201)
def promise(
    account_id: PathId, new: NewPromise, key: RequestKey, services: ServicesDep, cashier: Cashier
) -> list[PromiseOut]:
    """Take the payer's word for what is overdue. 409: the policy takes no such promise; it says why."""
    with services.db.write() as conn:
        require_account(conn, cashier.organisation_id, account_id)
        taken = PromiseTaken(
            organisation_id=cashier.organisation_id,
            account_id=account_id,
            pay_on=new.pay_on,
            by=cashier.name,
            request_key=f"{cashier.kind}:{cashier.id}:{key}",
        )
        now_ms = business_now_ms(conn, cashier.organisation_id, services.clock.real_ms())
        made = take_promise(conn, taken, now_ms=now_ms)
    return [PromiseOut(invoice_id=one.invoice_id, pay_on=one.pay_on, until_ms=one.until_ms) for one in made]


@router.get("/dunning/handed-over", response_model=list[HandedOverOut], responses=OR_CSV)
def list_handed_over(
    services: ServicesDep,
    reader: Reader,
    format: Annotated[Literal["json", "csv"], Query(description="json, or csv for the collectors")] = "json",
) -> list[HandedOverOut] | Response:
    """What is with the collectors and still unpaid, the oldest first."""
    with services.db.read() as conn:
        found = handed_over(conn, reader.organisation_id)
    if format == "csv":
        return collectors_sheet(found)
    return [
        HandedOverOut(
            invoice_id=one.invoice_id,
            account_id=one.account_id,
            number=one.number,
            name=one.name,
            email=one.email,
            language=one.language,
            due_on=one.due_on,
            handed_over_on=one.handed_over_on,
            owed_minor=one.owed_minor,
            currency=currency,
        )
        for currency, debts in found.items()
        for one in debts
    ]


def collectors_sheet(found: dict[str, list[HandedOver]]) -> Response:
    """The list as one sheet; amounts of each currency beside it."""
    sheets = [csv_sheet(debts, HandedOver, currency) for currency, debts in found.items()]
    head = csv_sheet([], HandedOver, "CAD")
    text = head + "".join(sheet.partition("\r\n")[2] for sheet in sheets)
    headers = {"Content-Disposition": 'attachment; filename="handed-over.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def course_out(found: Course) -> CourseOut:
    """As programs read it."""
    return CourseOut(
        due_on=found.due_on,
        shut_on=found.shut_on,
        happenings=[
            HappeningOut(
                on=one.on,
                day=one.day,
                kind=one.kind,
                letter=one.letter,
                switches=sorted(one.switches),
                owed_minor_min=one.owed_minor_min,
            )
            for one in found.happenings
        ],
    )


def require_account(conn: Connection, organisation_id: int, account_id: int) -> None:
    """Raises Problem 404."""
    own = select(account.c.id).where(account.c.id == account_id, account.c.organisation_id == organisation_id)
    if conn.execute(own).one_or_none() is None:
        raise not_found("account")
