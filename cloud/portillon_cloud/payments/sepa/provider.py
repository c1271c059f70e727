"""Debits through the gym's own bank, as a payment provider: a charge waits for its file, and its end comes as a file.

1. A charge is a debit row: the payer is told amount and day at once, and the day is `notice_days` later at least.
2. PENDING until the bank's answers say otherwise: no file, no answer and no day decide anything by themselves.
3. A debit that waits can be called off; one that a file told the bank of cannot.
"""

from datetime import date, timedelta

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from portillon_cloud.clock.local import local_date, start_of_day_ms
from portillon_cloud.database import Database
from portillon_cloud.database.rows import insert_one
from portillon_cloud.members.tables import account, legal_entity, organisation
from portillon_cloud.payments.errors import IdempotencyKeyReusedError
from portillon_cloud.payments.provider import (
    NO_PROVIDER,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    RefundAnswer,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.sepa.bank_days import bank_day_from, bank_days_after
from portillon_cloud.payments.sepa.mandates import EURO, creditor_of, is_dead
from portillon_cloud.payments.sepa.notice import tell_of_debit
from portillon_cloud.payments.sepa.refunds import take_in
from portillon_cloud.payments.sepa.tables import SEPA, DebitState, sepa_debit, sepa_mandate

KEY_LIFE_MS = 10 * 365 * 24 * 3_600_000  # its keys are rows of our own

_OUTCOME = {
    DebitState.WAITING: ChargeOutcome.PENDING,
    DebitState.IN_FILE: ChargeOutcome.PENDING,
    DebitState.SUCCEEDED: ChargeOutcome.SUCCEEDED,
    DebitState.RETURNED: ChargeOutcome.SUCCEEDED,  # it had; that it went back is a record of its own
    DebitState.REFUSED: ChargeOutcome.REFUSED,
}


class SepaDebits:
    """The gym's own bank. Every call is a transaction of its own, as with a provider across the network."""

    name = SEPA
    key_life_ms = KEY_LIFE_MS

    def __init__(self, db: Database) -> None:
        self._db = db

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Let it be collected, once per key."""
        try:
            with self._db.write() as conn:
                return self._charge(conn, order)
        except IntegrityError:
            # Two callers sent one key at the same instant: do not say what the other will hear.
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """Where the debit is; None: never seen."""
        with self._db.read() as conn:
            made = _made(conn, order)
            return None if made is None else _answer(made, _zone(conn, order))

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Call off a debit that no file has told the bank of."""
        with self._db.write() as conn:
            conn.execute(
                update(sepa_debit)
                .where(
                    sepa_debit.c.attempt_key == order.key,
                    sepa_debit.c.organisation_id == order.organisation_id,
                    sepa_debit.c.state == DebitState.WAITING,
                )
                .values(state=DebitState.REFUSED, code="cancelled")
            )
            made = _made(conn, order)
            if made is None and (found := _mandate(conn, order)) is not None:
                today = local_date(order.now_ms, _zone(conn, order))
                _insert(conn, order, found, today, today, DebitState.REFUSED, "cancelled")
            if made is None:
                return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="cancelled", reference=order.key)
            return _answer(made, _zone(conn, order))

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Let it be paid back by the next file, once per key. Raises IdempotencyKeyReusedError."""
        try:
            with self._db.write() as conn:
                return take_in(conn, order)
        except IntegrityError:
            return RefundAnswer(outcome=RefundOutcome.UNKNOWN)  # two callers, one key, the same instant

    def _charge(self, conn: Connection, order: ChargeOrder) -> ChargeAnswer:
        zone = _zone(conn, order)
        made = _made(conn, order)
        if made is not None:
            return _answer(made, zone)
        found = _mandate(conn, order)
        if found is None:
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="no_mandate")
        today = local_date(order.now_ms, zone)
        creditor = creditor_of(conn, order.organisation_id, found.legal_entity_id)
        if creditor is None or order.currency != EURO or found.currency != EURO:
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code=NO_PROVIDER)
        earliest = bank_days_after(today, creditor.file_days + 1)  # the file may be made tomorrow
        collect_on = bank_day_from(max(today + timedelta(days=creditor.notice_days), earliest))
        if is_dead(found.signed_on, found.used_on, found.revoked_on, collect_on):
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="no_mandate")
        _insert(conn, order, found, today, collect_on, DebitState.WAITING, None)
        tell_of_debit(conn, order, found, creditor.creditor_id, collect_on)
        return ChargeAnswer(
            outcome=ChargeOutcome.PENDING,
            reference=order.key,
            collects_at_ms=start_of_day_ms(collect_on, zone),
        )


def _insert(
    conn: Connection,
    order: ChargeOrder,
    found: Row[tuple[object, ...]],
    told_on: date,
    collect_on: date,
    state: DebitState,
    code: str | None,
) -> None:
    insert_one(
        conn,
        sepa_debit,
        organisation_id=order.organisation_id,
        legal_entity_id=found.legal_entity_id,
        account_id=found.account_id,
        mandate_id=found.id,
        attempt_key=order.key,
        amount_minor=order.amount_minor,
        told_on=told_on,
        collect_on=collect_on,
        state=state,
        code=code,
    )


def _mandate(conn: Connection, order: ChargeOrder) -> Row[tuple[object, ...]] | None:
    """The mandate of the order's token, with its account and company."""
    reference = order.token.removeprefix(f"{order.organisation_id}:")
    return conn.execute(
        select(
            sepa_mandate,
            account.c.legal_entity_id,
            account.c.name.label("payer"),
            account.c.email,
            account.c.language,
            legal_entity.c.name.label("company"),
            legal_entity.c.currency,
            organisation.c.country,
        )
        .join(account, account.c.id == sepa_mandate.c.account_id)
        .join(legal_entity, legal_entity.c.id == account.c.legal_entity_id)
        .join(organisation, organisation.c.id == sepa_mandate.c.organisation_id)
        .where(sepa_mandate.c.organisation_id == order.organisation_id, sepa_mandate.c.reference == reference)
    ).one_or_none()


def _made(conn: Connection, order: ChargeOrder) -> Row[tuple[object, ...]] | None:
    """The debit of this key. Raises IdempotencyKeyReusedError if it was another one."""
    made = conn.execute(
        select(sepa_debit, sepa_mandate.c.reference)
        .join(sepa_mandate, sepa_mandate.c.id == sepa_debit.c.mandate_id)
        .where(sepa_debit.c.attempt_key == order.key, sepa_debit.c.organisation_id == order.organisation_id)
    ).one_or_none()
    if made is not None and (made.amount_minor, f"{order.organisation_id}:{made.reference}") != (
        order.amount_minor,
        order.token,
    ):
        raise IdempotencyKeyReusedError(
            f"key {order.key} was sent before with another mandate or amount; a new attempt needs a new key"
        )
    return made


def _answer(made: Row[tuple[object, ...]], zone: str) -> ChargeAnswer:
    outcome = _OUTCOME[DebitState(made.state)]
    pending = outcome is ChargeOutcome.PENDING
    return ChargeAnswer(
        outcome=outcome,
        code=made.code if outcome is ChargeOutcome.REFUSED else None,
        reference=made.attempt_key,
        collects_at_ms=start_of_day_ms(made.collect_on, zone) if pending else None,
    )


def _zone(conn: Connection, order: ChargeOrder) -> str:
    zone: str = conn.execute(
        select(organisation.c.time_zone).where(organisation.c.id == order.organisation_id)
    ).scalar_one()
    return zone
