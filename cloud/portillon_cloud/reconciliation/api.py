"""Bank and book over HTTP: hand in what the bank sent, see what is not explained, say what it is."""

import datetime
from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import OnceKey, once
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.reconciliation.bank_file import BYTES_MAX
from portillon_cloud.reconciliation.by_hand import (
    Suggestion,
    confirm_entry,
    confirm_transfer,
    explain,
    suggestions,
)
from portillon_cloud.reconciliation.matching import Line
from portillon_cloud.reconciliation.receiving import receive
from portillon_cloud.reconciliation.rule import SAID_BY_PEOPLE, Rule
from portillon_cloud.reconciliation.sheet import LineRow, line_rows
from portillon_cloud.reconciliation.taking_back import take_explanation_back
from portillon_cloud.reconciliation.view import reconciliation
from portillon_cloud.reports.csv_sheet import csv_sheet

router = APIRouter(tags=["reconciliation"])
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
Day = Annotated[datetime.date, Field(ge=datetime.date(2000, 1, 1), le=datetime.date(2199, 12, 31))]
OPEN_MAX = 200


class BankFileBody(BaseModel):
    """A file of the bank: pain.002, pacs.004, camt.053, camt.054, MT940, or a statement as CSV naming its columns."""

    model_config = ConfigDict(extra="forbid")

    content: Base64Bytes = Field(max_length=BYTES_MAX, description="The file's bytes in base64")


class ReceivedOut(BaseModel):
    """`known`: it was handed in before, and nothing was done now. What it says is done within seconds."""

    bank_file_id: int
    kind: str
    lines: int
    answers: int
    known: bool


class SuggestionOut(BaseModel):
    """What a line may be. `rule` transfer: confirm it with `account_id`; booked: with `id` as the entry."""

    rule: Rule
    id: int
    account_id: int | None
    text: str
    name: str


class LineOut(BaseModel):
    """`amount_minor` < 0: money left. `left_minor`: what of it is not explained."""

    id: int
    booked_on: datetime.date
    amount_minor: int
    left_minor: int
    counterparty: str
    text: str
    suggestions: list[SuggestionOut]


class StandingOut(BaseModel):
    """bank = book + open + noted - unseen + before, on the evening of `closing_on`."""

    closing_on: datetime.date
    bank_minor: int
    book_minor: int
    open_minor: int
    noted_minor: int
    unseen_minor: int
    before_minor: int


class ReconciliationOut(BaseModel):
    """`standing` null: no statement was handed in. `under_way_minor`: taken, and not at the bank."""

    currency: str
    standing: StandingOut | None
    under_way_minor: int
    lines: int
    explained: int
    open: list[LineOut]


class Explained(BaseModel):
    """What is left of a line is this."""

    model_config = ConfigDict(extra="forbid")

    rule: Rule = Field(description=f"One of {', '.join(sorted(SAID_BY_PEOPLE))}")
    reason: str = Field(min_length=1, max_length=500, description="Why; kept for ever")


class Wrong(BaseModel):
    """What explains the line is wrong."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, description="Why; kept for ever")


class TransferOf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account_id: Id


class EntryOf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entry_id: Id


class Done(BaseModel):
    """`payment_id`: of a transfer, the payment that was taken."""

    payment_id: int | None = None


@router.post("/legal-entities/{legal_entity_id}/bank-files", status_code=201)
def hand_in(legal_entity_id: PathId, new: BankFileBody, services: ServicesDep, accountant: Accountant) -> ReceivedOut:
    """Hand in what the bank sent. 409: it is of another account; 422: it is no file that we read."""
    with services.db.write() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
        found = receive(conn, services.keyring, book, new.content, by=accountant.name, now_ms=now_ms)
    return ReceivedOut(
        bank_file_id=found.bank_file_id,
        kind=found.kind,
        lines=found.lines,
        answers=found.answers,
        known=found.known,
    )


@router.get("/legal-entities/{legal_entity_id}/reconciliation")
def get_reconciliation(legal_entity_id: PathId, services: ServicesDep, accountant: Accountant) -> ReconciliationOut:
    """How far bank and book agree, and the newest lines that nothing explains yet, with what they may be."""
    with services.db.read() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        found = reconciliation(conn, book)
        lines = [_line(one, suggestions(conn, one)) for one in found.open[:OPEN_MAX]]
    standing = found.standing
    return ReconciliationOut(
        currency=book.currency,
        standing=None
        if standing is None
        else StandingOut(
            closing_on=standing.closing_on,
            bank_minor=standing.bank_minor,
            book_minor=standing.book_minor,
            open_minor=standing.open_minor,
            noted_minor=standing.noted_minor,
            unseen_minor=standing.unseen_minor,
            before_minor=standing.before_minor,
        ),
        under_way_minor=found.under_way_minor,
        lines=found.lines,
        explained=found.explained,
        open=lines,
    )


@router.get(
    "/legal-entities/{legal_entity_id}/bank-lines",
    response_class=Response,
    responses={200: {"description": "CSV", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def get_lines(
    legal_entity_id: PathId,
    services: ServicesDep,
    accountant: Accountant,
    from_on: Annotated[Day, Query(alias="from")],
    through_on: Annotated[Day, Query(alias="through", description="The last day that counts")],
) -> Response:
    """Every line of these days with what it was found to be, as CSV."""
    with services.db.read() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        rows = line_rows(conn, book, from_on=from_on, through_on=through_on)
    headers = {"Content-Disposition": 'attachment; filename="bank-lines.csv"'}
    return Response(csv_sheet(rows, LineRow, book.currency), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("/bank-lines/{line_id}/explanation")
def explain_line(
    line_id: PathId, new: Explained, services: ServicesDep, accountant: Accountant, key: OnceKey = None
) -> Done:
    """Say what is left of a line: the bank's fee, cash paid in, or of no concern to the book; with the reason."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())

        def done() -> Done:
            explain(
                conn,
                accountant.organisation_id,
                line_id,
                new.rule,
                by=accountant.name,
                reason=new.reason,
                now_ms=now_ms,
            )
            return Done()

        return once(conn, accountant, key, new, Done, done, real_ms=services.clock.real_ms())


@router.post("/bank-lines/{line_id}/transfer")
def transfer_line(
    line_id: PathId, new: TransferOf, services: ServicesDep, accountant: Accountant, key: OnceKey = None
) -> Done:
    """The line is this account's transfer: it is taken as a payment, and what is over is credit."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())

        def done() -> Done:
            paid = confirm_transfer(
                conn, accountant.organisation_id, line_id, new.account_id, by=accountant.name, now_ms=now_ms
            )
            return Done(payment_id=paid)

        return once(conn, accountant, key, new, Done, done, real_ms=services.clock.real_ms())


@router.post("/bank-lines/{line_id}/entry")
def entry_line(
    line_id: PathId, new: EntryOf, services: ServicesDep, accountant: Accountant, key: OnceKey = None
) -> Done:
    """The line is what the ledger has at the bank already, by this entry."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())

        def done() -> Done:
            confirm_entry(conn, accountant.organisation_id, line_id, new.entry_id, by=accountant.name, now_ms=now_ms)
            return Done()

        return once(conn, accountant, key, new, Done, done, real_ms=services.clock.real_ms())


@router.post("/bank-lines/{line_id}/explanation/taken-back")
def take_back_line(
    line_id: PathId, new: Wrong, services: ServicesDep, accountant: Accountant, key: OnceKey = None
) -> Done:
    """What explains the line is wrong: what it moved is moved back, and the line is open again. A transfer is taken
    back from whom it was taken for, who owes again. 409: nothing explains it, or the bank itself said it."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())

        def done() -> Done:
            take_explanation_back(
                conn, accountant.organisation_id, line_id, by=accountant.name, reason=new.reason, now_ms=now_ms
            )
            return Done()

        return once(conn, accountant, key, new, Done, done, real_ms=services.clock.real_ms())


def _line(line: Line, may_be: Sequence[Suggestion]) -> LineOut:
    return LineOut(
        id=line.id,
        booked_on=line.booked_on,
        amount_minor=line.amount_minor,
        left_minor=line.left_minor,
        counterparty=line.counterparty,
        text=line.text,
        suggestions=[
            SuggestionOut(rule=one.rule, id=one.id, account_id=one.account_id, text=one.text, name=one.name)
            for one in may_be
        ],
    )
