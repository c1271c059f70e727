"""Questions about invoices: asked on the invoice's page, answered on a page of all that wait."""

import secrets
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.questions.errors import AnsweredAlreadyError, AskedAlreadyError
from portillon_cloud.payments.questions.operations import Question, answer, ask, questions
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.whose import OfAccount, whose
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.TAKE_PAYMENT))]
Text = Annotated[str, Form(min_length=1, max_length=2_000, pattern=r"\S")]

DONE = {
    "asked": N_("Noted. Nothing of this invoice is charged until somebody answers, for 14 days at most."),
    "answered": N_("Noted. The invoice goes on: what is due of it is charged."),
}
ASKED_ALREADY = N_("A question about this invoice is open already: answer that one.")
ANSWERED_ALREADY = N_("Somebody else was faster: it is answered.")
ANSWERS = {
    AnsweredAs.EXPLAINED: N_("Explained: it is right"),
    AnsweredAs.CREDITED: N_("Credited: it was wrong"),
    AnsweredAs.WITHDRAWN: N_("They ask no more"),
}


@router.get("/questions")
def questions_page(
    services: ServicesDep,
    reader: Reader,
    account_id: OfAccount = None,
    done: Annotated[str, Query(pattern="^(asked|answered)?$")] = "",
) -> Response:
    """Those that wait first, the oldest first; of one account, if the address names it."""
    return _draw(services, reader, account_id, notice=Notice("ok", reader.words.say(DONE[done])) if done else None)


@router.get("/questions/{question_id}/answer")
@router.get("/invoices/{question_id}/questions")
def after_refusal(question_id: PathId, _reader: Reader) -> Response:
    """Where the language is changed after a refusal: the page of all questions."""
    return RedirectResponse("/questions", 303)


@router.post("/invoices/{invoice_id}/questions", dependencies=[Depends(genuine_form)])
def ask_form(
    invoice_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    text: Text,
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
) -> Response:
    """A member asks, and somebody writes it down, once, however often the button is pressed."""
    asked = Question(
        organisation_id=clerk.organisation.id,
        invoice_id=invoice_id,
        asked_as=AskedBy.MEMBER,
        by=clerk.principal.name,
        text=text.strip(),
        request_key=f"staff:{clerk.principal.id}:{request_key}",
    )
    try:
        with services.db.write() as conn:
            ask(conn, asked, now_ms=clerk.organisation.clock.business_ms)
    except AskedAlreadyError:
        return _draw(services, clerk, notice=Notice("bad", clerk.words.say(ASKED_ALREADY)), status=409)
    return RedirectResponse("/questions?done=asked", 303)


@router.post("/questions/{question_id}/answer", dependencies=[Depends(genuine_form)])
def answer_form(
    question_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    text: Text,
    answered_as: Annotated[AnsweredAs, Form()],
) -> Response:
    """Somebody has told them."""
    organisation = clerk.organisation
    try:
        with services.db.write() as conn:
            answer(
                conn,
                organisation.id,
                question_id,
                as_=answered_as,
                text=text.strip(),
                by=clerk.principal.name,
                now_ms=organisation.clock.business_ms,
            )
    except AnsweredAlreadyError:
        return _draw(services, clerk, notice=Notice("bad", clerk.words.say(ANSWERED_ALREADY)), status=409)
    return RedirectResponse("/questions?done=answered", 303)


def _draw(
    services: Services,
    visit: Visit,
    account_id: int | None = None,
    *,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    with services.db.read() as conn:
        of = whose(conn, visit.organisation.id, account_id)
        rows = questions(conn, visit.organisation.id, account_id=account_id)
    return page(
        "billing/questions.html",
        visit,
        status=status,
        notice=notice,
        rows=rows,
        whose=of,
        answers=[(kind.value, visit.words.say(text)) for kind, text in ANSWERS.items()],
        request_key=secrets.token_urlsafe(16),
    )
