"""Documents that show what an answer to a bank says: what may be handed in, and how it is kept.

1. A PDF, JPEG or PNG, by its first bytes and not by its name; one of each kind; BYTES_MOST together.
2. Kept sealed before anything is sent, so that the same answer can be sent again as it was.
3. Erased with whoever paid; that it was handed in, and its digest, stays.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select, update

from portillon_cloud.database.rows import insert_one
from portillon_cloud.payments.disputes.errors import DocumentRefusedError, WrongDocument
from portillon_cloud.payments.disputes.tables import dispute_document
from portillon_cloud.payments.inbox.news import EvidenceFile, EvidenceKind
from portillon_cloud.secrets import Keyring

BYTES_MOST = 4_000_000
"""Of one answer: what networks and providers take lies between 1 and 25 MB, as far as we know; a scan fits."""

NAME_LENGTH = 100
_BEGINS: Mapping[bytes, str] = {
    b"%PDF-": "application/pdf",  # ISO 32000-1, 7.5.2
    b"\xff\xd8\xff": "image/jpeg",  # ITU T.81, B.1.1.3: SOI and the first marker
    b"\x89PNG\r\n\x1a\n": "image/png",  # ISO 15948, 5.2
}
_NO_NAME = "—"


def document(kind: EvidenceKind, name: str, content: bytes) -> EvidenceFile:
    """One document, with what it is by its first bytes. Raises DocumentRefusedError."""
    found = next((media_type for begin, media_type in _BEGINS.items() if content.startswith(begin)), None)
    if found is None:
        raise DocumentRefusedError(f"the document {kind} is no PDF, JPEG or PNG", WrongDocument.NOT_READ)
    clean = "".join(letter for letter in name if letter.isprintable()).strip()
    return EvidenceFile(kind=kind, name=clean[-NAME_LENGTH:] or kind, media_type=found, content=content)


def check_together(files: Sequence[EvidenceFile]) -> None:
    """Raises DocumentRefusedError for two of a kind, or for too much."""
    if len({one.kind for one in files}) != len(files):
        raise DocumentRefusedError("hand in one document of each kind", WrongDocument.TWO_OF_A_KIND)
    if sum(len(one.content) for one in files) > BYTES_MOST:
        raise DocumentRefusedError(f"documents are at most {BYTES_MOST} bytes together", WrongDocument.TOO_LARGE)


def keep(conn: Connection, keyring: Keyring, row: Row[Any], evidence_id: int, files: Sequence[EvidenceFile]) -> None:
    """Keep the documents of an answer to this dispute, sealed."""
    for one in files:
        insert_one(
            conn,
            dispute_document,
            organisation_id=row.organisation_id,
            account_id=row.account_id,
            dispute_evidence_id=evidence_id,
            kind=one.kind,
            name=one.name,
            media_type=one.media_type,
            size_bytes=len(one.content),
            sha256=_digest(one),
            sealed=keyring.seal(one.content, purpose=_purpose(row.organisation_id, evidence_id)),
        )


def kept(conn: Connection, keyring: Keyring, organisation_id: int, evidence_id: int) -> list[EvidenceFile]:
    """The documents of an answer, opened."""
    return [
        EvidenceFile(
            kind=EvidenceKind(row.kind),
            name=row.name,
            media_type=row.media_type,
            content=keyring.unseal(bytes(row.sealed), purpose=_purpose(organisation_id, evidence_id)),
        )
        for row in _rows(conn, organisation_id, evidence_id)
        if row.sealed is not None
    ]


def same(conn: Connection, organisation_id: int, evidence_id: int, files: Sequence[EvidenceFile]) -> bool:
    """Whether these are the documents of an answer. None at all: whoever sends it again need not hand them in again."""
    there = {(row.kind, row.sha256) for row in _rows(conn, organisation_id, evidence_id)}
    return not files or there == {(one.kind.value, _digest(one)) for one in files}


def erase(conn: Connection, account_id: int) -> None:
    """Destroy what shows who somebody is."""
    column = dispute_document.c
    conn.execute(update(dispute_document).where(column.account_id == account_id).values(name=_NO_NAME, sealed=None))


def _rows(conn: Connection, organisation_id: int, evidence_id: int) -> Sequence[Row[Any]]:
    column = dispute_document.c
    return conn.execute(
        select(dispute_document)
        .where(column.organisation_id == organisation_id, column.dispute_evidence_id == evidence_id)
        .order_by(column.id)
    ).all()


def _digest(one: EvidenceFile) -> str:
    return hashlib.sha256(one.content).hexdigest()


def _purpose(organisation_id: int, evidence_id: int) -> str:
    return f"dispute_document.sealed:{organisation_id}:{evidence_id}"
