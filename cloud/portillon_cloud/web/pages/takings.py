"""What consumers paid, closed by day, month and year, and whether anything of it was changed: books in France."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from sqlalchemy import Connection, Row, select

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reports.book import Book, book_of, books_of
from portillon_cloud.takings.archive import faults
from portillon_cloud.takings.chain import ClosureKind
from portillon_cloud.takings.operations import REGIMES
from portillon_cloud.takings.tables import taking_chain, taking_closure
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
SHOWN = 60
FAULTS_SHOWN = 20

KINDS = {ClosureKind.DAY: N_("Day"), ClosureKind.MONTH: N_("Month"), ClosureKind.YEAR: N_("Year")}
WHOLE = N_("The record is whole: nothing was changed, left out or put in.")
BROKEN = N_("The record is not as it was written. Keep a copy of the database, and have it looked at.")


@router.get("/books/takings")
def takings_page(
    services: ServicesDep,
    keeper: Keeper,
    entity: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
    kind: ClosureKind = ClosureKind.DAY,
    verify: bool = False,
) -> Response:
    """The newest closures; with `verify` the whole record is read, and the page says whether it is whole."""
    organisation_id = keeper.principal.organisation_id
    with services.db.read() as conn:
        book = book_of(conn, organisation_id, entity)
        chained = book.tax_regime in REGIMES
        broken = [f"{one.where} {one.what}" for one in faults(conn, book.legal_entity_id)] if chained and verify else []
        head, closures = _record(conn, book, kind)
        books = books_of(conn, organisation_id)
    notice = None
    if chained and verify:
        notice = Notice("bad", keeper.words.say(BROKEN)) if broken else Notice("ok", keeper.words.say(WHOLE))
    return page(
        "billing/takings.html",
        keeper,
        notice=notice,
        book=book,
        books=books,
        chained=chained,
        head=head,
        closures=closures,
        kind=kind,
        kinds=KINDS,
        broken=broken[:FAULTS_SHOWN],
        said=ReportWords(keeper.words, book.currency),
    )


def _record(conn: Connection, book: Book, kind: ClosureKind) -> tuple[Row[Any] | None, list[Row[Any]]]:
    chain, closure = taking_chain.c, taking_closure.c
    head = conn.execute(
        select(taking_chain).where(
            chain.legal_entity_id == book.legal_entity_id, chain.organisation_id == book.organisation_id
        )
    ).one_or_none()
    closures = conn.execute(
        select(taking_closure)
        .where(
            closure.legal_entity_id == book.legal_entity_id,
            closure.organisation_id == book.organisation_id,
            closure.kind == kind,
        )
        .order_by(closure.number.desc())
        .limit(SHOWN)
    ).all()
    return head, list(closures)
