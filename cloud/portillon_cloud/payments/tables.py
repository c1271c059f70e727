"""Payment methods, intents (what is owed), attempts (one try each), payments and their allocation to invoices.

What is final is a row of its own in a table that takes no UPDATE: an attempt's outcome, a payment, an allocation.
"""

from enum import StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.payments import provider_account_tables as provider_account_tables
from portillon_cloud.payments import return_tables as return_tables  # one schema, so one import makes it whole
from portillon_cloud.payments import simulator_tables as simulator_tables
from portillon_cloud.payments.disputes import tables as _disputes  # noqa: F401 - as above
from portillon_cloud.payments.inbox import tables as _inbox  # noqa: F401
from portillon_cloud.payments.questions import tables as _questions  # noqa: F401
from portillon_cloud.payments.refunding import tables as _refunding  # noqa: F401

STRIPE = "stripe"
"""payment_method.provider of what is charged at Stripe, with the organisation's own account."""

SIMULATOR = "simulator"
"""payment_method.provider of the simulated provider; the database keeps it out of live organisations."""


class IntentState(StrEnum):
    """Open: to be collected. Parked: in doubt, a person must look. Replaced: paid otherwise, in part or in whole."""

    OPEN = "open"
    PARKED = "parked"
    SUCCEEDED = "succeeded"
    REPLACED = "replaced"


class AttemptState(StrEnum):
    """Where a try is. All but OVER are live: money may still move, so there is no next attempt and no other payment."""

    SENT = "sent"
    UNKNOWN = "unknown"
    PROVIDER_DOWN = "provider_down"
    PENDING = "pending"
    ACTION_REQUIRED = "action_required"
    OVER = "over"


class FinalOutcome(StrEnum):
    """How an attempt ended, for ever."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    ABANDONED = "abandoned"  # known never to have reached the provider, or given up before it did


class MethodState(StrEnum):
    """Whether a payment method may be charged."""

    ACTIVE = "active"
    UNUSABLE = "unusable"  # the provider said that it can never work again
    REMOVED = "removed"


class Means(StrEnum):
    """How money came in."""

    PROVIDER = "provider"
    CASH = "cash"
    CHEQUE = "cheque"
    TERMINAL = "terminal"
    TRANSFER = "transfer"
    BROUGHT = "brought"  # credit that an older system had taken: no money of ours


payment_method = Table(
    "payment_method",
    metadata,
    key(),
    organisation_id(),
    Column("mode", Text, nullable=False),  # the organisation's
    reference("account_id", "account.id", index=True),
    Column("provider", Text, nullable=False),
    Column("token", Text, nullable=False),  # the provider's name for it; never a card number
    Column("label", Text, nullable=False),  # what people recognise: "•••• 4242"
    Column("exp_month", Integer),  # of a card: the last month in which it works
    Column("exp_year", Integer),
    Column("scheme", Text),  # of a card: the network whose rules it goes by: "visa"; null: not known
    reference("provider_account_id", "provider_account.id", nullable=True),  # null: the provider knows no accounts
    Column("state", Text, nullable=False),
    instant("added_at_ms"),
    UniqueConstraint("organisation_id", "provider", "token"),
    one_of("state", MethodState),
    CheckConstraint("(exp_month IS NULL) = (exp_year IS NULL)", name="expiry_whole"),
    CheckConstraint("exp_month IS NULL OR exp_month BETWEEN 1 AND 12", name="month_known"),
    # organisation (id, mode) is unique: a row that says 'test' can only point at an organisation that is.
    ForeignKeyConstraint(["organisation_id", "mode"], ["organisation.id", "organisation.mode"]),
    CheckConstraint(f"provider <> '{SIMULATOR}' OR mode = 'test'", name="simulator_is_for_tests"),
)

payment_intent = Table(
    "payment_intent",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id"),
    reference("invoice_id", "invoice.id", index=True),
    Column("position", Integer, nullable=False, server_default="1"),  # which instalment of it
    Column("due_on", Date),  # of an instalment; null: when the invoice is
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("state", Text, nullable=False),
    instant("opened_at_ms"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    one_of("state", IntentState),
    Index(
        "uq_payment_intent_live",
        "invoice_id",
        "position",
        unique=True,
        sqlite_where=text("state IN ('open', 'parked')"),
        postgresql_where=text("state IN ('open', 'parked')"),
    ),
    Index(
        "ix_payment_intent_live_account",
        "account_id",
        sqlite_where=text("state IN ('open', 'parked')"),
        postgresql_where=text("state IN ('open', 'parked')"),
    ),
)

LIVE_INTENT = text("payment_intent.state IN ('open', 'parked')")
"""The condition of the two partial indexes, in words they recognise: with bound values SQLite would not use them."""

payment_attempt = Table(
    "payment_attempt",
    metadata,
    key(),
    organisation_id(),
    reference("intent_id", "payment_intent.id"),
    reference("payment_method_id", "payment_method.id", index=True),
    Column("number", Integer, nullable=False),  # 1, 2, …: n+1 exists only once n is over
    Column("key", Text, nullable=False, unique=True),  # idempotency key and our own reference: intent-17:2
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),  # how often it was sent or asked after
    instant("first_sent_at_ms"),
    instant("held_until_ms", nullable=True),  # a submitted debit counts as paid until then
    UniqueConstraint("intent_id", "number"),
    one_of("state", AttemptState),
    Index(
        "uq_payment_attempt_live",
        "intent_id",
        unique=True,
        sqlite_where=text("state <> 'over'"),
        postgresql_where=text("state <> 'over'"),
    ),
)

attempt_outcome = Table(
    "attempt_outcome",
    metadata,
    Column("attempt_id", Big, ForeignKey("payment_attempt.id"), primary_key=True, autoincrement=False),
    organisation_id(),
    reference("intent_id", "payment_intent.id"),
    Column("outcome", Text, nullable=False),
    Column("code", Text),  # why it was refused, in the provider's word
    Column("provider_reference", Text),
    instant("at_ms"),
    one_of("outcome", FinalOutcome),
    Index("ix_attempt_outcome_provider_reference", "organisation_id", "provider_reference"),
    Index(
        "uq_attempt_outcome_success",
        "intent_id",
        unique=True,
        sqlite_where=text("outcome = 'succeeded'"),
        postgresql_where=text("outcome = 'succeeded'"),
    ),
)

payment = Table(
    "payment",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("means", Text, nullable=False),
    reference("attempt_id", "payment_attempt.id", nullable=True),
    Column("request_key", Text),  # the asker's key: the same request twice is one payment
    Column("taken_by", Text),  # who took it at the desk
    instant("received_at_ms"),
    UniqueConstraint("attempt_id"),
    UniqueConstraint("organisation_id", "request_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(means = 'provider') = (attempt_id IS NOT NULL)", name="attempt_if_provider"),
    one_of("means", Means),
)

allocation = Table(
    "allocation",
    metadata,
    key(),
    organisation_id(),
    reference("payment_id", "payment.id", nullable=True),
    reference("credit_note_id", "credit_note.id", nullable=True),
    reference("write_off_id", "write_off.id", nullable=True),
    reference("invoice_id", "invoice.id", index=True),
    Column("position", Integer, nullable=False, server_default="1"),  # which instalment of it
    amount("amount_minor"),
    UniqueConstraint("payment_id", "invoice_id", "position"),
    UniqueConstraint("credit_note_id", "invoice_id", "position"),
    UniqueConstraint("write_off_id"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint(
        "(CASE WHEN payment_id IS NULL THEN 0 ELSE 1 END) + (CASE WHEN credit_note_id IS NULL THEN 0 ELSE 1 END)"
        " + (CASE WHEN write_off_id IS NULL THEN 0 ELSE 1 END) = 1",
        name="of_one_source",
    ),
)

# What of an invoice nobody hopes for any more: it is a loss, and the member owes it no longer.
write_off = Table(
    "write_off",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("invoice_id", "invoice.id", index=True),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    instant("written_off_at_ms"),  # business time
    Column("written_off_by", Text, nullable=False),  # name of the person or API key
    Column("reason", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    UniqueConstraint("organisation_id", "request_key"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
)

# Open credit that is to be paid back. That it was paid out is for another row to say: none is made yet.
payout = Table(
    "payout",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("payment_id", "payment.id", nullable=True, index=True),  # whose credit it was: cards are paid back by it
    reference("credit_note_id", "credit_note.id", nullable=True, index=True),
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    instant("asked_at_ms"),  # business time
    Column("asked_by", Text, nullable=False),  # name of the person or API key
    Column("reason", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("position", Integer, nullable=False),  # of the sources that one request took from
    UniqueConstraint("organisation_id", "request_key", "position"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(payment_id IS NULL) <> (credit_note_id IS NULL)", name="of_one_source"),
)

# What of a payment or credit note no invoice has used yet. Derived from those and their allocations, and kept so that
# an invoice run finds it at once: a row goes when nothing is left.
open_credit = Table(
    "open_credit",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("payment_id", "payment.id", nullable=True),
    reference("credit_note_id", "credit_note.id", nullable=True),
    Column("currency", Text, nullable=False),
    amount("left_minor"),
    UniqueConstraint("payment_id"),
    UniqueConstraint("credit_note_id"),
    CheckConstraint("left_minor > 0", name="something_left"),
    CheckConstraint("(payment_id IS NULL) <> (credit_note_id IS NULL)", name="of_one_source"),
)

for _table in (attempt_outcome, payment, allocation, write_off, payout):
    never_changes(_table)
