"""Contracts in writing over HTTP: their wording, the document to accept, its acceptance, its file and its proof."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import select

from portillon_cloud.billing.tables import subscription
from portillon_cloud.clock import business_now_ms
from portillon_cloud.documents import letters, operations, store, wordings
from portillon_cloud.documents.errors import N_, AcceptanceError, SealError
from portillon_cloud.documents.link import link_for
from portillon_cloud.documents.paper import DRAWN_HEIGHT, DRAWN_WIDTH
from portillon_cloud.documents.store import Document, DocumentState, Evidence
from portillon_cloud.documents.tables import AcceptedHow, Signer
from portillon_cloud.documents.template import CHARACTERS_MAX, PLACES, REQUIRED
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.http.problem import not_found
from portillon_cloud.http.services import Services
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.members.tables import legal_entity

router = APIRouter(tags=["contracts"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Clerk = Annotated[Principal, Depends(require(Permission.CHANGE_MEMBERS))]
Owner = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
Law = Literal["ca-qc", "fr", "none"]
Language = Literal["en", "fr"]
PDF = "application/pdf"
FILE_BYTES_MAX = 10_000_000
_PDF_RESPONSE: dict[int | str, dict[str, Any]] = {
    200: {"content": {PDF: {"schema": {"type": "string", "format": "binary"}}}}
}


class Incoming(BaseModel):
    """A body: a key nobody reads is a mistake, and is refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class ParticularsBody(Incoming):
    """What contracts say of the seller beside its name and its tax numbers."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)

    address: str = Field(min_length=1, max_length=300)
    contact: str = Field(min_length=1, max_length=300, description="Telephone and e-mail")
    permit: str | None = Field(default=None, max_length=50, description="Quebec: of the OPC")
    mediator: str | None = Field(default=None, max_length=300, description="France: name and address")
    places: dict[str, Annotated[str, Field(max_length=300)]] = Field(
        default={}, max_length=500, description="By site id, where it has another address"
    )


class WordingBody(Incoming):
    body: str = Field(min_length=1, max_length=CHARACTERS_MAX)


class WordingOut(BaseModel):
    """`required`: the places that this law wants in a contract, with the clause; `places`: all that can be named."""

    name: str
    body: str
    required: dict[str, str]
    places: list[str]


class WordingSaved(BaseModel):
    version: int


class NewDocument(Incoming):
    language: Language | None = Field(default=None, description="Null: the payer's")


class AcceptanceBody(Incoming):
    """Accepted on a screen of the gym. `strokes`: the signature as drawn, in a field of 1000 by 300."""

    name: str = Field(min_length=1, max_length=operations.NAME_CHARACTERS_MAX)
    signer: Signer
    sha256: str = Field(pattern="^[0-9a-f]{64}$", description="Of the file that was shown: compared with ours")
    strokes: list[
        Annotated[
            list[tuple[Annotated[int, Field(ge=0, le=DRAWN_WIDTH)], Annotated[int, Field(ge=0, le=DRAWN_HEIGHT)]]],
            Field(max_length=operations.POINTS_MAX),
        ]
    ] = Field(default=[], max_length=500)


class DocumentOut(BaseModel):
    """`sha256`: of the file as it was put before whoever signs. `has_file` false: erased with the person."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    contract_id: int
    subscription_id: int
    version: int
    wording: str
    language: str
    words: str
    signer: Signer
    sha256: str
    prepared_at_ms: int
    prepared_by: str
    state: DocumentState
    accepted_at_ms: int | None
    how: AcceptedHow | None
    witness: str | None
    has_file: bool


class Sent(BaseModel):
    """`recipient` null: no e-mail is known; give the address on a screen or on paper."""

    recipient: str | None
    address: str


class Verified(BaseModel):
    genuine: bool
    why: str | None = Field(description="What is wrong with it; null: nothing")


@router.get("/legal-entities/{legal_entity_id}/particulars")
def get_particulars(legal_entity_id: PathId, services: ServicesDep, reader: Reader) -> ParticularsBody:
    """What contracts say of the seller."""
    with services.db.read() as conn:
        found = wordings.particulars_of(conn, reader.organisation_id, legal_entity_id)
    if found is None:
        raise not_found("particulars")
    return ParticularsBody.model_validate(found)


@router.put("/legal-entities/{legal_entity_id}/particulars", status_code=204)
def put_particulars(legal_entity_id: PathId, new: ParticularsBody, services: ServicesDep, owner: Owner) -> None:
    """Say so in the contracts that are prepared from now on."""
    with services.db.write() as conn:
        its = (legal_entity.c.id == legal_entity_id, legal_entity.c.organisation_id == owner.organisation_id)
        if conn.scalar(select(legal_entity.c.id).where(*its)) is None:
            raise not_found("legal entity")
        wordings.save_particulars(
            conn,
            organisation_id=owner.organisation_id,
            legal_entity_id=legal_entity_id,
            said=wordings.Particulars(**new.model_dump()),
        )


@router.get("/contract-wordings/{law}/{language}")
def get_wording(law: Law, language: Language, services: ServicesDep, reader: Reader) -> WordingOut:
    """The text by which contracts are written now: the house's own, or the one that comes with the program."""
    with services.db.read() as conn:
        found = wordings.wording_of(conn, reader.organisation_id, law, language)
    return WordingOut(name=found.name, body=found.body, required=dict(REQUIRED[law]), places=sorted(PLACES))


@router.post("/contract-wordings/{law}/{language}", status_code=201)
def post_wording(law: Law, language: Language, new: WordingBody, services: ServicesDep, owner: Owner) -> WordingSaved:
    """A new version; 422 names every place that is unknown or that the law wants. What was signed stays."""
    with services.db.write() as conn:
        version = wordings.save_wording(
            conn,
            organisation_id=owner.organisation_id,
            law=law,
            language=language,
            body=new.body,
            by=owner.name,
            now_ms=business_now_ms(conn, owner.organisation_id, services.clock.real_ms()),
        )
    return WordingSaved(version=version)


@router.get("/subscriptions/{subscription_id}/documents")
def list_documents(subscription_id: PathId, services: ServicesDep, reader: Reader) -> list[DocumentOut]:
    """Every version of its contract in writing, the newest first."""
    own = select(subscription.c.id).where(
        subscription.c.id == subscription_id, subscription.c.organisation_id == reader.organisation_id
    )
    with services.db.read() as conn:
        if conn.scalar(own) is None:
            raise not_found("subscription")
        found = store.documents_of(conn, reader.organisation_id, subscription_id)
    return [DocumentOut.model_validate(one) for one in found]


@router.post("/subscriptions/{subscription_id}/documents", status_code=201)
def prepare_document(subscription_id: PathId, new: NewDocument, services: ServicesDep, clerk: Clerk) -> DocumentOut:
    """Put what is agreed now on paper, to be accepted; 409 names what the law wants in it and nobody entered."""
    made = operations.prepare(
        services.db,
        services.keyring,
        organisation_id=clerk.organisation_id,
        subscription_id=subscription_id,
        language=new.language,
        by=clerk.name,
        now_ms=_now_ms(services, clerk),
    )
    return DocumentOut.model_validate(made)


@router.get("/contract-documents/{document_id}")
def get_document(document_id: PathId, services: ServicesDep, reader: Reader) -> DocumentOut:
    """One document."""
    return DocumentOut.model_validate(_document(services, reader, document_id))


@router.get("/contract-documents/{document_id}/file", response_class=Response, responses=_PDF_RESPONSE)
def get_file(document_id: PathId, services: ServicesDep, reader: Reader) -> Response:
    """The PDF; once accepted, with its seal."""
    with services.db.read() as conn:
        document = store.document_of(conn, reader.organisation_id, document_id)
        return pdf(document, store.read_file(conn, services.keyring, document))


@router.post("/contract-documents/{document_id}/acceptance")
def accept_document(document_id: PathId, new: AcceptanceBody, services: ServicesDep, clerk: Clerk) -> DocumentOut:
    """Somebody accepts it on a screen of the gym, before whoever is signed in."""
    done = operations.accept(
        services.db,
        services.keyring,
        organisation_id=clerk.organisation_id,
        document_id=document_id,
        said=operations.Acceptance(
            evidence=Evidence(name=new.name, strokes=tuple(tuple(stroke) for stroke in new.strokes)),
            signer=new.signer,
            how=AcceptedHow.DESK,
            sha256=new.sha256,
            witness=clerk.name,
        ),
        now_ms=_now_ms(services, clerk),
        real_ms=services.clock.real_ms(),
    )
    return DocumentOut.model_validate(done)


@router.post("/contract-documents/{document_id}/letter")
def send_document(document_id: PathId, request: Request, services: ServicesDep, clerk: Clerk) -> Sent:
    """Send a link to read and accept it, or to keep the accepted one."""
    document = _document(services, clerk, document_id)
    if document.state is DocumentState.REPLACED:
        raise AcceptanceError(N_("This contract was replaced by a later version: send that one."))
    link = link_for(
        services.keyring,
        organisation_id=clerk.organisation_id,
        document_id=document_id,
        real_ms=services.clock.real_ms(),
    )
    address = f"{str(request.base_url).rstrip('/')}/contract/{link}"
    now_ms = _now_ms(services, clerk)
    with services.db.write() as conn:
        recipient = letters.send(conn, document, address=address, now_ms=now_ms)
    return Sent(recipient=recipient, address=address)


@router.get("/contract-documents/{document_id}/verification")
def verify_document(document_id: PathId, services: ServicesDep, reader: Reader) -> Verified:
    """Whether the kept file is what was accepted, with our seal on all of it."""
    with services.db.read() as conn:
        document = store.document_of(conn, reader.organisation_id, document_id)
        try:
            operations.verify(conn, services.keyring, document)
        except SealError as error:
            return Verified(genuine=False, why=str(error))
    return Verified(genuine=True, why=None)


@router.post("/contract-documents/verification")
def verify_copy(
    copy: Annotated[bytes, Body(media_type=PDF, max_length=FILE_BYTES_MAX)], services: ServicesDep, reader: Reader
) -> DocumentOut:
    """Which accepted contract a file is that somebody brings; 409: none of ours, or changed since."""
    with services.db.read() as conn:
        found = operations.verify_file(conn, services.keyring, reader.organisation_id, copy)
    return DocumentOut.model_validate(found)


def pdf(document: Document, file: bytes) -> Response:
    """The file as an answer; browsers show it, and save it under a name that says what it is."""
    name = f"contract-{document.contract_id}-{document.version}.pdf"
    return Response(file, media_type=PDF, headers={"Content-Disposition": f'inline; filename="{name}"'})


def _document(services: Services, who: Principal, document_id: int) -> Document:
    with services.db.read() as conn:
        return store.document_of(conn, who.organisation_id, document_id)


def _now_ms(services: Services, who: Principal) -> int:
    with services.db.read() as conn:
        return business_now_ms(conn, who.organisation_id, services.clock.real_ms())
