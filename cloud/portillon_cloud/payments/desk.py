"""Money taken at the desk: cash, cheque, terminal, transfer. Oldest invoice first, once per key.

Never more than is owed, unless it is taken as a prepayment: what is over is then the member's credit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from portillon_cloud import outbox
from portillon_cloud.access.account_lock import lock_account
from portillon_cloud.dunning import operations as dunning
from portillon_cloud.members.tables import account, legal_entity
from portillon_cloud.money import Money
from portillon_cloud.payments import store
from portillon_cloud.payments.errors import (
    AmountInvalidError,
    ChargeUnderWayError,
    OverpaymentError,
    RequestKeyReusedError,
    UnknownAccountError,
)
from portillon_cloud.payments.receipts import Receipt, Share, receive
from portillon_cloud.payments.tables import (
    AttemptState,
    FinalOutcome,
    IntentState,
    Means,
    allocation,
    payment,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeskPayment:
    """What somebody hands over. `request_key`: the same key is the same payment, however often it is sent.

    `prepay`: what is more than is owed becomes credit, which the next invoices use.
    """

    organisation_id: int
    account_id: int
    amount_minor: int
    currency: str
    means: Means
    request_key: str
    taken_by: str
    prepay: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentTaken:
    """A payment and the invoices it went to: (invoice id, minor units)."""

    payment_id: int
    allocations: tuple[tuple[int, int], ...]


def take_payment(conn: Connection, paid: DeskPayment, *, now_ms: int) -> PaymentTaken:
    """Take it. Raises AmountInvalidError, OverpaymentError, ChargeUnderWayError, RequestKeyReusedError,
    UnknownAccountError."""
    legal_entity_id, currency = _lock_account(conn, paid)
    before = _taken_before(conn, paid)
    if before is not None:
        return before
    if paid.amount_minor <= 0 or paid.means in (Means.PROVIDER, Means.BROUGHT):
        raise AmountInvalidError(f"{paid.amount_minor} by {paid.means}: hand over a positive amount, at the desk")
    intents = [one for one in store.lock_live_intents(conn, paid.account_id) if one.currency == paid.currency]
    owed = [(one, store.owed_of(conn, one)) for one in intents]
    whole_minor = sum(minor for _, minor in owed)
    if paid.prepay and paid.currency != currency:
        raise AmountInvalidError(f"the books of account {paid.account_id} are in {currency}: take {currency}")
    if paid.amount_minor > whole_minor and not paid.prepay:
        raise OverpaymentError(
            f"account {paid.account_id} owes {Money(whole_minor, paid.currency).format('en')}, "
            f"not {Money(paid.amount_minor, paid.currency).format('en')}: take at most what is owed"
        )
    shares = _shares(owed, paid.amount_minor)
    for intent, _, _ in shares:
        end_charging(conn, intent, code="paid_at_desk", now_ms=now_ms)
    receipt = Receipt(
        organisation_id=paid.organisation_id,
        legal_entity_id=legal_entity_id,
        account_id=paid.account_id,
        amount_minor=paid.amount_minor,
        currency=paid.currency,
        means=paid.means,
        request_key=paid.request_key,
        taken_by=paid.taken_by,
    )
    parts = [Share(intent.invoice_id, share_minor, intent.position) for intent, _, share_minor in shares]
    payment_id = receive(conn, receipt, parts, now_ms=now_ms)
    for intent, its_owed_minor, share_minor in shares:
        store.set_intent_state(conn, intent.id, IntentState.REPLACED)
        if share_minor < its_owed_minor:
            # Timers of the old intent, first charge and retries alike, bring the invoice's live one further.
            store.insert_intent(conn, replace(intent, amount_minor=its_owed_minor - share_minor), now_ms)
    dunning.paid(conn, organisation_id=paid.organisation_id, account_id=paid.account_id, now_ms=now_ms)
    outbox.account_changed(conn, paid.organisation_id, paid.account_id)
    return PaymentTaken(
        payment_id=payment_id, allocations=tuple((part.invoice_id, part.amount_minor) for part in parts)
    )


def _lock_account(conn: Connection, paid: DeskPayment) -> tuple[int, str]:
    """The account's legal entity and the currency of its books; two payments of one account wait for each other."""
    lock_account(conn, paid.account_id)
    found = conn.execute(
        select(legal_entity.c.id, legal_entity.c.currency)
        .join(account, account.c.legal_entity_id == legal_entity.c.id)
        .where(account.c.id == paid.account_id, account.c.organisation_id == paid.organisation_id)
    ).one_or_none()
    if found is None:
        raise UnknownAccountError(f"organisation {paid.organisation_id} has no account {paid.account_id}")
    return found.id, found.currency


def _taken_before(conn: Connection, paid: DeskPayment) -> PaymentTaken | None:
    row = conn.execute(
        select(payment).where(
            payment.c.organisation_id == paid.organisation_id, payment.c.request_key == paid.request_key
        )
    ).one_or_none()
    if row is None:
        return None
    same = (row.account_id, row.amount_minor, row.currency, row.means)
    if same != (paid.account_id, paid.amount_minor, paid.currency, paid.means):
        raise RequestKeyReusedError(
            f"request key {paid.request_key!r} was used for payment {row.id} of another content; use a new key"
        )
    allocations = conn.execute(
        select(allocation.c.invoice_id, allocation.c.amount_minor)
        .where(allocation.c.payment_id == row.id)
        .order_by(allocation.c.id)
    )
    return PaymentTaken(payment_id=row.id, allocations=tuple((one.invoice_id, one.amount_minor) for one in allocations))


def _shares(owed: Sequence[tuple[store.Intent, int]], amount_minor: int) -> list[tuple[store.Intent, int, int]]:
    """(intent, what it owed, its share), the one due first first, until the amount is used up."""
    shares = []
    for intent, minor in owed:
        share_minor = min(minor, amount_minor)
        if share_minor > 0:
            shares.append((intent, minor, share_minor))
            amount_minor -= share_minor
    return shares


def end_charging(conn: Connection, intent: store.Intent, *, code: str, now_ms: int) -> None:
    """Make sure that no charge of this intent can still succeed. Raises ChargeUnderWayError if one could."""
    live = store.live_attempt(conn, intent.id)
    if live is None:
        return
    if live.state is not AttemptState.PROVIDER_DOWN:
        raise ChargeUnderWayError(
            f"invoice {intent.invoice_id} is being charged ({live.state}): "
            "wait until the provider has decided, or cancel that charge; else the member could pay twice"
        )
    store.end_attempt(conn, intent, live, FinalOutcome.ABANDONED, now_ms=now_ms, code=code)
