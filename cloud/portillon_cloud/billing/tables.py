"""What is sold (plan, price), agreed (contract, subscription) and billed (invoice). An invoice never changes."""

from sqlalchemy import (
    JSON,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from portillon_cloud.database.schema import Big, amount, instant, key, metadata, one_of, organisation_id, reference
from portillon_cloud.database.triggers import never_changes

plan = Table(
    "plan",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    Column("code", Text, nullable=False),  # short name used by imports and the API
    Column("name", Text, nullable=False),
    Column("zones", JSON, nullable=False),  # what it opens: ["gym"]
    Column("schedule", Text, nullable=False, server_default="always"),  # when it opens
    Column("sites", JSON(none_as_null=True)),  # where: null: the member's home site; "all"; or ids of sites
    UniqueConstraint("organisation_id", "code"),
)

price = Table(
    "price",
    metadata,
    key(),
    organisation_id(),
    reference("plan_id", "plan.id"),
    amount("amount_minor"),  # per interval
    Column("currency", Text, nullable=False),
    Column("interval_unit", Text, nullable=False),
    Column("interval_count", Integer, nullable=False),
    Column("tax_inclusive", Boolean, nullable=False),
    Column("taxable", Boolean, nullable=False),
    Column("term_months", Integer),  # the contract it is sold under; null: open-ended (not lawful everywhere)
    Column("active", Boolean, nullable=False),
    CheckConstraint("amount_minor >= 0", name="amount_not_negative"),
    CheckConstraint("interval_count > 0", name="interval_positive"),
    one_of("interval_unit", ("day", "week", "month")),
)

contract = Table(
    "contract",
    metadata,
    key(),
    organisation_id(),
    reference("account_id", "account.id", index=True),
    Column("law", Text, nullable=False),  # whose consumer law it was checked against
    Column("law_version", Text, nullable=False),  # the version of those rules
    Column("signed_on", Date, nullable=False),
    Column("starts_on", Date, nullable=False),
    Column("ends_on", Date),  # first day without it; null: open-ended
    Column("renews", Boolean, nullable=False),  # goes on by itself after its term
    amount("total_minor", nullable=True),  # what all instalments of a fixed term come to, before tax
    Column("instalments", Integer),
    Column("state", Text, nullable=False),
    one_of("law", ("ca-qc", "fr", "none")),
    one_of("state", ("active", "ended", "cancelled")),
    CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name="ends_after_start"),
)

subscription = Table(
    "subscription",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    reference("member_id", "member.id", index=True),
    reference("contract_id", "contract.id"),
    reference("price_id", "price.id"),
    Column("component", Text, nullable=False, server_default="membership"),
    Column("anchor_on", Date, nullable=False),  # start of period 0; the 31st stays the 31st
    Column("next_invoice_on", Date),  # start of the next period to bill; null: nothing more to bill
    Column("ends_on", Date),  # first day without it
    Column("state", Text, nullable=False),
    one_of("state", ("active", "ended")),
    Index(
        "ix_subscription_due",
        "legal_entity_id",
        "next_invoice_on",
        "account_id",
        "id",
        sqlite_where=text("next_invoice_on IS NOT NULL"),
        postgresql_where=text("next_invoice_on IS NOT NULL"),
    ),
)

number_series = Table(
    "number_series",
    metadata,
    organisation_id(),
    Column("legal_entity_id", Big, ForeignKey("legal_entity.id"), primary_key=True, autoincrement=False),
    Column("series", Text, primary_key=True),
    Column("last_number", Big, nullable=False),
    Column("last_issued_on", Date, nullable=False),  # the next number is not issued on an earlier day
)

invoice = Table(
    "invoice",
    metadata,
    key(),
    organisation_id(),
    reference("legal_entity_id", "legal_entity.id"),
    reference("account_id", "account.id", index=True),
    Column("series", Text, nullable=False),
    Column("number", Big, nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("due_on", Date, nullable=False),
    instant("issued_at_ms"),  # business time
    Column("currency", Text, nullable=False),
    amount("net_minor"),
    amount("tax_minor"),
    amount("total_minor"),
    Column("buyer", JSON, nullable=False),  # name and e-mail as known at issue
    Column("seller", JSON, nullable=False),  # name and tax numbers as known at issue
    Column("engine", Text, nullable=False),  # version of the code that computed it
    UniqueConstraint("legal_entity_id", "series", "number"),
    CheckConstraint("total_minor = net_minor + tax_minor", name="adds_up"),
    CheckConstraint("number > 0", name="number_positive"),
)

invoice_line = Table(
    "invoice_line",
    metadata,
    key(),
    organisation_id(),
    reference("invoice_id", "invoice.id", index=True),
    Column("position", Integer, nullable=False),
    Column("description", Text, nullable=False),
    reference("subscription_id", "subscription.id", nullable=True),
    Column("component", Text),
    Column("period_start", Date),
    Column("period_end", Date),  # half-open: first day not covered
    Column("generation", Integer),  # only a full reversal opens the next
    Column("quantity", Integer, nullable=False),
    amount("unit_minor"),  # as priced, tax inside if the price is inclusive
    amount("net_minor"),  # quantity x unit, tax taken out
    Column("taxable", Boolean, nullable=False),
    Index(
        "uq_invoice_line_recurring",
        "subscription_id",
        "component",
        "period_start",
        "generation",
        unique=True,
        sqlite_where=text("subscription_id IS NOT NULL"),
        postgresql_where=text("subscription_id IS NOT NULL"),
    ),
    CheckConstraint(
        "subscription_id IS NULL OR (component IS NOT NULL AND period_start IS NOT NULL"
        " AND period_end > period_start AND generation IS NOT NULL)",
        name="recurring_has_period",
    ),
)

invoice_tax = Table(
    "invoice_tax",
    metadata,
    organisation_id(),
    Column("invoice_id", Big, ForeignKey("invoice.id"), primary_key=True, autoincrement=False),
    Column("tax", Text, primary_key=True),  # 'TPS', 'TVQ', 'TVA'
    Column("rate_ppm", Integer, primary_key=True, autoincrement=False),  # parts per million: 9.975 % = 99,750
    amount("base_minor"),
    amount("amount_minor"),
)

for _table in (invoice, invoice_line, invoice_tax):
    never_changes(_table)
