"""Money that is owed back to members: on its way, to be paid by hand, or in doubt at the provider."""

import secrets
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.refunding.by_hand import PaidOut, pay_out, settle_doubt
from portillon_cloud.payments.refunding.errors import NotInDoubtError, PayoutPaidError, RefundUnderWayError
from portillon_cloud.payments.refunding.list import due_payouts
from portillon_cloud.payments.refunding.tables import PaidBy
from portillon_cloud.payments.tables import Means
from portillon_cloud.web.dispute_words import DisputeWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import MEANS, N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Cashier = Annotated[Visit, Depends(visit_with(Permission.TAKE_PAYMENT))]
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]

DONE = {
    "paid": N_("Noted: it is paid out."),
    "settled": N_("Noted. What is still due stays in the list."),
}
PAID_ALREADY = N_("Somebody else was faster: this is paid.")
UNDER_WAY = N_("The payment provider is being asked to pay it. Look again in a few minutes.")
NO_DOUBT = N_("Somebody else was faster: it is known what became of it.")


@router.get("/payouts")
def payouts_page(
    services: ServicesDep, reader: Reader, done: Annotated[str, Query(pattern="^(paid|settled)?$")] = ""
) -> Response:
    """What is not paid yet, the oldest first."""
    return _draw(services, reader, notice=Notice("ok", reader.words.say(DONE[done])) if done else None)


@router.get("/payouts/{payout_id}/paid")
@router.get("/payouts/{payout_id}/doubt")
def after_refusal(payout_id: PathId, _reader: Reader) -> Response:
    """Where the language is changed after a refusal: the forms are on the page of all payouts."""
    return RedirectResponse("/payouts", 303)


@router.post("/payouts/{payout_id}/paid", dependencies=[Depends(genuine_form)])
def paid_form(
    payout_id: PathId,
    services: ServicesDep,
    cashier: Cashier,
    means: Annotated[Literal["cash", "cheque", "transfer"], Form()],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """It was handed over or transferred, once, however often the button is pressed."""
    said = PaidOut(
        organisation_id=cashier.principal.organisation_id,
        payout_id=payout_id,
        means=PaidBy(means),
        by=cashier.principal.name,
        request_key=f"staff:{cashier.principal.id}:{request_key}:{payout_id}",
    )
    try:
        with services.db.write() as conn:
            pay_out(conn, said, now_ms=cashier.organisation.clock.business_ms)
    except PayoutPaidError:
        return _draw(services, cashier, notice=Notice("bad", cashier.words.say(PAID_ALREADY)), status=409)
    except RefundUnderWayError:
        return _draw(services, cashier, notice=Notice("bad", cashier.words.say(UNDER_WAY)), status=503)
    return RedirectResponse("/payouts?done=paid", 303)


@router.post("/payouts/{payout_id}/doubt", dependencies=[Depends(genuine_form)])
def doubt_form(
    payout_id: PathId, services: ServicesDep, keeper: Keeper, was_paid: Annotated[Literal["yes", "no"], Form()]
) -> Response:
    """Somebody has looked at the provider's own pages."""
    organisation = keeper.organisation
    try:
        with services.db.write() as conn:
            settle_doubt(
                conn,
                organisation.id,
                payout_id,
                was_paid=was_paid == "yes",
                by=keeper.principal.name,
                now_ms=organisation.clock.business_ms,
            )
    except NotInDoubtError:
        return _draw(services, keeper, notice=Notice("bad", keeper.words.say(NO_DOUBT)), status=409)
    return RedirectResponse("/payouts?done=settled", 303)


def _draw(services: Services, visit: Visit, *, notice: Notice | None = None, status: int = 200) -> Response:
    with services.db.read() as conn:
        rows = due_payouts(conn, visit.principal.organisation_id)
    return page(
        "billing/payouts.html",
        visit,
        status=status,
        notice=notice,
        rows=rows,
        said=DisputeWords(visit.words),
        means=[
            (one.value, visit.words.say(MEANS[Means(one.value)]))
            for one in (PaidBy.TRANSFER, PaidBy.CASH, PaidBy.CHEQUE)
        ],
        may_settle=visit.principal.may(Permission.KEEP_BOOKS),
        request_key=secrets.token_urlsafe(16),
    )
