"""What the business earns, for owners: figures with their charts, the table behind each, and each as a file."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from sqlalchemy import Connection

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.asked import MONTH_PATTERN, MONTHS, MONTHS_MAX, Asked, asked
from portillon_cloud.reports.attendance_revenue import at_risk, attendance
from portillon_cloud.reports.book import books_of
from portillon_cloud.reports.cohorts import cohorts
from portillon_cloud.reports.payers import payers
from portillon_cloud.reports.recurring import recurring
from portillon_cloud.reports.revenue import deferred, revenue
from portillon_cloud.reports.sheets import WEEKS, Sheet, sheet
from portillon_cloud.reports.tax_summary import tax_summary
from portillon_cloud.reports.unpaid_ages import unpaid_ages
from portillon_cloud.web.rendering import page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, visit_with

router = APIRouter()
Owner = Annotated[Visit, Depends(visit_with(Permission.SEE_REPORTS))]
Entity = Annotated[int | None, Query(ge=1, le=ID_MAX)]
Until = Annotated[str | None, Query(pattern=MONTH_PATTERN)]
Months = Annotated[int, Query(ge=1, le=MONTHS_MAX)]
AT_RISK_SHOWN = 50


@router.get("/reports")
def money_page(
    services: ServicesDep, owner: Owner, entity: Entity = None, until: Until = None, months: Months = MONTHS
) -> Response:
    """Billed and earned, what is to come, taxes, and what is owed."""
    with services.db.read() as conn:
        question = _asked(conn, owner, entity, until, months)
        context = {
            "revenue": revenue(conn, question.book, question.months),
            "deferred": deferred(conn, question.book, question.coming),
            "taxes": tax_summary(conn, question.book, question.months),
            "unpaid": unpaid_ages(conn, question.book, today=question.today),
            **_frame(conn, owner, question),
        }
    return page("reports/money.html", owner, **context)


@router.get("/reports/members")
def members_page(
    services: ServicesDep, owner: Owner, entity: Entity = None, until: Until = None, months: Months = MONTHS
) -> Response:
    """What recurs, why it moved, and who stays."""
    with services.db.read() as conn:
        question = _asked(conn, owner, entity, until, months)
        people = payers(conn, question.book, rates_of=question.months[0].start)
        context = _frame(conn, owner, question)
    return page(
        "reports/members.html",
        owner,
        recurring=recurring(people, question.months, today=question.today),
        cohorts=cohorts(people, question.months, today=question.today),
        **context,
    )


@router.get("/reports/attendance")
def attendance_page(
    services: ServicesDep, owner: Owner, entity: Entity = None, until: Until = None, months: Months = MONTHS
) -> Response:
    """Visits beside revenue, and who pays without being seen."""
    with services.db.read() as conn:
        question = _asked(conn, owner, entity, until, months)
        book, zone = question.book, question.time_zone
        earned = revenue(conn, book, question.months)
        people = payers(conn, book, rates_of=question.months[0].start)
        context = {
            "attendance": attendance(conn, book, question.months, earned, time_zone=zone),
            "risk": at_risk(
                conn, book, people, now_ms=question.now_ms, time_zone=zone, weeks=WEEKS, limit=AT_RISK_SHOWN
            ),
            **_frame(conn, owner, question),
        }
    return page("reports/attendance.html", owner, **context)


@router.get("/reports/{name}.csv")
def sheet_file(
    name: Sheet,
    services: ServicesDep,
    owner: Owner,
    entity: Entity = None,
    until: Until = None,
    months: Months = MONTHS,
) -> Response:
    """The figures of one report for a spreadsheet."""
    with services.db.read() as conn:
        text = sheet(conn, name, _asked(conn, owner, entity, until, months))
    # A spreadsheet takes UTF-8 for what it is only when the file begins with its mark.
    return Response(
        "\ufeff" + text,
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name.value}.csv"'},
    )


def _asked(conn: Connection, owner: Visit, entity: int | None, until: str | None, months: int) -> Asked:
    return asked(
        conn,
        owner.principal.organisation_id,
        legal_entity_id=entity,
        until=until,
        count=months,
        now_ms=owner.organisation.clock.business_ms,
    )


def _frame(conn: Connection, owner: Visit, question: Asked) -> dict[str, Any]:
    until = f"{question.months[-1].start:%Y-%m}"
    return {
        "book": question.book,
        "books": books_of(conn, owner.principal.organisation_id),
        "until": until,
        "months": len(question.months),
        "query": f"?entity={question.book.legal_entity_id}&until={until}&months={len(question.months)}",
        "report_words": ReportWords(owner.words, question.book.currency),
    }
