"""The book for owners: balances, months closed and opened again, files for the accountant."""

import calendar
import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select

from portillon_cloud.accounting.closing import close_months
from portillon_cloud.accounting.errors import ExportRefusedError
from portillon_cloud.accounting.exports import Export, export
from portillon_cloud.accounting.exports_api import answer
from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger import trial_balance
from portillon_cloud.ledger.errors import PeriodError
from portillon_cloud.ledger.periods import Close, closed_through, closes, reopen
from portillon_cloud.ledger.tables import ledger_entry
from portillon_cloud.reports.book import book_of, books_of
from portillon_cloud.web.book_words import ACCOUNTS, FILES
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Entity = Annotated[int | None, Query(ge=1, le=ID_MAX)]
EntityField = Annotated[int, Form(ge=1, le=ID_MAX)]
Reason = Annotated[str, Form(min_length=1, max_length=500)]
MONTHS_SHOWN = 36
_DAY = datetime.timedelta(days=1)

DONE = N_("Noted. Who did it, when and why stays on record.")
NOT_YET = N_(
    "Nothing was changed: the month is not over, somebody closed or opened it meanwhile, or what it earned is not"
    " booked yet. The worker does that on the first of the next month; see that it runs."
)
NO_FILE = N_(
    "There is no such file: it is of books in euros under French law, of at most two years, and needs the SIRET or the"
    " VAT number of the company."
)


@router.get("/books")
def books_page(
    services: ServicesDep,
    keeper: Keeper,
    entity: Entity = None,
    until: Annotated[datetime.date | None, Query()] = None,
    done: bool = False,
) -> Response:
    """Balances up to and with a day, and how far the book is closed."""
    notice = Notice("ok", keeper.words.say(DONE)) if done else None
    return _draw(services, keeper, entity, until=until, notice=notice)


@router.post("/books/closes", dependencies=[Depends(genuine_form)])
def close_form(
    services: ServicesDep,
    keeper: Keeper,
    entity: EntityField,
    through_on: Annotated[datetime.date, Form()],
    reason: Reason,
    again: Annotated[bool, Form()] = False,
) -> Response:
    """Close months up to and with that day's; or, `again`, open those after it again."""
    act = Close(
        through_on=through_on, at_ms=keeper.organisation.clock.business_ms, by=keeper.principal.name, reason=reason
    )
    try:
        with services.db.write() as conn:
            book = own_book(conn, keeper.principal.organisation_id, entity)
            (reopen if again else close_months)(conn, book, act)
    except PeriodError:
        return _draw(services, keeper, entity, notice=Notice("bad", keeper.words.say(NOT_YET)), status=409)
    return RedirectResponse(f"/books?entity={entity}&done=true", 303)


@router.get("/books/file")
def book_file(
    services: ServicesDep,
    keeper: Keeper,
    what: Export,
    entity: Entity,
    from_on: Annotated[datetime.date, Query(alias="from")],
    through_on: Annotated[datetime.date, Query(alias="through")],
) -> Response:
    """A file for the accountant; or the page with why there is none."""
    try:
        with services.db.read() as conn:
            asked = book_of(conn, keeper.principal.organisation_id, entity)
            book = own_book(conn, asked.organisation_id, asked.legal_entity_id)
            return answer(export(conn, book, what, from_on=from_on, through_on=through_on))
    except ExportRefusedError:
        return _draw(services, keeper, entity, notice=Notice("bad", keeper.words.say(NO_FILE)), status=409)


def _draw(
    services: Services,
    keeper: Visit,
    entity: int | None,
    *,
    until: datetime.date | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    organisation_id = keeper.principal.organisation_id
    today = local_date(keeper.organisation.clock.business_ms, keeper.organisation.time_zone)
    with services.db.read() as conn:
        book = book_of(conn, organisation_id, entity)
        balances = trial_balance(conn, legal_entity_id=book.legal_entity_id, currency=book.currency, until=until)
        closed_on = closed_through(conn, book.legal_entity_id)
        begun_on = conn.scalar(
            select(func.min(ledger_entry.c.occurred_on)).where(
                ledger_entry.c.organisation_id == organisation_id,
                ledger_entry.c.legal_entity_id == book.legal_entity_id,
            )
        )
        acts = closes(conn, organisation_id, book.legal_entity_id)
        books = books_of(conn, organisation_id)
    open_from = begun_on if closed_on is None else closed_on + _DAY
    return page(
        "billing/books.html",
        keeper,
        status=status,
        notice=notice,
        book=book,
        books=books,
        until=until,
        balances=[one for one in balances if one.debit_minor or one.credit_minor],
        account_names=ACCOUNTS,
        file_names=FILES,
        closed_on=closed_on,
        to_close=[] if open_from is None else _months(open_from, today),
        to_open=[] if closed_on is None or begun_on is None else _months(begun_on, closed_on + _DAY),
        before=lambda month: month.replace(day=1) - _DAY,
        acts=acts[:MONTHS_SHOWN],
        year=(datetime.date(today.year, 1, 1), datetime.date(today.year, 12, 31)),
        said=ReportWords(keeper.words, book.currency),
    )


def _months(from_on: datetime.date, before: datetime.date) -> list[datetime.date]:
    """The last day of every month that is over before this day, the newest first."""
    found, first = [], from_on.replace(day=1)
    while (last := first.replace(day=calendar.monthrange(first.year, first.month)[1])) < before:
        found.append(last)
        first = last + _DAY
    return found[::-1][:MONTHS_SHOWN]
