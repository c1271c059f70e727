"""Direct debits: what waits for its day, the next file for the bank, how the company collects; a payer's mandates."""

import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Path, Query
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, func, select

from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.clock.local import local_date
from portillon_cloud.errors import ConflictError, PermanentError
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.tables import account
from portillon_cloud.payments.sepa.api import xml_file
from portillon_cloud.payments.sepa.bank_days import bank_days_after
from portillon_cloud.payments.sepa.collecting import AHEAD_DAYS, make_file
from portillon_cloud.payments.sepa.errors import NothingToCollectError, NothingToPayBackError
from portillon_cloud.payments.sepa.filing import read_file
from portillon_cloud.payments.sepa.mandates import (
    EURO,
    Creditor,
    NewMandate,
    add_mandate,
    creditor_of,
    revoke_mandate,
    set_creditor,
)
from portillon_cloud.payments.sepa.refunds import make_refund_file, waiting_refunds
from portillon_cloud.payments.sepa.tables import DebitState, sepa_debit, sepa_file, sepa_mandate
from portillon_cloud.payments.tables import payment_method
from portillon_cloud.reports.book import book_of, books_of
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Desk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Entity = Annotated[int, Form(ge=1, le=ID_MAX)]
AccountId = Annotated[int, Path(ge=1, le=ID_MAX)]
FILES_SHOWN = 24

SAVED = N_("How the company collects is saved.")
MADE = N_("The file is made. Download it and hand it in at the bank; it stays here, the same bytes each time.")
WRONG = N_("Nothing was saved: the creditor identifier or the IBAN is wrong. Compare them, digit by digit.")
NOTHING_NOW = N_("No debit goes into a file now. Each goes into one some bank days before it is collected.")
NOTHING_BACK = N_("Nothing waits to be paid back by a file.")
SIGNED = N_("The mandate is kept. From now on it is what this account is charged by.")
REVOKED = N_("The mandate is revoked: nothing more is collected by it.")
WRONG_MANDATE = N_("Nothing was saved: the IBAN is wrong, the reference is used already, or a value is missing.")


@router.get("/books/debits")
def debits_page(
    services: ServicesDep,
    keeper: Keeper,
    entity: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
    done: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """What waits by day, the files that were made, and how the company collects."""
    said = {"saved": SAVED, "made": MADE}.get(done)
    return _draw(services, keeper, entity, notice=None if said is None else Notice("ok", keeper.words.say(said)))


@router.post("/books/debits/creditor", dependencies=[Depends(genuine_form)])
def creditor_form(
    services: ServicesDep,
    keeper: Keeper,
    entity: Entity,
    creditor_id: Annotated[str, Form(max_length=50)],
    iban: Annotated[str, Form(max_length=50)],
    notice_days: Annotated[int, Form(ge=1, le=60)],
    file_days: Annotated[int, Form(ge=1, le=14)],
) -> Response:
    """Let the company collect, or change how."""
    said = Creditor(creditor_id=creditor_id, iban=iban, notice_days=notice_days, file_days=file_days)
    try:
        with services.db.write() as conn:
            book = own_book(conn, keeper.principal.organisation_id, entity)
            set_creditor(conn, book, said, by=keeper.principal.name, now_ms=keeper.organisation.clock.business_ms)
    except PermanentError:
        return _draw(services, keeper, entity, notice=Notice("bad", keeper.words.say(WRONG)), status=422)
    return RedirectResponse(f"/books/debits?entity={entity}&done=saved", 303)


@router.post("/books/debits/files", dependencies=[Depends(genuine_form)])
def make_form(services: ServicesDep, keeper: Keeper, entity: Entity) -> Response:
    """Put what waits into the next file; pressed twice there is nothing left for a second one."""
    clock = keeper.organisation.clock
    try:
        with services.db.write() as conn:
            book = own_book(conn, keeper.principal.organisation_id, entity)
            today = local_date(clock.business_ms, keeper.organisation.time_zone)
            make_file(conn, services.keyring, book, today=today, by=keeper.principal.name, now_ms=clock.business_ms)
    except NothingToCollectError:
        notice = Notice("warn", keeper.words.say(NOTHING_NOW))
        return _draw(services, keeper, entity, notice=notice, status=409)
    return RedirectResponse(f"/books/debits?entity={entity}&done=made", 303)


@router.post("/books/debits/refund-files", dependencies=[Depends(genuine_form)])
def refund_form(services: ServicesDep, keeper: Keeper, entity: Entity) -> Response:
    """Put what waits to be paid back into the next file of transfers."""
    clock = keeper.organisation.clock
    try:
        with services.db.write() as conn:
            book = own_book(conn, keeper.principal.organisation_id, entity)
            today = local_date(clock.business_ms, keeper.organisation.time_zone)
            make_refund_file(
                conn, services.keyring, book, today=today, by=keeper.principal.name, now_ms=clock.business_ms
            )
    except NothingToPayBackError:
        notice = Notice("warn", keeper.words.say(NOTHING_BACK))
        return _draw(services, keeper, entity, notice=notice, status=409)
    return RedirectResponse(f"/books/debits?entity={entity}&done=made", 303)


@router.get("/books/debits/files/{file_id}")
def file_download(services: ServicesDep, keeper: Keeper, file_id: AccountId) -> Response:
    """The file for the bank."""
    with services.db.read() as conn:
        name, body = read_file(
            conn, services.keyring, organisation_id=keeper.principal.organisation_id, file_id=file_id
        )
    return xml_file(name, body)


@router.get("/accounts/{account_id}/mandates")
def mandates_page(
    services: ServicesDep, reader: Reader, account_id: AccountId, done: Annotated[str, Query(max_length=10)] = ""
) -> Response:
    """The mandates of one payer, the newest first: that one is charged."""
    said = {"signed": SIGNED, "revoked": REVOKED}.get(done)
    notice = None if said is None else Notice("ok", reader.words.say(said))
    return _draw_mandates(services, reader, account_id, notice=notice)


@router.post("/accounts/{account_id}/mandates", dependencies=[Depends(genuine_form)])
def mandate_form(
    services: ServicesDep,
    desk: Desk,
    account_id: AccountId,
    debtor_name: Annotated[str, Form(max_length=70)],
    iban: Annotated[str, Form(max_length=50)],
    signed_on: Annotated[datetime.date, Form()],
    reference: Annotated[str, Form(max_length=35)] = "",
) -> Response:
    """Keep a mandate that the payer signed."""
    new = NewMandate(
        organisation_id=desk.principal.organisation_id,
        account_id=account_id,
        debtor_name=debtor_name,
        iban=iban,
        signed_on=signed_on,
        reference=reference.strip() or None,
    )
    now_ms = desk.organisation.clock.business_ms
    try:
        with services.db.write() as conn:
            _payer(conn, desk, account_id)
            add_mandate(conn, services.keyring, new, by=desk.principal.name, now_ms=now_ms)
    except (PermanentError, ConflictError):
        notice = Notice("bad", desk.words.say(WRONG_MANDATE))
        return _draw_mandates(services, desk, account_id, notice=notice, status=422)
    return RedirectResponse(f"/accounts/{account_id}/mandates?done=signed", 303)


@router.post("/accounts/{account_id}/mandates/{mandate_id}/revoke", dependencies=[Depends(genuine_form)])
def revoke_form(services: ServicesDep, desk: Desk, account_id: AccountId, mandate_id: AccountId) -> Response:
    """The payer took it back."""
    today = local_date(desk.organisation.clock.business_ms, desk.organisation.time_zone)
    with services.db.write() as conn:
        _payer(conn, desk, account_id)
        revoke_mandate(conn, organisation_id=desk.principal.organisation_id, mandate_id=mandate_id, on=today)
    return RedirectResponse(f"/accounts/{account_id}/mandates?done=revoked", 303)


def _draw(
    services: Services, keeper: Visit, entity: int | None, *, notice: Notice | None = None, status: int = 200
) -> Response:
    organisation_id = keeper.principal.organisation_id
    today = local_date(keeper.organisation.clock.business_ms, keeper.organisation.time_zone)
    with services.db.read() as conn:
        asked = book_of(conn, organisation_id, entity)
        book = own_book(conn, organisation_id, asked.legal_entity_id)
        creditor = creditor_of(conn, organisation_id, asked.legal_entity_id)
        ahead = AHEAD_DAYS if creditor is None else max(AHEAD_DAYS, creditor.file_days)
        days = _waiting(conn, book)
        back, back_minor = waiting_refunds(conn, book)
        files = conn.execute(
            select(sepa_file)
            .where(
                sepa_file.c.organisation_id == organisation_id,
                sepa_file.c.legal_entity_id == asked.legal_entity_id,
            )
            .order_by(sepa_file.c.id.desc())
            .limit(FILES_SHOWN)
        ).all()
        books = books_of(conn, organisation_id)
    return page(
        "billing/debits.html",
        keeper,
        status=status,
        notice=notice,
        book=asked,
        books=books,
        euros=asked.currency == EURO,
        creditor=creditor,
        days=days,
        back=back,
        back_minor=back_minor,
        now_through=bank_days_after(today, ahead),
        ahead=AHEAD_DAYS,
        files=files,
        said=ReportWords(keeper.words, asked.currency),
    )


def _draw_mandates(
    services: Services, reader: Visit, account_id: int, *, notice: Notice | None = None, status: int = 200
) -> Response:
    with services.db.read() as conn:
        payer = _payer(conn, reader, account_id)
        mandates = conn.execute(
            select(sepa_mandate, payment_method.c.label)
            .join(payment_method, payment_method.c.id == sepa_mandate.c.payment_method_id)
            .where(
                sepa_mandate.c.account_id == account_id,
                sepa_mandate.c.organisation_id == reader.principal.organisation_id,
            )
            .order_by(sepa_mandate.c.id.desc())
        ).all()
    return page(
        "billing/mandates.html",
        reader,
        status=status,
        notice=notice,
        payer=payer,
        mandates=mandates,
        today=local_date(reader.organisation.clock.business_ms, reader.organisation.time_zone),
    )


def _waiting(conn: Connection, book: Book) -> list[Row[tuple[object, ...]]]:
    """What waits, by day."""
    column = sepa_debit.c
    return list(
        conn.execute(
            select(column.collect_on, func.count().label("debits"), func.sum(column.amount_minor).label("total_minor"))
            .where(
                column.organisation_id == book.organisation_id,
                column.legal_entity_id == book.legal_entity_id,
                column.state == DebitState.WAITING,
            )
            .group_by(column.collect_on)
            .order_by(column.collect_on)
        )
    )


def _payer(conn: Connection, visit: Visit, account_id: int) -> Row[Any, Any]:
    """Raises Problem 404."""
    column = account.c
    found = conn.execute(
        select(column.id, column.name).where(
            column.id == account_id, column.organisation_id == visit.principal.organisation_id
        )
    ).one_or_none()
    if found is None:
        raise not_found("account")
    return found
