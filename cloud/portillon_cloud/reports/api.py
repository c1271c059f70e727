"""Reports over HTTP: JSON, or CSV with `?format=csv`. Amounts in minor units of the legal entity's currency."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import Connection

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.asked import MONTH_PATTERN, MONTHS, MONTHS_MAX, Asked, asked
from portillon_cloud.reports.attendance_revenue import AtRisk, AttendanceMonth, MemberAtRisk, at_risk, attendance
from portillon_cloud.reports.cohorts import Cohort, cohorts
from portillon_cloud.reports.csv_sheet import OR_CSV, csv_sheet
from portillon_cloud.reports.payers import payers
from portillon_cloud.reports.recurring import RecurringMonth, recurring
from portillon_cloud.reports.revenue import Deferred, DeferredMonth, RevenueMonth, deferred, revenue
from portillon_cloud.reports.sheets import AT_RISK_MAX, WEEKS
from portillon_cloud.reports.tax_summary import TaxMonth, tax_summary
from portillon_cloud.reports.unpaid_ages import UnpaidAge, unpaid_ages

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

router = APIRouter(prefix="/reports", tags=["reports"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_REPORTS))]

T = TypeVar("T")


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


class Report(BaseModel, Generic[T]):
    """`figures` of one legal entity, in its currency."""

    legal_entity_id: int
    currency: str
    figures: T


@dataclass(frozen=True, slots=True)
class _Desk:
    """A reader's question and the place to answer it from."""

    services: ServicesDep
    reader: Principal
    legal_entity_id: int | None
    until: str | None
    months: int
    format: Format

    @contextmanager
    def open(self) -> Iterator[tuple[Connection, Asked]]:
        with self.services.db.read() as conn:
            now_ms = business_now_ms(conn, self.reader.organisation_id, self.services.clock.real_ms())
            yield (
                conn,
                asked(
                    conn,
                    self.reader.organisation_id,
                    legal_entity_id=self.legal_entity_id,
                    until=self.until,
                    count=self.months,
                    now_ms=now_ms,
                ),
            )

    def answer(
        self, question: Asked, figures: Any, rows: Sequence["DataclassInstance"], kind: type["DataclassInstance"]
    ) -> Any:
        book = question.book
        if self.format is Format.CSV:
            return Response(csv_sheet(rows, kind, book.currency), media_type="text/csv; charset=utf-8")
        return {"legal_entity_id": book.legal_entity_id, "currency": book.currency, "figures": figures}


def _desk(
    services: ServicesDep,
    reader: Reader,
    legal_entity_id: Annotated[int | None, Query(ge=1, le=ID_MAX, description="Default: the first one")] = None,
    until: Annotated[str | None, Query(pattern=MONTH_PATTERN, description="Last month; default: this one")] = None,
    months: Annotated[int, Query(ge=1, le=MONTHS_MAX, description="How many")] = MONTHS,
    format: Annotated[Format, Query(description="csv: amounts in units, for a spreadsheet")] = Format.JSON,
) -> _Desk:
    return _Desk(services, reader, legal_entity_id, until, months, format)


Desk = Annotated[_Desk, Depends(_desk)]


@router.get("/revenue", response_model=Report[list[RevenueMonth]], responses=OR_CSV)
def get_revenue(desk: Desk) -> Any:
    """Billed less credited, and earned, month by month, before tax."""
    with desk.open() as (conn, question):
        rows = revenue(conn, question.book, question.months)
    return desk.answer(question, rows, rows, RevenueMonth)


@router.get("/deferred", response_model=Report[Deferred], responses=OR_CSV)
def get_deferred(desk: Desk) -> Any:
    """What is billed and will be earned, from the month that runs on; `until` is of no account."""
    with desk.open() as (conn, question):
        found = deferred(conn, question.book, question.coming)
    return desk.answer(question, found, found.months, DeferredMonth)


@router.get("/recurring", response_model=Report[list[RecurringMonth]], responses=OR_CSV)
def get_recurring(desk: Desk) -> Any:
    """Monthly recurring revenue, its movements, ARPU and churn, as known now."""
    with desk.open() as (conn, question):
        people = payers(conn, question.book, rates_of=question.months[0].start)
    rows = recurring(people, question.months, today=question.today)
    return desk.answer(question, rows, rows, RecurringMonth)


@router.get("/cohorts", response_model=Report[list[Cohort]], responses=OR_CSV)
def get_cohorts(desk: Desk) -> Any:
    """Of those first charged in each month, how many are still members in the months after."""
    with desk.open() as (conn, question):
        people = payers(conn, question.book, rates_of=question.months[0].start)
    rows = cohorts(people, question.months, today=question.today)
    return desk.answer(question, rows, rows, Cohort)


@router.get("/unpaid", response_model=Report[list[UnpaidAge]], responses=OR_CSV)
def get_unpaid(desk: Desk) -> Any:
    """What is owed today by its age; `until` and `months` are of no account."""
    with desk.open() as (conn, question):
        rows = unpaid_ages(conn, question.book, today=question.today)
    return desk.answer(question, rows, rows, UnpaidAge)


@router.get("/taxes", response_model=Report[list[TaxMonth]], responses=OR_CSV)
def get_taxes(desk: Desk) -> Any:
    """Each tax at each rate by month of issue: invoices less credit notes."""
    with desk.open() as (conn, question):
        rows = tax_summary(conn, question.book, question.months)
    return desk.answer(question, rows, rows, TaxMonth)


@router.get("/attendance", response_model=Report[list[AttendanceMonth]], responses=OR_CSV)
def get_attendance(desk: Desk) -> Any:
    """Visits and members seen beside what was earned."""
    with desk.open() as (conn, question):
        earned = revenue(conn, question.book, question.months)
        rows = attendance(conn, question.book, question.months, earned, time_zone=question.time_zone)
    return desk.answer(question, rows, rows, AttendanceMonth)


@router.get("/at-risk", response_model=Report[AtRisk], responses=OR_CSV)
def get_at_risk(
    desk: Desk,
    weeks: Annotated[int, Query(ge=1, le=52, description="Not seen for so long")] = WEEKS,
    limit: Annotated[int, Query(ge=1, le=AT_RISK_MAX, description="How many by name")] = 200,
) -> Any:
    """Who pays and is not seen, those who pay most first; `until` and `months` are of no account."""
    with desk.open() as (conn, question):
        found = at_risk(
            conn,
            question.book,
            payers(conn, question.book, rates_of=question.today),
            now_ms=question.now_ms,
            time_zone=question.time_zone,
            weeks=weeks,
            limit=limit,
        )
    return desk.answer(question, found, found.first, MemberAtRisk)
