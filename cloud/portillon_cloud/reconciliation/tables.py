"""What bank and provider said, line by line, and what each line was found to be."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import column_never_changes, never_changes
from portillon_cloud.payments.sepa.decisions import Said
from portillon_cloud.reconciliation.bank_file import FileKind
from portillon_cloud.reconciliation.rule import Rule

bank_file = never_changes(
    Table(
        "bank_file",
        metadata,
        key(),
        organisation_id(),
        reference("legal_entity_id", "legal_entity.id", index=True),
        Column("kind", Text, nullable=False),
        Column("message_id", Text, nullable=False),  # the bank's name for it
        Column("sha256", Text, nullable=False),
        instant("received_at_ms"),
        Column("received_by", Text, nullable=False),
        Column("closing_on", Date),  # of a statement: the account held closing_minor that evening
        amount("closing_minor", nullable=True),
        Column("body_sealed", LargeBinary, nullable=False),
        UniqueConstraint("legal_entity_id", "sha256"),
        one_of("kind", FileKind),
    )
)

# What a file says of debits, acted on one by one: a crash goes on with the next.
bank_answer = Table(
    "bank_answer",
    metadata,
    key(),
    organisation_id(),
    reference("bank_file_id", "bank_file.id", index=True),
    Column("debit_key", Text),
    Column("batch", Text),
    Column("said", Text, nullable=False),
    Column("code", Text),
    amount("amount_minor", nullable=True),
    instant("acted_at_ms", nullable=True),
    one_of("said", Said),
    CheckConstraint("(debit_key IS NULL) <> (batch IS NULL)", name="of_one_or_all"),
)
column_never_changes(bank_answer, "said")

bank_line = never_changes(
    Table(
        "bank_line",
        metadata,
        key(),
        organisation_id(),
        reference("legal_entity_id", "legal_entity.id"),
        reference("bank_file_id", "bank_file.id", index=True),
        Column("line_key", Text, nullable=False),  # told twice is one
        Column("booked_on", Date, nullable=False),
        amount("amount_minor"),  # < 0: money left the account
        amount("fee_minor"),  # of it, what the bank says are its charges
        Column("currency", Text, nullable=False),
        Column("counterparty", Text, nullable=False),
        Column("text", Text, nullable=False),
        Column("debit_key", Text),
        Column("batch", Text),
        Column("code", Text),
        UniqueConstraint("legal_entity_id", "line_key"),
        Index("ix_bank_line_legal_entity_id_booked_on", "legal_entity_id", "booked_on"),
    )
)

# What a line, or a part of it, was found to be. A subject is found once: no money explains two lines. Only taking an
# explanation back opens the subject's next generation.
bank_match = never_changes(
    Table(
        "bank_match",
        metadata,
        key(),
        organisation_id(),
        reference("bank_line_id", "bank_line.id", index=True),
        Column("rule", Text, nullable=False),
        Column("subject", Text, nullable=False),  # debit intent-17:1, entry 44, payout 3, line 12
        Column("generation", Integer, nullable=False),  # how often an explanation by it was taken back before
        amount("amount_minor"),
        instant("matched_at_ms"),
        Column("matched_by", Text, nullable=False),  # the person, or 'bank'
        Column("reason", Text),  # of a person
        UniqueConstraint("organisation_id", "subject", "generation"),
        one_of("rule", Rule),
        CheckConstraint("amount_minor <> 0", name="something_found"),
    )
)

# It was wrong: a person says why, and what it had moved is moved back.
bank_match_undone = never_changes(
    Table(
        "bank_match_undone",
        metadata,
        key(),
        organisation_id(),
        reference("bank_match_id", "bank_match.id"),
        instant("undone_at_ms"),
        Column("undone_by", Text, nullable=False),
        Column("reason", Text, nullable=False),
        UniqueConstraint("bank_match_id"),
    )
)

provider_payout = never_changes(
    Table(
        "provider_payout",
        metadata,
        key(),
        organisation_id(),
        reference("legal_entity_id", "legal_entity.id", index=True),
        Column("provider", Text, nullable=False),
        Column("reference", Text, nullable=False),  # the provider's name for it: po_…
        Column("arrives_on", Date, nullable=False),
        amount("amount_minor"),  # what comes to the bank; < 0: what it takes
        amount("fees_minor"),
        Column("by_hand", Boolean, nullable=False),  # ordered by hand there: of what it is made is told to nobody
        Column("currency", Text, nullable=False),
        instant("told_at_ms"),
        UniqueConstraint("organisation_id", "provider", "reference"),
    )
)

provider_payout_line = never_changes(
    Table(
        "provider_payout_line",
        metadata,
        key(),
        organisation_id(),
        reference("provider_payout_id", "provider_payout.id", index=True),
        Column("reference", Text, nullable=False),  # the provider's name for the movement: txn_…
        Column("kind", Text, nullable=False),  # charge, refund, adjustment …: the provider's word
        amount("gross_minor"),
        amount("fee_minor"),
        Column("charge", Text),  # the provider's name for the charge it is about
        reference("attempt_id", "payment_attempt.id", nullable=True),  # ours; null: nobody here knows it
        UniqueConstraint("organisation_id", "reference"),
    )
)
