"""What the desk may do without an owner, and debts that are paid in parts by agreement."""

from enum import StrEnum

from sqlalchemy import JSON, CheckConstraint, Column, Date, Index, Integer, Table, Text, UniqueConstraint, text

from portillon_cloud.database.schema import amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes


class PlanState(StrEnum):
    """Agreed: parts are to come. Kept: all of it is paid. Broken: a part was not, and the whole rest is due."""

    AGREED = "agreed"
    KEPT = "kept"
    BROKEN = "broken"


desk_policy = Table(
    "desk_policy",
    metadata,
    key(),
    organisation_id(),
    Column("body", JSON, nullable=False),  # DeskPolicy.to_body()
    UniqueConstraint("organisation_id"),
)

payment_plan = Table(
    "payment_plan",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    amount("total_minor"),
    Column("currency", Text, nullable=False),
    instant("agreed_at_ms"),  # business time
    Column("agreed_by", Text, nullable=False),  # name of the person or API key
    Column("reason", Text, nullable=False),
    Column("request_key", Text, nullable=False),
    Column("state", Text, nullable=False),
    instant("ended_at_ms", nullable=True),
    UniqueConstraint("organisation_id", "request_key"),
    CheckConstraint("total_minor > 0", name="total_positive"),
    one_of("state", PlanState),
    # One plan at a time: two would promise the same money twice.
    Index(
        "uq_payment_plan_agreed",
        "account_id",
        unique=True,
        sqlite_where=text("state = 'agreed'"),
        postgresql_where=text("state = 'agreed'"),
    ),
)

# What of which invoice is collected on which day: each row is an intent of that invoice and position.
payment_plan_part = never_changes(
    Table(
        "payment_plan_part",
        metadata,
        key(),
        organisation_id(),
        reference("plan_id", "payment_plan.id", index=True),
        Column("number", Integer, nullable=False),  # of the instalment, from 1; it may be of several invoices
        Column("due_on", Date, nullable=False),
        reference("invoice_id", "invoice.id"),
        Column("position", Integer, nullable=False),
        amount("amount_minor"),
        UniqueConstraint("invoice_id", "position"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
    )
)
