"""The files for the bank as such: numbered without a gap, kept sealed with their hash, the same bytes each time."""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from portillon_cloud.database.rows import insert_one
from portillon_cloud.ledger.periods import Book
from portillon_cloud.members.organisations import time_zone_of
from portillon_cloud.members.tables import legal_entity
from portillon_cloud.payments.sepa.errors import NotACreditorError, UnknownDebitFileError
from portillon_cloud.payments.sepa.mandates import Creditor, creditor_of
from portillon_cloud.payments.sepa.tables import FileOf, sepa_file
from portillon_cloud.secrets import Keyring


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What the next file says of itself. `made_at` is local time."""

    number: int
    message_id: str
    company: str
    made_at: datetime.datetime


def lock_creditor(conn: Connection, book: Book) -> Creditor:
    """How the company collects, held against another who makes its next file. Raises NotACreditorError."""
    conn.execute(
        select(legal_entity.c.id)
        .where(legal_entity.c.id == book.legal_entity_id, legal_entity.c.organisation_id == book.organisation_id)
        .with_for_update(key_share=True)
    )
    creditor = creditor_of(conn, book.organisation_id, book.legal_entity_id)
    if creditor is None:
        raise NotACreditorError(f"legal entity {book.legal_entity_id} has no creditor identifier: enter it first")
    return creditor


def next_head(conn: Connection, book: Book, *, now_ms: int) -> Head:
    """Of the file that is made now; the caller holds the creditor."""
    number = 1 + int(
        conn.execute(
            select(func.coalesce(func.max(sepa_file.c.number), 0)).where(
                sepa_file.c.legal_entity_id == book.legal_entity_id, sepa_file.c.organisation_id == book.organisation_id
            )
        ).scalar_one()
    )
    company = conn.execute(
        select(legal_entity.c.name).where(
            legal_entity.c.id == book.legal_entity_id, legal_entity.c.organisation_id == book.organisation_id
        )
    ).scalar_one()
    zone = ZoneInfo(time_zone_of(conn, book.organisation_id))
    made_at = datetime.datetime.fromtimestamp(now_ms // 1000, zone)
    return Head(number=number, message_id=f"P{book.legal_entity_id}-{number}", company=company, made_at=made_at)


def keep_file(
    conn: Connection,
    keyring: Keyring,
    book: Book,
    kind: FileOf,
    head: Head,
    body: bytes,
    amounts_minor: Sequence[int],
    *,
    by: str,
    now_ms: int,
) -> int:
    """Keep it for ever; its id."""
    return insert_one(
        conn,
        sepa_file,
        organisation_id=book.organisation_id,
        legal_entity_id=book.legal_entity_id,
        kind=kind,
        number=head.number,
        message_id=head.message_id,
        made_at_ms=now_ms,
        made_by=by,
        orders=len(amounts_minor),
        total_minor=sum(amounts_minor),
        sha256=hashlib.sha256(body).hexdigest(),
        body_sealed=keyring.seal(body, purpose=_sealed_for(book.organisation_id, head.message_id)),
    )


def read_file(conn: Connection, keyring: Keyring, *, organisation_id: int, file_id: int) -> tuple[str, bytes]:
    """The file's name and its bytes, as they were made. Raises UnknownDebitFileError."""
    row = conn.execute(
        select(sepa_file).where(sepa_file.c.id == file_id, sepa_file.c.organisation_id == organisation_id)
    ).one_or_none()
    if row is None:
        raise UnknownDebitFileError(f"your organisation has no file {file_id} for the bank")
    body = keyring.unseal(row.body_sealed, purpose=_sealed_for(organisation_id, row.message_id))
    return f"{row.message_id}.xml", body


def _sealed_for(organisation_id: int, message_id: str) -> str:
    return f"sepa_file.body:{organisation_id}:{message_id}"
