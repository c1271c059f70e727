"""Every report as a sheet for a spreadsheet, by name: what the links under the figures of a page give."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from sqlalchemy import Connection

from portillon_cloud.reports.asked import Asked
from portillon_cloud.reports.attendance_revenue import AttendanceMonth, MemberAtRisk, at_risk, attendance
from portillon_cloud.reports.cohorts import Cohort, cohorts
from portillon_cloud.reports.csv_sheet import csv_sheet
from portillon_cloud.reports.payers import payers
from portillon_cloud.reports.recurring import Payer, RecurringMonth, recurring
from portillon_cloud.reports.revenue import DeferredMonth, RevenueMonth, deferred, revenue
from portillon_cloud.reports.tax_summary import TaxMonth, tax_summary
from portillon_cloud.reports.unpaid_ages import UnpaidAge, unpaid_ages

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Rows = Sequence["DataclassInstance"]
WEEKS, AT_RISK_MAX = 3, 5_000
"""How long nobody saw a member at risk; how many of them a sheet names."""


class Sheet(StrEnum):
    """The name of a file, too."""

    REVENUE = "revenue"
    DEFERRED = "deferred"
    RECURRING = "recurring"
    COHORTS = "cohorts"
    UNPAID = "unpaid"
    TAXES = "taxes"
    ATTENDANCE = "attendance"
    AT_RISK = "at-risk"


def sheet(conn: Connection, name: Sheet, asked: Asked) -> str:
    """The report as CSV."""
    kind, rows_of = _SHEETS[name]
    return csv_sheet(rows_of(conn, asked), kind, asked.book.currency)


def _payers(conn: Connection, asked: Asked) -> list[Payer]:
    return payers(conn, asked.book, rates_of=asked.months[0].start)


def _attendance(conn: Connection, asked: Asked) -> Rows:
    earned = revenue(conn, asked.book, asked.months)
    return attendance(conn, asked.book, asked.months, earned, time_zone=asked.time_zone)


def _at_risk(conn: Connection, asked: Asked) -> Rows:
    found = at_risk(
        conn,
        asked.book,
        _payers(conn, asked),
        now_ms=asked.now_ms,
        time_zone=asked.time_zone,
        weeks=WEEKS,
        limit=AT_RISK_MAX,
    )
    return found.first


_SHEETS: Mapping[Sheet, tuple[type["DataclassInstance"], Callable[[Connection, Asked], Rows]]] = {
    Sheet.REVENUE: (RevenueMonth, lambda conn, asked: revenue(conn, asked.book, asked.months)),
    Sheet.DEFERRED: (DeferredMonth, lambda conn, asked: deferred(conn, asked.book, asked.coming).months),
    Sheet.RECURRING: (
        RecurringMonth,
        lambda conn, asked: recurring(_payers(conn, asked), asked.months, today=asked.today),
    ),
    Sheet.COHORTS: (Cohort, lambda conn, asked: cohorts(_payers(conn, asked), asked.months, today=asked.today)),
    Sheet.UNPAID: (UnpaidAge, lambda conn, asked: unpaid_ages(conn, asked.book, today=asked.today)),
    Sheet.TAXES: (TaxMonth, lambda conn, asked: tax_summary(conn, asked.book, asked.months)),
    Sheet.ATTENDANCE: (AttendanceMonth, _attendance),
    Sheet.AT_RISK: (MemberAtRisk, _at_risk),
}
