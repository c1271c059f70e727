"""Write a message with what causes it; carry the waiting ones, with no transaction open. Carrying is machine time."""

from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, select, text, update

from portillon_cloud.database import Database, wake_after_commit
from portillon_cloud.database.rows import insert_missing
from portillon_cloud.messages.carrier import Carrier, Letter
from portillon_cloud.messages.errors import CarrierBusyError, LetterRefusedError
from portillon_cloud.messages.tables import MessageState, message

LETTERS_PER_STEP = 50
CLAIM_MS = 120_000  # longer than the carrier's own time-out: a letter that is being carried is not taken again
RETRY_FIRST_MS = 60_000
RETRY_LONGEST_MS = 6 * 3_600_000
ATTEMPTS_MAX = 20  # about three days

_COLUMNS = (
    "organisation_id", "account_id", "key", "kind", "language", "recipient", "subject", "body", "written_at_ms",
    "state", "attempts", "retry_at_real_ms",
)  # fmt: skip

# Fenced by the attempt: if our claim ran out, whoever took the letter over writes what became of it.
_OURS = (
    message.c.id == bindparam("letter_id"),
    message.c.state == MessageState.SENDING,
    message.c.attempts == bindparam("attempt"),
)
_SENT = update(message).where(*_OURS).values(state=MessageState.SENT, sent_at_real_ms=bindparam("real_ms"), error=None)


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
    state = MessageState.WAITING if new.recipient else MessageState.NO_ADDRESS
    row = (
        new.organisation_id, new.account_id, new.key, new.kind, new.language, new.recipient, new.subject, new.body,
        now_ms, state.value, 0, 0,
    )  # fmt: skip
    insert_missing(conn, message, _COLUMNS, [row], unique=("organisation_id", "key"))
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
    of = {"letter_id": row.id, "attempt": row.attempts}
    values: dict[str, object]
    try:
        carrier.carry(letter)
    except LetterRefusedError as error:
        values = {"state": MessageState.REFUSED, "error": str(error)[:2000]}
    except CarrierBusyError as error:
        values = {"error": str(error)[:2000], **_later(row.attempts, real_ms)}
    else:
        with db.write() as conn:
            conn.execute(_SENT, {**of, "real_ms": real_ms})
        return
    with db.write() as conn:
        conn.execute(update(message).where(*_OURS).values(values), of)


def _later(attempts: int, real_ms: int) -> dict[str, object]:
    if attempts >= ATTEMPTS_MAX:
        return {"state": MessageState.REFUSED}
    wait_ms = min(RETRY_FIRST_MS << (attempts - 1), RETRY_LONGEST_MS)
    return {"state": MessageState.WAITING, "retry_at_real_ms": real_ms + wait_ms}
