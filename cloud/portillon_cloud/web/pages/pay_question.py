"""A payer asks about an invoice by their own link: written down as they wrote it, once, and answered by a person."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from portillon_cloud.http.paging import ID_MAX
from portillon_cloud.payments.api import PaymentServicesDep
from portillon_cloud.payments.fraud.limits import Act
from portillon_cloud.payments.questions.errors import AskedAlreadyError
from portillon_cloud.payments.questions.operations import Question, ask
from portillon_cloud.payments.questions.tables import BY_LINK, AskedBy
from portillon_cloud.web.pages.leave import from_our_page
from portillon_cloud.web.pages.pay import back_to, held_back, payer_of

router = APIRouter()


@router.post("/pay/{token}/ask")
def ask_form(
    token: str,
    request: Request,
    services: PaymentServicesDep,
    invoice_id: Annotated[int, Form(ge=1, le=ID_MAX)],
    text: Annotated[str, Form(min_length=1, max_length=2_000, pattern=r"\S")],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """Nothing of that invoice is charged until a person answers, as when the desk writes a question down."""
    from_our_page(request)
    payer = payer_of(request, services, token)
    if payer.expired:
        return back_to(payer, "")
    if held_back(services, payer, Act.QUESTION_ASKED):
        return back_to(payer, "too-often")
    asked = Question(
        **payer.ids,
        invoice_id=invoice_id,
        asked_as=AskedBy.PAYER,
        by=BY_LINK,
        text=text.strip(),
        request_key=f"link:{payer.way.account_id}:{request_key}",
    )
    try:
        with services.db.write() as conn:
            ask(conn, asked, now_ms=payer.now_ms)
    except AskedAlreadyError:
        return back_to(payer, "asked-before")
    return back_to(payer, "asked")
