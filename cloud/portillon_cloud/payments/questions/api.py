"""Questions about invoices over HTTP: ask, answer, and what waits."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from portillon_cloud.clock import business_now_ms
from portillon_cloud.http.dependencies import ServicesDep, require
from portillon_cloud.http.paging import PathId
from portillon_cloud.identity.principal import Principal
from portillon_cloud.identity.roles import Permission
from portillon_cloud.payments.api import RequestKey
from portillon_cloud.payments.questions import operations
from portillon_cloud.payments.questions.tables import AnsweredAs, AskedBy

router = APIRouter(tags=["payments"])
Reader = Annotated[Principal, Depends(require(Permission.SEE_MONEY))]
Clerk = Annotated[Principal, Depends(require(Permission.TAKE_PAYMENT))]
Text = Annotated[str, Field(min_length=1, max_length=2_000, pattern=r"\S")]


class QuestionIn(BaseModel):
    """What somebody asks about an invoice."""

    model_config = ConfigDict(extra="forbid")

    asked_as: Literal[AskedBy.MEMBER, AskedBy.DESK] = Field(default=AskedBy.MEMBER, description="Who has the question")
    text: Text


class AskedOut(BaseModel):
    question_id: int


class QuestionOut(BaseModel):
    """Until `holds_until_ms` nothing of the invoice is charged and it shuts no door, unless it is answered before."""

    id: int
    account_id: int
    who: str
    invoice_id: int
    number: str
    asked_as: AskedBy
    text: str
    asked_at_ms: int
    holds_until_ms: int
    answered_as: AnsweredAs | None
    answer: str | None
    answered_by: str | None


class AnswerToQuestion(BaseModel):
    """How it ended, and what they were told. A credit note is made on its own, before."""

    model_config = ConfigDict(extra="forbid")

    answered_as: AnsweredAs
    text: Text


@router.get("/invoice-questions")
def list_questions(services: ServicesDep, reader: Reader) -> list[QuestionOut]:
    """Those that wait for an answer first."""
    with services.db.read() as conn:
        found = operations.questions(conn, reader.organisation_id)
    return [QuestionOut.model_validate(one, from_attributes=True) for one in found]


@router.post("/invoices/{invoice_id}/questions", status_code=201)
def ask(
    invoice_id: PathId, asked: QuestionIn, request_key: RequestKey, services: ServicesDep, clerk: Clerk
) -> AskedOut:
    """Write a question down; the invoice is held, once, for 14 days at most. 409: one about it is open."""
    with services.db.write() as conn:
        question = operations.Question(
            organisation_id=clerk.organisation_id,
            invoice_id=invoice_id,
            asked_as=asked.asked_as,
            by=clerk.name,
            text=asked.text,
            request_key=f"{clerk.kind}:{clerk.id}:{request_key}",
        )
        now_ms = business_now_ms(conn, clerk.organisation_id, services.clock.real_ms())
        return AskedOut(question_id=operations.ask(conn, question, now_ms=now_ms))


@router.post("/invoice-questions/{question_id}/answer", status_code=204)
def answer(question_id: PathId, said: AnswerToQuestion, services: ServicesDep, clerk: Clerk) -> None:
    """Answer it; what is due of the invoice is charged at once. 409: it was answered."""
    with services.db.write() as conn:
        operations.answer(
            conn,
            clerk.organisation_id,
            question_id,
            as_=said.answered_as,
            text=said.text,
            by=clerk.name,
            now_ms=business_now_ms(conn, clerk.organisation_id, services.clock.real_ms()),
        )
