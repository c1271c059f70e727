"""A subscription's contract in writing, for staff; and the same for whoever has its link: to read, and to accept."""

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import select

from portillon_cloud.clock import business_now_ms
from portillon_cloud.documents import letters, operations, store
from portillon_cloud.documents.api import pdf
from portillon_cloud.documents.errors import (
    AcceptanceError,
    FactMissingError,
    LinkError,
    SealError,
    UnknownDocumentError,
    WordingError,
)
from portillon_cloud.documents.link import ContractLink, link_for, read_link
from portillon_cloud.documents.paper import Strokes
from portillon_cloud.documents.store import Document, DocumentState, Evidence
from portillon_cloud.documents.tables import AcceptedHow
from portillon_cloud.http.dependencies import ServicesDep
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import Problem
from portillon_cloud.http.services import Services
from portillon_cloud.identity.roles import Permission
from portillon_cloud.locale.words import Words
from portillon_cloud.members.tables import organisation
from portillon_cloud.web.rendering import Notice, bare_page, page
from portillon_cloud.web.visit import Visit, genuine_form, visit_with
from portillon_cloud.web.wording import N_

router = APIRouter()
Reader = Annotated[Visit, Depends(visit_with(Permission.SEE_MONEY))]
Clerk = Annotated[Visit, Depends(visit_with(Permission.CHANGE_MEMBERS))]
Name = Annotated[str, Form(max_length=operations.NAME_CHARACTERS_MAX)]
Digest = Annotated[str, Form(max_length=64)]
Drawn = Annotated[str, Form(max_length=100_000)]
_STROKES: TypeAdapter[Strokes] = TypeAdapter(Strokes)
_REFUSALS = (AcceptanceError, FactMissingError, WordingError)
STATES = {
    DocumentState.WAITING: ("warn", N_("Waits to be accepted")),
    DocumentState.ACCEPTED: ("ok", N_("Accepted")),
    DocumentState.REPLACED: ("idle", N_("Replaced")),
}
DONE = {
    "prepared": N_("The contract is on paper: have it read, and accepted."),
    "accepted": N_("Accepted and sealed. Send a copy, or print it."),
    "sent": N_("The letter with the link is on its way."),
    "unsent": N_("There is no e-mail address: nobody was written to."),
    "genuine": N_("The file is the one that was accepted, and our seal is on all of it."),
}


@router.get("/subscriptions/{subscription_id}/contract")
def contract_page(subscription_id: PathId, services: ServicesDep, reader: Reader, done: str = "") -> Response:
    """Its documents, the newest first, and what can be done with each."""
    notice = Notice("warn" if done == "unsent" else "ok", reader.words.say(DONE[done])) if done in DONE else None
    return _draw(services, reader, subscription_id, notice=notice)


@router.post("/subscriptions/{subscription_id}/contract", dependencies=[Depends(genuine_form)])
def prepare_form(
    subscription_id: PathId, services: ServicesDep, clerk: Clerk, language: Annotated[str, Form(pattern="^(en|fr)$")]
) -> Response:
    """Put what is agreed now on paper."""
    try:
        operations.prepare(
            services.db,
            services.keyring,
            organisation_id=clerk.principal.organisation_id,
            subscription_id=subscription_id,
            language=language,
            by=clerk.principal.name,
            now_ms=clerk.organisation.clock.business_ms,
        )
    except _REFUSALS as error:
        return _draw(services, clerk, subscription_id, notice=Notice("bad", error.said(clerk.words)), status=409)
    return RedirectResponse(f"/subscriptions/{subscription_id}/contract?done=prepared", 303)


@router.get("/contract-documents/{document_id}/file")
def file_page(document_id: PathId, services: ServicesDep, reader: Reader) -> Response:
    """The PDF."""
    with services.db.read() as conn:
        document = store.document_of(conn, reader.principal.organisation_id, document_id)
        return pdf(document, store.read_file(conn, services.keyring, document))


@router.post("/contract-documents/{document_id}/accept", dependencies=[Depends(genuine_form)])
def accept_form(
    document_id: PathId,
    services: ServicesDep,
    clerk: Clerk,
    name: Name = "",
    sha256: Digest = "",
    strokes: Drawn = "",
    agreed: Annotated[bool, Form()] = False,
) -> Response:
    """Accepted on this screen, before whoever is signed in."""
    organisation_id = clerk.principal.organisation_id
    with services.db.read() as conn:
        document = store.document_of(conn, organisation_id, document_id)
    try:
        operations.accept(
            services.db,
            services.keyring,
            organisation_id=organisation_id,
            document_id=document_id,
            said=operations.Acceptance(
                evidence=Evidence(name=name.strip(), strokes=_strokes(strokes, agreed)),
                signer=document.signer,
                how=AcceptedHow.DESK,
                sha256=sha256,
                witness=clerk.principal.name,
            ),
            now_ms=clerk.organisation.clock.business_ms,
            real_ms=services.clock.real_ms(),
        )
    except _REFUSALS as error:
        return _draw(
            services, clerk, document.subscription_id, notice=Notice("bad", error.said(clerk.words)), status=409
        )
    return RedirectResponse(f"/subscriptions/{document.subscription_id}/contract?done=accepted", 303)


@router.post("/contract-documents/{document_id}/send", dependencies=[Depends(genuine_form)])
def send_form(document_id: PathId, request: Request, services: ServicesDep, clerk: Clerk) -> Response:
    """Send the link to who pays."""
    organisation_id = clerk.principal.organisation_id
    with services.db.write() as conn:
        document = store.document_of(conn, organisation_id, document_id)
        if document.state is DocumentState.REPLACED:
            raise AcceptanceError(N_("This contract was replaced by a later version: send that one."))
        link = link_for(
            services.keyring,
            organisation_id=organisation_id,
            document_id=document_id,
            real_ms=services.clock.real_ms(),
        )
        address = f"{str(request.base_url).rstrip('/')}/contract/{link}"
        sent = letters.send(conn, document, address=address, now_ms=clerk.organisation.clock.business_ms)
    done = "unsent" if sent is None else "sent"
    return RedirectResponse(f"/subscriptions/{document.subscription_id}/contract?done={done}", 303)


@router.post("/contract-documents/{document_id}/verify", dependencies=[Depends(genuine_form)])
def verify_form(document_id: PathId, services: ServicesDep, clerk: Clerk) -> Response:
    """Say whether the kept file is the one that was accepted."""
    with services.db.read() as conn:
        document = store.document_of(conn, clerk.principal.organisation_id, document_id)
        try:
            operations.verify(conn, services.keyring, document)
        except SealError as error:
            broken = Notice("bad", error.said(clerk.words))
        else:
            return RedirectResponse(f"/subscriptions/{document.subscription_id}/contract?done=genuine", 303)
    return _draw(services, clerk, document.subscription_id, notice=broken, status=409)


@router.get("/contract/{link}")
def linked_page(link: str, services: ServicesDep) -> Response:
    """The contract as whoever has its link sees it: to read and accept, or to keep."""
    return _linked(services, link)


@router.get("/contract/{link}/file")
def linked_file(link: str, services: ServicesDep) -> Response:
    """The PDF, for whoever has the link."""
    _, document = _opened(services, link)
    with services.db.read() as conn:
        return pdf(document, store.read_file(conn, services.keyring, document))


@router.post("/contract/{link}")
def linked_accept(
    link: str,
    request: Request,
    services: ServicesDep,
    name: Name = "",
    sha256: Digest = "",
    strokes: Drawn = "",
    agreed: Annotated[bool, Form()] = False,
) -> Response:
    """Accepted by whoever has the link: that nobody else has it is what the letter is for."""
    opens, document = _opened(services, link)
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, opens.organisation_id, services.clock.real_ms())
    try:
        operations.accept(
            services.db,
            services.keyring,
            organisation_id=opens.organisation_id,
            document_id=opens.document_id,
            said=operations.Acceptance(
                evidence=Evidence(
                    name=name.strip(),
                    strokes=_strokes(strokes, agreed),
                    address=None if request.client is None else request.client.host,
                    agent=(request.headers.get("user-agent") or "")[:300] or None,
                ),
                signer=document.signer,
                how=AcceptedHow.LINK,
                sha256=sha256,
            ),
            now_ms=now_ms,
            real_ms=services.clock.real_ms(),
        )
    except _REFUSALS as error:
        return _linked(services, link, problem=error.said(Words(document.language)), status=409)
    return RedirectResponse(f"/contract/{link}", 303)


def _strokes(typed: str, agreed: bool) -> Strokes:
    if not agreed:
        raise AcceptanceError(N_("Nothing was accepted: tick that you agree."))
    try:
        return _STROKES.validate_python(json.loads(typed)) if typed else ()
    except (ValidationError, ValueError) as error:
        raise AcceptanceError(N_("The signature cannot be read: clear it and draw it again.")) from error


def _opened(services: Services, link: str) -> tuple[ContractLink, Document]:
    """Raises Problem 404 for a link that is over, or none of ours."""
    try:
        opens = read_link(services.keyring, link, real_ms=services.clock.real_ms())
        with services.db.read() as conn:
            return opens, store.document_of(conn, opens.organisation_id, opens.document_id)
    except (LinkError, UnknownDocumentError) as error:
        raise Problem(HTTPStatus.NOT_FOUND, str(error), kind="contract-link") from error


def _linked(services: Services, link: str, *, problem: str | None = None, status: int = 200) -> Response:
    _, document = _opened(services, link)
    with services.db.read() as conn:
        gym = conn.scalar(select(organisation.c.name).where(organisation.c.id == document.organisation_id))
    return bare_page(
        "contracts/linked.html",
        Words(document.language),
        status=status,
        document=document,
        gym=gym,
        action=f"/contract/{link}",
        problem=problem,
        csrf=None,
    )


def _draw(
    services: Services, visit: Visit, subscription_id: int, *, notice: Notice | None = None, status: int = 200
) -> Response:
    with services.db.read() as conn:
        documents = store.documents_of(conn, visit.principal.organisation_id, subscription_id)
    return page(
        "contracts/contract.html",
        visit,
        notice=notice,
        status=status,
        documents=documents,
        subscription_id=subscription_id,
        states=STATES,
        may_keep_books=visit.principal.may(Permission.KEEP_BOOKS),
        suggested=documents[0].language if documents else visit.words.language,
    )
