"""What the law wants kept: who left by it and what they must have back, and prices that were announced."""

from sqlalchemy import Boolean, CheckConstraint, Column, Date, ForeignKey, Table, Text

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, organisation_id, reference

# A contract that was left by a right of the consumer. Settled on the day it ends: what is over the most that may be
# kept is credited, and what is open of it waits to be paid out.
lawful_end = Table(
    "lawful_end",
    metadata,
    key(),
    organisation_id(),
    reference("subscription_id", "subscription.id", index=True),
    Column("told_on", Date, nullable=False),
    Column("since_on", Date, nullable=False),  # the first day of the term that it was left in
    Column("ends_on", Date, nullable=False),  # the first day without it
    Column("clause", Text, nullable=False),
    amount("kept_at_most_minor"),  # with tax
    Column("refund_due_on", Date),  # null: at once
    Column("withdrawal", Boolean, nullable=False),
    instant("recorded_at_ms"),  # business time
    Column("recorded_by", Text, nullable=False),
    instant("settled_at_ms", nullable=True),
    amount("back_minor", nullable=True),  # what was put down to be paid out
    CheckConstraint("kept_at_most_minor >= 0", name="kept_not_negative"),
)

# Another price for subscriptions that run, told ahead. Who is not named keeps theirs.
price_change = Table(
    "price_change",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("from_price_id", "price.id"),
    reference("to_price_id", "price.id"),
    Column("from_on", Date, nullable=False),  # each holds from its first period that begins then or later
    instant("announced_at_ms"),
    Column("announced_by", Text, nullable=False),
    Column("reason", Text),
    instant("withdrawn_at_ms", nullable=True),
    Column("withdrawn_by", Text),
    CheckConstraint("from_price_id <> to_price_id", name="is_another"),
)

price_change_for = Table(
    "price_change_for",
    metadata,
    organisation_id(),
    Column("price_change_id", Big, ForeignKey("price_change.id"), primary_key=True, autoincrement=False),
    Column("subscription_id", Big, ForeignKey("subscription.id"), primary_key=True, autoincrement=False, index=True),
    Column("holds_from_on", Date, nullable=False),  # the first day of its first period at the new price
    Column("refusable_until_on", Date, nullable=False),  # who tells by then leaves at no cost
    Column("rises", Boolean, nullable=False),
    instant("told_at_ms", nullable=True),
    instant("applied_at_ms", nullable=True),
)
