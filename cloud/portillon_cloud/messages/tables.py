"""Messages to people: written with what caused them, carried later, at least once."""

from enum import StrEnum

from sqlalchemy import JSON, Column, Date, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes
from portillon_cloud.messages.notices import NOTICE_KINDS


class MessageState(StrEnum):
    """Where a message is."""

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    NO_ADDRESS = "no_address"


message = Table(
    "message",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    Column("key", Text, nullable=False),  # its purpose: the same purpose is written once, for ever
    Column("kind", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("recipient", Text),  # null: nobody to write to; staff see it
    Column("subject", Text, nullable=False),
    Column("body", Text, nullable=False),
    instant("written_at_ms"),  # business time
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    instant("retry_at_real_ms"),  # machine time: not carried before; while sending: when the claim runs out
    instant("sent_at_real_ms", nullable=True),
    Column("error", Text),
    UniqueConstraint("organisation_id", "key"),
    one_of("state", MessageState),
    Index(
        "ix_message_to_carry",
        "retry_at_real_ms",
        "id",
        sqlite_where=text("state IN ('waiting', 'sending')"),
        postgresql_where=text("state IN ('waiting', 'sending')"),
    ),
)

# What the law wants told, as it was told: the values beside the letter, for whoever must show later that it was.
notice = never_changes(
    Table(
        "notice",
        metadata,
        key(),
        organisation_id(),
        reference("account_id", "account.id", index=True),
        reference("subscription_id", "subscription.id", index=True),
        reference("message_id", "message.id"),
        Column("kind", Text, nullable=False),
        Column("facts", JSON, nullable=False),  # messages/notices.py says what of each kind
        Column("told_on", Date, nullable=False),
        UniqueConstraint("message_id"),
        one_of("kind", NOTICE_KINDS),
    )
)
