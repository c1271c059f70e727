"""Disputes over HTTP: what to do by when, what happened, an answer to the bank, and clearing an account."""

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.api import RequestKey
from portillon_cloud.payments.disputes import list as listing
from portillon_cloud.payments.disputes.answering import Answer, answer
from portillon_cloud.payments.disputes.documents import BYTES_MOST, document
from portillon_cloud.payments.disputes.operations import clear
from portillon_cloud.payments.inbox.news import DisputeState, EvidenceKind
from portillon_cloud.payments.inbox.webhook import NewsServicesDep

router = APIRouter(tags=["payments"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Keeper = Annotated[Principal, Depends(require(Permission.KEEP_BOOKS))]
Words = Annotated[str, Field(min_length=1, max_length=20_000, pattern=r"\S")]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class DisputeOut(BaseModel):
    """`reason`: in the bank's word. `answer_by_ms`: until when it hears an answer; null: it hears none.

    `fee_minor`: what the provider has kept for it so far.
    """

    id: int
    account_id: int
    who: str
    payment_id: int
    amount_minor: int
    fee_minor: int
    currency: str
    reason: str
    state: DisputeState
    debit: bool
    opened_at_ms: int
    answer_by_ms: int | None
    to_do: listing.ToDo


class DisputeStory(BaseModel):
    """What happened to a dispute, and what was written to the bank."""

    steps: list[listing.Step]
    said: list[listing.Said]


class FileIn(BaseModel):
    """A PDF, JPEG or PNG; one of each kind."""

    model_config = ConfigDict(extra="forbid")

    kind: EvidenceKind
    name: Name
    content: Base64Bytes = Field(max_length=BYTES_MOST, description="The file's bytes in base64")


class AnswerIn(BaseModel):
    """What speaks for us, and documents that show it, by name or whole. It is sent to the bank once and for good."""

    model_config = ConfigDict(extra="forbid")

    text: Words
    documents: list[Name] = Field(default=[], max_length=20, examples=[["contract 17", "INV-202601-000001"]])
    files: list[FileIn] = Field(default=[], max_length=len(EvidenceKind))


class AnswerOut(BaseModel):
    """Where the dispute is now."""

    state: DisputeState


class ClearIn(BaseModel):
    """Why the account may be charged, and its members let in, after a dispute that was lost."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


@router.get("/disputes")
def list_disputes(services: ServicesDep, reader: Reader) -> list[DisputeOut]:
    """What is to be done first, by its day; then the newest."""
    with services.db.read() as conn:
        found = listing.disputes(conn, reader.organisation_id)
    return [DisputeOut.model_validate(one, from_attributes=True) for one in found]


@router.get("/disputes/{dispute_id}")
def show_dispute(dispute_id: PathId, services: ServicesDep, reader: Reader) -> DisputeStory:
    """What happened so far."""
    with services.db.read() as conn:
        return DisputeStory(
            steps=listing.steps_of(conn, reader.organisation_id, dispute_id),
            said=listing.said_of(conn, reader.organisation_id, dispute_id),
        )


@router.post("/disputes/{dispute_id}/answer")
def answer_dispute(
    dispute_id: PathId, said: AnswerIn, request_key: RequestKey, services: NewsServicesDep, keeper: Keeper
) -> AnswerOut:
    """Answer the bank. 503: it is kept, and the provider does not answer now; send the same again."""
    with services.db.read() as conn:
        now_ms = business_now_ms(conn, keeper.organisation_id, services.clock.real_ms())
    state = answer(
        services.db,
        services.keyring,
        services.news_of,
        Answer(
            organisation_id=keeper.organisation_id,
            dispute_id=dispute_id,
            text=said.text,
            documents=said.documents,
            files=[document(one.kind, one.name, one.content) for one in said.files],
            by=keeper.name,
            request_key=f"{keeper.kind}:{keeper.id}:{request_key}",
        ),
        now_ms=now_ms,
    )
    return AnswerOut(state=state)


@router.post("/disputes/{dispute_id}/clear", status_code=204)
def clear_dispute(dispute_id: PathId, said: ClearIn, services: ServicesDep, keeper: Keeper) -> None:
    """Let an account go on whose dispute was lost: its members pass, and it is charged again."""
    with services.db.write() as conn:
        now_ms = business_now_ms(conn, keeper.organisation_id, services.clock.real_ms())
        clear(conn, keeper.organisation_id, dispute_id, by=keeper.name, reason=said.reason, now_ms=now_ms)
