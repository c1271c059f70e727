"""Payments that were taken back by the payer's bank, and what that undoes. Nothing here changes a payment."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Integer, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class ReturnKind(StrEnum):
    """Why the money went back."""

    RETURNED = "returned"  # a debit that the bank sent back, days or months after it had succeeded
    DISPUTED = "disputed"  # a dispute that was lost
    BOUNCED = "bounced"  # a cheque that was not honoured
    MISTAKEN = "mistaken"  # a transfer at the bank that was taken for theirs, and is somebody else's


payment_return = Table(
    "payment_return",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("payment_id", "payment.id", index=True),
    amount("amount_minor"),
    amount("from_credit_minor"),  # of it, what no invoice had used
    amount("lost_minor"),  # of it, what had been paid back to the member before
    Column("currency", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("code", Text, nullable=False),  # why, in the bank's word: AC04, insufficient_funds, fraudulent
    Column("request_key", Text, nullable=False),  # the bank's or provider's own name for it: told twice is one
    Column("noted_by", Text, nullable=False),  # the person, or what told us
    instant("returned_at_ms"),
    UniqueConstraint("organisation_id", "request_key"),
    CheckConstraint("from_credit_minor >= 0 AND lost_minor >= 0", name="parts_positive"),
    CheckConstraint("amount_minor > 0 AND amount_minor >= from_credit_minor + lost_minor", name="amount_positive"),
    one_of("kind", ReturnKind),
)

allocation_undone = Table(
    "allocation_undone",
    metadata,
    key(),
    organisation_id(),
    reference("payment_return_id", "payment_return.id"),
    reference("allocation_id", "allocation.id", index=True),
    reference("after_id", "allocation.id"),  # the invoice's newest allocation then: what was reported before it stands
    reference("invoice_id", "invoice.id", index=True),
    Column("position", Integer, nullable=False),
    amount("amount_minor"),
    UniqueConstraint("payment_return_id", "allocation_id"),
    CheckConstraint("amount_minor > 0", name="amount_positive"),
)

for _table in (payment_return, allocation_undone):
    never_changes(_table)
