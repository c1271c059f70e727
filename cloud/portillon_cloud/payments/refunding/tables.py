"""How each payout was tried at a provider, when it was paid, and that it came back. What is final never changes."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class RefundState(StrEnum):
    """Where a try is. All but the last three are live: money may still move, so nobody pays it by hand."""

    SENT = "sent"
    PROVIDER_DOWN = "provider_down"
    UNKNOWN = "unknown"
    WAITING = "waiting"  # for the file that tells the bank
    DOUBT = "doubt"  # the provider has forgotten the key: a person must look there
    PAID = "paid"
    OVER = "over"  # refused, or never reached: it is to be paid by hand
    CAME_BACK = "came_back"  # it was paid, and the payer's bank sent it back


class PaidBy(StrEnum):
    """How a payout left."""

    PROVIDER = "provider"
    CASH = "cash"
    CHEQUE = "cheque"
    TRANSFER = "transfer"


LIVE_REFUND = text("refund_attempt.state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt')")
"""The condition of the partial index, in words it recognises."""

refund_attempt = Table(
    "refund_attempt",
    metadata,
    key(),
    organisation_id(),
    reference("payout_id", "payout.id"),
    reference("payment_id", "payment.id", index=True),  # what is given back, in whole or in part
    Column("number", Integer, nullable=False),
    Column("key", Text, nullable=False, unique=True),  # idempotency key and our own reference: refund-17:1
    Column("provider", Text, nullable=False),
    Column("charge", Text, nullable=False),  # the provider's own name for what is given back
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    instant("first_sent_at_ms"),
    Column("code", Text),  # why it did not go, in the provider's word
    Column("provider_reference", Text),
    one_of("state", RefundState),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    UniqueConstraint("payout_id", "number"),
    Index(
        "uq_refund_attempt_live",
        "payout_id",
        unique=True,
        sqlite_where=text("state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt')"),
        postgresql_where=text("state IN ('sent', 'provider_down', 'unknown', 'waiting', 'doubt')"),
    ),
)

payout_paid = Table(
    "payout_paid",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("payout_id", "payout.id", index=True),
    Column("means", Text, nullable=False),
    reference("refund_attempt_id", "refund_attempt.id", nullable=True),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("paid_by", Text, nullable=False),  # name of the person or API key, or of the provider
    instant("paid_at_ms"),  # business time
    Column("request_key", Text, nullable=False),
    one_of("means", PaidBy),
    UniqueConstraint("organisation_id", "request_key"),
    UniqueConstraint("refund_attempt_id"),
    CheckConstraint("(means = 'provider') = (refund_attempt_id IS NOT NULL)", name="attempt_if_provider"),
)

payout_came_back = Table(
    "payout_came_back",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id"),
    reference("payout_paid_id", "payout_paid.id"),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("code", Text, nullable=False),
    instant("came_back_at_ms"),
    UniqueConstraint("payout_paid_id"),
)

for _table in (payout_paid, payout_came_back):
    never_changes(_table)
