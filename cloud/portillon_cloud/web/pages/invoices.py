"""One invoice, and taking a payment for it at the desk."""

import secrets
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.ledger.errors import PeriodClosedError
from portillon_cloud.money import Money
from portillon_cloud.payments.errors import ChargeUnderWayError, NothingOwedError, OverpaymentError
from portillon_cloud.payments.operations import DeskPayment, take_payment
from portillon_cloud.payments.owed import unpaid_invoices
from portillon_cloud.payments.tables import Means
from portillon_cloud.payments.write_off import WriteOff, write_off
from portillon_cloud.reports.invoice_view import InvoiceView, invoice_view, ladder_of
from portillon_cloud.web.amount import AmountError, amount_minor, amount_text
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Cashier = Annotated[Visit, Depends(visit_with(Permission.TAKE_PAYMENT))]
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]
DESK_MEANS = (Means.TERMINAL, Means.CASH, Means.CHEQUE, Means.TRANSFER)

UNDER_WAY = N_("A card is being charged for this at this moment. Try again when that is decided.")
WRITTEN_OFF = N_("It is written off: the member owes it no longer, and it is a loss in the books.")
NOT_THAT_MUCH = N_("Not that much is owed of it. Write off at most what is owed.")
MONTH_CLOSED = N_("This month is closed in the books. Open it again first.")


@router.get("/invoices/{invoice_id}")
def invoice_page(
    invoice_id: PathId, services: ServicesDep, reader: Reader, paid: bool = False, given_up: bool = False
) -> Response:
    """The document as issued, and what has become of it."""
    found = _invoice(services, reader, invoice_id)
    notice = Notice("ok", reader.words.say("The payment is recorded.")) if paid else None
    if given_up:
        notice = Notice("ok", reader.words.say(WRITTEN_OFF))
    return _invoice_page(found, reader, notice)


@router.get("/invoices/{invoice_id}/write-off")
def write_off_page(invoice_id: PathId, _keeper: Keeper) -> Response:
    """Where the language is changed after a refusal: the form is on the invoice."""
    return RedirectResponse(f"/invoices/{invoice_id}", 303)


@router.post("/invoices/{invoice_id}/write-off", dependencies=[Depends(genuine_form)])
def write_off_form(
    invoice_id: PathId,
    services: ServicesDep,
    keeper: Keeper,
    amount: Annotated[str, Form(max_length=30)],
    reason: Annotated[str, Form(min_length=1, max_length=500, pattern=r"\S")],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Give up what nobody hopes for any more, once, however often the button is pressed; or say what was wrong."""
    found = _invoice(services, keeper, invoice_id)
    try:
        asked = WriteOff(
            organisation_id=keeper.principal.organisation_id,
            account_id=found.account_id,
            invoice_id=invoice_id,
            by=keeper.principal.name,
            reason=reason,
            request_key=f"staff:{keeper.principal.id}:{request_key}",
            amount_minor=amount_minor(amount, found.summary.owed.currency),
        )
        with services.db.write() as conn:
            write_off(conn, asked, now_ms=keeper.organisation.clock.business_ms)
    except AmountError:
        problem = N_("Write the amount as a number, for example 49.99.")
    except (OverpaymentError, NothingOwedError):
        problem = NOT_THAT_MUCH
    except PeriodClosedError:
        problem = MONTH_CLOSED
    except ChargeUnderWayError:
        problem = UNDER_WAY
    else:
        return RedirectResponse(f"/invoices/{invoice_id}?given_up=true", 303)
    return _invoice_page(found, keeper, Notice("bad", keeper.words.say(problem)), status=422)


@router.get("/invoices/{invoice_id}/pay")
def pay_page(invoice_id: PathId, services: ServicesDep, reader: Cashier) -> Response:
    """Asks how much and by which means."""
    found = _invoice(services, reader, invoice_id)
    return _pay_form(services, found, reader, request_key=secrets.token_urlsafe(16))


@router.post("/invoices/{invoice_id}/pay", dependencies=[Depends(genuine_form)])
def pay_form(
    invoice_id: PathId,
    services: ServicesDep,
    reader: Cashier,
    amount: Annotated[str, Form(max_length=30)],
    means: Annotated[Means, Form()],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Record the payment once, however often the button is pressed; or the form again with what was wrong."""
    found = _invoice(services, reader, invoice_id)
    currency = found.summary.owed.currency
    words = reader.words
    try:
        taken = DeskPayment(
            organisation_id=reader.principal.organisation_id,
            account_id=found.account_id,
            amount_minor=amount_minor(amount, currency),
            currency=currency,
            means=means,
            request_key=f"staff:{reader.principal.id}:{request_key}",
            taken_by=reader.principal.name,
        )
        with services.db.write() as conn:
            take_payment(conn, taken, now_ms=reader.organisation.clock.business_ms)
    except AmountError:
        problem = words.say("Write the amount as a number, for example 49.99.")
    except OverpaymentError:
        problem = words.say("That is more than is owed. Take at most what is owed.")
    except ChargeUnderWayError:
        problem = words.say(UNDER_WAY)
    else:
        return RedirectResponse(f"/invoices/{invoice_id}?paid=true", 303)
    return _pay_form(services, found, reader, request_key=request_key, problem=problem)


def _invoice_page(found: InvoiceView, reader: Visit, notice: Notice | None, *, status: int = 200) -> Response:
    return page(
        "billing/invoice.html",
        reader,
        status=status,
        invoice=found,
        notice=notice,
        may_write_off=reader.principal.may(Permission.KEEP_BOOKS) and not found.summary.paid,
        owed=amount_text(found.summary.owed, reader.words),
        request_key=secrets.token_urlsafe(16),
    )


def _pay_form(
    services: Services, found: InvoiceView, reader: Visit, *, request_key: str, problem: str | None = None
) -> Response:
    to_settle = _amount_to_settle(services, found)
    return page(
        "billing/pay.html",
        reader,
        status=422 if problem else 200,
        invoice=found,
        means=DESK_MEANS,
        to_settle=to_settle,
        older=to_settle.amount_minor > found.summary.owed.amount_minor,
        amount=amount_text(to_settle, reader.words),
        request_key=request_key,
        notice=Notice("bad", problem) if problem else None,
    )


def _amount_to_settle(services: Services, found: InvoiceView) -> Money:
    """What pays this invoice: money goes to the oldest debt first, so older ones come with it."""
    currency = found.summary.owed.currency
    with services.db.read() as conn:
        unpaid = [one for one in unpaid_invoices(conn, found.account_id) if one.currency == currency]
    here = next((index for index, one in enumerate(unpaid, start=1) if one.invoice_id == found.summary.id), 0)
    return Money(sum(one.owed_minor for one in unpaid[:here]), currency)


def _invoice(services: Services, reader: Visit, invoice_id: int) -> InvoiceView:
    with services.db.read() as conn:
        found = invoice_view(conn, organisation_id=reader.principal.organisation_id, invoice_id=invoice_id)
        if found is None:
            raise not_found("invoice")
        now_ms = reader.organisation.clock.business_ms
        return replace(found, ladder=ladder_of(conn, reader.organisation.id, invoice_id, now_ms=now_ms))
