"""Bank and book side by side: hand in what the bank sent, and say what the lines are that nothing explains."""

from typing import Annotated

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import func, select

from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.errors import ConflictError, TransientError
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reconciliation.bank_file import BYTES_MAX
from portillon_cloud.reconciliation.by_hand import confirm_entry, confirm_transfer, explain, suggestions
from portillon_cloud.reconciliation.errors import BankFileInvalidError, NotOurAccountError, SaidByBankError
from portillon_cloud.reconciliation.receiving import receive
from portillon_cloud.reconciliation.rule import Rule
from portillon_cloud.reconciliation.tables import bank_answer, bank_file
from portillon_cloud.reconciliation.taking_back import explained_last, take_explanation_back
from portillon_cloud.reconciliation.view import reconciliation
from portillon_cloud.reports.book import book_of, books_of
from portillon_cloud.web.bank_words import ENTRIES, RULES
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Entity = Annotated[int, Form(ge=1, le=ID_MAX)]
LineId = Annotated[int, Form(ge=1, le=ID_MAX)]
LINES_SHOWN = 50
EXPLAINED_SHOWN = 20
FILES_SHOWN = 12
CAME_IN = (Rule.PROVIDER, Rule.CASH, Rule.CHEQUES, Rule.NOTED)
WENT_OUT = (Rule.FEE, Rule.PROVIDER, Rule.NOTED)

HANDED_IN = N_("The bank's file is kept, and is being worked through. In some seconds this page shows what came of it.")
KNOWN = N_("This file was handed in before. Nothing was done twice.")
EXPLAINED = N_("The line is explained. Who said so, when and why stays on record.")
OPEN_AGAIN = N_(
    "The line is open again, and what its explanation had moved is moved back. Who said so and why is kept."
)
NO_FILE = N_(
    "This is no file that we read. Ask the bank for camt.053, camt.054 or pain.002, or for a statement as CSV whose"
    " first line names date, description and amount; and hand it in as it is."
)
OTHER_ACCOUNT = N_("This file is of another bank account, or in another currency. Choose the company that it is of.")
NOT_NOW = N_(
    "Nothing was changed: the line was explained meanwhile, or a charge of what is owed is under way. Look again."
)
NOT_THIS = N_("Nothing was changed: the bank itself said what this line is, or somebody else was faster. Look again.")


@router.get("/books/bank")
def bank_page(
    services: ServicesDep,
    keeper: Keeper,
    entity: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
    done: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """What the bank says, what the book says, and every cent between them by name."""
    said = {"file": HANDED_IN, "known": KNOWN, "line": EXPLAINED, "open": OPEN_AGAIN}.get(done)
    return _draw(services, keeper, entity, notice=None if said is None else Notice("ok", keeper.words.say(said)))


@router.post("/books/bank/files", dependencies=[Depends(genuine_form)])
def file_form(services: ServicesDep, keeper: Keeper, entity: Entity, file: Annotated[UploadFile, File()]) -> Response:
    """Hand in a file of the bank; the same file again is the same file."""
    body = file.file.read(BYTES_MAX + 1)
    try:
        with services.db.write() as conn:
            book = own_book(conn, keeper.principal.organisation_id, entity)
            found = receive(
                conn,
                services.keyring,
                book,
                body,
                by=keeper.principal.name,
                now_ms=keeper.organisation.clock.business_ms,
            )
    except BankFileInvalidError:
        return _refused(services, keeper, entity, NO_FILE)
    except NotOurAccountError:
        return _refused(services, keeper, entity, OTHER_ACCOUNT)
    return RedirectResponse(f"/books/bank?entity={entity}&done={'known' if found.known else 'file'}", 303)


@router.post("/books/bank/lines", dependencies=[Depends(genuine_form)])
def line_form(
    services: ServicesDep,
    keeper: Keeper,
    entity: Entity,
    line: LineId,
    rule: Annotated[Rule, Form()],
    reason: Annotated[str, Form(max_length=500)] = "",
    account: Annotated[int | None, Form(ge=1, le=ID_MAX)] = None,
    entry: Annotated[int | None, Form(ge=1, le=ID_MAX)] = None,
) -> Response:
    """Say what a line is: one of what it may be, or something with a reason."""
    organisation_id, by = keeper.principal.organisation_id, keeper.principal.name
    now_ms = keeper.organisation.clock.business_ms
    try:
        with services.db.write() as conn:
            own_book(conn, organisation_id, entity)
            if account is not None:
                confirm_transfer(conn, organisation_id, line, account, by=by, now_ms=now_ms)
            elif entry is not None:
                confirm_entry(conn, organisation_id, line, entry, by=by, now_ms=now_ms)
            else:
                why = reason.strip() or keeper.words.say(RULES[rule])
                explain(conn, organisation_id, line, rule, by=by, reason=why, now_ms=now_ms)
    except (ConflictError, TransientError):
        return _refused(services, keeper, entity, NOT_NOW, status=409)
    return RedirectResponse(f"/books/bank?entity={entity}&done=line", 303)


@router.post("/books/bank/lines/taken-back", dependencies=[Depends(genuine_form)])
def taken_back_form(
    services: ServicesDep,
    keeper: Keeper,
    entity: Entity,
    line: LineId,
    reason: Annotated[str, Form(min_length=1, max_length=500)],
) -> Response:
    """What explains a line is wrong: it is open again."""
    organisation_id, by = keeper.principal.organisation_id, keeper.principal.name
    now_ms = keeper.organisation.clock.business_ms
    try:
        with services.db.write() as conn:
            own_book(conn, organisation_id, entity)
            take_explanation_back(conn, organisation_id, line, by=by, reason=reason, now_ms=now_ms)
    except (ConflictError, SaidByBankError):
        return _refused(services, keeper, entity, NOT_THIS, status=409)
    return RedirectResponse(f"/books/bank?entity={entity}&done=open", 303)


@router.get("/books/bank/files")
@router.get("/books/bank/lines")
@router.get("/books/bank/lines/taken-back")
def after_refusal(_keeper: Keeper) -> Response:
    """Where the language is changed after a refusal: the forms are on the bank's page."""
    return RedirectResponse("/books/bank", 303)


def _refused(services: Services, keeper: Visit, entity: int, why: str, *, status: int = 422) -> Response:
    return _draw(services, keeper, entity, notice=Notice("bad", keeper.words.say(why)), status=status)


def _draw(
    services: Services, keeper: Visit, entity: int | None, *, notice: Notice | None = None, status: int = 200
) -> Response:
    organisation_id = keeper.principal.organisation_id
    with services.db.read() as conn:
        asked = book_of(conn, organisation_id, entity)
        book = own_book(conn, organisation_id, asked.legal_entity_id)
        found = reconciliation(conn, book)
        lines = [(one, suggestions(conn, one)) for one in found.open[:LINES_SHOWN]]
        waiting = (
            select(func.count())
            .select_from(bank_answer)
            .where(bank_answer.c.bank_file_id == bank_file.c.id, bank_answer.c.acted_at_ms.is_(None))
            .scalar_subquery()
        )
        files = conn.execute(
            select(
                bank_file.c.kind,
                bank_file.c.message_id,
                bank_file.c.received_at_ms,
                bank_file.c.received_by,
                waiting.label("waiting"),
            )
            .where(bank_file.c.organisation_id == organisation_id, bank_file.c.legal_entity_id == asked.legal_entity_id)
            .order_by(bank_file.c.id.desc())
            .limit(FILES_SHOWN)
        ).all()
        explained = explained_last(conn, book, limit=EXPLAINED_SHOWN)
        books = books_of(conn, organisation_id)
    return page(
        "billing/bank.html",
        keeper,
        status=status,
        notice=notice,
        book=asked,
        books=books,
        found=found,
        lines=lines,
        explained=explained,
        files=files,
        came_in=CAME_IN,
        went_out=WENT_OUT,
        rule_names=RULES,
        entry_names=ENTRIES,
        said=ReportWords(keeper.words, asked.currency),
    )
