"""Goods and services sold to an account without a subscription, shown before they are; and what is brought back."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection, Row, select

from portillon_cloud.billing.errors import SaleRefusedError
from portillon_cloud.billing.sale_draft import SaleDraft, Thing
from portillon_cloud.billing.sales import Brought, Returned, Sold, preview_sale, sell, sold_lines, take_back
from portillon_cloud.billing.tax_catalogue import TaxCategory
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger.errors import PeriodClosedError
from portillon_cloud.members.tables import account, legal_entity
from portillon_cloud.reports.invoice_view import invoice_view
from portillon_cloud.web.amount import AmountError, amount_minor
from portillon_cloud.web.plan_words import TAX_CATEGORIES
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.report_words import ReportWords
from portillon_cloud.web.settings import typed_lists
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Lists = Annotated[dict[str, list[str]], Depends(typed_lists)]
RequestKey = Annotated[str, Form(min_length=8, max_length=64)]
LINES_MOST, LINES_SHOWN = 20, 3
QUANTITY_MOST, TEXT_MOST = 10_000, 200

NOTHING = N_("Nothing was sold: write at least one line, with what it is, how many, and what one costs.")
NOT_UNDERSTOOD = N_("Nothing was sold: line %(line)s lacks something. Say what it is, how many, and what one costs.")
SOLD_ALREADY = N_("This form was sent before with other lines. Look at the account before you sell again.")
NOT_SO_MANY = N_("Nothing was taken back: not so many of that are left. Say how many of which line come back.")
MONTH_CLOSED = N_("This month is closed in the books. Open it again first.")
WITHOUT_TAX = frozenset({"ca-qc", "none"})
"""Tax regimes under which prices are told without their taxes."""


@dataclass(frozen=True, slots=True)
class Typed:
    """One line of the form, as it was typed."""

    description: str = ""
    quantity: str = "1"
    unit: str = ""
    category: str = TaxCategory.STANDARD

    @property
    def empty(self) -> bool:
        """Whether nobody wrote anything there."""
        return not (self.description.strip() or self.unit.strip())


class _LineError(ValueError):
    """What was typed in a line is no thing that could be sold."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is not understood")
        self.line = line


@router.get("/accounts/{account_id}/sale")
def sale_page(account_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """An empty form."""
    return _draw_sale(services, clerk, account_id)


@router.post("/accounts/{account_id}/sale", dependencies=[Depends(genuine_form)])
def sale_form(
    account_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    typed: Lists,
    request_key: RequestKey,
    with_tax: Annotated[bool, Form()] = False,
    confirmed: Annotated[bool, Form()] = False,
) -> Response:
    """What it comes to; once confirmed it is sold, once, however often the button is pressed."""
    lines = _lines(typed)
    drawn: dict[str, Any] = {"lines": lines, "with_tax": with_tax, "request_key": request_key}
    now_ms = clerk.organisation.clock.business_ms
    try:
        with services.db.read() as conn:
            currency = _buyer(conn, clerk, account_id).currency
        asked = Sold(
            organisation_id=clerk.organisation.id,
            account_id=account_id,
            things=_things(lines, currency),
            tax_inclusive=with_tax,
            request_key=f"staff:{clerk.principal.id}:{request_key}",
            by=clerk.principal.name,
        )
        if confirmed:
            with services.db.write() as conn:
                sell(conn, asked, now_ms=now_ms)
            return RedirectResponse(f"/accounts/{account_id}?done=sold", 303)
        with services.db.read() as conn:
            drafts = preview_sale(conn, asked, now_ms=now_ms)
    except _LineError as error:
        problem = clerk.words.say(NOT_UNDERSTOOD, line=error.line) if error.line else clerk.words.say(NOTHING)
        return _draw_sale(services, clerk, account_id, **drawn, notice=Notice("bad", problem), status=422)
    except (SaleRefusedError, PeriodClosedError) as error:
        problem = clerk.words.say(SOLD_ALREADY if isinstance(error, SaleRefusedError) else MONTH_CLOSED)
        return _draw_sale(services, clerk, account_id, **drawn, notice=Notice("bad", problem), status=409)
    return _draw_sale(services, clerk, account_id, **drawn, drafts=drafts)


@router.get("/invoices/{invoice_id}/return")
def return_page(invoice_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """Each line of the sale, and how many of it can come back."""
    return _draw_return(services, clerk, invoice_id)


@router.post("/invoices/{invoice_id}/return", dependencies=[Depends(genuine_form)])
def return_form(
    invoice_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    typed: Lists,
    request_key: RequestKey,
    reason: Annotated[str, Form(min_length=1, max_length=200, pattern=r"\S")],
) -> Response:
    """A credit note for what comes back, once; or the form again with what was wrong."""
    counts = {name.partition(":")[2]: values[0].strip() for name, values in typed.items() if name.startswith("back:")}
    try:
        brought = Brought(
            organisation_id=clerk.organisation.id,
            invoice_id=invoice_id,
            lines=tuple(
                Returned(_count(position), _count(count))
                for position, count in counts.items()
                if count not in ("", "0")
            ),
            reason=reason.strip(),
            request_key=f"staff:{clerk.principal.id}:{request_key}",
        )
        if not brought.lines:
            raise SaleRefusedError("lines: nothing comes back")
        with services.db.write() as conn:
            take_back(conn, brought, now_ms=clerk.organisation.clock.business_ms)
            found = invoice_view(conn, organisation_id=clerk.organisation.id, invoice_id=invoice_id)
    except (SaleRefusedError, ValueError):
        problem = NOT_SO_MANY
    except PeriodClosedError:
        problem = MONTH_CLOSED
    else:
        if found is None:
            raise not_found("invoice")
        return RedirectResponse(f"/accounts/{found.account_id}?done=brought-back", 303)
    notice = Notice("bad", clerk.words.say(problem))
    return _draw_return(services, clerk, invoice_id, counts=counts, reason=reason, notice=notice, status=422)


def _lines(typed: Mapping[str, list[str]]) -> tuple[Typed, ...]:
    columns = [typed.get(name, [])[:LINES_MOST] for name in ("description", "quantity", "unit", "category")]
    lines = (Typed(*(text[:TEXT_MOST] for text in row)) for row in zip_longest(*columns, fillvalue=""))
    return tuple(one for one in lines if not one.empty)


def _things(lines: Sequence[Typed], currency: str) -> tuple[Thing, ...]:
    """Raises _LineError with the number of the line; 0: there is none."""
    if not lines:
        raise _LineError(0)
    things = []
    for number, line in enumerate(lines, start=1):
        try:
            thing = Thing(
                description=" ".join(line.description.split()),
                quantity=_count(line.quantity),
                unit_minor=amount_minor(line.unit, currency),
                tax_category=TaxCategory(line.category),
            )
        except (AmountError, ValueError) as error:
            raise _LineError(number) from error
        if not thing.description:
            raise _LineError(number)
        things.append(thing)
    return tuple(things)


def _count(text: str) -> int:
    """Raises ValueError."""
    plain = text.strip()
    if not (plain.isascii() and plain.isdigit() and len(plain) <= 5 and 0 < int(plain) <= QUANTITY_MOST):
        raise ValueError(f"{text!r} is no number of things")
    return int(plain)


def _buyer(conn: Connection, clerk: Visit, account_id: int) -> Row[Any, Any, Any, Any]:
    """Raises Problem 404 for an account of nobody here."""
    found = conn.execute(
        select(account.c.id, account.c.name, legal_entity.c.currency, legal_entity.c.tax_regime)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .where(account.c.organisation_id == clerk.organisation.id, account.c.id == account_id)
    ).one_or_none()
    if found is None:
        raise not_found("account")
    return found


def _draw_sale(
    services: Services,
    clerk: Visit,
    account_id: int,
    *,
    lines: Sequence[Typed] = (),
    with_tax: bool | None = None,
    request_key: str | None = None,
    drafts: Sequence[SaleDraft] = (),
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        buyer = _buyer(conn, clerk, account_id)
    more = max(LINES_SHOWN - len(lines), 1) if len(lines) < LINES_MOST else 0
    return page(
        "billing/sale.html",
        clerk,
        status=status,
        notice=notice,
        buyer=buyer,
        typed=lines,
        rows=[*lines, *[Typed()] * more],
        with_tax=buyer.tax_regime not in WITHOUT_TAX if with_tax is None else with_tax,
        categories=TAX_CATEGORIES,
        drafts=drafts,
        total_minor=sum(draft.total_minor for draft in drafts),
        request_key=request_key or secrets.token_urlsafe(16),
        money=ReportWords(clerk.words, buyer.currency).money,
    )


def _draw_return(
    services: Services,
    clerk: Visit,
    invoice_id: int,
    *,
    counts: Mapping[str, str] | None = None,
    reason: str = "",
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    """Raises UnknownSaleError."""
    with services.db.read() as conn:
        lines = sold_lines(conn, clerk.organisation.id, invoice_id)
        found = invoice_view(conn, organisation_id=clerk.organisation.id, invoice_id=invoice_id)
    if found is None:
        raise not_found("invoice")
    return page(
        "billing/sale_return.html",
        clerk,
        status=status,
        notice=notice,
        invoice=found,
        lines=lines,
        counts=counts or {},
        reason=reason,
        request_key=secrets.token_urlsafe(16),
    )
