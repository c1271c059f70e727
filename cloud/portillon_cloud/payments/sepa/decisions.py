"""What a bank says of one debit, written at once: it was paid, it was refused, or it came back after it was paid.

1. Told twice is once: by its key, by its state, and by the return's own name.
2. What was paid stays paid; that it came back is a record of its own (`payments/returns.py`).
3. A debit that comes back before we heard that it was paid was refused: there is nothing to take back.
"""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, Row, select, update

from portillon_cloud.payments import settling, store
from portillon_cloud.payments.errors import UnknownPaymentError
from portillon_cloud.payments.provider import ChargeAnswer, ChargeOutcome
from portillon_cloud.payments.return_tables import ReturnKind
from portillon_cloud.payments.returns import TakenBack, take_back
from portillon_cloud.payments.sepa.tables import DebitState, sepa_debit, sepa_refund
from portillon_cloud.payments.tables import AttemptState, IntentState, payment_attempt

BANK = "bank"
"""payment_return.noted_by: a bank's own file said so."""
NO_REASON = "NARR"  # ISO 20022: the reason is in words


class Said(StrEnum):
    """What became of a debit, or of a transfer of ours (`refunds.py`)."""

    PAID = "paid"
    REFUSED = "refused"  # before its day: no money moved
    RETURNED = "returned"  # by the payer's bank, or the payer: within days, 8 weeks, or 13 months
    LEFT = "left"  # of a transfer of ours: it is booked
    CAME_BACK = "came_back"  # of a transfer of ours: the payer's bank did not take it


@dataclass(frozen=True, slots=True)
class Decision:
    """One debit, and what the bank says of it. `code`: the reason, in the bank's word."""

    key: str
    said: Said
    code: str | None = None


def decide(conn: Connection, organisation_id: int, told: Decision, *, now_ms: int) -> bool:
    """Write it; whether it is one of ours."""
    debit = _lock_debit(conn, organisation_id, told.key)
    if debit is None:
        return False
    state = DebitState(debit.state)
    if told.said is Said.PAID:
        if state is DebitState.IN_FILE:
            _set(conn, debit.id, DebitState.SUCCEEDED, None)
            _settle(conn, debit, ChargeAnswer(outcome=ChargeOutcome.SUCCEEDED, reference=told.key), now_ms)
        return True
    if told.said in (Said.LEFT, Said.CAME_BACK):
        return True  # nothing that can be said of a debit: a person sees its line
    code = told.code or NO_REASON
    if state is DebitState.SUCCEEDED and told.said is Said.RETURNED:
        _set(conn, debit.id, DebitState.RETURNED, code)
        _take_back(conn, organisation_id, debit, code, now_ms)
    elif state in (DebitState.WAITING, DebitState.IN_FILE):
        _set(conn, debit.id, DebitState.REFUSED, code)
        _settle(conn, debit, ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=code, reference=told.key), now_ms)
    return True


def open_in_batch(conn: Connection, organisation_id: int, batch: str) -> list[tuple[str, int]]:
    """Key and amount of all that a file told the bank of under this PmtInfId or MsgId, and that waits for its word."""
    found = []
    for table, key in ((sepa_debit, sepa_debit.c.attempt_key), (sepa_refund, sepa_refund.c.refund_key)):
        rows = conn.execute(
            select(key, table.c.amount_minor)
            .where(
                table.c.organisation_id == organisation_id,
                (table.c.batch == batch) | table.c.batch.like(f"{_escaped(batch)}-%", escape="\\"),
                table.c.state == DebitState.IN_FILE,
            )
            .order_by(table.c.id)
        )
        found += [(str(row[0]), int(row[1])) for row in rows]
    return found


def debits_of_batch(conn: Connection, organisation_id: int, batch: str) -> list[Row[tuple[object, ...]]]:
    """The debits that a file told the bank of under this PmtInfId or, for a whole file, this MsgId."""
    return list(
        conn.execute(
            select(sepa_debit)
            .where(
                sepa_debit.c.organisation_id == organisation_id,
                (sepa_debit.c.batch == batch) | sepa_debit.c.batch.like(f"{_escaped(batch)}-%", escape="\\"),
            )
            .order_by(sepa_debit.c.id)
        )
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _lock_debit(conn: Connection, organisation_id: int, key: str) -> Row[tuple[object, ...]] | None:
    """The debit with its attempt and intent, held with the account."""
    query = (
        select(sepa_debit, payment_attempt.c.id.label("attempt_id"), payment_attempt.c.intent_id)
        .join(payment_attempt, payment_attempt.c.key == sepa_debit.c.attempt_key)
        .where(sepa_debit.c.attempt_key == key, sepa_debit.c.organisation_id == organisation_id)
    )
    found = conn.execute(query).one_or_none()
    if found is None:
        return None
    store.lock_intent(conn, found.intent_id)
    return conn.execute(query).one()


def _settle(conn: Connection, debit: Row[tuple[object, ...]], answer: ChargeAnswer, now_ms: int) -> None:
    intent, attempt = store.lock_intent(conn, debit.intent_id), store.attempt(conn, debit.attempt_id)
    if attempt.state is not AttemptState.OVER:
        settling.settle(conn, intent, attempt, answer, now_ms)
    elif answer.outcome is ChargeOutcome.SUCCEEDED and intent.state is not IntentState.SUCCEEDED:
        settling.succeeded_after_all(conn, intent, attempt, now_ms)


def _take_back(conn: Connection, organisation_id: int, debit: Row[tuple[object, ...]], code: str, now_ms: int) -> None:
    payment_id = store.payment_of_attempt(conn, debit.attempt_id)
    if payment_id is None:
        raise UnknownPaymentError(f"debit {debit.attempt_key} succeeded, and no payment says so: a defect of ours")
    told = TakenBack(
        organisation_id=organisation_id,
        payment_id=payment_id,
        kind=ReturnKind.RETURNED,
        code=code,
        request_key=f"sepa:{debit.attempt_key}",
        by=BANK,
    )
    take_back(conn, told, now_ms=now_ms)


def _set(conn: Connection, debit_id: int, state: DebitState, code: str | None) -> None:
    conn.execute(update(sepa_debit).where(sepa_debit.c.id == debit_id).values(state=state, code=code))
