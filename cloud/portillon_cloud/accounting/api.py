"""The book over HTTP: balances, statements, periods, write-offs, refunds, entries by hand, and who did what."""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.accounting.acts import Act, Before, acts
from portillon_cloud.accounting.closing import close_months
from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.accounting.statement import Statement, StatementLine, statement
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import RequestKey
from portillon_cloud.http.paging import Id, Limit, PathId
from portillon_cloud.http.problem import not_found, unprocessable
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger import trial_balance
from portillon_cloud.ledger.manual import ManualEntry, record
from portillon_cloud.ledger.periods import Close, closed_through, closes, reopen
from portillon_cloud.ledger.tables import ManualKind
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments.refunds import Refund, refund_credit
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.reports.csv_sheet import OR_CSV, csv_sheet

router = APIRouter(tags=["accounting"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
_FIRST, _LAST = datetime.date(2000, 1, 1), datetime.date(2199, 12, 31)
Day = Annotated[datetime.date, Field(ge=_FIRST, le=_LAST)]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="Why; kept for ever")]
Amount = Annotated[int, Field(gt=0, le=1_000_000_000, description="Minor units (cents)")]


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalanceLine:
    """`balance_minor`: debits less credits."""

    account: str
    kind: str
    debit_minor: int
    credit_minor: int
    balance_minor: int


class TrialBalanceOut(BaseModel):
    """Up to and with `until` (null: all there is); the two sums are equal."""

    legal_entity_id: int
    currency: str
    until: datetime.date | None
    closed_through: datetime.date | None
    lines: list[BalanceLine]
    debit_minor: int
    credit_minor: int


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class NewClose(_Asked):
    through_on: Day = Field(description="The last day of a month: all months up to and with it take no posting")


class NewReopening(_Asked):
    through_on: Day | None = Field(description="What stays closed; null: nothing does")


class NewWriteOff(_Asked):
    amount_minor: Amount | None = Field(default=None, description="Null: all that is owed of it")


class NewRefund(_Asked):
    amount_minor: Amount | None = Field(default=None, description="Null: all of the credit")


class NewEntry(_Asked):
    kind: ManualKind
    amount_minor: Amount
    occurred_on: Day
    account_id: Id | None = Field(default=None, description="Whose deposit it is; of deposits only, and needed there")


class CloseOut(BaseModel):
    through_on: datetime.date | None
    at_ms: int
    by: str
    reason: str


class MadeOut(BaseModel):
    ids: list[int]


class ActsOut(BaseModel):
    """`next_before`: what to send as `before` for what is older; null: there is nothing."""

    items: list[Act]
    next_before: str | None


@router.get("/legal-entities/{legal_entity_id}/trial-balance", response_model=TrialBalanceOut, responses=OR_CSV)
def get_trial_balance(
    legal_entity_id: PathId,
    services: ServicesDep,
    reader: Reader,
    until: Annotated[datetime.date | None, Query(description="The last day that counts")] = None,
    format: Annotated[Format, Query(description="json, or csv")] = Format.JSON,
) -> TrialBalanceOut | Response:
    """Debits, credits and balance of every account of the book."""
    with services.db.read() as conn:
        book = own_book(conn, reader.organisation_id, legal_entity_id)
        found = trial_balance(conn, legal_entity_id=legal_entity_id, currency=book.currency, until=until)
        closed_on = closed_through(conn, legal_entity_id)
    lines = [
        BalanceLine(
            account=one.code.value,
            kind=one.kind,
            debit_minor=one.debit_minor,
            credit_minor=one.credit_minor,
            balance_minor=one.debit_minor - one.credit_minor,
        )
        for one in found
    ]
    if format is Format.CSV:
        return _sheet(csv_sheet(lines, BalanceLine, book.currency), "trial-balance")
    return TrialBalanceOut(
        legal_entity_id=legal_entity_id,
        currency=book.currency,
        until=until,
        closed_through=closed_on,
        lines=lines,
        debit_minor=sum(one.debit_minor for one in lines),
        credit_minor=sum(one.credit_minor for one in lines),
    )


@router.get("/accounts/{account_id}/statement", response_model=Statement, responses=OR_CSV)
def get_statement(
    account_id: PathId,
    services: ServicesDep,
    reader: Reader,
    from_on: Annotated[datetime.date, Query(alias="from")] = _FIRST,
    through_on: Annotated[datetime.date, Query(alias="through")] = _LAST,
    format: Annotated[Format, Query(description="json, or csv of the lines")] = Format.JSON,
) -> Statement | Response:
    """What was owed, each document and payment since, what is owed; below nothing, it is the member's credit.

    Without `from` and `through` all there is.
    """
    if through_on < from_on:
        raise unprocessable("`through` is before `from`.", pointer="/query/through")
    with services.db.read() as conn:
        found = statement(
            conn,
            organisation_id=reader.organisation_id,
            account_id=account_id,
            from_on=from_on,
            through_on=through_on,
        )
    if format is Format.CSV:
        return _sheet(csv_sheet(found.lines, StatementLine, found.currency), f"statement-{account_id}")
    return found


@router.get("/legal-entities/{legal_entity_id}/closes")
def list_closes(legal_entity_id: PathId, services: ServicesDep, reader: Reader) -> list[CloseOut]:
    """Every closing and reopening of the book, the newest first; the newest holds."""
    with services.db.read() as conn:
        own_book(conn, reader.organisation_id, legal_entity_id)
        found = closes(conn, reader.organisation_id, legal_entity_id)
    return [CloseOut(through_on=one.through_on, at_ms=one.at_ms, by=one.by, reason=one.reason) for one in found]


@router.post("/legal-entities/{legal_entity_id}/closes", status_code=204)
def close_book(legal_entity_id: PathId, new: NewClose, services: ServicesDep, accountant: Accountant) -> None:
    """Close months; 409 says why it cannot be done yet."""
    with _writing(services, accountant) as (conn, now_ms):
        act = Close(through_on=new.through_on, at_ms=now_ms, by=accountant.name, reason=new.reason)
        close_months(conn, own_book(conn, accountant.organisation_id, legal_entity_id), act)


@router.post("/legal-entities/{legal_entity_id}/reopenings", status_code=204)
def reopen_book(legal_entity_id: PathId, new: NewReopening, services: ServicesDep, accountant: Accountant) -> None:
    """Open closed months again; who did and why stays on record."""
    with _writing(services, accountant) as (conn, now_ms):
        act = Close(through_on=new.through_on, at_ms=now_ms, by=accountant.name, reason=new.reason)
        reopen(conn, own_book(conn, accountant.organisation_id, legal_entity_id), act)


@router.post("/accounts/{account_id}/invoices/{invoice_id}/write-offs", status_code=201)
def write_invoice_off(
    account_id: PathId,
    invoice_id: PathId,
    new: NewWriteOff,
    services: ServicesDep,
    accountant: Accountant,
    key: RequestKey,
) -> MadeOut:
    """Give up what is owed of an invoice: it becomes a loss, and the member owes it no longer."""
    with _writing(services, accountant) as (conn, now_ms):
        _own_account(conn, accountant, account_id)
        asked = WriteOff(
            organisation_id=accountant.organisation_id,
            account_id=account_id,
            invoice_id=invoice_id,
            by=accountant.name,
            reason=new.reason,
            request_key=key,
            amount_minor=new.amount_minor,
        )
        return MadeOut(ids=[write_off(conn, asked, now_ms=now_ms)])


@router.post("/accounts/{account_id}/refunds", status_code=201)
def refund_open_credit(
    account_id: PathId, new: NewRefund, services: ServicesDep, accountant: Accountant, key: RequestKey
) -> MadeOut:
    """Have open credit paid back: it leaves the credit and waits as payouts, one for each payment or credit note."""
    with _writing(services, accountant) as (conn, now_ms):
        asked = Refund(
            organisation_id=accountant.organisation_id,
            account_id=account_id,
            by=accountant.name,
            reason=new.reason,
            request_key=key,
            amount_minor=new.amount_minor,
        )
        return MadeOut(ids=list(refund_credit(conn, asked, now_ms=now_ms)))


@router.post("/legal-entities/{legal_entity_id}/manual-entries", status_code=201)
def enter_by_hand(
    legal_entity_id: PathId, new: NewEntry, services: ServicesDep, accountant: Accountant, key: RequestKey
) -> MadeOut:
    """Record a deposit, or money that moved between till, bank and provider."""
    with _writing(services, accountant) as (conn, now_ms):
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        if new.kind.value.startswith("deposit") != (new.account_id is not None):
            raise unprocessable("A deposit names its account, and nothing else does.", pointer="/body/account_id")
        if new.account_id is not None and _own_account(conn, accountant, new.account_id) != legal_entity_id:
            raise unprocessable("This account is of another legal entity.", pointer="/body/account_id")
        if new.occurred_on > local_date(now_ms, time_zone_of(conn, accountant.organisation_id)):
            raise unprocessable("This day has not come.", pointer="/body/occurred_on")
        said = ManualEntry(
            kind=new.kind,
            amount_minor=new.amount_minor,
            occurred_on=new.occurred_on,
            by=accountant.name,
            reason=new.reason,
            request_key=key,
            account_id=new.account_id,
        )
        return MadeOut(ids=[record(conn, book, said, now_ms=now_ms)])


@router.get("/billing-acts")
def list_acts(
    services: ServicesDep,
    reader: Reader,
    limit: Limit = 50,
    before: Annotated[
        str | None, Query(pattern=r"^\d{1,16}:[a-z_]+ \d{1,19}$", description="`next_before` of the page before")
    ] = None,
) -> ActsOut:
    """Who did what to contracts and money, when and why; the newest first."""
    ended = None
    if before is not None:
        at_ms, _, subject = before.partition(":")
        ended = Before(int(at_ms), subject)
    with services.db.read() as conn:
        found = list(acts(conn, reader.organisation_id, limit=limit + 1, before=ended))
    more = len(found) > limit
    found = found[:limit]
    return ActsOut(items=found, next_before=f"{found[-1].at_ms}:{found[-1].subject}" if more else None)


@contextmanager
def _writing(services: ServicesDep, who: Principal) -> Iterator[tuple[Connection, int]]:
    with services.db.write() as conn:
        yield conn, business_now_ms(conn, who.organisation_id, services.clock.real_ms())


def _own_account(conn: Connection, who: Principal, account_id: int) -> int:
    """Lock an account of the asker's organisation; its legal entity. Raises Problem 404."""
    column = account.c
    found: int | None = conn.scalar(
        select(column.legal_entity_id).where(column.id == account_id, column.organisation_id == who.organisation_id)
    )
    if found is None:
        raise not_found("account")
    lock_account(conn, account_id)
    return found


def _sheet(text: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
