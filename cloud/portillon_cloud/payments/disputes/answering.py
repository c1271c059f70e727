"""A person answers the bank: what they say is kept before it is sent, and sent again under its own key if need be."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.payments.disputes.documents import check_together, keep, kept, same
from portillon_cloud.payments.disputes.errors import NothingToAnswerError
from portillon_cloud.payments.disputes.operations import hear_dispute, lock_dispute, note_step
from portillon_cloud.payments.disputes.tables import StepKind, dispute_evidence
from portillon_cloud.payments.errors import RequestKeyReusedError
from portillon_cloud.payments.inbox.news import DisputeState, Evidence, EvidenceFile, NewsOf
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Who says what about which dispute. The same `request_key` is one answer.

    `documents`: names of what shows it, beside those handed in whole (`files`).
    """

    organisation_id: int
    dispute_id: int
    text: str
    documents: Sequence[str]
    by: str
    request_key: str
    files: Sequence[EvidenceFile] = ()


def answer(db: Database, keyring: Keyring, news_of: NewsOf, said: Answer, *, now_ms: int) -> DisputeState:
    """Keep it, send it, and write where the dispute is then.

    Raises UnknownDisputeError, NothingToAnswerError, RequestKeyReusedError, DocumentRefusedError; NewsAwayError: it is
    kept, send it again.
    """
    check_together(said.files)
    with db.write() as conn:
        row = lock_dispute(conn, said.organisation_id, said.dispute_id)
        evidence_id = _kept(conn, said)
        if evidence_id is None:
            if row.debit or row.state not in (DisputeState.INQUIRY, DisputeState.OPEN):
                raise NothingToAnswerError(f"the bank waits for no answer to dispute {row.id}: it is {row.state}")
            evidence_id = insert_one(
                conn,
                dispute_evidence,
                organisation_id=said.organisation_id,
                dispute_id=row.id,
                text=said.text,
                documents=list(said.documents),
                given_by=said.by,
                given_at_ms=now_ms,
                request_key=said.request_key,
            )
            keep(conn, keyring, row, evidence_id, said.files)
            note_step(conn, row, StepKind.EVIDENCE, by=said.by, now_ms=now_ms)
        files = kept(conn, keyring, said.organisation_id, evidence_id)
    news = news_of(said.organisation_id, row.provider)
    if news is None:
        raise NothingToAnswerError(f"there is no account at {row.provider} any more: answer on its own pages")
    evidence = Evidence(
        key=f"evidence-{evidence_id}", text=said.text, documents=tuple(said.documents), files=tuple(files)
    )
    seen = news.submit_evidence(row.reference, evidence)
    with db.write() as conn:
        hear_dispute(conn, said.organisation_id, row.provider, seen, now_ms=now_ms)
        return DisputeState(lock_dispute(conn, said.organisation_id, said.dispute_id).state)


def _kept(conn: Connection, said: Answer) -> int | None:
    column = dispute_evidence.c
    row = conn.execute(
        select(dispute_evidence).where(
            column.organisation_id == said.organisation_id, column.request_key == said.request_key
        )
    ).one_or_none()
    if row is None:
        return None
    words = (row.dispute_id, row.text, row.documents) == (said.dispute_id, said.text, list(said.documents))
    if not words or not same(conn, said.organisation_id, row.id, said.files):
        raise RequestKeyReusedError(f"request key {said.request_key!r} was used for another answer; use a new key")
    return int(row.id)
