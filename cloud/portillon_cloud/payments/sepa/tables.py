"""Who may collect, under which mandates, what is collected and paid back, and the files that told the bank."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Date, Integer, LargeBinary, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import column_never_changes, never_changes

SEPA = "sepa"
"""payment_method.provider of a mandate for the gym's own bank."""


class DebitState(StrEnum):
    """Where a debit is."""

    WAITING = "waiting"  # for its file: may still be called off
    IN_FILE = "in_file"  # the bank has it, or will: nobody calls it off here
    SUCCEEDED = "succeeded"
    REFUSED = "refused"  # no money moved
    RETURNED = "returned"  # it came, and went back


class RefundState(StrEnum):
    """Where a transfer back to a payer is."""

    WAITING = "waiting"  # for its file
    IN_FILE = "in_file"
    LEFT = "left"  # the bank has booked it
    FAILED = "failed"  # refused, or sent back by the payer's bank: no money left for good


class FileOf(StrEnum):
    """What a file asks the bank to do."""

    DEBITS = "debits"  # pain.008
    REFUNDS = "refunds"  # pain.001


sepa_creditor = Table(
    "sepa_creditor",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    Column("creditor_id", Text, nullable=False),  # from its national bank (AT-02): FR72ZZZ123456
    Column("iban", Text, nullable=False),  # where the money goes; it is on the company's letterhead
    Column("notice_days", Integer, nullable=False),  # between telling the payer and collecting
    Column("file_days", Integer, nullable=False),  # bank days between the file and the collection
    instant("set_at_ms"),
    Column("set_by", Text, nullable=False),
    UniqueConstraint("legal_entity_id"),
    CheckConstraint("notice_days BETWEEN 1 AND 60", name="notice_days_meant"),
    CheckConstraint("file_days BETWEEN 1 AND 14", name="file_days_meant"),
)

sepa_mandate = Table(
    "sepa_mandate",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    reference("payment_method_id", "payment_method.id"),
    Column("reference", Text, nullable=False),  # AT-01; the method's token is organisation:reference
    Column("signed_on", Date, nullable=False),
    Column("debtor_name", Text, nullable=False),
    Column("iban_sealed", LargeBinary),  # null: its payer was erased
    Column("used_on", Date),  # last collection; null: never
    Column("revoked_on", Date),
    Column("added_by", Text, nullable=False),
    UniqueConstraint("organisation_id", "reference"),
    UniqueConstraint("payment_method_id"),
)

sepa_debit = Table(
    "sepa_debit",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("mandate_id", "sepa_mandate.id", index=True),
    Column("attempt_key", Text, nullable=False, unique=True),  # our reference, and the bank's EndToEndId
    amount("amount_minor"),
    Column("told_on", Date, nullable=False),  # the payer was told of amount and day
    Column("collect_on", Date, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text),  # why it was refused or came back: AM04, MD06
    reference("file_id", "sepa_file.id", nullable=True, index=True),
    Column("batch", Text, index=True),  # PmtInfId: of its day and sequence in the file
    one_of("state", DebitState),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(file_id IS NULL) = (batch IS NULL)", name="batch_if_file"),
)
for _column in ("attempt_key", "amount_minor", "mandate_id"):
    column_never_changes(sepa_debit, _column)

sepa_file = never_changes(
    Table(
        "sepa_file",
        metadata,
        key(),
        organisation_id(),
        reference("legal_entity_id", "legal_entity.id"),
        Column("kind", Text, nullable=False),
        Column("number", Integer, nullable=False),  # 1, 2, 3 … without a gap, of both kinds together
        Column("message_id", Text, nullable=False, unique=True),
        instant("made_at_ms"),
        Column("made_by", Text, nullable=False),
        Column("orders", Integer, nullable=False),  # how many debits or transfers
        amount("total_minor"),
        Column("sha256", Text, nullable=False),
        Column("body_sealed", LargeBinary, nullable=False),
        UniqueConstraint("legal_entity_id", "number"),
        one_of("kind", FileOf),
    )
)

# Back to the account that the debit came from, under the same mandate.
sepa_refund = Table(
    "sepa_refund",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("debit_id", "sepa_debit.id", index=True),
    Column("refund_key", Text, nullable=False, unique=True),  # our reference, and the bank's EndToEndId
    amount("amount_minor"),
    Column("state", Text, nullable=False),
    Column("code", Text),  # why it failed: AC04
    reference("file_id", "sepa_file.id", nullable=True, index=True),
    Column("batch", Text, index=True),  # PmtInfId: each is a batch of its own, so that the bank books each alone
    one_of("state", RefundState),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
    CheckConstraint("(file_id IS NULL) = (batch IS NULL)", name="batch_if_file"),
)
for _column in ("refund_key", "amount_minor", "debit_id"):
    column_never_changes(sepa_refund, _column)
