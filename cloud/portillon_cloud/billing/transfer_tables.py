"""Who handed a subscription on to whom, and how both agreed."""

from enum import StrEnum

from sqlalchemy import CheckConstraint, Column, Date, Table, Text, UniqueConstraint

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class Consent(StrEnum):
    """How one side said yes."""

    IN_PERSON = "in_person"
    IN_WRITING = "in_writing"
    BY_TELEPHONE = "by_telephone"


subscription_transfer = never_changes(
    Table(
        "subscription_transfer",
        metadata,
        key(),
        organisation_id(),
        reference("from_subscription_id", "subscription.id"),
        reference("to_subscription_id", "subscription.id"),
        Column("holds_from_on", Date, nullable=False),
        amount("fee_minor"),
        Column("giver_agreed", Text, nullable=False),
        Column("taker_agreed", Text, nullable=False),
        instant("recorded_at_ms"),  # business time
        Column("recorded_by", Text, nullable=False),
        Column("reason", Text),
        UniqueConstraint("from_subscription_id"),
        UniqueConstraint("to_subscription_id"),
        one_of("giver_agreed", Consent),
        one_of("taker_agreed", Consent),
        CheckConstraint("fee_minor >= 0", name="fee_not_negative"),
        CheckConstraint("from_subscription_id <> to_subscription_id", name="to_another"),
    )
)
