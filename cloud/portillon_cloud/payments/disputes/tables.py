"""Each dispute as it stands, its steps, its fees, and what was said to the bank. Those never change."""

from enum import StrEnum

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.payments.inbox.news import DisputeState, EvidenceKind


class StepKind(StrEnum):
    """What happened to a dispute: it came to stand somewhere, or a person did something."""

    INQUIRY = "inquiry"
    OPEN = "open"
    EVIDENCE = "evidence"  # a person wrote to the bank
    INQUIRY_ANSWERED = "inquiry_answered"
    ANSWERED = "answered"
    WON = "won"
    LOST = "lost"
    INQUIRY_CLOSED = "inquiry_closed"
    CLEARED = "cleared"  # a person looked at the account after the dispute was lost, and lets it be charged again


dispute = Table(
    "dispute",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("payment_id", "payment.id", index=True),
    Column("provider", Text, nullable=False),
    Column("reference", Text, nullable=False),  # the provider's own name for it
    amount("amount_minor"),
    Column("currency", Text, nullable=False),
    Column("reason", Text, nullable=False),  # in the bank's word
    Column("debit", Boolean, nullable=False),  # of a bank account: the bank hears no evidence
    Column("state", Text, nullable=False),
    Column("taken", Boolean, nullable=False),  # the bank has taken the money, which is kept apart in the book since
    instant("answer_by_ms", nullable=True),  # until when the bank takes evidence
    instant("opened_at_ms"),  # business time
    instant("cleared_at_ms", nullable=True),  # lost, and a person looked at the account since
    UniqueConstraint("organisation_id", "provider", "reference"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    one_of("state", DisputeState),
    Index("ix_dispute_organisation_id_id", "organisation_id", "id"),
    Index(
        "ix_dispute_to_answer",
        "organisation_id",
        "answer_by_ms",
        sqlite_where=text("state IN ('inquiry', 'open')"),
        postgresql_where=text("state IN ('inquiry', 'open')"),
    ),
)

TO_ANSWER = text("dispute.state IN ('inquiry', 'open')")
"""A person has something to say to the bank, in words that the partial index recognises."""

dispute_step = Table(
    "dispute_step",
    metadata,
    key(),
    organisation_id(),
    reference("dispute_id", "dispute.id", index=True),
    Column("kind", Text, nullable=False),
    Column("noted_by", Text, nullable=False),  # the person, or the provider
    Column("note", Text),  # why, where a person says so
    instant("at_ms"),  # business time
    one_of("kind", StepKind),
)

# What the provider keeps for a dispute, by its own name for the movement; < 0: it gives it back.
dispute_fee = Table(
    "dispute_fee",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id"),
    reference("dispute_id", "dispute.id", index=True),
    Column("reference", Text, nullable=False),
    amount("fee_minor"),
    Column("currency", Text, nullable=False),
    instant("told_at_ms"),  # business time
    UniqueConstraint("organisation_id", "reference"),
    CheckConstraint("fee_minor <> 0", name="fee_is_something"),
)

dispute_evidence = Table(
    "dispute_evidence",
    metadata,
    key(),
    organisation_id(),
    reference("dispute_id", "dispute.id", index=True),
    Column("text", Text, nullable=False),
    Column("documents", JSON, nullable=False),  # their names: ["contract 17", "INV-202601-000001"]
    Column("given_by", Text, nullable=False),
    instant("given_at_ms"),  # business time
    Column("request_key", Text, nullable=False),
    UniqueConstraint("organisation_id", "request_key"),
)

# The documents of an answer; they name people, and are erased with them.
dispute_document = Table(
    "dispute_document",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("dispute_evidence_id", "dispute_evidence.id"),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("sha256", Text, nullable=False),
    Column("sealed", LargeBinary),  # under the data key; null: erased
    one_of("kind", EvidenceKind),
    UniqueConstraint("dispute_evidence_id", "kind"),
    CheckConstraint("length(sha256) = 64", name="sha256_hex"),
)

for _table in (dispute_step, dispute_fee, dispute_evidence):
    never_changes(_table)
