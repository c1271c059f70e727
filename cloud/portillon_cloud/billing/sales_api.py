"""Sales without a subscription over HTTP: shown, sold, and taken back."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.billing.sale_draft import Thing
from portillon_cloud.billing.sales import Brought, Returned, Sold, preview_sale, sell, take_back
from portillon_cloud.billing.subscription_api import DocumentOut
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.once import RequestKey
from portillon_cloud.http.paging import Id, PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission

router = APIRouter(tags=["billing"])
Desk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
_LINES_MOST = 50


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ThingBody(Body):
    """Goods or a service: its text on the invoice, how many, what one costs in minor units."""

    description: str = Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")
    quantity: int = Field(default=1, ge=1, le=10_000)
    unit_minor: int = Field(ge=0, le=100_000_000)
    taxable: bool = True
    tax_category: TaxCategory = Field(default=TaxCategory.STANDARD, description="What it is, as tax laws tell it apart")


class NewSale(Body):
    account_id: Id
    lines: list[ThingBody] = Field(min_length=1, max_length=_LINES_MOST)
    tax_inclusive: bool = Field(default=False, description="Whether prices have their taxes inside")


class SaleOut(BaseModel):
    """`invoice_ids` are empty of a preview; what is taxed otherwise is invoiced apart."""

    invoice_ids: list[int]
    invoices: list[DocumentOut]
    total_minor: int


class ReturnedBody(Body):
    position: int = Field(ge=1, le=_LINES_MOST, description="Of the line on the invoice, from 1")
    quantity: int = Field(ge=1, le=10_000)


class NewReturn(Body):
    lines: list[ReturnedBody] = Field(min_length=1, max_length=_LINES_MOST)
    reason: str = Field(min_length=1, max_length=200, description="As it stands on the credit note")


class CreditNoteMade(BaseModel):
    credit_note_id: int


@router.post("/sales", status_code=HTTPStatus.CREATED)
def make_sale(
    new: NewSale,
    request_key: RequestKey,
    services: ServicesDep,
    seller: Desk,
    response: Response,
    preview: Annotated[bool, Query(description="Only say what it would come to; nothing is written")] = False,
) -> SaleOut:
    """Invoice goods or services to an account, due like every invoice; the same request twice is one sale."""
    asked = Sold(
        organisation_id=seller.organisation_id,
        account_id=new.account_id,
        things=tuple(Thing(**line.model_dump()) for line in new.lines),
        tax_inclusive=new.tax_inclusive,
        request_key=_key(seller, request_key),
        by=seller.name,
    )
    made: list[int] = []
    if preview:
        response.status_code = HTTPStatus.OK
        with services.db.read() as conn:
            now_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
            drafts = preview_sale(conn, asked, now_ms=now_ms)
    else:
        with services.db.write() as conn:
            now_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
            drafts = preview_sale(conn, asked, now_ms=now_ms)
            made = list(sell(conn, asked, now_ms=now_ms))
    return SaleOut(
        invoice_ids=made,
        invoices=[
            DocumentOut(
                lines=[line.description for line in draft.lines],
                net_minor=draft.net_minor,
                tax_minor=draft.tax_minor,
                total_minor=draft.total_minor,
            )
            for draft in drafts
        ],
        total_minor=sum(draft.total_minor for draft in drafts),
    )


@router.post("/sales/{invoice_id}/returns", status_code=HTTPStatus.CREATED)
def return_sale(
    invoice_id: PathId, new: NewReturn, request_key: RequestKey, services: ServicesDep, seller: Desk
) -> CreditNoteMade:
    """Take back so many of some lines of a sale: a credit note, used for what is owed, else kept as credit."""
    brought = Brought(
        organisation_id=seller.organisation_id,
        invoice_id=invoice_id,
        lines=tuple(Returned(one.position, one.quantity) for one in new.lines),
        reason=new.reason,
        request_key=_key(seller, request_key),
    )
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, seller.organisation_id, services.clock.real_ms())
        return CreditNoteMade(credit_note_id=take_back(conn, brought, now_ms=now_ms))


def _key(seller: Principal, request_key: str) -> str:
    return f"{seller.kind}:{seller.id}:{request_key}"
