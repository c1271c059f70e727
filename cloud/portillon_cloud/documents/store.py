"""The SQL of contract documents: what was put before whom, what of it was accepted, and the files."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from portillon_cloud.documents.errors import UnknownDocumentError
from portillon_cloud.documents.tables import (
    AcceptedHow,
    Signer,
    contract_acceptance,
    contract_document,
    document_file,
)
from portillon_cloud.secrets import Keyring


class DocumentState(StrEnum):
    """Derived: a document that a later one replaced before anybody accepted it cannot be accepted any more."""

    WAITING = "waiting"
    ACCEPTED = "accepted"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One version of a contract in writing. `sha256`: of what was put before whoever signs."""

    id: int
    organisation_id: int
    contract_id: int
    subscription_id: int
    version: int
    wording: str
    language: str
    words: str
    signer: Signer
    sha256: str
    size_bytes: int
    prepared_at_ms: int
    prepared_by: str
    state: DocumentState
    accepted_at_ms: int | None = None
    how: AcceptedHow | None = None
    witness: str | None = None
    has_file: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """By what somebody accepted: the name they typed, what they drew, and from where. `strokes` as paper.Strokes."""

    name: str
    strokes: tuple[tuple[tuple[int, int], ...], ...] = ()
    address: str | None = None
    agent: str | None = None

    def to_json(self) -> bytes:
        """As it rests, before it is sealed."""
        values = {"name": self.name, "strokes": self.strokes, "address": self.address, "agent": self.agent}
        return json.dumps(values, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, data: bytes) -> "Evidence":
        """The same again."""
        values = json.loads(data)
        strokes = tuple(tuple((x, y) for x, y in stroke) for stroke in values.pop("strokes"))
        return cls(strokes=strokes, **values)


def document_of(conn: Connection, organisation_id: int, document_id: int) -> Document:
    """One of them. Raises UnknownDocumentError."""
    row = conn.execute(_documents(organisation_id).where(contract_document.c.id == document_id)).one_or_none()
    if row is None:
        raise UnknownDocumentError(f"there is no contract document {document_id} in your organisation")
    return _document(row)


def documents_of(conn: Connection, organisation_id: int, subscription_id: int) -> Sequence[Document]:
    """All of a subscription, the newest first."""
    rows = conn.execute(
        _documents(organisation_id)
        .where(contract_document.c.subscription_id == subscription_id)
        .order_by(contract_document.c.version.desc())
    )
    return [_document(row) for row in rows]


def read_file(conn: Connection, keyring: Keyring, document: Document) -> bytes:
    """The PDF: sealed, once it was accepted. Raises UnknownDocumentError if it was erased."""
    file: bytes | None = conn.scalar(select(document_file.c.file).where(document_file.c.document_id == document.id))
    if file is None:
        raise UnknownDocumentError(f"the file of contract document {document.id} was erased")
    return keyring.unseal(file, purpose=purpose("file", document.organisation_id, document.id))


def read_evidence(conn: Connection, keyring: Keyring, document: Document) -> Evidence | None:
    """By what it was accepted; None: it was not, or that was erased."""
    sealed: bytes | None = conn.scalar(
        select(document_file.c.evidence).where(document_file.c.document_id == document.id)
    )
    if sealed is None:
        return None
    return Evidence.from_json(
        keyring.unseal(sealed, purpose=purpose("evidence", document.organisation_id, document.id))
    )


def purpose(column: str, organisation_id: int, document_id: int) -> str:
    """What a sealed column of one document is bound to."""
    return f"document_file.{column}:{organisation_id}:{document_id}"


def _documents(organisation_id: int) -> Select[Any]:
    column = contract_document.c
    other = contract_document.alias("other")
    latest = select(func.max(other.c.version)).where(other.c.contract_id == column.contract_id).scalar_subquery()
    return (
        select(
            contract_document,
            latest.label("latest"),
            contract_acceptance.c.accepted_at_ms,
            contract_acceptance.c.how,
            contract_acceptance.c.witness,
            document_file.c.document_id.label("file_of"),
        )
        .outerjoin(contract_acceptance, contract_acceptance.c.document_id == column.id)
        .outerjoin(document_file, document_file.c.document_id == column.id)
        .where(column.organisation_id == organisation_id)
    )


def _document(row: Row[Any]) -> Document:
    if row.accepted_at_ms is not None:
        state = DocumentState.ACCEPTED
    else:
        state = DocumentState.WAITING if row.version == row.latest else DocumentState.REPLACED
    return Document(
        id=row.id,
        organisation_id=row.organisation_id,
        contract_id=row.contract_id,
        subscription_id=row.subscription_id,
        version=row.version,
        wording=row.wording,
        language=row.language,
        words=row.words,
        signer=Signer(row.signer),
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        prepared_at_ms=row.prepared_at_ms,
        prepared_by=row.prepared_by,
        state=state,
        accepted_at_ms=row.accepted_at_ms,
        how=None if row.how is None else AcceptedHow(row.how),
        witness=row.witness,
        has_file=row.file_of is not None,
    )
