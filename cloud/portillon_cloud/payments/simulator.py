"""A payment provider that keeps its own books, honours idempotency keys and declines on demand. For test organisations.

Modelled: keys (same key, same answer; other content, error), declines, debits that settle days later in business time,
a provider that is down, a lost answer, refunds. Not modelled: disputes, webhooks, network tokens, rate limits.
"""

import hashlib
import secrets

from sqlalchemy import Connection, Row, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from portillon_cloud.database import Database
from portillon_cloud.members.tables import organisation
from portillon_cloud.payments.errors import (
    IdempotencyKeyReusedError,
    LiveOrganisationError,
    UnknownPaymentMethodError,
)
from portillon_cloud.payments.provider import (
    CardBehaviour,
    ChargeAnswer,
    ChargeOrder,
    ChargeOutcome,
    RefundAnswer,
    RefundOrder,
    RefundOutcome,
)
from portillon_cloud.payments.simulator_tables import sim_card, sim_charge, sim_refund
from portillon_cloud.payments.tables import SIMULATOR

_REFERENCE = "sim:"  # begins the simulated provider's own names
KEY_LIFE_MS = 24 * 3_600_000  # as long as the large providers promise
DEBIT_SETTLES_AFTER_MS = 3 * 24 * 3_600_000

_MADE: dict[CardBehaviour, tuple[ChargeOutcome, str | None]] = {
    CardBehaviour.OK: (ChargeOutcome.SUCCEEDED, None),
    CardBehaviour.ANSWER_LOST: (ChargeOutcome.SUCCEEDED, None),
    CardBehaviour.INSUFFICIENT_FUNDS: (ChargeOutcome.REFUSED, "insufficient_funds"),
    CardBehaviour.EXPIRED_CARD: (ChargeOutcome.REFUSED, "expired_card"),
    CardBehaviour.LOST_CARD: (ChargeOutcome.REFUSED, "lost_card"),
    CardBehaviour.ACTION_REQUIRED: (ChargeOutcome.ACTION_REQUIRED, "authentication_required"),
    CardBehaviour.DEBIT: (ChargeOutcome.PENDING, None),
    CardBehaviour.DEBIT_RETURNED: (ChargeOutcome.PENDING, None),
}
_SETTLES: dict[CardBehaviour, tuple[ChargeOutcome, str | None]] = {
    CardBehaviour.DEBIT: (ChargeOutcome.SUCCEEDED, None),
    CardBehaviour.DEBIT_RETURNED: (ChargeOutcome.REFUSED, "insufficient_funds"),
}

_NEW_CHARGE = insert(sim_charge)
_BEHAVIOUR = select(sim_card.c.behaviour).where(
    sim_card.c.token == bindparam("token"), sim_card.c.organisation_id == bindparam("organisation_id")
)
_MADE_UNDER = select(sim_charge).where(sim_charge.c.idempotency_key == bindparam("key"))


class PaymentSimulator:
    """The simulated provider. Every call is a transaction of its own, as with a provider across the network."""

    name = SIMULATOR
    key_life_ms = KEY_LIFE_MS

    def __init__(self, db: Database) -> None:
        self._db = db

    def charge(self, order: ChargeOrder) -> ChargeAnswer:
        """Charge once per key."""
        try:
            with self._db.write() as conn:
                return self._charge(conn, order)
        except IntegrityError:
            # Two callers sent one key at the same instant: like a real provider, do not say what the other will hear.
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)

    def look_up(self, order: ChargeOrder) -> ChargeAnswer | None:
        """What became of the order's key; None: never seen."""
        with self._db.read() as conn:
            if _behaviour(conn, order) is CardBehaviour.PROVIDER_DOWN:
                return ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN)
            made = _made(conn, order)
            return None if made is None else _answer(made, order.now_ms)

    def cancel(self, order: ChargeOrder) -> ChargeAnswer:
        """Refuse the key for ever, unless it has succeeded or is a debit on its way."""
        with self._db.write() as conn:
            if _behaviour(conn, order) is CardBehaviour.PROVIDER_DOWN:
                return ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN)
            made = _made(conn, order)
            if made is None:
                _insert(conn, order, ChargeOutcome.REFUSED, "cancelled")
            elif made.outcome == ChargeOutcome.ACTION_REQUIRED:
                conn.execute(
                    update(sim_charge)
                    .where(sim_charge.c.id == made.id)
                    .values(outcome=ChargeOutcome.REFUSED, code="cancelled")
                )
            else:
                return _answer(made, order.now_ms)
            return ChargeAnswer(outcome=ChargeOutcome.REFUSED, code="cancelled", reference=f"{_REFERENCE}{order.key}")

    def refund(self, order: RefundOrder) -> RefundAnswer:
        """Pay back once per key, never more than was charged. Raises IdempotencyKeyReusedError."""
        try:
            with self._db.write() as conn:
                return _refund(conn, order)
        except IntegrityError:
            return RefundAnswer(outcome=RefundOutcome.UNKNOWN)

    def issue_cards(self, organisation_id: int, count: int) -> list[str]:
        """Tokens of new cards that work. Raises LiveOrganisationError."""
        with self._db.write() as conn:
            _refuse_live(conn, organisation_id)
            tokens = [f"sim_{secrets.token_hex(12)}" for _ in range(count)]
            rows = [
                {"token": token, "organisation_id": organisation_id, "behaviour": CardBehaviour.OK} for token in tokens
            ]
            if rows:
                conn.execute(insert(sim_card), rows)
            return tokens

    def set_card_behaviour(self, organisation_id: int, token: str, behaviour: CardBehaviour) -> None:
        """What this card does from now on. Raises LiveOrganisationError, UnknownPaymentMethodError."""
        with self._db.write() as conn:
            _refuse_live(conn, organisation_id)
            changed = conn.execute(
                update(sim_card)
                .where(sim_card.c.token == token, sim_card.c.organisation_id == organisation_id)
                .values(behaviour=behaviour)
            )
            if changed.rowcount != 1:
                raise UnknownPaymentMethodError(f"organisation {organisation_id} has no simulated card {token}")

    def _charge(self, conn: Connection, order: ChargeOrder) -> ChargeAnswer:
        made = _made(conn, order)
        if made is not None:
            return _answer(made, order.now_ms)
        behaviour = _behaviour(conn, order)
        if behaviour is CardBehaviour.PROVIDER_DOWN:
            return ChargeAnswer(outcome=ChargeOutcome.PROVIDER_DOWN)
        outcome, code = (ChargeOutcome.REFUSED, "no_such_card") if behaviour is None else _MADE[behaviour]
        _insert(conn, order, outcome, code, settles=_SETTLES.get(behaviour) if behaviour else None)
        if behaviour is CardBehaviour.ANSWER_LOST:
            return ChargeAnswer(outcome=ChargeOutcome.UNKNOWN)
        return ChargeAnswer(outcome=outcome, code=code, reference=f"{_REFERENCE}{order.key}")


def _insert(
    conn: Connection,
    order: ChargeOrder,
    outcome: ChargeOutcome,
    code: str | None,
    *,
    settles: tuple[ChargeOutcome, str | None] | None = None,
) -> None:
    settles_as, settles_code = settles or (None, None)
    made = {
        "idempotency_key": order.key,
        "fingerprint": _fingerprint(order),
        "token": order.token,
        "amount_minor": order.amount_minor,
        "currency": order.currency,
        "outcome": outcome,
        "code": code,
        "made_at_ms": order.now_ms,
        "settles_at_ms": order.now_ms + DEBIT_SETTLES_AFTER_MS if settles else None,
        "settles_as": settles_as,
        "settles_code": settles_code,
    }
    conn.execute(_NEW_CHARGE, made)


def _refund(conn: Connection, order: RefundOrder) -> RefundAnswer:
    charge = conn.execute(
        select(sim_charge, sim_card.c.behaviour)
        .join(sim_card, sim_card.c.token == sim_charge.c.token)
        .where(
            sim_charge.c.idempotency_key == order.charge.removeprefix(_REFERENCE),
            sim_card.c.organisation_id == order.organisation_id,
        )
    ).one_or_none()
    if charge is None:
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code="no_such_charge")
    if charge.behaviour == CardBehaviour.PROVIDER_DOWN:
        return RefundAnswer(outcome=RefundOutcome.PROVIDER_DOWN)
    done = RefundAnswer(outcome=RefundOutcome.SUCCEEDED, reference=f"{_REFERENCE}{order.key}")
    column = sim_refund.c
    made = conn.execute(select(sim_refund).where(column.idempotency_key == order.key)).one_or_none()
    if made is not None:
        if (made.charge_key, made.amount_minor) != (charge.idempotency_key, order.amount_minor):
            raise _reused(order.key)
        return done
    given = conn.scalar(select(func.sum(column.amount_minor)).where(column.charge_key == charge.idempotency_key)) or 0
    if _answer(charge, order.now_ms).outcome is not ChargeOutcome.SUCCEEDED:
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code="charge_not_paid")
    if given + order.amount_minor > charge.amount_minor:
        return RefundAnswer(outcome=RefundOutcome.REFUSED, code="charge_already_refunded")
    conn.execute(
        insert(sim_refund).values(
            idempotency_key=order.key, charge_key=charge.idempotency_key, amount_minor=order.amount_minor
        )
    )
    lost = charge.behaviour == CardBehaviour.ANSWER_LOST
    return RefundAnswer(outcome=RefundOutcome.UNKNOWN) if lost else done


def _refuse_live(conn: Connection, organisation_id: int) -> None:
    mode = conn.scalar(select(organisation.c.mode).where(organisation.c.id == organisation_id))
    if mode != "test":
        raise LiveOrganisationError(
            f"organisation {organisation_id} is {mode or 'unknown'}; "
            "the payment simulator works in test organisations only"
        )


def _behaviour(conn: Connection, order: ChargeOrder) -> CardBehaviour | None:
    found = conn.scalar(_BEHAVIOUR, {"token": order.token, "organisation_id": order.organisation_id})
    return None if found is None else CardBehaviour(found)


def _made(conn: Connection, order: ChargeOrder) -> Row[tuple[object, ...]] | None:
    """The charge made under this key. Raises IdempotencyKeyReusedError if it was another one."""
    made = conn.execute(_MADE_UNDER, {"key": order.key}).one_or_none()
    if made is not None and made.fingerprint != _fingerprint(order):
        raise _reused(order.key)
    return made


def _reused(key: str) -> IdempotencyKeyReusedError:
    return IdempotencyKeyReusedError(
        f"key {key} was sent before with another card, charge, amount or currency; a new attempt needs a new key"
    )


def _answer(made: Row[tuple[object, ...]], now_ms: int) -> ChargeAnswer:
    settled = made.settles_at_ms is not None and made.settles_at_ms <= now_ms
    outcome, code = (made.settles_as, made.settles_code) if settled else (made.outcome, made.code)
    return ChargeAnswer(outcome=ChargeOutcome(outcome), code=code, reference=f"{_REFERENCE}{made.idempotency_key}")


def _fingerprint(order: ChargeOrder) -> str:
    content = f"{order.organisation_id}|{order.token}|{order.amount_minor}|{order.currency}"
    return hashlib.sha256(content.encode()).hexdigest()
