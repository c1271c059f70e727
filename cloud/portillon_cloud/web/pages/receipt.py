"""A payment's receipt, to print or to send; and a cheque of it that bounced."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.desk.bounced import Bounced, bounce
from portillon_cloud.desk.errors import NoChequeError
from portillon_cloud.desk.receipt import receipt_of, send_receipt
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.ledger.errors import PeriodClosedError
from portillon_cloud.payments.errors import OverpaymentError
from portillon_cloud.payments.tables import Means
from portillon_cloud.web.pages.desk import Cashier
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form
from portillon_cloud.web.wording import N_

router = APIRouter()

SENT = N_("The receipt is on its way to %(email)s.")
NO_ADDRESS = N_("Whoever pays has given no address. Print it.")
BOUNCED = N_("Noted. What it paid is owed again, and the reminders begin anew.")
NOT_TWICE = N_("This cheque bounced before, or is none.")
MONTH_CLOSED = N_("This month is closed in the books. Open it again first.")


@router.get("/payments/{payment_id}/receipt")
def receipt_page(payment_id: PathId, services: ServicesDep, cashier: Cashier, bounced: bool = False) -> Response:
    """What came in, what it paid, and what is kept as credit."""
    return _draw(services, cashier, payment_id, Notice("ok", cashier.words.say(BOUNCED)) if bounced else None)


@router.post("/payments/{payment_id}/receipt", dependencies=[Depends(genuine_form)])
def send_form(payment_id: PathId, services: ServicesDep, cashier: Cashier) -> Response:
    """Send it to the payer's address, once."""
    organisation = cashier.organisation
    with services.db.write() as conn:
        found = receipt_of(conn, organisation.id, payment_id)
        if found is None:
            raise not_found("payment")
        sent = send_receipt(conn, organisation.id, found, now_ms=organisation.clock.business_ms)
    said = cashier.words.say(SENT, email=found.email) if sent else cashier.words.say(NO_ADDRESS)
    return _draw(services, cashier, payment_id, Notice("ok" if sent else "bad", said))


@router.get("/payments/{payment_id}/bounce")
def bounce_page(payment_id: PathId, _cashier: Cashier) -> Response:
    """Where the language is changed after a refusal: the form is with the receipt."""
    return RedirectResponse(f"/payments/{payment_id}/receipt", 303)


@router.post("/payments/{payment_id}/bounce", dependencies=[Depends(genuine_form)])
def bounce_form(
    payment_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    reason: Annotated[str, Form(min_length=1, max_length=200, pattern=r"\S")],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
    paid_in: Annotated[bool, Form()] = False,
) -> Response:
    """The bank did not honour the cheque: what it paid is owed again."""
    told = Bounced(
        organisation_id=cashier.principal.organisation_id,
        payment_id=payment_id,
        paid_in=paid_in,
        reason=reason,
        by=cashier.principal.name,
        request_key=f"staff:{cashier.principal.id}:{request_key}",
    )
    try:
        with services.db.write() as conn:
            bounce(conn, told, now_ms=cashier.organisation.clock.business_ms)
    except (NoChequeError, OverpaymentError):
        problem = NOT_TWICE
    except PeriodClosedError:
        problem = MONTH_CLOSED
    else:
        return RedirectResponse(f"/payments/{payment_id}/receipt?bounced=true", 303)
    return _draw(services, cashier, payment_id, Notice("bad", cashier.words.say(problem)), status=422)


def _draw(services: Services, cashier: Visit, payment_id: int, notice: Notice | None, *, status: int = 200) -> Response:
    with services.db.read() as conn:
        found = receipt_of(conn, cashier.principal.organisation_id, payment_id)
    if found is None:
        raise not_found("payment")
    return page(
        "desk/receipt.html",
        cashier,
        status=status,
        notice=notice,
        receipt=found,
        may_bounce=found.means is Means.CHEQUE and found.taken_back is None,
        request_key=secrets.token_urlsafe(16),
    )
