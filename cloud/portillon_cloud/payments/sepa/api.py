"""Direct debits over HTTP: who collects, mandates, and the files for the bank."""

import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection, select

from portillon_cloud.accounting.own_book import own_book
from portillon_cloud.clock import business_now_ms
from portillon_cloud.clock.local import local_date
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import OnceKey, once
from portillon_cloud.http.paging import After, Id, Limit, Page, PathId, page_of
from portillon_cloud.http.problem import not_found
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import account
from portillon_cloud.payments.sepa.collecting import make_file
from portillon_cloud.payments.sepa.filing import read_file
from portillon_cloud.payments.sepa.mandates import (
    FILE_DAYS,
    NOTICE_DAYS,
    Creditor,
    NewMandate,
    add_mandate,
    creditor_of,
    revoke_mandate,
    set_creditor,
)
from portillon_cloud.payments.sepa.refunds import make_refund_file
from portillon_cloud.payments.sepa.tables import FileOf, sepa_file, sepa_mandate
from portillon_cloud.payments.tables import payment_method

router = APIRouter(tags=["direct debits"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Desk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Accountant = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
Day = Annotated[datetime.date, Field(ge=datetime.date(2000, 1, 1), le=datetime.date(2199, 12, 31))]


class CreditorBody(BaseModel):
    """How a company collects."""

    model_config = ConfigDict(extra="forbid")

    creditor_id: str = Field(max_length=50, description="SEPA creditor identifier", examples=["FR72ZZZ123456"])
    iban: str = Field(max_length=50, description="Where the money goes", examples=["FR1420041010050500013M02606"])
    notice_days: int = Field(default=NOTICE_DAYS, ge=1, le=60, description="As agreed with payers; else 14")
    file_days: int = Field(default=FILE_DAYS, ge=1, le=14, description="Bank days from file to collection")


class MandateBody(BaseModel):
    """What the payer signed."""

    model_config = ConfigDict(extra="forbid")

    debtor_name: str = Field(max_length=70, description="As the account is named")
    iban: str = Field(max_length=50, description="Kept sealed, and never shown again")
    signed_on: Day
    reference: str | None = Field(default=None, max_length=35, description="Of an older system; null: one is made")
    used_on: Day | None = Field(default=None, description="Last collection by an older system")


class MandateOut(BaseModel):
    id: int
    reference: str
    label: str
    debtor_name: str
    signed_on: datetime.date
    used_on: datetime.date | None
    revoked_on: datetime.date | None


class MadeMandate(BaseModel):
    id: int


class NoContent(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DebitFileOut(BaseModel):
    """`number`: without a gap in its company; `orders`: how many it holds; `sha256`: of the bytes as they were made."""

    id: int
    kind: FileOf
    number: int
    orders: int
    total_minor: int
    sha256: str
    made_at_ms: int
    made_by: str


@router.get("/legal-entities/{legal_entity_id}/sepa-creditor")
def get_creditor(legal_entity_id: PathId, services: ServicesDep, reader: Reader) -> CreditorBody:
    """How the company collects; 404: it does not."""
    with services.db.read() as conn:
        own_book(conn, reader.organisation_id, legal_entity_id)
        found = creditor_of(conn, reader.organisation_id, legal_entity_id)
    if found is None:
        raise not_found("creditor")
    return CreditorBody(
        creditor_id=found.creditor_id, iban=found.iban, notice_days=found.notice_days, file_days=found.file_days
    )


@router.put("/legal-entities/{legal_entity_id}/sepa-creditor", status_code=204)
def put_creditor(legal_entity_id: PathId, new: CreditorBody, services: ServicesDep, accountant: Accountant) -> None:
    """Let the company collect, or change how. 409: its book is not in euros; 422: check digits that do not fit."""
    with services.db.write() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
        set_creditor(conn, book, Creditor(**new.model_dump()), by=accountant.name, now_ms=now_ms)


@router.get("/accounts/{account_id}/sepa-mandates")
def list_mandates(account_id: PathId, services: ServicesDep, reader: Reader) -> list[MandateOut]:
    """The account's mandates, the newest first: that one is charged."""
    with services.db.read() as conn:
        _require_account(conn, reader, account_id)
        rows = conn.execute(
            select(sepa_mandate, payment_method.c.label)
            .join(payment_method, payment_method.c.id == sepa_mandate.c.payment_method_id)
            .where(sepa_mandate.c.account_id == account_id, sepa_mandate.c.organisation_id == reader.organisation_id)
            .order_by(sepa_mandate.c.id.desc())
            .limit(100)
        ).all()
    return [
        MandateOut(
            id=row.id,
            reference=row.reference,
            label=row.label,
            debtor_name=row.debtor_name,
            signed_on=row.signed_on,
            used_on=row.used_on,
            revoked_on=row.revoked_on,
        )
        for row in rows
    ]


@router.post("/accounts/{account_id}/sepa-mandates", status_code=201)
def add(account_id: PathId, new: MandateBody, services: ServicesDep, desk: Desk, key: OnceKey = None) -> MadeMandate:
    """Keep a mandate that was signed; from now on the account is charged by it."""
    with services.db.write() as conn:
        _require_account(conn, desk, account_id)
        now_ms = business_now_ms(conn, desk.organisation_id, services.clock.real_ms())
        said = NewMandate(organisation_id=desk.organisation_id, account_id=account_id, **new.model_dump())
        return once(
            conn,
            desk,
            key,
            new,
            MadeMandate,
            lambda: MadeMandate(id=add_mandate(conn, services.keyring, said, by=desk.name, now_ms=now_ms)),
            real_ms=services.clock.real_ms(),
        )


@router.post("/sepa-mandates/{mandate_id}/revoke", status_code=204)
def revoke(mandate_id: PathId, services: ServicesDep, desk: Desk) -> None:
    """The payer took it back: nothing more is collected by it."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, desk.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, time_zone_of(conn, desk.organisation_id))
        revoke_mandate(conn, organisation_id=desk.organisation_id, mandate_id=mandate_id, on=today)


@router.get("/legal-entities/{legal_entity_id}/debit-files")
def list_files(
    legal_entity_id: PathId, services: ServicesDep, accountant: Accountant, limit: Limit = 50, after: After = 0
) -> Page[DebitFileOut]:
    """The files made for the bank, the first first."""
    with services.db.read() as conn:
        own_book(conn, accountant.organisation_id, legal_entity_id)
        rows = conn.execute(
            select(sepa_file)
            .where(
                sepa_file.c.organisation_id == accountant.organisation_id,
                sepa_file.c.legal_entity_id == legal_entity_id,
                sepa_file.c.id > after,
            )
            .order_by(sepa_file.c.id)
            .limit(limit + 1)
        ).all()
    items = [
        DebitFileOut(
            id=row.id,
            kind=row.kind,
            number=row.number,
            orders=row.orders,
            total_minor=row.total_minor,
            sha256=row.sha256,
            made_at_ms=row.made_at_ms,
            made_by=row.made_by,
        )
        for row in rows
    ]
    return page_of(items, [row.id for row in rows], limit)


class MadeFile(BaseModel):
    id: Id
    number: int
    orders: int
    total_minor: int


@router.post("/legal-entities/{legal_entity_id}/debit-files", status_code=201)
def make(legal_entity_id: PathId, services: ServicesDep, accountant: Accountant, key: OnceKey = None) -> MadeFile:
    """Put what waits for its day into the next file, once. 409: nothing waits now, or the company does not collect."""
    with services.db.write() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, time_zone_of(conn, accountant.organisation_id))

        def made() -> MadeFile:
            one = make_file(conn, services.keyring, book, today=today, by=accountant.name, now_ms=now_ms)
            return MadeFile(id=one.id, number=one.number, orders=one.debits, total_minor=one.total_minor)

        return once(conn, accountant, key, NoContent(), MadeFile, made, real_ms=services.clock.real_ms())


@router.post("/legal-entities/{legal_entity_id}/refund-files", status_code=201)
def make_of_refunds(
    legal_entity_id: PathId, services: ServicesDep, accountant: Accountant, key: OnceKey = None
) -> MadeFile:
    """Put what waits to be paid back into the next file of transfers (pain.001), once; with it the payouts are paid.
    409: nothing waits, or the company has no account."""
    with services.db.write() as conn:
        book = own_book(conn, accountant.organisation_id, legal_entity_id)
        now_ms = business_now_ms(conn, accountant.organisation_id, services.clock.real_ms())
        today = local_date(now_ms, time_zone_of(conn, accountant.organisation_id))

        def made() -> MadeFile:
            one = make_refund_file(conn, services.keyring, book, today=today, by=accountant.name, now_ms=now_ms)
            return MadeFile(id=one.id, number=one.number, orders=one.debits, total_minor=one.total_minor)

        return once(conn, accountant, key, NoContent(), MadeFile, made, real_ms=services.clock.real_ms())


@router.get(
    "/debit-files/{file_id}",
    response_class=Response,
    responses={
        200: {"description": "pain.008 or pain.001", "content": {"application/xml": {"schema": {"type": "string"}}}}
    },
)
def get_file(file_id: PathId, services: ServicesDep, accountant: Accountant) -> Response:
    """The file as it was made, the same bytes each time."""
    with services.db.read() as conn:
        name, body = read_file(conn, services.keyring, organisation_id=accountant.organisation_id, file_id=file_id)
    return xml_file(name, body)


def xml_file(name: str, body: bytes) -> Response:
    """The file as a download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type="application/xml", headers=headers)


def _require_account(conn: Connection, who: Principal, account_id: int) -> None:
    """Raises Problem 404."""
    column = account.c
    mine = (column.id == account_id, column.organisation_id == who.organisation_id)
    if conn.scalar(select(column.id).where(*mine)) is None:
        raise not_found("account")
