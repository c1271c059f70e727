"""Payments that a payer's bank disputes: what to do by when, an answer to the bank, and clearing an account."""

import secrets
from collections.abc import Mapping
from typing import Annotated, cast

from fastapi import APIRouter, Depends, File, Form, Query, UploadFile
from fastapi.responses import RedirectResponse, Response

from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.disputes.answering import Answer, answer
from portillon_cloud.payments.disputes.documents import BYTES_MOST, check_together, document
from portillon_cloud.payments.disputes.errors import (
    DocumentRefusedError,
    NothingToAnswerError,
    NothingToClearError,
    WrongDocument,
)
from portillon_cloud.payments.disputes.list import disputes, said_of, steps_of
from portillon_cloud.payments.disputes.operations import clear
from portillon_cloud.payments.inbox.news import EvidenceKind, NewsAwayError
from portillon_cloud.payments.inbox.webhook import NewsServices
from portillon_cloud.web.dispute_words import DisputeWords
from portillon_cloud.web.rendering import Notice, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.whose import OfAccount, whose
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Keeper = Annotated[Visit, Depends(visit_with(Permission.KEEP_BOOKS))]

DONE = {
    "answered": N_("Sent. The bank has your answer."),
    "cleared": N_("Noted. Members of this account are let in again, and it is charged again."),
}
AWAY = N_(
    "Kept with its documents, but the payment provider does not answer now. Send it again in a while as it is:"
    " nothing is sent twice."
)
TOO_LATE = N_("The bank waits for no answer any more. The page shows where the dispute is now.")
WRONG: Mapping[WrongDocument, str] = {
    WrongDocument.NOT_READ: N_("Nothing was sent: a document is a PDF, or a picture as JPEG or PNG."),
    WrongDocument.TOO_LARGE: N_("Nothing was sent: the documents are too large together."),
    WrongDocument.TWO_OF_A_KIND: N_("Nothing was sent: hand in one document of each kind."),
}
SHOWS: Mapping[EvidenceKind, str] = {
    EvidenceKind.CONTRACT: N_("Contract with their signature"),
    EvidenceKind.RECEIPT: N_("Invoice or receipt"),
    EvidenceKind.LETTERS: N_("What you wrote to each other"),
    EvidenceKind.VISITS: N_("When they were here"),
    EvidenceKind.CANCELLATION: N_("Terms on which one leaves"),
    EvidenceKind.OTHER: N_("Something else"),
}
NOTHING_HELD = N_("Somebody else was faster: this account is cleared.")


Handed = Annotated[UploadFile | None, File()]
HandedIn = list[tuple[EvidenceKind, str, bytes]]


def handed_in(
    contract: Handed = None,
    receipt: Handed = None,
    letters: Handed = None,
    visits: Handed = None,
    cancellation: Handed = None,
    other: Handed = None,
) -> HandedIn:
    """A dependency: the documents of a form, each as large as all may be together, and one byte."""
    given = {
        EvidenceKind.CONTRACT: contract,
        EvidenceKind.RECEIPT: receipt,
        EvidenceKind.LETTERS: letters,
        EvidenceKind.VISITS: visits,
        EvidenceKind.CANCELLATION: cancellation,
        EvidenceKind.OTHER: other,
    }
    return [
        (kind, file.filename, file.file.read(BYTES_MOST + 1))
        for kind, file in given.items()
        if file is not None and file.filename
    ]


@router.get("/disputes")
def disputes_page(
    services: ServicesDep,
    reader: Reader,
    account_id: OfAccount = None,
    done: Annotated[str, Query(pattern="^(answered|cleared)?$")] = "",
) -> Response:
    """What is to be done first, by its day; then the newest. Of one account, if the address names it."""
    return _draw(services, reader, account_id, notice=Notice("ok", reader.words.say(DONE[done])) if done else None)


@router.get("/disputes/{dispute_id}/answer")
@router.get("/disputes/{dispute_id}/clear")
def after_refusal(dispute_id: PathId, _reader: Reader) -> Response:
    """Where the language is changed after a refusal: the forms are on the page of all disputes."""
    return RedirectResponse("/disputes", 303)


@router.post("/disputes/{dispute_id}/answer", dependencies=[Depends(genuine_form)])
def answer_form(
    dispute_id: PathId,
    services: ServicesDep,
    keeper: Keeper,
    text: Annotated[str, Form(min_length=1, max_length=20_000, pattern=r"\S")],
    request_key: Annotated[str, Form(min_length=8, max_length=64)],
    handed_in: Annotated[HandedIn, Depends(handed_in)],
    documents: Annotated[str, Form(max_length=4_000)] = "",
) -> Response:
    """Send an answer to the bank, once, with the documents that were handed in."""
    draft = (dispute_id, text, documents, request_key)
    try:
        files = [document(kind, name, content) for kind, name, content in handed_in]
        check_together(files)
    except DocumentRefusedError as error:
        return _draw(services, keeper, notice=_bad(keeper, WRONG[error.why]), status=422, draft=draft)
    said = Answer(
        organisation_id=keeper.principal.organisation_id,
        dispute_id=dispute_id,
        text=text.strip(),
        documents=[name.strip()[:200] for name in documents.splitlines() if name.strip()],
        by=keeper.principal.name,
        request_key=f"staff:{keeper.principal.id}:{request_key}",
        files=files,
    )
    try:
        news_of = cast(NewsServices, services).news_of
        answer(services.db, services.keyring, news_of, said, now_ms=keeper.organisation.clock.business_ms)
    except NewsAwayError:
        return _draw(services, keeper, notice=_bad(keeper, AWAY), status=503, draft=draft)
    except NothingToAnswerError:
        return _draw(services, keeper, notice=_bad(keeper, TOO_LATE), status=409)
    return RedirectResponse("/disputes?done=answered", 303)


@router.post("/disputes/{dispute_id}/clear", dependencies=[Depends(genuine_form)])
def clear_form(
    dispute_id: PathId,
    services: ServicesDep,
    keeper: Keeper,
    reason: Annotated[str, Form(min_length=1, max_length=500, pattern=r"\S")],
) -> Response:
    """Somebody has looked at the account after a lost dispute."""
    organisation = keeper.organisation
    try:
        with services.db.write() as conn:
            clear(
                conn,
                organisation.id,
                dispute_id,
                by=keeper.principal.name,
                reason=reason.strip(),
                now_ms=organisation.clock.business_ms,
            )
    except NothingToClearError:
        return _draw(services, keeper, notice=_bad(keeper, NOTHING_HELD), status=409)
    return RedirectResponse("/disputes?done=cleared", 303)


def _bad(keeper: Visit, text: str) -> Notice:
    return Notice("bad", keeper.words.say(text))


def _draw(
    services: Services,
    visit: Visit,
    account_id: int | None = None,
    *,
    notice: Notice | None = None,
    status: int = 200,
    draft: tuple[int, str, str, str] | None = None,
) -> Response:
    """`draft`: of which dispute, the answer, its documents and its key, so that it can be sent again as it is."""
    organisation_id = visit.principal.organisation_id
    with services.db.read() as conn:
        of = whose(conn, organisation_id, account_id)
        found = [
            {
                "line": line,
                "steps": steps_of(conn, organisation_id, line.id),
                "said": said_of(conn, organisation_id, line.id),
            }
            for line in disputes(conn, organisation_id, account_id=account_id)
        ]
    return page(
        "billing/disputes.html",
        visit,
        status=status,
        notice=notice,
        disputes=found,
        whose=of,
        said=DisputeWords(visit.words),
        may_answer=visit.principal.may(Permission.KEEP_BOOKS),
        request_key=secrets.token_urlsafe(16),
        draft=draft,
        kinds=list(SHOWS.items()),
        megabytes=BYTES_MOST // 1_000_000,
    )
