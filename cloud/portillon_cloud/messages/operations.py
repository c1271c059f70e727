"""Write a message with what causes it; carry the waiting ones, with no transaction open. Carrying is machine time."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.messages.carrier import Carrier, Letter
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError
from portillon_cloud.messages.tables import MessageState, message

LETTERS_PER_STEP = 50
CLAIM_MS = 120_000  # longer than the carrier's own time-out: a letter that is being carried is not taken again
RETRY_FIRST_MS = 60_000
RETRY_LONGEST_MS = 6 * 3_600_000
ATTEMPTS_MAX = 20  # about three days


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message to write: `key` names its purpose within the organisation, and one purpose is written once."""

    organisation_id: int
    account_id: int
    key: str
    kind: str
    language: str
    recipient: str | None
    subject: str
    body: str


def write_message(conn: Connection, new: NewMessage, *, now_ms: int) -> None:
    """Write it in the caller's transaction; without a recipient it is kept for the staff to see."""
    writing = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(
        writing(message)
        .values(
            organisation_id=new.organisation_id,
            account_id=new.account_id,
            key=new.key,
            kind=new.kind,
            language=new.language,
            recipient=new.recipient,
            subject=new.subject,
            body=new.body,
            written_at_ms=now_ms,
            state=MessageState.WAITING if new.recipient else MessageState.NO_ADDRESS,
            attempts=0,
            retry_at_real_ms=0,
        )
        .on_conflict_do_nothing(index_elements=["organisation_id", "key"])
    )
    wake_after_commit(conn)


def deliver(db: Database, carrier: Carrier, *, real_ms: int) -> int:
    """Carry up to LETTERS_PER_STEP waiting messages; how many were tried. A crash in between carries a letter again."""
    with db.write() as conn:
        taken = _take(conn, real_ms)
    for row in taken:
        _carry(db, carrier, row, real_ms)
    return len(taken)


def _take(conn: Connection, real_ms: int) -> list[Row[tuple[object, ...]]]:
    chosen = (
        select(message.c.id)
        .where(text("message.state IN ('waiting', 'sending')"), message.c.retry_at_real_ms <= real_ms)
        .order_by(message.c.retry_at_real_ms, message.c.id)
        .limit(LETTERS_PER_STEP)
        .with_for_update(skip_locked=True)
    )
    rows = conn.execute(
        update(message)
        .where(message.c.id.in_(chosen))
        .values(
            state=MessageState.SENDING,
            attempts=message.c.attempts + 1,
            retry_at_real_ms=real_ms + CLAIM_MS,
        )
        .returning(*message.c)
    )
    return sorted(rows, key=lambda row: row.id)


def _carry(db: Database, carrier: Carrier, row: Row[tuple[object, ...]], real_ms: int) -> None:
    letter = Letter(
        id=f"message-{row.organisation_id}-{row.id}",
        recipient=str(row.recipient),
        subject=row.subject,
        body=row.body,
        language=row.language,
        written_at_ms=row.written_at_ms,
    )
    values: dict[str, object]
    try:
        carrier.carry(letter)
    except LetterRefusedError as error:
        values = {"state": MessageState.REFUSED, "error": str(error)[:2000]}
    except CarrierBusyError as error:
        values = {"error": str(error)[:2000], **_later(row.attempts, real_ms)}
    else:
        values = {"state": MessageState.SENT, "sent_at_real_ms": real_ms, "error": None}
    with db.write() as conn:
        # Fenced by the attempt: if our claim ran out, whoever took the letter over writes what became of it.
        conn.execute(
            update(message)
            .where(
                message.c.id == row.id,
                message.c.state == MessageState.SENDING,
                message.c.attempts == row.attempts,
            )
            .values(values)
        )


def _later(attempts: int, real_ms: int) -> dict[str, object]:
    if attempts >= ATTEMPTS_MAX:
        return {"state": MessageState.REFUSED}
    wait_ms = min(RETRY_FIRST_MS << (attempts - 1), RETRY_LONGEST_MS)
    return {"state": MessageState.WAITING, "retry_at_real_ms": real_ms + wait_ms}
